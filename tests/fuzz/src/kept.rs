//! What must hold for every certificate that comes out of this crate.

use openpgp_discovery::filter::packets;
use openpgp_discovery::openpgp::packet::Signature;
use openpgp_discovery::openpgp::serialize::MarshalInto;
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::{CertStatus, EmailAddress};

use crate::pool::{self, Component};

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

/// Revocations of the owner count wherever they stand in the answer: those of the
/// certificate for good, and those of what is in it.
pub(crate) fn assert_no_revocation_hidden(cert: &Cert, status: &CertStatus, body: &[u8]) {
    let Some(truth) = pool::get().truths.get(&cert.fingerprint()) else {
        return;
    };
    let whole = packets(body).map_while(Result::ok);
    for packet in whole.filter(|packet| packet.tag() == 2) {
        if let Some(component) = truth.components_revoked.get(packet.body()) {
            assert_carries(cert, component, packet.body());
        }
        if status.is_revoked() {
            continue;
        }
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

/// The component is not in it, or comes with that revocation.
fn assert_carries(cert: &Cert, component: &Component, revocation: &[u8]) {
    let is_it = |signature: &Signature| octets_of(signature) == revocation;
    let carries = match component {
        Component::UserId(value) => cert
            .userids()
            .find(|id| id.userid().value() == value)
            .is_none_or(|id| id.self_revocations().any(is_it)),
        Component::Subkey(fingerprint) => cert
            .keys()
            .subkeys()
            .find(|subkey| subkey.key().fingerprint() == *fingerprint)
            .is_none_or(|subkey| subkey.self_revocations().any(is_it)),
    };
    assert!(
        carries,
        "the answer revokes {component:?} of {}",
        cert.fingerprint()
    );
}

fn octets_of(signature: &Signature) -> Vec<u8> {
    signature.to_vec().expect("memory does not fail")
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
