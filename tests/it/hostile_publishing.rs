//! Publishing, serving and checking, by somebody who wants it to go wrong.

use std::time::{Duration, Instant, SystemTime};

use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::crypto::{KeyPair, mpi};
use openpgp_discovery::openpgp::packet::key::{KeyRole, PublicParts, SubordinateRole};
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::signature::subpacket::{
    NotationData, NotationDataFlags, Subpacket, SubpacketValue,
};
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{KeyFlags, ReasonForRevocation, SignatureType};
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::wkd::publish::{Publication, Publisher};

const ALICE: &str = "Alice <alice@example.org>";
const HOME: &str = "Alice at home <alice@home.example>";
const POLICY: &StandardPolicy<'_> = &StandardPolicy::new();

fn ago(days: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(days * 86_400)
}

fn cert(user_ids: &[&str]) -> Cert {
    let recipe = testbed::certs::Recipe::new(user_ids);
    recipe.created(ago(30)).make().cert
}

fn plan(certs: impl IntoIterator<Item = Cert>) -> Publication {
    let publisher = Publisher::new("example.org").expect("a domain");
    publisher.plan(certs, |_, _| true)
}

fn pair<R: KeyRole>(key: Key<PublicParts, R>) -> KeyPair {
    let secret = key.parts_into_secret().expect("secret key material");
    secret.into_keypair().expect("no password")
}

fn primary(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    pair(key.role_into_unspecified())
}

fn octets(packets: &[Packet]) -> Vec<u8> {
    let all = packets
        .iter()
        .map(|packet| packet.to_vec().expect("octets"));
    all.collect::<Vec<_>>().concat()
}

/// The packet with this tag and body.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("not that long");
    [&[0xc0 | tag, 0xff][..], &length.to_be_bytes(), body].concat()
}

/// The body of a key of version 4 with an algorithm that nobody knows.
fn huge_key() -> Vec<u8> {
    [&[4, 0x60, 0, 0, 0, 99][..], &[7; 70_000]].concat()
}

#[test]
fn a_key_that_is_too_large_for_its_fingerprint_spoils_nothing() {
    let alice = cert(&[ALICE]).strip_secret_key_material();
    let whole: Vec<Packet> = alice.clone().into_packets().collect();
    let whole = octets(&whole);
    for hostile in [
        packet(6, &huge_key()),
        [&whole[..], &packet(14, &huge_key())].concat(),
        [&packet(6, &huge_key())[..], &packet(13, ALICE.as_bytes())].concat(),
    ] {
        let mut keyring = Keyring::new();
        keyring.add_bytes("hostile", [&hostile[..], &whole].concat());
        let certs: Vec<Cert> = keyring.certs().flatten().collect();
        assert!(certs.contains(&alice));
        assert_eq!(plan(certs).entries().len(), 1);
    }
}

/// Notes that anybody can put beside a signature.
fn noted(mut signature: Signature) -> Signature {
    let flags = NotationDataFlags::empty().set_human_readable();
    let note = NotationData::new("note@x.example", b"alice@home.example", flags);
    let note = Subpacket::new(SubpacketValue::NotationData(note), false).expect("short");
    signature.unhashed_area_mut().add(note).expect("room");
    signature
}

#[test]
fn what_nobody_signed_is_not_published() {
    let alice = cert(&[ALICE]);
    let alice = testbed::certs::with_subkey_revoked(
        &alice,
        &testbed::certs::subkey(&alice, false),
        ReasonForRevocation::KeyRetired,
        ago(3),
    );
    let packets = alice.strip_secret_key_material().into_packets();
    let noted: Vec<Packet> = packets
        .map(|packet| match packet {
            Packet::Signature(signature) => noted(signature).into(),
            packet => packet,
        })
        .collect();
    let noted = Cert::from_bytes(&octets(&noted)).expect("a certificate");
    let publication = plan([noted]);
    let bytes = publication.entries()[0].bytes();
    let leak = b"home.example";
    assert!(!bytes.windows(leak.len()).any(|part| part == leak));
}

/// Subkeys that sign, or else encrypt.
fn subkeys_for(signs: bool, cert: &Cert) -> usize {
    let keys = cert.keys().subkeys().with_policy(POLICY, None);
    let keys = keys.alive().revoked(false);
    match signs {
        true => keys.for_signing().count(),
        false => keys.for_transport_encryption().count(),
    }
}

/// Of two subkeys for one use, one is revoked or rebound in a way that may not be
/// published: it must not come to life by that.
#[test]
fn a_dead_subkey_does_not_come_to_life() {
    for signs in [false, true] {
        dead_and_published(signs);
    }
}

fn dead_and_published(signs: bool) {
    let alice = testbed::certs::with_subkey(&cert(&[ALICE]), signs);
    let subkeys = alice.keys().subkeys().with_policy(POLICY, None);
    let subkey = match signs {
        true => subkeys.for_signing().last(),
        false => subkeys.for_transport_encryption().last(),
    };
    let subkey = subkey.expect("a subkey").key().clone();
    assert!(subkeys_for(signs, &alice) > 1);
    let revocation = SignatureBuilder::new(SignatureType::SubkeyRevocation)
        .set_signature_creation_time(ago(2))
        .and_then(|b| b.set_exportable_certification(false))
        .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b""))
        .and_then(|b| b.sign_subkey_binding(&mut primary(&alice), None, &subkey))
        .expect("a revocation");
    let rebound = SignatureBuilder::new(SignatureType::SubkeyBinding)
        .set_signature_creation_time(ago(2))
        .and_then(|b| b.set_exportable_certification(false))
        .and_then(|b| b.set_key_flags(KeyFlags::empty().set_authentication()))
        .and_then(|b| b.sign_subkey_binding(&mut primary(&alice), None, &subkey))
        .expect("a binding");
    for news in [revocation, rebound] {
        let (whole, _) = alice.clone().insert_packets([news]).expect("it fits");
        let before = subkeys_for(signs, &whole);
        let publication = plan([whole]);
        for entry in publication.entries() {
            let cert = Cert::from_bytes(entry.bytes()).expect("a certificate");
            let after = subkeys_for(signs, &cert);
            assert!(after <= before, "{signs}: {after}");
        }
    }
}

/// Whom the owner named stands on a User ID of another address.
#[test]
fn a_subkey_that_others_revoked_does_not_come_to_life() {
    let bob = cert(&["Bob <bob@example.org>"]);
    let alice = testbed::certs::with_subkey(&cert(&[ALICE]), false);
    let home = UserID::from(HOME);
    let naming = SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_signature_creation_time(ago(20))
        .and_then(|b| b.set_key_flags(KeyFlags::empty().set_certification()))
        .and_then(|b| {
            let algorithm = bob.primary_key().key().pk_algo();
            let key = openpgp_discovery::openpgp::types::RevocationKey::new(
                algorithm,
                bob.fingerprint(),
                false,
            );
            b.set_revocation_key(key)
        })
        .expect("short subpackets");
    let naming = home
        .bind(&mut primary(&alice), &alice, naming)
        .expect("a binding");
    let subkey = alice
        .keys()
        .subkeys()
        .last()
        .expect("a subkey")
        .key()
        .clone();
    let revocation = SignatureBuilder::new(SignatureType::SubkeyRevocation)
        .set_signature_creation_time(ago(2))
        .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b""))
        .and_then(|b| b.sign_subkey_binding(&mut primary(&bob), alice.primary_key().key(), &subkey))
        .expect("a revocation");
    let packets: [Packet; 3] = [home.into(), naming.into(), revocation.into()];
    let (whole, _) = alice.insert_packets(packets).expect("they fit");
    let publication = plan([whole, bob.clone()]);
    let address = "alice@example.org".parse().expect("an address");
    if let Some(entry) = publication.entry(&address) {
        let cert = Cert::from_bytes(entry.bytes()).expect("a certificate");
        let named = cert.userids().flat_map(|u| {
            let all: Vec<_> = u
                .self_signatures()
                .flat_map(|s| s.revocation_keys())
                .collect();
            all
        });
        assert_eq!(named.count(), 1, "nobody can tell that it is revoked");
    }
}

fn many_user_ids(count: usize) -> Cert {
    let alice = cert(&[ALICE]);
    let mut packets: Vec<Packet> = Vec::new();
    for number in 0..count {
        let id = UserID::from(format!("Alice <alice+{number}@example.org>"));
        let builder = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_signature_creation_time(ago(20))
            .expect("a time");
        let binding = id
            .bind(&mut primary(&alice), &alice, builder)
            .expect("a binding");
        packets.extend([id.into(), binding.into()]);
    }
    let public: Vec<Packet> = alice.strip_secret_key_material().into_packets().collect();
    let at = public
        .iter()
        .position(|p| matches!(p, Packet::PublicSubkey(_)))
        .expect("a subkey");
    let octets = [
        octets(&public[..at]),
        octets(&packets),
        octets(&public[at..]),
    ]
    .concat();
    Cert::from_bytes(&octets).expect("a certificate")
}

/// The shortest of a few runs: others may keep the machine busy meanwhile.
fn shortest(run: impl Fn()) -> Duration {
    let once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..5).map(|_| once()).min().expect("five")
}

#[test]
fn many_user_ids_take_no_more_than_their_time() {
    let mut took = Vec::new();
    for count in [100, 1000] {
        let cert = many_user_ids(count);
        took.push(shortest(|| {
            let publication = plan([cert.clone()]);
            assert_eq!(publication.entries().len(), count + 1);
        }));
    }
    assert!(took[1] < 25 * took[0], "{took:?}");
}

fn number(bits: usize) -> mpi::MPI {
    mpi::MPI::new(&vec![0xff; bits / 8])
}

/// A subkey whose signature takes as long as an attacker likes.
#[test]
fn a_giant_subkey_that_signs_is_not_computed_with() {
    let alice = cert(&[ALICE]);
    #[expect(deprecated, reason = "hostile certificates have it")]
    for (algorithm, mpis, back) in [
        (
            openpgp_discovery::openpgp::types::PublicKeyAlgorithm::RSAEncryptSign,
            mpi::PublicKey::RSA {
                e: number(32_000),
                n: number(32_000),
            },
            mpi::Signature::RSA { s: number(31_000) },
        ),
        (
            openpgp_discovery::openpgp::types::PublicKeyAlgorithm::DSA,
            mpi::PublicKey::DSA {
                p: number(60_000),
                q: number(512),
                g: number(59_000),
                y: number(59_000),
            },
            mpi::Signature::DSA {
                r: number(504),
                s: number(504),
            },
        ),
    ] {
        let key: Key<PublicParts, SubordinateRole> =
            Key4::new(ago(29), algorithm, mpis).expect("a key").into();
        let mut signer = primary(&alice);
        let good = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
            .set_signature_creation_time(ago(29))
            .and_then(|b| b.sign_primary_key_binding(&mut signer, alice.primary_key().key(), &key))
            .expect("a signature");
        let Signature::V4(v4) = &good else { panic!() };
        // The hash is over the algorithm, too: find the prefix of the forged one.
        let mut forged = Signature4::new(
            good.typ(),
            algorithm,
            good.hash_algo(),
            good.hashed_area().clone(),
            good.unhashed_area().clone(),
            *v4.digest_prefix(),
            back,
        );
        let mut context = forged
            .hash_algo()
            .context()
            .expect("known")
            .for_signature(4);
        Signature::from(forged.clone())
            .hash_primary_key_binding(&mut context, alice.primary_key().key(), &key)
            .expect("hashes");
        let digest = context.into_digest().expect("a digest");
        forged = Signature4::new(
            forged.typ(),
            algorithm,
            forged.hash_algo(),
            forged.hashed_area().clone(),
            forged.unhashed_area().clone(),
            [digest[0], digest[1]],
            forged.mpis().clone(),
        );
        let binding = SignatureBuilder::new(SignatureType::SubkeyBinding)
            .set_signature_creation_time(ago(29))
            .and_then(|b| b.set_key_flags(KeyFlags::empty().set_signing()))
            .and_then(|b| b.sign_subkey_binding(&mut primary(&alice), None, &key))
            .expect("a binding");
        let mut binding = binding;
        let embedded = SubpacketValue::EmbeddedSignature(forged.into());
        let embedded = Subpacket::new(embedded, false).expect("a subpacket");
        binding.unhashed_area_mut().add(embedded).expect("room");
        let public = alice.clone().strip_secret_key_material().into_packets();
        let mut packets: Vec<Packet> = public.collect();
        packets.extend([Packet::from(key), Packet::from(binding)]);
        let hostile = Cert::from_bytes(&octets(&packets)).expect("a certificate");
        let start = Instant::now();
        assert_eq!(plan([hostile]).entries().len(), 1);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "{algorithm}: {took:?}");
    }
}

/// Forged self-signatures of a User ID, each of which has to be computed.
#[test]
fn forged_bindings_cost_little() {
    let alice = cert(&[ALICE]);
    let id = alice.userids().next().expect("one").userid().clone();
    let mut forged: Vec<Packet> = Vec::new();
    for number in 0..3000_u64 {
        let good = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_signature_creation_time(ago(20) + Duration::from_secs(number))
            .and_then(|b| b.sign_userid_binding(&mut primary(&alice), None, &id))
            .expect("a signature");
        let mut octets = Packet::from(good).to_vec().expect("octets");
        *octets.last_mut().expect("some") ^= 1;
        forged.push(Packet::from_bytes(&octets).expect("a packet"));
    }
    let public: Vec<Packet> = alice.strip_secret_key_material().into_packets().collect();
    let at = public
        .iter()
        .position(|p| matches!(p, Packet::UserID(_)))
        .expect("one")
        + 1;
    let octets = [
        octets(&public[..at]),
        octets(&forged),
        octets(&public[at..]),
    ]
    .concat();
    let hostile = Cert::from_bytes(&octets).expect("a certificate");
    let start = Instant::now();
    assert_eq!(plan([hostile]).entries().len(), 1);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Each copy of a certificate, and each revocation of it, has to be verified: not all
/// with all.
#[test]
fn many_copies_and_many_revocations() {
    let alice = cert(&[ALICE]);
    let mut took = Vec::new();
    for count in [20, 200] {
        let revocations: Vec<Packet> = (0..count)
            .map(|number| {
                let at = ago(20) + Duration::from_secs(number);
                let reason = ReasonForRevocation::KeyRetired;
                Packet::from(testbed::certs::revocation(&alice, reason, at))
            })
            .collect();
        let public: Vec<Packet> = alice
            .clone()
            .strip_secret_key_material()
            .into_packets()
            .collect();
        let copies = octets(&public[..1]).repeat(usize::try_from(count).expect("small"));
        let hostile = [octets(&revocations), copies].concat();
        took.push(shortest(|| {
            let mut keyring = Keyring::new();
            keyring.add_bytes("hostile", &hostile);
            let certs: Vec<Cert> = keyring.certs().flatten().collect();
            assert!(!certs.is_empty());
            for cert in certs {
                assert!(cert.primary_key().self_revocations().next().is_some());
            }
        }));
    }
    assert!(took[1] < 30 * took[0], "{took:?}");
}
