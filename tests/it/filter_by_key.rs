//! From raw answers to the certificates of one key.

use std::time::{Duration, SystemTime};

use openpgp_discovery::filter::{Filter, Filtered};
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::SignatureType;
use openpgp_discovery::openpgp::{Cert, KeyHandle, KeyID, Packet, Profile};
use openpgp_discovery::{CertStatus, Limits, Reason};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn cert(profile: Profile) -> Cert {
    CertBuilder::new()
        .set_profile(profile)
        .expect("a profile")
        .set_creation_time(SystemTime::now() - 30 * DAY)
        .add_userid("Alice <alice@example.org>")
        .add_signing_subkey()
        .add_transport_encryption_subkey()
        .generate()
        .expect("a certificate")
        .0
}

fn bytes(cert: &Cert) -> Vec<u8> {
    cert.to_vec().expect("octets")
}

fn signer(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    key.parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("secret key material")
}

fn reasons(filtered: &Filtered) -> Vec<Reason> {
    filtered.rejected().iter().map(|r| r.reason()).collect()
}

#[test]
fn the_key_has_to_be_among_its_keys() {
    for profile in [Profile::RFC4880, Profile::RFC9580] {
        let cert = cert(profile);
        let other = self::cert(profile);
        for key in cert.keys() {
            let fingerprint = key.key().fingerprint();
            let id = KeyID::from(&fingerprint);
            for handle in [KeyHandle::from(fingerprint), KeyHandle::from(id)] {
                let body = [bytes(&other), bytes(&cert)].concat();
                let filtered = Filter::new().apply_to_key(&body, &handle);
                let [kept] = filtered.kept() else {
                    panic!("{filtered:?}")
                };
                assert_eq!(kept.cert().fingerprint(), cert.fingerprint());
                assert_eq!(kept.cert().userids().count(), 1);
                assert!(kept.is_usable());
                assert_eq!(reasons(&filtered), [Reason::OtherKey]);
            }
        }
    }
}

/// Anybody can put somebody's subkey behind a key of their own.
#[test]
fn a_subkey_that_nobody_bound_does_not_count() {
    let cert = cert(Profile::RFC4880);
    let mallory = self::cert(Profile::RFC4880).retain_subkeys(|_| false);
    let subkey = cert.keys().subkeys().next().expect("a subkey");
    let packets: [Packet; 2] = [
        subkey.key().clone().into(),
        subkey.self_signatures().next().expect("one").clone().into(),
    ];
    let stolen = packets.iter().flat_map(|p| p.to_vec().expect("octets"));
    let body: Vec<u8> = bytes(&mallory).into_iter().chain(stolen).collect();
    let handle = KeyHandle::from(subkey.key().fingerprint());
    let filtered = Filter::new().apply_to_key(&body, &handle);
    assert!(filtered.kept().is_empty());
    assert_eq!(reasons(&filtered), [Reason::OtherKey]);
}

#[test]
fn without_user_ids() {
    let cert = cert(Profile::RFC4880);
    let handle = KeyHandle::from(cert.fingerprint());
    let bare = cert.clone().retain_userids(|_| false);
    let filtered = Filter::new().apply_to_key(&bytes(&bare), &handle);
    let [kept] = filtered.kept() else {
        panic!("{filtered:?}")
    };
    assert!(kept.is_usable(), "its direct-key signature tells");
    assert!(kept.notes().is_empty());

    // As older software makes it: all that tells hangs on User IDs.
    let packets = bare.into_packets();
    let direct = SignatureType::DirectKey;
    let packets = packets.filter(|p| !matches!(p, Packet::Signature(s) if s.typ() == direct));
    let bare = Cert::from_packets(packets).expect("a certificate");
    let filtered = Filter::new().apply_to_key(&bytes(&bare), &handle);
    let [kept] = filtered.kept() else {
        panic!("{filtered:?}")
    };
    assert_eq!(*kept.status(), CertStatus::Valid);
    assert!(!kept.is_usable(), "nothing says that it may encrypt");
    assert_eq!(kept.notes().len(), 1);

    // Its revocation counts all the same.
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .sign_direct_key(&mut signer(&cert), Some(cert.primary_key().key()))
        .expect("a signature");
    let (revoked, _) = bare.insert_packets(revocation).expect("a certificate");
    let filtered = Filter::new().apply_to_key(&bytes(&revoked), &handle);
    assert!(filtered.kept()[0].status().is_revoked());
}

#[test]
fn refused() {
    let cert = cert(Profile::RFC4880);
    let handle = KeyHandle::from(cert.fingerprint());
    let mut small = Limits::default();
    small.body_by_key = 10;
    let secret = cert.as_tsk().to_vec().expect("octets");
    for (body, limits, reason) in [
        (secret, Limits::default(), Reason::SecretKey),
        (Vec::new(), Limits::default(), Reason::Empty),
        (b"sorry".to_vec(), Limits::default(), Reason::Malformed),
        (b"<html>".to_vec(), Limits::default(), Reason::WebPage),
        (bytes(&cert), small, Reason::TooLarge),
    ] {
        let filtered = Filter::new().limits(limits).apply_to_key(&body, &handle);
        assert!(filtered.kept().is_empty());
        assert_eq!(reasons(&filtered), [reason]);
    }
}

#[test]
fn how_a_whole_certificate_stands() {
    let policy = StandardPolicy::new();
    let now = SystemTime::now();
    let made = now - 30 * DAY;
    let (expiring, _) = CertBuilder::new()
        .set_creation_time(made)
        .set_validity_period(60 * DAY)
        .add_userid("alice@example.org")
        .generate()
        .expect("a certificate");
    for (time, expected) in [
        (made - DAY, CertStatus::NotYetValid),
        (now, CertStatus::Valid),
        (now + 31 * DAY, CertStatus::Expired),
    ] {
        assert_eq!(CertStatus::of(&expiring, &policy, time), expected);
    }
    let mut strict = StandardPolicy::new();
    strict.reject_hash(openpgp_discovery::openpgp::types::HashAlgorithm::SHA512);
    let status = CertStatus::of(&expiring, &strict, now);
    assert_eq!(status, CertStatus::RejectedByPolicy);
    // The policy has no say about revocations.
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .sign_direct_key(&mut signer(&expiring), Some(expiring.primary_key().key()))
        .expect("a signature");
    let (revoked, _) = expiring.insert_packets(revocation).expect("a certificate");
    assert!(CertStatus::of(&revoked, &strict, now).is_revoked());
}
