//! What must hold for every certificate that comes out of this crate.

use openpgp_discovery::filter::packets;
use openpgp_discovery::openpgp::serialize::MarshalInto;
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::{CertStatus, EmailAddress};

use crate::pool;

/// Nothing is in it but what its owner, or one whom the owner named, has signed;
/// no secret, no picture.
pub(crate) fn assert_genuine(cert: &Cert) {
    let pool = pool::get();
    let fingerprint = cert.fingerprint();
    let Some(truth) = pool.truths.get(&fingerprint) else {
        // A subkey, say, by itself and called a primary key: nobody has signed it.
        assert_eq!(cert.clone().into_packets().count(), 1, "signed by nobody");
        return;
    };
    assert!(!cert.is_tsk(), "secret key material came out");
    assert_eq!(
        cert.user_attributes().count(),
        0,
        "a User Attribute came out"
    );
    for user_id in cert.userids() {
        let value = user_id.userid().value();
        assert!(
            truth.user_ids.contains(value),
            "{:?} came out unsigned",
            user_id.userid()
        );
    }
    for subkey in cert.keys().subkeys() {
        let subkey = subkey.key().fingerprint();
        assert!(
            truth.subkeys.contains(&subkey),
            "{subkey} came out unsigned"
        );
    }
    for packet in cert.clone().into_packets() {
        match packet {
            Packet::Signature(signature) => {
                assert!(
                    pool.is_genuine(&signature),
                    "{signature:?} came out, and is forged"
                );
            }
            Packet::PublicKey(_) | Packet::PublicSubkey(_) | Packet::UserID(_) => {}
            packet => panic!("{:?} came out", packet.tag()),
        }
    }
    assert_eq!(
        cert.bad_signatures().count(),
        0,
        "a signature out of place came out"
    );
}

/// Every User ID in it is one for this address.
pub(crate) fn assert_about(cert: &Cert, address: &EmailAddress) {
    assert_ne!(cert.userids().count(), 0, "a certificate for nobody");
    for user_id in cert.userids() {
        let named = EmailAddress::of_user_id(user_id.userid().value());
        let matches =
            named.is_some_and(|named| named.matches(address) && named.domain() == address.domain());
        assert!(matches, "asked for {address}, got {:?}", user_id.userid());
    }
}

/// Where a revocation for good was anywhere in the answer, it counts.
pub(crate) fn assert_no_revocation_hidden(cert: &Cert, status: &CertStatus, body: &[u8]) {
    if status.is_revoked() {
        return;
    }
    let Some(truth) = pool::get().truths.get(&cert.fingerprint()) else {
        return;
    };
    let whole = packets(body).map_while(Result::ok);
    for packet in whole.filter(|packet| packet.tag() == 2) {
        let hidden = truth
            .hard_revocations
            .iter()
            .any(|revocation| revocation == packet.body());
        assert!(
            !hidden,
            "{status} although the answer has a revocation of {}",
            cert.fingerprint()
        );
    }
}

/// How bad a status is: never milder after less was left out.
pub(crate) fn severity(status: &CertStatus) -> u8 {
    match status {
        CertStatus::Valid => 0,
        CertStatus::Expired => 1,
        CertStatus::NotYetValid => 2,
        CertStatus::RejectedByPolicy => 3,
        CertStatus::Revoked(_) => 4,
        _ => 5,
    }
}

/// A certificate in binary.
pub(crate) fn octets(cert: &Cert) -> Vec<u8> {
    cert.to_vec().expect("memory does not fail")
}
