//! Verifies what a certificate says about itself, revocations first, and drops
//! what fails. What verifies here is remembered by sequoia, so that its own
//! look at the certificate costs a hash and no second arithmetic.

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::types::SignatureType;

use super::algorithms;
use super::checked::{Checked, CheckedSubkey, CheckedUserId};
use super::keys::PrimaryKey;
use super::limits::Limits;
use super::reduce::RawCert;
use super::revokers::revoked_by_others;
use super::verifier::{Verdict, Verifier, signatures};
use super::work::{TooMany, Work};

/// Verifies a certificate. `keys` are the primary keys that came with the same
/// answer: among them may be a designated revoker's.
pub(super) fn verify(
    cert: &RawCert<'_>,
    keys: &[(Fingerprint, PrimaryKey)],
    limits: &Limits,
    work: &Work<'_>,
) -> Result<Checked, TooMany> {
    let mut verifier = Verifier::new(&cert.key, limits.failed_verifications, work);
    let mut checked = Checked {
        key: cert.key.clone(),
        direct: Vec::new(),
        revocations: Vec::new(),
        user_ids: Vec::new(),
        subkeys: Vec::new(),
        designated: Vec::new(),
        unverified: Vec::new(),
        notes: cert.notes.clone(),
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
                    designated: Vec::new(),
                    unverified: Vec::new(),
                });
            }
            for signature in of_sort(all, revocations) {
                let verdict = verifier.on_subkey(signature, key)?;
                let list = &mut checked.subkeys[at];
                match verdict {
                    Verdict::Good if revocations => list.revocations.push(signature.clone()),
                    Verdict::Good => list.bindings.push(signature.clone()),
                    Verdict::Uncomputable if revocations => checked.note(UNCHECKED_ON_SUBKEY),
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
                    uncomputable: cert.user_ids[at].has_unknown,
                });
            }
            for signature in of_sort(all, revocations) {
                let verdict = verifier.on_user_id(signature, id)?;
                let list = &mut checked.user_ids[at];
                match verdict {
                    Verdict::Good if revocations => list.revocations.push(signature.clone()),
                    Verdict::Good => list.bindings.push(signature.clone()),
                    Verdict::Uncomputable => {
                        list.uncomputable = true;
                        if revocations {
                            checked.note(UNCHECKED_ON_USER_ID);
                        }
                    }
                    Verdict::Bad => {}
                }
            }
        }
    }
    let foreign: Vec<_> = subkeys.iter().map(|(_, _, raw)| &raw.foreign[..]).collect();
    revoked_by_others(&mut checked, &mut verifier, cert, &foreign, keys)?;
    Ok(checked)
}

const UNCHECKED_REVOCATION: &str =
    "It carries a revocation whose algorithm cannot be computed, which was not counted.";
const UNCHECKED_ON_SUBKEY: &str = "It carries a revocation of a subkey whose algorithm cannot be \
     computed, which was not counted.";
const UNCHECKED_ON_USER_ID: &str = "It carries a revocation of a User ID whose algorithm cannot \
     be computed, which was not counted.";

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
