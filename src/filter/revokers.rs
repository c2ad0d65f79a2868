//! Revocations by those whom a certificate's owner named for it.
//!
//! Where the revoker's key came with the same answer they are verified here.
//! Else they are handed on as they are: they count for nothing by themselves, and
//! whoever has the revoker's certificate, now or later, can tell. Those by
//! anybody else stay out.

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Fingerprint, Packet};

use super::algorithms;
use super::checked::Checked;
use super::keys::PrimaryKey;
use super::packets::RawPacket;
use super::reduce::{MANY_REVOCATIONS, RawCert, Room};
use super::verifier::{Over, Verifier, signatures};
use super::work::TooMany;
use crate::status::revokers::{REVOKER_NOT_AT_HAND, claims, named};

const FOREIGN_REVOCATION: &str =
    "A revocation by somebody whom the owner did not name for it was ignored.";

/// Revocations by other keys count where the owner named these keys.
pub(super) fn revoked_by_others(
    checked: &mut Checked,
    verifier: &mut Verifier<'_>,
    cert: &RawCert<'_>,
    on_subkeys: &[&[RawPacket<'_>]],
    keys: &[(Fingerprint, PrimaryKey)],
) -> Result<(), TooMany> {
    // Nearly always.
    if cert.foreign.is_empty() && on_subkeys.iter().all(|all| all.is_empty()) {
        return Ok(());
    }
    let mut revokers: Vec<_> = named(checked.about_the_key()).collect();
    revokers.extend(cert.revokers.iter().cloned());
    let mut room = cert.room;
    for signature in signatures(&cert.foreign) {
        // One that is about another key only rides along.
        if !verifier.may_be_about(&signature, Over::Key)? {
            continue;
        }
        match revoker(&signature, &revokers, keys) {
            Revoker::AtHand(key) => {
                let verify = || signature.verify_primary_key_revocation(key, &cert.key);
                if verifier.with(key, verify)? {
                    checked.designated.push(signature);
                }
            }
            Revoker::Named => {
                checked.note(REVOKER_NOT_AT_HAND);
                match room.takes(&signature) {
                    true => checked.unverified.push(signature),
                    false => checked.note(MANY_REVOCATIONS),
                }
            }
            Revoker::Stranger => checked.note(FOREIGN_REVOCATION),
        }
    }
    for (at, packets) in on_subkeys.iter().enumerate() {
        for signature in signatures(packets) {
            let subkey = &mut checked.subkeys[at];
            if !verifier.may_be_about(&signature, Over::Subkey(&subkey.key))? {
                continue;
            }
            match revoker(&signature, &revokers, keys) {
                Revoker::AtHand(key) => {
                    let verify = || signature.verify_subkey_revocation(key, &cert.key, &subkey.key);
                    if verifier.with(key, verify)? {
                        subkey.designated.push(signature);
                    }
                }
                Revoker::Named => {
                    let fits = room.takes(&signature);
                    if fits {
                        subkey.unverified.push(signature);
                    } else {
                        checked.note(MANY_REVOCATIONS);
                    }
                    checked.note(REVOKER_NOT_AT_HAND);
                }
                Revoker::Stranger => checked.note(FOREIGN_REVOCATION),
            }
        }
    }
    Ok(())
}

impl Room {
    /// Whether one more fits, which it then takes up.
    fn takes(&mut self, signature: &Signature) -> bool {
        let size = Packet::from(signature.clone()).serialized_len();
        match (self.count.checked_sub(1), self.octets.checked_sub(size)) {
            (Some(count), Some(octets)) => {
                *self = Self { count, octets };
                true
            }
            _ => false,
        }
    }
}

enum Revoker<'k> {
    AtHand(&'k PrimaryKey),
    Named,
    Stranger,
}

fn revoker<'k>(
    signature: &Signature,
    revokers: &[Fingerprint],
    keys: &'k [(Fingerprint, PrimaryKey)],
) -> Revoker<'k> {
    match revokers.iter().find(|revoker| claims(signature, revoker)) {
        None => Revoker::Stranger,
        Some(named) => keys
            .iter()
            .find(|(fingerprint, _)| fingerprint == named)
            .filter(|(_, key)| algorithms::is_computable(key))
            .map_or(Revoker::Named, |(_, key)| Revoker::AtHand(key)),
    }
}
