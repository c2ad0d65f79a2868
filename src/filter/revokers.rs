//! Revocations by those whom a certificate's owner named for it.
//!
//! Where the revoker's key came with the same answer they are verified here.
//! Else they are handed on as they are: they count for nothing by themselves, and
//! whoever has the revoker's certificate, now or later, can tell. Those by
//! anybody else stay out.

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Fingerprint, Packet};

use super::checked::Checked;
use super::reduce::{MANY_REVOCATIONS, RawCert, Room};
use super::search::Search;
use super::subkeys::Subkeys;
use super::verifier::{Over, Verifier, signatures};
use super::work::TooMany;
use crate::algorithms;
use crate::keys::PrimaryKey;
use crate::status::revokers::{REVOKER_NOT_AT_HAND, claims, named};

const FOREIGN_REVOCATION: &str =
    "A revocation by somebody whom the owner did not name for it was ignored.";

/// Looks at revocations by other keys: they count where the owner named these keys.
pub(super) struct Others<'l, 'k, 'r, 'a> {
    pub(super) cert: &'r RawCert<'a>,
    /// The primary keys that came with the same answer.
    pub(super) keys: &'r [(Fingerprint, PrimaryKey)],
    pub(super) verifier: &'l mut Verifier<'k>,
    pub(super) search: &'l mut Search,
    pub(super) room: &'l mut Room,
}

impl Others<'_, '_, '_, '_> {
    /// Tries those of the key, those behind each subkey, and those apart from any.
    pub(super) fn revoke(
        &mut self,
        checked: &mut Checked,
        subkeys: &Subkeys<'_, '_>,
    ) -> Result<(), TooMany> {
        let cert = self.cert;
        let on_subkeys = || subkeys.read.iter().map(|(_, raw)| &raw.foreign);
        let lists = [&cert.foreign, &subkeys.lost_foreign];
        // Nearly always.
        if lists.into_iter().chain(on_subkeys()).all(Vec::is_empty) {
            return Ok(());
        }
        let mut revokers: Vec<_> = named(checked.about_the_key()).collect();
        revokers.extend(cert.revokers.iter().cloned());
        for signature in signatures(&cert.foreign) {
            // One that is about another key only rides along.
            if self.verifier.may_be_about(&signature, Over::Key)? {
                self.revoke_key(checked, signature, &revokers)?;
            }
        }
        for (at, packets) in on_subkeys().enumerate() {
            for signature in signatures(packets) {
                self.revoke_subkey(checked, signature, Some(at), &revokers)?;
            }
        }
        for signature in signatures(&subkeys.lost_foreign) {
            self.revoke_subkey(checked, signature, None, &revokers)?;
        }
        Ok(())
    }

    fn revoke_key(
        &mut self,
        checked: &mut Checked,
        signature: Signature,
        revokers: &[Fingerprint],
    ) -> Result<(), TooMany> {
        let by = Claimed::of(&signature, revokers, self.keys);
        for key in &by.at_hand {
            let verify = || signature.verify_primary_key_revocation(key, &self.cert.key);
            if self.verifier.with(key, verify)? {
                checked.designated.push(signature);
                return Ok(());
            }
        }
        if by.is_stranger() {
            checked.note(FOREIGN_REVOCATION);
        } else if by.is_absent {
            checked.note(REVOKER_NOT_AT_HAND);
            match self.room.takes(&signature) {
                true => checked.unverified.push(signature),
                false => checked.note(MANY_REVOCATIONS),
            }
        }
        Ok(())
    }

    /// Tries it for the subkey that it stands behind, and where it is by somebody
    /// whom the owner named, for the others.
    fn revoke_subkey(
        &mut self,
        checked: &mut Checked,
        signature: Signature,
        behind: Option<usize>,
        revokers: &[Fingerprint],
    ) -> Result<(), TooMany> {
        let by = Claimed::of(&signature, revokers, self.keys);
        let is_stranger = by.is_stranger();
        let rest = (0..checked.subkeys.len()).filter(|at| !is_stranger && Some(*at) != behind);
        for at in behind.into_iter().chain(rest) {
            if Some(at) != behind && !self.search.may_try() {
                return Ok(());
            }
            let subkey = &mut checked.subkeys[at];
            if !self
                .verifier
                .may_be_about(&signature, Over::Subkey(&subkey.key))?
            {
                continue;
            }
            for key in &by.at_hand {
                let verify =
                    || signature.verify_subkey_revocation(key, &self.cert.key, &subkey.key);
                if self.verifier.with(key, verify)? {
                    if !subkey.designated.contains(&signature) {
                        subkey.designated.push(signature);
                    }
                    return Ok(());
                }
            }
            if is_stranger {
                checked.note(FOREIGN_REVOCATION);
            } else if by.is_absent {
                if subkey.unverified.contains(&signature) {
                    return Ok(());
                }
                match self.room.takes(&signature) {
                    true => subkey.unverified.push(signature),
                    false => checked.note(MANY_REVOCATIONS),
                }
                checked.note(REVOKER_NOT_AT_HAND);
            } else {
                continue;
            }
            return Ok(());
        }
        Ok(())
    }
}

impl Room {
    /// Whether one more fits, which it then takes up.
    fn takes(&mut self, signature: &Signature) -> bool {
        let Some(count) = self.count.checked_sub(1) else {
            return false;
        };
        let fits = self.fits(signature);
        if fits {
            self.count = count;
        }
        fits
    }

    /// The same for one that verifies, of which the number does not matter.
    pub(super) fn fits(&mut self, signature: &Signature) -> bool {
        let size = Packet::from(signature.clone()).serialized_len();
        let left = self.octets.checked_sub(size);
        self.octets = left.unwrap_or(self.octets);
        left.is_some()
    }
}

/// Those whom the owner named and a signature claims to be by. Somebody may have
/// written further names beside it: each of them is tried.
#[derive(Default)]
struct Claimed<'k> {
    at_hand: Vec<&'k PrimaryKey>,
    /// The key of one of them is not at hand.
    is_absent: bool,
}

impl<'k> Claimed<'k> {
    fn of(
        signature: &Signature,
        revokers: &[Fingerprint],
        keys: &'k [(Fingerprint, PrimaryKey)],
    ) -> Self {
        let mut claimed = Self::default();
        let mut seen = Vec::new();
        for named in revokers.iter().filter(|by| claims(signature, by)) {
            if seen.contains(&named) {
                continue;
            }
            seen.push(named);
            let key = keys.iter().find(|(fingerprint, _)| fingerprint == named);
            match key.filter(|(_, key)| algorithms::is_computable(key)) {
                Some((_, key)) => claimed.at_hand.push(key),
                None => claimed.is_absent = true,
            }
        }
        claimed
    }

    fn is_stranger(&self) -> bool {
        self.at_hand.is_empty() && !self.is_absent
    }
}
