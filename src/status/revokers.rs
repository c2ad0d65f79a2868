//! Revocations by those whom a certificate's owner named for it (RFC 9580,
//! section 5.2.3.23): which of them count, and who has to be at hand for that.

use std::time::SystemTime;

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle};

use super::RevocationKind;
use super::own::self_signatures;
use crate::algorithms;
use crate::clock::is_alive;
use crate::keys::PrimaryKey;

/// So many of a component are verified; one would do. Far more than the filter
/// hands on unverified: those cannot crowd out the one that verifies.
const MANY: usize = 128;

/// What a person should know of a revocation that nobody could verify.
pub(crate) const REVOKER_NOT_AT_HAND: &str = "A revocation by a designated revoker was not \
     counted: the revoker's certificate is not at hand to verify it.";

/// Whom the owner named, in these self-signatures.
pub(crate) fn named<'s>(
    own: impl Iterator<Item = &'s Signature>,
) -> impl Iterator<Item = Fingerprint> {
    own.flat_map(|signature| signature.revocation_keys())
        .map(|revoker| revoker.revoker().1.clone())
}

/// Whom the owner of a certificate named.
pub(crate) fn revokers(cert: &Cert) -> Vec<Fingerprint> {
    named(self_signatures(cert)).collect()
}

/// Whether a signature claims to be made by this key.
pub(crate) fn claims(signature: &Signature, maker: &Fingerprint) -> bool {
    let maker = KeyHandle::from(maker);
    let mut issuers = signature.get_issuers().into_iter();
    issuers.any(|issuer| issuer.aliases(&maker))
}

/// The revocations that are in effect, the hard ones first: these always, soft
/// ones from their creation on, until they expire or the owner signs something
/// newer about the same (`own`).
pub(crate) fn in_effect<'s, 'o>(
    revocations: impl Iterator<Item = &'s Signature>,
    own: impl Iterator<Item = &'o Signature>,
    time: SystemTime,
) -> Vec<&'s Signature> {
    let mut revocations = revocations.peekable();
    if revocations.peek().is_none() {
        return Vec::new();
    }
    let newest = own
        .filter_map(|signature| signature.signature_creation_time())
        .filter(|&created| created <= time)
        .max();
    let is_soft = |s: &&Signature| RevocationKind::of(s) == RevocationKind::Soft;
    let mut all: Vec<_> = revocations
        .filter(|s| !is_soft(s) || is_alive(s, time) && newest <= s.signature_creation_time())
        .collect();
    all.sort_by_key(is_soft);
    all
}

/// The revocation of the certificate that is in effect and that one of these
/// keys made, if its owner named it.
pub(crate) fn of_key<'c, 'k>(
    cert: &'c Cert,
    time: SystemTime,
    keys: impl Iterator<Item = &'k PrimaryKey>,
) -> Option<&'c Signature> {
    let primary = cert.primary_key();
    let revocations = primary.other_revocations();
    let own = self_signatures(cert);
    one_by(cert, in_effect(revocations, own, time), keys, |s, key| {
        s.verify_primary_key_revocation(key, primary.key())
    })
}

/// The same for a subkey of it.
pub(crate) fn of_subkey<'c, 'k>(
    cert: &'c Cert,
    subkey: &Fingerprint,
    time: SystemTime,
    keys: impl Iterator<Item = &'k PrimaryKey>,
) -> Option<&'c Signature> {
    let subkey = cert
        .keys()
        .subkeys()
        .find(|other| other.key().fingerprint() == *subkey)?;
    let bundle = subkey.bundle();
    let all = in_effect(bundle.other_revocations(), bundle.self_signatures(), time);
    one_by(cert, all, keys, |s, by| {
        s.verify_subkey_revocation(by, cert.primary_key().key(), bundle.key())
    })
}

/// The first that verifies with one of these keys.
fn one_by<'c, 'k>(
    cert: &Cert,
    revocations: Vec<&'c Signature>,
    keys: impl Iterator<Item = &'k PrimaryKey>,
    verify: impl Fn(&Signature, &PrimaryKey) -> sequoia_openpgp::Result<()>,
) -> Option<&'c Signature> {
    if revocations.is_empty() {
        return None;
    }
    let revokers = revokers(cert);
    let keys: Vec<_> = keys
        .map(|key| (key.fingerprint(), key))
        .filter(|(fingerprint, key)| {
            revokers.contains(fingerprint) && !algorithms::is_oversized(key)
        })
        .collect();
    let claimed = |s: &Signature| keys.iter().any(|(by, _)| claims(s, by));
    let mut candidates = revocations.into_iter().filter(|s| claimed(s)).take(MANY);
    candidates.find(|s| {
        let mut keys = keys.iter().filter(|(by, _)| claims(s, by));
        keys.any(|(_, key)| verify(s, key).is_ok())
    })
}

/// Those whom the owner named, in whose name there is a revocation of the
/// certificate or of one of these subkeys, and without whose key nobody can tell
/// whether it is theirs.
pub(crate) fn absent<'k>(
    cert: &Cert,
    is_looked_at: impl Fn(KeyHandle) -> bool,
    keys: impl Iterator<Item = &'k PrimaryKey>,
) -> Vec<Fingerprint> {
    let primary = cert.primary_key();
    let subkeys = cert.keys().subkeys();
    let by_others: Vec<&Signature> = primary
        .other_revocations()
        .chain(
            subkeys
                .filter(|subkey| is_looked_at(subkey.key().key_handle()))
                .flat_map(|subkey| subkey.bundle().other_revocations()),
        )
        .collect();
    if by_others.is_empty() {
        return Vec::new();
    }
    let at_hand: Vec<_> = keys
        .filter(|key| !algorithms::is_oversized(key) && algorithms::is_computable(key))
        .map(|key| key.fingerprint())
        .collect();
    let mut absent: Vec<Fingerprint> = Vec::new();
    for revoker in revokers(cert) {
        if !at_hand.contains(&revoker)
            && !absent.contains(&revoker)
            && by_others.iter().any(|s| claims(s, &revoker))
        {
            absent.push(revoker);
        }
    }
    absent
}

#[cfg(test)]
mod tests {
    use sequoia_openpgp::cert::CertBuilder;
    use sequoia_openpgp::crypto::mpi::{MPI, PublicKey};
    use sequoia_openpgp::packet::key::Key4;
    use sequoia_openpgp::packet::signature::SignatureBuilder;
    use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
    use sequoia_openpgp::types::{PublicKeyAlgorithm, RevocationKey, SignatureType};

    use super::*;

    /// A key that verifying with would take minutes; whoever has it in a keyring has
    /// it from somebody.
    #[test]
    fn an_oversized_revoker_is_as_if_not_at_hand() {
        for (bits, at_hand) in [(1024, true), (16_384, false)] {
            let number = || MPI::new(&vec![0xff; bits / 8]);
            let mpis = PublicKey::DSA {
                p: number(),
                q: MPI::new(&[0xff; 20]),
                g: number(),
                y: number(),
            };
            #[expect(deprecated, reason = "old certificates have it")]
            let algorithm = PublicKeyAlgorithm::DSA;
            let key: PrimaryKey = Key4::new(std::time::UNIX_EPOCH, algorithm, mpis)
                .unwrap()
                .into();
            let named = RevocationKey::new(algorithm, key.fingerprint(), false);
            let (alice, _) = CertBuilder::new()
                .set_revocation_keys(vec![named])
                .generate()
                .unwrap();
            let (other, _) = CertBuilder::new().generate().unwrap();
            let signer = other.primary_key().key().clone();
            let mut signer = signer.parts_into_secret().unwrap().into_keypair().unwrap();
            let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
                .modify_unhashed_area(|mut area| {
                    let issuer = SubpacketValue::IssuerFingerprint(key.fingerprint());
                    area.add(Subpacket::new(issuer, false)?)?;
                    Ok(area)
                })
                .and_then(|b| b.sign_direct_key(&mut signer, Some(alice.primary_key().key())));
            let (alice, _) = alice.insert_packets(revocation).unwrap();
            let absent = absent(&alice, |_| true, [&key].into_iter());
            assert_eq!(absent.is_empty(), at_hand, "{bits}");
        }
    }
}
