//! Answers made to crash the filter, to keep it busy, or to hide a revocation.

use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use openpgp_discovery::filter::{Filter, Filtered, Kept};
use openpgp_discovery::openpgp;
use openpgp_discovery::openpgp::armor::{Kind, Writer};
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::key::{PrimaryRole, PublicParts};
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::{HashAlgoSecurity, Policy};
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{ReasonForRevocation, SignatureType};
use openpgp_discovery::{CertStatus, Limits, Reason, RevocationKind};
use testbed::{Answer, Testbed, certs};
use tokio::time::timeout;

use crate::{AMPLE, SHORT, address, alice, locate, trail};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ALICE: &str = "alice@example.org";

/// Tags.
const SIGNATURE: u8 = 2;
const LITERAL: u8 = 11;
const PRIMARY_KEY: u8 = 6;
const USER_ID: u8 = 13;
const SUBKEY: u8 = 14;

fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xc0 | tag, 255];
    octets.extend(u32::try_from(body.len()).expect("short").to_be_bytes());
    octets.extend(body);
    octets
}

fn octets(packet: impl Into<Packet>) -> Vec<u8> {
    packet.into().to_vec().expect("octets")
}

fn apply(body: &[u8]) -> Filtered {
    Filter::new().apply(body, &alice())
}

fn reasons(filtered: &Filtered) -> Vec<Reason> {
    filtered.rejected().iter().map(|r| r.reason()).collect()
}

/// A version 4 key of an algorithm that nobody knows.
fn unknown_key(octets: usize) -> Vec<u8> {
    let mut body = vec![4, 0x50, 0, 0, 0, 99];
    body.resize(octets, 0x55);
    body
}

/// A version 4 key of more than 65,535 octets has no fingerprint.
#[test]
fn keys_of_any_size_are_refused_in_peace() {
    let small = [
        packet(PRIMARY_KEY, &unknown_key(50)),
        packet(USER_ID, ALICE.as_bytes()),
    ]
    .concat();
    for size in [20_000, 65_529, 65_536, 70_000] {
        let key = unknown_key(size);
        let primary = packet(PRIMARY_KEY, &key);
        for (name, body) in [
            ("primary", primary.clone()),
            (
                "with a misfit",
                [&primary[..], &packet(LITERAL, b"")].concat(),
            ),
            ("cut", [&primary[..], &[0xc2, 9]].concat()),
            ("secret", packet(5, &key)),
            ("subkey", [&small[..], &packet(SUBKEY, &key)].concat()),
        ] {
            let filtered = apply(&body);
            assert!(filtered.kept().is_empty(), "{name} {size}");
            let expected = match name {
                "primary" | "subkey" => Reason::TooLarge,
                "secret" => Reason::SecretKey,
                _ => Reason::Malformed,
            };
            assert_eq!(reasons(&filtered), [expected], "{name} {size}");
        }
    }
}

/// The same beside a certificate that is held.
#[tokio::test]
async fn large_subkeys_do_not_stop_a_refresh() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let large = packet(SUBKEY, &unknown_key(70_000));
    let answer = [sample.binary(), large, certs::binary(&sample.revoked())].concat();
    testbed.vks().plant_all(Answer::ok(answer));
    let locator = testbed.locator().build().expect("builds");
    let refresh = locator.refresh(&sample.cert).await;
    assert!(refresh.after().is_revoked(), "{refresh:?}");
}

fn mpi(octets: &[u8]) -> Vec<u8> {
    let bits = octets.len() * 8 - octets[0].leading_zeros() as usize;
    let mut mpi = u16::try_from(bits).expect("short").to_be_bytes().to_vec();
    mpi.extend(octets);
    mpi
}

/// A certificate with a DSA key that nobody has, and signatures that only the
/// arithmetic shows to be forged: their digest prefix is right.
fn dsa(key_octets: usize, signatures: u16) -> Vec<u8> {
    let p = vec![0xff; key_octets];
    let mut y = p.clone();
    y[key_octets - 1] -= 1;
    let mut q = vec![0xff; 64];
    q[63] = 0xfe;
    let mut body = vec![4, 0x50, 0, 0, 0, 17];
    for n in [&p[..], &q, &vec![0xab; key_octets - 8], &y] {
        body.extend(mpi(n));
    }
    let mut answer = packet(PRIMARY_KEY, &body);
    let Ok(Packet::PublicKey(key)) = Packet::from_bytes(&answer) else {
        panic!("a key");
    };
    answer.extend(packet(USER_ID, ALICE.as_bytes()));
    for n in 0..signatures {
        let forged = |prefix: &[u8]| {
            let mut body = vec![4, 0x13, 17, 8, 0, 6, 5, 2, 0x60, 0, 0, 0, 0, 0];
            body.extend(prefix);
            let mut r = [0x7f; 64];
            r[62..].copy_from_slice(&n.to_be_bytes());
            body.extend(mpi(&r));
            body.extend(mpi(&[0x7d; 64]));
            packet(SIGNATURE, &body)
        };
        let digest = digest(&forged(&[0, 0]), &key);
        answer.extend(forged(&digest[..2]));
    }
    answer
}

fn digest(packet: &[u8], key: &Key<PublicParts, PrimaryRole>) -> Vec<u8> {
    let Ok(Packet::Signature(signature)) = Packet::from_bytes(packet) else {
        panic!("a signature");
    };
    let hash = signature.hash_algo().context().expect("SHA-256");
    let mut context = hash.for_signature(4);
    signature
        .hash_userid_binding(&mut context, key, &UserID::from(ALICE))
        .expect("a digest");
    context.into_digest().expect("a digest")
}

/// Twice the size of the largest key that anybody uses: refused unseen.
#[test]
fn oversized_dsa_costs_nothing() {
    assert_eq!(reasons(&apply(&dsa(1024, 1))), [Reason::TooLarge]);
}

/// The budget is one for all certificates of an answer, and for what is good too.
#[test]
fn arithmetic_has_a_budget() {
    let first = certs::cert(&[ALICE]);
    let second = certs::cert(&["Alice <alice@example.org>"]);
    let filter = |verifications| {
        let mut limits = Limits::default();
        limits.verifications = verifications;
        Filter::new().limits(limits)
    };
    let enough = |body: &[u8]| {
        (1..)
            .find(|n| filter(*n).apply(body, &alice()).rejected().is_empty())
            .expect("an end")
    };
    let one = enough(&first.binary());
    assert!(one > 1, "a User ID and a subkey");
    let both = [first.binary(), second.binary()].concat();
    assert!(enough(&both) > one);
    let filtered = filter(one).apply(&both, &alice());
    assert_eq!(filtered.kept().len(), 1);
    assert_eq!(
        filtered.kept()[0].cert().fingerprint(),
        first.cert.fingerprint()
    );
    assert_eq!(reasons(&filtered), [Reason::TooLarge]);
    // DSA of 4,096 bits costs 180 units a try.
    let forged = dsa(512, 2);
    assert_eq!(
        reasons(&filter(359).apply(&forged, &alice())),
        [Reason::TooLarge]
    );
    let filtered = filter(360).apply(&forged, &alice());
    assert_eq!(reasons(&filtered), [Reason::AddressNotCertified]);
}

/// A policy that takes its time over the first signature it sees: until it is told
/// to go on. What is slow in earnest depends on the crypto backend.
#[derive(Debug, Default)]
struct Stuck {
    taken: AtomicBool,
    goes_on: AtomicBool,
}

impl Policy for Stuck {
    fn signature(&self, _: &Signature, _: HashAlgoSecurity) -> openpgp::Result<()> {
        if !self.taken.swap(true, Ordering::Relaxed) {
            while !self.goes_on.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        }
        Ok(())
    }
}

/// Lets it go on, also where a test fails: a runtime does not end before its work.
struct Over(Arc<Stuck>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.goes_on.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn judging_ends_at_the_deadline() {
    let testbed = Testbed::start().await;
    testbed.wkd_advanced(&alice(), certs::cert(&[ALICE]).binary());
    let policy = Arc::new(Stuck::default());
    let locator = testbed.locator().no_vks().policy(policy.clone());
    let locator = locator.deadline(SHORT).build().expect("builds");
    let over = Over(policy);
    let lookup = timeout(AMPLE, locate(&locator)).await.expect("it ends");
    drop(over);
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: Timeout"]
    );
    let error = lookup.error().expect("a failure").to_string();
    assert!(error.contains("judging the answer of"), "{error}");
}

#[tokio::test]
async fn judging_holds_up_no_other_lookup() {
    let testbed = Testbed::start().await;
    let bob = address("bob@example.com");
    testbed.wkd_advanced(&alice(), certs::cert(&[ALICE]).binary());
    testbed.wkd_advanced(&bob, certs::cert(&["bob@example.com"]).binary());
    let policy = Arc::new(Stuck::default());
    let locator = testbed.locator().no_vks().policy(policy.clone());
    let locator = locator
        .deadline(Duration::from_secs(3))
        .build()
        .expect("builds");
    let over = Over(policy.clone());
    // Alice's answer is being judged, and so the first in the policy's hands.
    let address = alice();
    let mut stuck = pin!(locator.locate(&address));
    let judged = poll_fn(|context| {
        if let Poll::Ready(lookup) = stuck.as_mut().poll(context) {
            panic!("{:?}", trail(&lookup));
        }
        match policy.taken.load(Ordering::Relaxed) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    });
    judged.await;
    let other = locator.locate(&bob).await;
    assert_eq!(
        trail(&other),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
    let lookup = stuck.await;
    drop(over);
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: Timeout"]
    );
}

/// Each would be hashed with the whole key, and is about another one.
#[test]
fn revocations_by_strangers_are_few() {
    let sample = certs::cert(&[ALICE]);
    let mut body = sample.binary();
    for n in 1..=20_000_u64 {
        let mut signature = vec![4, 0x20, 22, 2, 0, 16, 5, 2, 0x60, 0, 0, 0, 9, 16];
        signature.extend(n.to_be_bytes());
        signature.extend([0, 0, 0, 0, 0, 1, 1, 0, 1, 1]);
        body.extend(packet(SIGNATURE, &signature));
    }
    let filtered = apply(&body);
    let kept = &filtered.kept()[0];
    assert!(kept.is_usable());
    assert_eq!(kept.notes().len(), 1, "{:?}", kept.notes());
    assert_eq!(reasons(&filtered), [Reason::TooLarge]);
}

#[test]
fn refusals_are_few() {
    let body: Vec<u8> = (0..1000_usize)
        .flat_map(|n| {
            let mut key = unknown_key(50);
            key[10..18].copy_from_slice(&n.to_be_bytes());
            // Each is cut off behind its key.
            let cut = [packet(PRIMARY_KEY, &key), vec![0xc2, 9]].concat();
            let mut text = Vec::new();
            let mut writer = Writer::new(&mut text, Kind::PublicKey).expect("a writer");
            writer.write_all(&cut).expect("in memory");
            writer.finalize().expect("in memory");
            text
        })
        .collect();
    let filtered = apply(&body);
    assert_eq!(filtered.rejected().len(), 65);
    let last = filtered.rejected().last().expect("65 of them");
    assert!(last.detail().ends_with(", and 935 more"), "{last}");
}

/// Copies of one certificate are one certificate.
#[test]
fn copies_are_counted_once() {
    let sample = certs::cert(&[ALICE, "bob@example.org"]);
    let body = sample.binary().repeat(20);
    let filtered = apply(&body);
    assert_eq!(reasons(&filtered), []);
    assert_eq!(filtered.kept()[0].user_ids_dropped(), 1);
}

/// A revocation in a copy that is refused, or behind it, still revokes.
#[test]
fn refused_copies_do_not_hide_revocations() {
    let sample = certs::cert(&[ALICE]);
    let plain = sample.binary();
    let revoked = sample.revoked();
    let whole = certs::binary(&revoked);
    let revocation = revoked.primary_key().self_revocations().next();
    let revocation = octets(revocation.expect("revoked").clone());
    let others: Vec<u8> = (0..16)
        .flat_map(|_| certs::cert(&["x@example.net"]).binary())
        .collect();
    let misfit = packet(LITERAL, b"b\0\0\0\0\0x");
    for (name, body) in [
        ("whole", [&plain[..], &whole].concat()),
        ("misfit", [&plain[..], &whole, &misfit].concat()),
        ("cut", [&plain[..], &whole[..whole.len() - 1]].concat()),
        (
            "secret",
            [&plain[..], &sample.secret(), &revocation].concat(),
        ),
        ("17th", [&plain[..], &others, &revocation].concat()),
        (
            "large key",
            [
                &plain[..],
                &packet(PRIMARY_KEY, &unknown_key(20_000)),
                &revocation,
            ]
            .concat(),
        ),
    ] {
        let filtered = apply(&body);
        let [kept] = filtered.kept() else {
            panic!("{name}: {filtered:?}");
        };
        assert!(kept.status().is_revoked(), "{name}");
    }
}

/// What cannot be read may be a revocation: the certificate says so.
#[test]
fn what_cannot_be_read_leaves_a_note() {
    let sample = certs::cert(&[ALICE]);
    let plain = sample.binary();
    let armored = sample.armored();
    let misfit = packet(LITERAL, b"b\0\0\0\0\0x");
    let broken = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!\n-----END PGP PUBLIC KEY BLOCK-----\n";
    for (name, body, notes) in [
        ("nothing", plain.clone(), 0),
        ("junk", [&plain[..], b"\x11", &plain].concat(), 1),
        ("cut", [&plain[..], &[0xc2, 9]].concat(), 0),
        ("armor", [&armored[..], broken].concat(), 1),
        ("misfit copy", [&plain[..], &plain, &misfit].concat(), 1),
    ] {
        let filtered = apply(&body);
        let noted: Vec<_> = filtered.kept().iter().map(Kept::notes).collect();
        // The only copy is the one that is cut off.
        let expected = if name == "cut" { 0 } else { 1 };
        assert_eq!(noted.len(), expected, "{name}");
        assert!(noted.iter().all(|n| n.len() == notes), "{name}: {noted:?}");
    }
}

fn revoke_as(revoker: &Cert, cert: &Cert, reason: ReasonForRevocation) -> Signature {
    let key = revoker.primary_key().key().clone();
    let key = key.parts_into_secret().expect("secret key material");
    CertRevocationBuilder::new()
        .set_reason_for_revocation(reason, b"")
        .and_then(|b| b.build(&mut key.into_keypair()?, cert, None))
        .expect("a signature")
}

fn with_revoker() -> (Cert, Cert) {
    let (revoker, _) = CertBuilder::new().generate().expect("a certificate");
    let (cert, _) = CertBuilder::general_purpose(Some(ALICE))
        .set_revocation_keys(vec![(&revoker).into()])
        .generate()
        .expect("a certificate");
    (cert, revoker)
}

/// Wherever a designated revoker's certificate stands, its revocation is the
/// certificate's, and not its own.
#[test]
fn designated_revocations_count() {
    let (cert, revoker) = with_revoker();
    let revocation = octets(revoke_as(
        &revoker,
        &cert,
        ReasonForRevocation::KeyCompromised,
    ));
    let [cert, revoker] = [&cert, &revoker].map(certs::binary);
    for (name, parts, is_revoked) in [
        ("revoker last", [&cert[..], &revocation, &revoker], true),
        ("revoker first", [&revoker, &cert, &revocation], true),
        ("revocation first", [&revocation, &revoker, &cert], true),
        ("no revoker", [&cert, &revocation, b""], false),
    ] {
        let filtered = apply(&parts.concat());
        let [kept] = filtered.kept() else {
            panic!("{name}: {filtered:?}");
        };
        assert_eq!(kept.status().is_revoked(), is_revoked, "{name}");
        assert_eq!(kept.notes().is_empty(), is_revoked, "{name}");
        // Whoever has the revoker's certificate can tell.
        let primary = kept.cert().primary_key();
        assert_eq!(primary.other_revocations().count(), 1, "{name}");
    }
}

/// The same for subkeys. A stranger's revocation never gets through.
#[test]
fn designated_revocations_of_subkeys_are_kept() {
    let (cert, revoker) = with_revoker();
    let (stranger, _) = CertBuilder::new().generate().expect("a certificate");
    let subkey = certs::subkey(&cert, false);
    let subkey = cert
        .keys()
        .subkeys()
        .map(|key| key.key().clone())
        .find(|key| key.fingerprint() == subkey)
        .expect("a subkey");
    for (by, with_revoker, kept_ones, can_encrypt) in [
        (&revoker, true, 1, false),
        (&revoker, false, 1, true),
        (&stranger, true, 0, true),
    ] {
        let key = by.primary_key().key().clone();
        let key = key.parts_into_secret().expect("secret key material");
        let revocation = SubkeyRevocationBuilder::new()
            .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
            .and_then(|b| b.build(&mut key.into_keypair()?, &cert, &subkey, None))
            .expect("a signature");
        let packets = [Packet::from(subkey.clone()), revocation.into()];
        let revoked = cert.clone().insert_packets(packets).expect("they fit").0;
        let mut body = certs::binary(&revoked);
        if with_revoker {
            body.extend(certs::binary(&revoker));
            body.extend(certs::binary(&stranger));
        }
        let by_key = Filter::new().apply_to_key(&body, &cert.key_handle());
        for kept in [&apply(&body).kept()[0], &by_key.kept()[0]] {
            let subkeys = kept.cert().keys().subkeys();
            let kept_now: usize = subkeys
                .map(|subkey| subkey.bundle().other_revocations().count())
                .sum();
            assert_eq!(kept_now, kept_ones, "{:?}", kept.notes());
            assert_eq!(kept.can_encrypt(), can_encrypt);
        }
    }
}

/// A hard revocation outweighs a soft one, whoever made either.
#[tokio::test]
async fn a_soft_revocation_hides_no_hard_one() {
    let (cert, revoker) = with_revoker();
    let soft = revoke_as(&cert, &cert, ReasonForRevocation::KeyRetired);
    let soft_too = revoke_as(&revoker, &cert, ReasonForRevocation::KeyRetired);
    let hard = revoke_as(&revoker, &cert, ReasonForRevocation::KeyCompromised);
    let body = [
        certs::binary(&cert),
        octets(soft),
        octets(soft_too),
        octets(hard),
        certs::binary(&revoker),
    ]
    .concat();
    let kind = |status: &CertStatus| status.revocation().map(|r| r.kind());
    let filtered = apply(&body);
    assert_eq!(
        kind(filtered.kept()[0].status()),
        Some(RevocationKind::Hard)
    );

    let testbed = Testbed::start().await;
    testbed.vks().plant_all(Answer::ok(body));
    let locator = testbed.locator().build().expect("builds");
    let refresh = locator.refresh(&cert).await;
    assert_eq!(kind(refresh.after()), Some(RevocationKind::Hard));
}

/// The expiration that counts is the primary User ID's, however many newer ones
/// there are.
#[test]
fn newer_user_ids_do_not_hide_an_expiration() {
    let now = SystemTime::now();
    let (cert, _) = CertBuilder::new()
        .set_creation_time(now - 30 * DAY)
        .add_userid(ALICE)
        .add_transport_encryption_subkey()
        .generate()
        .expect("a certificate");
    let key = cert.primary_key().key().clone();
    let mut signer = key
        .parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("secret key material");
    let mut bind = |id: &str, is_primary, lifetime, at| {
        let id = UserID::from(id);
        let signature = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_signature_creation_time(at)
            .and_then(|b| b.set_primary_userid(is_primary))
            .and_then(|b| b.set_key_validity_period(lifetime))
            .and_then(|b| b.sign_userid_binding(&mut signer, None, &id))
            .expect("a signature");
        [octets(id), octets(signature)].concat()
    };
    let mut body = certs::binary(&cert);
    // Newer than what the certificate was made with, and older than the others.
    let expiring = bind("x@example.net", true, Some(20 * DAY), now - 20 * DAY);
    body.extend(expiring);
    let plain = bind(ALICE, false, None, now - 19 * DAY);
    body.extend(plain);
    for n in 0..20 {
        body.extend(bind(&format!("{n}@example.net"), false, None, now - DAY));
    }
    let filtered = apply(&body);
    let kept = &filtered.kept()[0];
    assert_eq!(*kept.status(), CertStatus::Expired);
    assert!(!kept.notes().is_empty());
}

/// What cannot be computed is a failure, and not a "no".
#[test]
fn signatures_of_unknown_versions_are_unsupported() {
    let sample = certs::cert(&["bob@example.org"]);
    let mut body = sample.binary();
    body.extend(packet(USER_ID, ALICE.as_bytes()));
    assert_eq!(reasons(&apply(&body)), [Reason::AddressNotCertified]);
    body.extend(packet(SIGNATURE, &[5, 0x13, 1, 8, 0, 0, 0, 0]));
    assert_eq!(reasons(&apply(&body)), [Reason::UnsupportedAlgorithm]);
}

/// Revocations that cannot be judged leave a note.
#[test]
fn unjudged_revocations_leave_a_note() {
    let sample = certs::cert(&[ALICE]);
    let subkey = certs::with_subkey(&sample.cert, false);
    let of_user_id = |typ, hash, issuer: [u8; 8]| {
        let mut signature = vec![4, typ, 22, hash, 0, 16, 5, 2, 0x60, 0, 0, 0, 9, 16];
        signature.extend(issuer);
        signature.extend([0, 0, 0, 0, 0, 1, 1, 0, 1, 1]);
        packet(SIGNATURE, &signature)
    };
    let own: [u8; 8] = sample.cert.keyid().as_bytes().try_into().expect("eight");
    let id = packet(USER_ID, ALICE.as_bytes());
    // A hash algorithm that nobody computes.
    for (name, body) in [
        (
            "own",
            [sample.binary(), id.clone(), of_user_id(0x30, 99, own)],
        ),
        (
            "others'",
            [sample.binary(), id, of_user_id(0x30, 8, [7; 8])],
        ),
        (
            "subkey's",
            [certs::binary(&subkey), of_user_id(0x28, 99, own), vec![]],
        ),
    ] {
        let filtered = apply(&body.concat());
        let [kept] = filtered.kept() else {
            panic!("{name}: {filtered:?}");
        };
        assert!(kept.status().is_valid(), "{name}");
        assert_eq!(kept.notes().len(), 1, "{name}: {:?}", kept.notes());
    }
}

/// Many User IDs of one address: the budget is for attacks alone.
#[tokio::test]
async fn the_default_budget_fits_honest_certificates() {
    let testbed = Testbed::start().await;
    let ids: Vec<String> = (0..60).map(|n| format!("A {n} <{ALICE}>")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    testbed.wkd_advanced(&alice(), certs::cert(&ids).binary());
    let lookup = locate(&testbed.locator().no_vks().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
}
