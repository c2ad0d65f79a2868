//! Revocations by those whom a certificate's owner named for it.

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::{Fingerprint, KeyHandle};

use super::algorithms;
use super::checked::Checked;
use super::keys::PrimaryKey;
use super::packets::RawPacket;
use super::reduce::RawCert;
use super::verifier::{Verifier, digest, signatures};
use super::work::TooMany;

const FOREIGN_REVOCATION: &str =
    "A revocation by somebody whom the owner did not name for it was ignored.";
const REVOKER_NOT_AT_HAND: &str = "A revocation by a designated revoker was not counted: \
     the revoker's certificate is not at hand to verify it.";

/// Revocations by other keys count where the owner named these keys.
pub(super) fn revoked_by_others(
    checked: &mut Checked,
    verifier: &mut Verifier<'_>,
    cert: &RawCert<'_>,
    on_subkeys: &[&[RawPacket<'_>]],
    keys: &[(Fingerprint, PrimaryKey)],
) -> Result<(), TooMany> {
    let revokers = named(checked, &cert.revokers);
    for signature in signatures(&cert.foreign) {
        // One that is about another key only rides along.
        if digest(&signature, |c| signature.hash_direct_key(c, &cert.key)).is_none() {
            continue;
        }
        match revoker(&signature, &revokers, keys) {
            Revoker::AtHand(key) => {
                let verify = || signature.verify_primary_key_revocation(key, &cert.key);
                if verifier.with(key, verify)? {
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
            let hash = |c: &mut _| signature.hash_subkey_binding(c, &cert.key, &subkey.key);
            if digest(&signature, hash).is_none() {
                continue;
            }
            match revoker(&signature, &revokers, keys) {
                Revoker::AtHand(key) => {
                    let verify = || signature.verify_subkey_revocation(key, &cert.key, &subkey.key);
                    if verifier.with(key, verify)? {
                        subkey.designated.push(signature);
                    }
                }
                Revoker::Named => checked.note(REVOKER_NOT_AT_HAND),
                Revoker::Stranger => checked.note(FOREIGN_REVOCATION),
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

/// Whom the owner named for revoking it (RFC 9580, section 5.2.3.23).
fn named(checked: &Checked, before: &[Fingerprint]) -> Vec<Fingerprint> {
    checked
        .direct
        .iter()
        .chain(checked.user_ids.iter().flat_map(|id| &id.bindings))
        .flat_map(|signature| signature.revocation_keys())
        .map(|revoker| revoker.revoker().1.clone())
        .chain(before.iter().cloned())
        .collect()
}
