//! Revocations that somebody wants to hide, or to make expensive.

use std::time::Duration;
use std::time::Instant;

use openpgp_discovery::filter::Filter;
use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{ReasonForRevocation, RevocationKey, SignatureType};
use testbed::certs;

fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("not that long");
    [&[0xc0 | tag, 0xff][..], &length.to_be_bytes(), body].concat()
}

/// Revocations that name no issuer may be of any certificate: not all are tried with
/// all, and that is told.
#[test]
fn revocations_that_name_nobody() {
    for (count, untried) in [(20_u32, false), (1500, true)] {
        let mut octets = Vec::new();
        for at in 0..count {
            let at = at.to_be_bytes();
            // Key revocations without an issuer.
            let head = [4, 0x20, 22, 8, 0, 6, 5, 2, at[0], at[1], at[2], at[3], 0, 0];
            let tail = [0, 0, 0, 1, 1, 0, 1, 1];
            octets.extend(packet(2, &[&head[..], &tail].concat()));
        }
        for at in 0..count {
            let mut body = vec![4];
            body.extend((1_600_000_000 + at).to_be_bytes());
            body.extend([22, 9]);
            body.extend([0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1]);
            body.extend([1, 7, 0x40]);
            body.extend([9; 32]);
            octets.extend(packet(6, &body));
            octets.extend(packet(13, b"a"));
        }
        let start = Instant::now();
        let mut keyring = Keyring::new();
        keyring.add_bytes("a", &octets);
        let (good, bad): (Vec<_>, Vec<_>) = keyring.certs().partition(Result::is_ok);
        assert!(start.elapsed() < Duration::from_secs(10), "{count}");
        assert_eq!(good.len(), usize::try_from(count).expect("small"));
        let told = |broken: &Result<_, openpgp_discovery::keyring::BrokenCert>| {
            let why = broken.as_ref().err().map(ToString::to_string);
            why.is_some_and(|why| why.contains("do not say who made them"))
        };
        assert_eq!(bad.iter().any(told), untried, "{count}");
    }
}

fn pair(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    let key = key.parts_into_secret().expect("a secret");
    key.into_keypair().expect("no password")
}

/// A key revocation beside which somebody writes that another one made it.
fn revocation(of: &Cert, by: &Cert, other: &Cert) -> Vec<u8> {
    let key = of.primary_key().key();
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
        .and_then(|b| b.sign_direct_key(&mut pair(by), Some(key)));
    let mut revocation = revocation.expect("a revocation");
    let issuer = Subpacket::new(SubpacketValue::Issuer(other.keyid()), false);
    let area = revocation.unhashed_area_mut();
    area.add(issuer.expect("short")).expect("room");
    Packet::from(revocation).to_vec().expect("octets")
}

fn public(cert: &Cert) -> Vec<u8> {
    cert.clone()
        .strip_secret_key_material()
        .to_vec()
        .expect("octets")
}

/// Of two revokers who are named one has revoked; whoever passes that on writes the
/// other's name beside it.
#[test]
fn another_revokers_name_hides_no_revocation() {
    let revokers = [
        certs::cert(&["Carol <carol@example.org>"]),
        certs::cert(&["Dave <dave@example.org>"]),
    ];
    for (by, other) in [(0, 1), (1, 0)] {
        let (mut alice, _) = CertBuilder::general_purpose(Some("Alice <alice@example.org>"))
            .set_revocation_keys(
                revokers
                    .iter()
                    .map(|sample| {
                        let key = sample.cert.primary_key().key().pk_algo();
                        RevocationKey::new(key, sample.cert.fingerprint(), false)
                    })
                    .collect(),
            )
            .generate()
            .expect("a key");
        alice = alice.strip_secret_key_material();
        let (by, other) = (&revokers[by].cert, &revokers[other].cert);
        let primary = alice.clone().into_packets().next().expect("a key");
        let key = primary.to_vec().expect("octets");
        let body = [
            key.clone(),
            revocation(&alice, by, other),
            public(&alice)[key.len()..].to_vec(),
            public(by),
            public(other),
        ]
        .concat();
        let filtered = Filter::new().apply(&body, &crate::alice());
        assert!(filtered.kept()[0].status().is_revoked(), "{filtered:?}");
    }
}

/// Where nothing that is signed names the maker, as old programs have it, the name is
/// nobody's word.
#[test]
fn a_strangers_name_hides_no_revocation_of_the_owners() {
    let alice = certs::cert(&["Alice <alice@example.org>"]).cert;
    let stranger = certs::cert(&["Carol <carol@example.org>"]).cert;
    let key = alice.primary_key().key();
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .modify_unhashed_area(|mut area| {
            let issuer = SubpacketValue::Issuer(stranger.keyid());
            area.add(Subpacket::new(issuer, false)?)?;
            Ok(area)
        })
        .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b""))
        .and_then(|b| b.sign_direct_key(&mut pair(&alice), Some(key)));
    let revocation = Packet::from(revocation.expect("a revocation"));
    let bytes = [public(&alice), revocation.to_vec().expect("octets")].concat();
    let filtered = Filter::new().apply(&bytes, &crate::alice());
    assert!(filtered.kept()[0].status().is_revoked());
}

#[test]
fn nor_one_of_a_subkey() {
    let alice = certs::cert(&["Alice <alice@example.org>"]).cert;
    let stranger = certs::cert(&["Carol <carol@example.org>"]).cert;
    let encrypts = certs::subkey(&alice, false);
    let mut subkeys = alice.keys().subkeys();
    let subkey = subkeys.find(|key| key.key().fingerprint() == encrypts);
    let subkey = subkey.expect("a subkey").key().clone();
    let revocation = SignatureBuilder::new(SignatureType::SubkeyRevocation)
        .modify_unhashed_area(|mut area| {
            let issuer = SubpacketValue::Issuer(stranger.keyid());
            area.add(Subpacket::new(issuer, false)?)?;
            Ok(area)
        })
        .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b""))
        .and_then(|b| b.sign_subkey_binding(&mut pair(&alice), None, &subkey));
    let revocation = Packet::from(revocation.expect("a revocation"));
    let body = public(&alice);
    assert!(Filter::new().apply(&body, &crate::alice()).kept()[0].can_encrypt());
    let behind = Packet::PublicSubkey(subkey.parts_into_public())
        .to_vec()
        .expect("octets");
    let revocation = revocation.to_vec().expect("octets");
    let mut subkeys = alice.keys().subkeys();
    let signs = subkeys.find(|key| key.key().fingerprint() != encrypts);
    let signs = signs.expect("another").key().clone().parts_into_public();
    let signs = Packet::PublicSubkey(signs).to_vec().expect("octets");
    let user_id = Packet::from(UserID::from("Alice <alice@example.org>"));
    let user_id = user_id.to_vec().expect("octets");
    let place = |behind: &[u8]| [&body, behind, &revocation].concat();
    for (name, body) in [
        ("in its place", place(&behind)),
        ("behind another", place(&signs)),
        ("behind one that cannot be read", place(&packet(14, &[9]))),
        ("behind a User ID", place(&user_id)),
        ("before all", [&revocation[..], &body].concat()),
        ("after a broken copy", {
            let copy = packet(6, &[4]);
            [&body[..], &copy, &revocation].concat()
        }),
    ] {
        for filtered in [
            Filter::new().apply(&body, &crate::alice()),
            Filter::new().apply_to_key(&body, &alice.key_handle()),
        ] {
            assert!(!filtered.kept()[0].can_encrypt(), "{name}");
        }
    }
}

/// Each is a failed verification where the digest's first octets fit: some are tried.
#[test]
fn masses_of_names_are_told() {
    let alice = certs::cert(&["Alice <alice@example.org>"]).cert;
    let body = public(&alice);
    for (count, told) in [(16_u8, false), (17, true)] {
        let strays = (0..count).map(|at| {
            // Revocations of subkeys, with a stranger's key ID beside what is signed.
            let head = [4, 0x28, 22, 8, 0, 6, 5, 2, 0, 0, 0, at, 0, 10, 9, 16];
            packet(2, &[&head[..], &[7; 8], &[0, 0, 0, 1, 1, 0, 1, 1]].concat())
        });
        let strays: Vec<u8> = strays.flatten().collect();
        let filtered = Filter::new().apply(&[strays, body.clone()].concat(), &crate::alice());
        let kept = &filtered.kept()[0];
        assert!(kept.is_usable());
        assert_eq!(!kept.notes().is_empty(), told, "{count}: {filtered:?}");
    }
}
