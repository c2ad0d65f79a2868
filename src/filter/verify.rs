//! Verifies what a certificate says about itself, revocations first, and drops
//! what fails. What verifies here is remembered by sequoia, so that its own
//! look at the certificate costs a hash and no second arithmetic.

use sequoia_openpgp::crypto::hash::Context;
use sequoia_openpgp::packet::key::{PublicParts, SubordinateRole};
use sequoia_openpgp::packet::{Key, Packet, Signature, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Fingerprint, KeyHandle};

use super::collect::{PrimaryKey, RawCert};
use super::packets::RawPacket;
use super::{Limits, algorithms};

pub(super) type Subkey = Key<PublicParts, SubordinateRole>;

/// More back signatures than this in one binding are somebody's attack: one is enough.
const MAX_BACK_SIGNATURES: usize = 4;

/// A certificate of which every signature verifies.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) key: PrimaryKey,
    /// Direct-key signatures.
    pub(super) direct: Vec<Signature>,
    pub(super) revocations: Vec<Signature>,
    pub(super) user_ids: Vec<CheckedUserId>,
    pub(super) subkeys: Vec<CheckedSubkey>,
    /// Revocations of the key by those whom the owner named for it.
    pub(super) designated: Vec<Signature>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug)]
pub(super) struct CheckedUserId {
    pub(super) id: UserID,
    pub(super) matches: bool,
    pub(super) bindings: Vec<Signature>,
    pub(super) revocations: Vec<Signature>,
    /// At least one signature could be neither confirmed nor refuted.
    pub(super) uncomputable: bool,
}

#[derive(Debug)]
pub(super) struct CheckedSubkey {
    pub(super) key: Subkey,
    pub(super) bindings: Vec<Signature>,
    pub(super) revocations: Vec<Signature>,
    /// Somebody whom the owner named for it revoked it.
    pub(super) revoked_by_other: bool,
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany(pub(super) &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    Uncomputable,
}

/// Verifies a certificate. `keys` are the primary keys that came with the same
/// answer: among them may be a designated revoker's.
pub(super) fn verify(
    cert: &RawCert<'_>,
    keys: &[(Fingerprint, PrimaryKey)],
    limits: &Limits,
) -> Result<Checked, TooMany> {
    let mut verifier = Verifier {
        key: &cert.key,
        computable: algorithms::is_computable(&cert.key),
        failures_left: limits.failed_verifications,
    };
    let mut checked = Checked {
        key: cert.key.clone(),
        direct: Vec::new(),
        revocations: Vec::new(),
        user_ids: Vec::new(),
        subkeys: Vec::new(),
        designated: Vec::new(),
        notes: Vec::new(),
    };
    let own = signatures(&cert.signatures);
    let user_ids: Vec<_> = cert
        .user_ids
        .iter()
        .map(|raw| (UserID::from(raw.packet.body()), signatures(&raw.signatures)))
        .collect();
    let subkeys: Vec<_> = cert
        .subkeys
        .iter()
        .filter_map(|raw| match Packet::from_bytes(raw.packet.bytes()) {
            Ok(Packet::PublicSubkey(key)) => Some((key, signatures(&raw.signatures), raw)),
            _ => None,
        })
        .collect();
    if subkeys
        .iter()
        .any(|(key, ..)| algorithms::is_oversized(key))
    {
        return Err(TooMany("an oversized subkey"));
    }

    for revocations in [true, false] {
        for signature in of_sort(&own, revocations) {
            match verifier.on_key(signature)? {
                Verdict::Good if revocations => checked.revocations.push(signature.clone()),
                Verdict::Good => checked.direct.push(signature.clone()),
                Verdict::Uncomputable if revocations => checked.note(UNCHECKED_REVOCATION),
                Verdict::Bad | Verdict::Uncomputable => {}
            }
        }
        for (at, (key, all, _)) in subkeys.iter().enumerate() {
            if revocations {
                checked.subkeys.push(CheckedSubkey {
                    key: key.clone(),
                    bindings: Vec::new(),
                    revocations: Vec::new(),
                    revoked_by_other: false,
                });
            }
            let list = &mut checked.subkeys[at];
            for signature in of_sort(all, revocations) {
                match verifier.on_subkey(signature, key)? {
                    Verdict::Good if revocations => list.revocations.push(signature.clone()),
                    Verdict::Good => list.bindings.push(signature.clone()),
                    Verdict::Bad | Verdict::Uncomputable => {}
                }
            }
        }
        for (at, (id, all)) in user_ids.iter().enumerate() {
            if revocations {
                checked.user_ids.push(CheckedUserId {
                    id: id.clone(),
                    matches: cert.user_ids[at].matches,
                    bindings: Vec::new(),
                    revocations: Vec::new(),
                    uncomputable: false,
                });
            }
            let list = &mut checked.user_ids[at];
            for signature in of_sort(all, revocations) {
                match verifier.on_user_id(signature, id)? {
                    Verdict::Good if revocations => list.revocations.push(signature.clone()),
                    Verdict::Good => list.bindings.push(signature.clone()),
                    Verdict::Uncomputable => list.uncomputable = true,
                    Verdict::Bad => {}
                }
            }
        }
    }
    let foreign: Vec<_> = subkeys.iter().map(|(_, _, raw)| &raw.foreign[..]).collect();
    revoked_by_others(&mut checked, &mut verifier, cert, &foreign, keys, limits)?;
    checked.subkeys.retain(|subkey| !subkey.bindings.is_empty());
    Ok(checked)
}

const UNCHECKED_REVOCATION: &str =
    "It carries a revocation whose algorithm cannot be computed, which was not counted.";
const FOREIGN_REVOCATION: &str =
    "A revocation by somebody whom the owner did not name for it was ignored.";
const REVOKER_NOT_AT_HAND: &str = "A revocation by a designated revoker was not counted: \
     the revoker's certificate is not at hand to verify it.";

impl Checked {
    fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Every self-signature that verifies.
    pub(super) fn self_signatures(&self) -> impl Iterator<Item = &Signature> {
        self.direct
            .iter()
            .chain(self.user_ids.iter().flat_map(|id| &id.bindings))
            .chain(self.subkeys.iter().flat_map(|subkey| &subkey.bindings))
    }

    /// Whom the owner named for revoking it (RFC 9580, section 5.2.3.23).
    fn revokers(&self) -> Vec<Fingerprint> {
        self.direct
            .iter()
            .chain(self.user_ids.iter().flat_map(|id| &id.bindings))
            .flat_map(|signature| signature.revocation_keys())
            .map(|revoker| revoker.revoker().1.clone())
            .collect()
    }
}

/// Revocations by other keys count where the owner named these keys.
fn revoked_by_others(
    checked: &mut Checked,
    verifier: &mut Verifier<'_>,
    cert: &RawCert<'_>,
    on_subkeys: &[&[RawPacket<'_>]],
    keys: &[(Fingerprint, PrimaryKey)],
    limits: &Limits,
) -> Result<(), TooMany> {
    let revokers = checked.revokers();
    let mut count = 0;
    for signature in signatures(&cert.foreign) {
        // One that is about another key only rides along.
        if digest(&signature, |c| signature.hash_direct_key(c, &cert.key)).is_none() {
            continue;
        }
        count += 1;
        if count > limits.foreign_revocations {
            return Err(TooMany("too many revocations by others"));
        }
        match revoker(&signature, &revokers, keys) {
            Revoker::AtHand(key) => {
                let result = signature.verify_primary_key_revocation(key, &cert.key);
                if verifier.count(result.is_ok())? == Verdict::Good {
                    checked.designated.push(signature);
                }
            }
            Revoker::Named => checked.note(REVOKER_NOT_AT_HAND),
            Revoker::Stranger => checked.note(FOREIGN_REVOCATION),
        }
    }
    for (at, packets) in on_subkeys.iter().enumerate() {
        for signature in signatures(packets) {
            let subkey = &mut checked.subkeys[at];
            if let Revoker::AtHand(key) = revoker(&signature, &revokers, keys) {
                let result = signature.verify_subkey_revocation(key, &cert.key, &subkey.key);
                subkey.revoked_by_other |= verifier.count(result.is_ok())? == Verdict::Good;
            }
        }
    }
    Ok(())
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
    let issuers = signature.get_issuers();
    let made_it = |fingerprint: &Fingerprint| {
        let handle = KeyHandle::from(fingerprint);
        issuers.iter().any(|issuer| issuer.aliases(&handle))
    };
    match revokers.iter().find(|revoker| made_it(revoker)) {
        None => Revoker::Stranger,
        Some(named) => keys
            .iter()
            .find(|(fingerprint, _)| fingerprint == named)
            .filter(|(_, key)| algorithms::is_computable(key))
            .map_or(Revoker::Named, |(_, key)| Revoker::AtHand(key)),
    }
}

/// Verifies with one primary key, and counts what fails.
struct Verifier<'k> {
    key: &'k PrimaryKey,
    computable: bool,
    failures_left: usize,
}

impl Verifier<'_> {
    fn on_key(&mut self, signature: &Signature) -> Result<Verdict, TooMany> {
        // A revocation may stand here and be about another key; that is no forgery.
        if signature.typ() == SignatureType::KeyRevocation
            && signature.hash_algo().is_supported()
            && digest(signature, |c| signature.hash_direct_key(c, self.key)).is_none()
        {
            return Ok(Verdict::Bad);
        }
        self.check(signature, |c| signature.hash_direct_key(c, self.key))
    }

    fn on_user_id(&mut self, signature: &Signature, id: &UserID) -> Result<Verdict, TooMany> {
        self.check(signature, |c| {
            signature.hash_userid_binding(c, self.key, id)
        })
    }

    fn on_subkey(&mut self, signature: &Signature, subkey: &Subkey) -> Result<Verdict, TooMany> {
        let verdict = self.check(signature, |c| {
            signature.hash_subkey_binding(c, self.key, subkey)
        })?;
        // A subkey that signs has to agree (RFC 9580, section 5.2.1.10).
        let signs = signature.typ() == SignatureType::SubkeyBinding
            && signature
                .key_flags()
                .is_some_and(|flags| flags.for_signing());
        if verdict != Verdict::Good || !signs {
            return Ok(verdict);
        }
        if signature.embedded_signatures().count() > MAX_BACK_SIGNATURES {
            return self.count(false);
        }
        if !algorithms::is_computable(subkey) {
            return Ok(Verdict::Uncomputable);
        }
        let agrees = signature
            .embedded_signatures()
            .any(|back| back.verify_primary_key_binding(self.key, subkey).is_ok());
        self.count(agrees)
    }

    fn check(
        &mut self,
        signature: &Signature,
        hash: impl FnOnce(&mut Context) -> sequoia_openpgp::Result<()>,
    ) -> Result<Verdict, TooMany> {
        if !self.computable || !signature.hash_algo().is_supported() {
            return Ok(Verdict::Uncomputable);
        }
        let good = digest(signature, hash)
            .is_some_and(|digest| signature.verify_digest(self.key, digest).is_ok());
        self.count(good)
    }

    fn count(&mut self, good: bool) -> Result<Verdict, TooMany> {
        if good {
            return Ok(Verdict::Good);
        }
        self.failures_left = self
            .failures_left
            .checked_sub(1)
            .ok_or(TooMany("too many signatures that do not verify"))?;
        Ok(Verdict::Bad)
    }
}

/// The digest that is signed, if its first octets are those that the signature
/// itself tells: a test before any arithmetic.
fn digest(
    signature: &Signature,
    hash: impl FnOnce(&mut Context) -> sequoia_openpgp::Result<()>,
) -> Option<Vec<u8>> {
    let mut context = signature
        .hash_algo()
        .context()
        .ok()?
        .for_signature(signature.version());
    hash(&mut context).ok()?;
    let digest = context.into_digest().ok()?;
    digest
        .starts_with(signature.digest_prefix())
        .then_some(digest)
}

fn signatures(packets: &[RawPacket<'_>]) -> Vec<Signature> {
    packets
        .iter()
        .filter_map(|packet| match Packet::from_bytes(packet.bytes()) {
            Ok(Packet::Signature(signature)) => Some(signature),
            _ => None,
        })
        .collect()
}

fn of_sort(all: &[Signature], revocations: bool) -> impl Iterator<Item = &Signature> {
    all.iter().filter(move |signature| {
        matches!(
            signature.typ(),
            SignatureType::KeyRevocation
                | SignatureType::SubkeyRevocation
                | SignatureType::CertificationRevocation
        ) == revocations
    })
}
