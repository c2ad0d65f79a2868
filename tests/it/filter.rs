//! From raw answers to certificates of one address.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use openpgp_discovery::filter::{Filter, Filtered, Kept, packets};
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{
    Curve, HashAlgorithm, KeyFlags, ReasonForRevocation, RevocationKey, SignatureType,
};
use openpgp_discovery::openpgp::{Cert, PacketPile, Profile};
use openpgp_discovery::{CertStatus, EmailAddress, Limits, Reason, RevocationKind, UserIdFilter};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);
const ALICE: &str = "Alice <alice@example.org>";

fn alice() -> EmailAddress {
    "alice@example.org".parse().expect("an address")
}

/// A certificate of 30 days ago with these User IDs, the first one primary.
fn cert(user_ids: &[&str]) -> Cert {
    cert_made(user_ids, SystemTime::now() - 30 * DAY)
}

fn cert_made(user_ids: &[&str], at: SystemTime) -> Cert {
    let (cert, _) = user_ids
        .iter()
        .fold(CertBuilder::new(), |b, id| b.add_userid(*id))
        .set_creation_time(at)
        .add_signing_subkey()
        .add_transport_encryption_subkey()
        .generate()
        .expect("a certificate");
    cert
}

fn signer(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    key.parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("secret key material")
}

/// Without secrets.
fn bytes(cert: &Cert) -> Vec<u8> {
    cert.to_vec().expect("octets")
}

fn add(cert: Cert, packets: impl IntoIterator<Item = Packet>) -> Cert {
    cert.insert_packets(packets.into_iter().collect::<Vec<_>>())
        .expect("packets of a certificate")
        .0
}

fn packet_bytes(packet: impl Into<Packet>) -> Vec<u8> {
    packet.into().to_vec().expect("octets")
}

fn bind_with(cert: &Cert, id: &str, builder: SignatureBuilder) -> Signature {
    builder
        .sign_userid_binding(
            &mut signer(cert),
            Some(cert.primary_key().key()),
            &UserID::from(id),
        )
        .expect("a signature")
}

fn binding(at: SystemTime) -> SignatureBuilder {
    SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_signature_creation_time(at)
        .and_then(|b| b.set_key_flags(KeyFlags::empty().set_certification()))
        .expect("a builder")
}

fn revoke(cert: &Cert, reason: Option<ReasonForRevocation>, at: SystemTime) -> Signature {
    let builder = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_signature_creation_time(at)
        .expect("a time");
    let builder = match reason {
        Some(reason) => builder
            .set_reason_for_revocation(reason, b"because")
            .expect("a reason"),
        None => builder,
    };
    sign_revocation(cert, builder)
}

fn sign_revocation(cert: &Cert, builder: SignatureBuilder) -> Signature {
    builder
        .sign_direct_key(&mut signer(cert), Some(cert.primary_key().key()))
        .expect("a signature")
}

fn revoke_user_id(cert: &Cert, id: &str, at: SystemTime) -> Signature {
    let builder = SignatureBuilder::new(SignatureType::CertificationRevocation)
        .set_signature_creation_time(at)
        .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::UIDRetired, b""))
        .expect("a builder");
    bind_with(cert, id, builder)
}

fn apply(body: &[u8]) -> Filtered {
    Filter::new().apply(body, &alice())
}

fn reasons(filtered: &Filtered) -> Vec<Reason> {
    filtered.rejected().iter().map(|r| r.reason()).collect()
}

fn user_ids(kept: &Kept) -> Vec<String> {
    kept.cert()
        .userids()
        .map(|id| id.userid().to_string())
        .collect()
}

/// The only certificate, where nothing else came out.
fn only(filtered: &Filtered) -> &Kept {
    match (filtered.kept(), filtered.rejected()) {
        ([kept], []) => kept,
        other => panic!("one certificate, not {other:?}"),
    }
}

/// The only refusal, where nothing else came out.
fn refusal(filtered: &Filtered) -> Reason {
    match (filtered.kept(), filtered.rejected()) {
        ([], [rejection]) => rejection.reason(),
        other => panic!("one refusal, not {other:?}"),
    }
}

#[test]
fn the_walk_agrees_with_a_full_parser() {
    let all = [cert(&[ALICE, "Bob <bob@example.org>"]), cert(&[])]
        .iter()
        .flat_map(bytes)
        .collect::<Vec<_>>();
    let walked: Vec<_> = packets(&all).map(|p| p.expect("whole").tag()).collect();
    let parsed: Vec<_> = PacketPile::from_bytes(&all)
        .expect("packets")
        .children()
        .map(|p| u8::from(p.tag()))
        .collect();
    assert_eq!(walked, parsed);
}

#[test]
fn bodies_that_hold_no_certificate() {
    let revocation = packet_bytes(revoke(&cert(&[ALICE]), None, SystemTime::now()));
    let half_armor = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA";
    for (body, expected) in [
        (&b""[..], Reason::Empty),
        (b"<!DOCTYPE html><title>Not found</title>", Reason::WebPage),
        (b"\n <HTML>", Reason::WebPage),
        (b"not found", Reason::Malformed),
        (b"\n", Reason::Malformed),
        (b"\xff\xff\xff\xff\xff\xff", Reason::Malformed),
        (b"\x00\x01\x02", Reason::Malformed),
        (half_armor, Reason::Malformed),
        // A User ID, a literal data packet, partial and indeterminate lengths.
        (b"\xcd\x01a", Reason::Malformed),
        (b"\xcb\x01a", Reason::Malformed),
        (b"\xcd\xe0a", Reason::Malformed),
        (b"\xb7a", Reason::Malformed),
        // A primary key that is none, and one of a version that nobody has.
        (b"\xc6\x01\x04", Reason::Malformed),
        (b"\xc6\x02\x09\x00", Reason::UnsupportedAlgorithm),
        (&revocation, Reason::Malformed),
    ] {
        assert_eq!(refusal(&apply(body)), expected, "{body:x?}");
    }
}

#[test]
fn other_user_ids_are_dropped() {
    let cert = cert(&["Alice <alice@work.example>", ALICE, "alice@example.net"]);
    let filtered = apply(&bytes(&cert));
    let kept = only(&filtered);
    assert_eq!(user_ids(kept), [ALICE]);
    assert_eq!(kept.user_ids_dropped(), 2);
    assert!(kept.is_usable());
    assert!(kept.notes().is_empty(), "{:?}", kept.notes());
    assert_eq!(kept.cert().fingerprint(), cert.fingerprint());
    assert_eq!(kept.cert().keys().count(), 3);
    assert_eq!(kept.cert().bad_signatures().count(), 0);
}

#[test]
fn only_a_user_id_of_this_very_address_counts() {
    for (id, found) in [
        (ALICE, true),
        ("alice@example.org", true),
        ("<ALICE@EXAMPLE.ORG>", true),
        ("\"alice\"@example.org", true),
        ("Bob <bob@example.org>", false),
        ("alice@example.org <mallory@b.example>", false),
        ("Mallory (alice@example.org) <mallory@b.example>", false),
        ("<alice@example.org> <mallory@b.example>", false),
        ("<mallory@b.example> <alice@example.org>", false),
        ("Alice <alice@example.org> (work)", false),
        ("alice@example.org.b.example", false),
        ("xalice@example.org", false),
        ("Alice", false),
    ] {
        let filtered = apply(&bytes(&cert(&[id])));
        if found {
            only(&filtered);
        } else {
            assert_eq!(refusal(&filtered), Reason::AddressNotCertified, "{id}");
        }
    }
}

#[test]
fn a_user_id_has_to_be_bound_and_not_revoked() {
    let now = SystemTime::now();
    let base = cert(&["Bob <bob@example.org>"]);
    let other = cert(&[]);
    let id = || Packet::from(UserID::from(ALICE));
    let forged = |by: &Cert| {
        let builder = binding(now - DAY)
            .set_issuer_fingerprint(base.fingerprint())
            .expect("an issuer");
        let signature = builder.sign_userid_binding(
            &mut signer(by),
            Some(base.primary_key().key()),
            &UserID::from(ALICE),
        );
        signature.expect("a signature")
    };
    let bound = |days: u32| Packet::from(bind_with(&base, ALICE, binding(now - days * DAY)));
    let revoked = |days: u32| Packet::from(revoke_user_id(&base, ALICE, now - days * DAY));
    let expired = bind_with(
        &base,
        ALICE,
        binding(now - 9 * DAY)
            .set_signature_validity_period(DAY)
            .expect("a period"),
    );
    for (name, packets, found) in [
        ("alone", vec![id()], false),
        (
            "certified by another key",
            vec![id(), forged(&other).into()],
            false,
        ),
        ("bound", vec![id(), bound(9)], true),
        ("revoked", vec![id(), bound(9), revoked(8)], false),
        (
            "revoked at the same time",
            vec![id(), bound(9), revoked(9)],
            false,
        ),
        (
            "bound again",
            vec![id(), bound(9), revoked(8), bound(7)],
            true,
        ),
        (
            "revoked again",
            vec![id(), bound(9), revoked(8), bound(7), revoked(6)],
            false,
        ),
        ("no longer bound", vec![id(), expired.into()], false),
    ] {
        // In the order of the list, which inserting would change.
        let mut body = bytes(&base);
        body.extend(packets.into_iter().flat_map(packet_bytes));
        let filtered = apply(&body);
        if found {
            assert_eq!(user_ids(only(&filtered)), [ALICE], "{name}");
        } else {
            assert_eq!(refusal(&filtered), Reason::AddressNotCertified, "{name}");
        }
    }
}

#[test]
fn of_two_user_ids_of_the_address_the_bound_one_is_kept() {
    let mut body = bytes(&cert(&[ALICE]));
    body.extend(packet_bytes(UserID::from("Mallory <alice@example.org>")));
    let filtered = apply(&body);
    assert_eq!(user_ids(only(&filtered)), [ALICE]);
    assert_eq!(only(&filtered).user_ids_dropped(), 1);
}

#[test]
fn a_refused_certificate_spoils_no_other() {
    let good = cert(&[ALICE]);
    let other = cert(&["Bob <bob@example.org>"]);
    let secret = other.as_tsk().to_vec().expect("octets");
    // A one-pass signature packet, which is critical and does not belong.
    let misfit = [&bytes(&other)[..], b"\xc4\x01a"].concat();
    let mut oversized = b"\x04\x00\x00\x00\x01\x01".to_vec();
    oversized.extend(u16::to_be_bytes(16_392));
    oversized.extend([0xff; 2049]);
    oversized.extend([0, 17, 1, 0, 1]);
    let length = u16::try_from(oversized.len()).expect("short").to_be_bytes();
    let oversized = [&[0x99], &length[..], &oversized].concat();
    for (bad, reason, named) in [
        (bytes(&other), Reason::AddressNotCertified, true),
        (secret, Reason::SecretKey, true),
        (misfit, Reason::Malformed, true),
        (oversized, Reason::TooLarge, true),
        (b"\xc6\x01\x04".to_vec(), Reason::Malformed, false),
    ] {
        for body in [
            [bytes(&good), bad.clone()].concat(),
            [bad, bytes(&good)].concat(),
        ] {
            let filtered = apply(&body);
            assert_eq!(filtered.kept().len(), 1, "{reason:?}");
            assert!(filtered.kept()[0].is_usable());
            assert_eq!(reasons(&filtered), [reason]);
            assert_eq!(filtered.rejected()[0].fingerprint().is_some(), named);
        }
    }
}

#[test]
fn packets_that_may_be_ignored_are() {
    let cert = cert(&[ALICE]);
    let mut body = b"\xca\x03PGP\xd5\x02ab\xfd\x01x".to_vec();
    for packet in packets(&bytes(&cert)) {
        body.extend(packet.expect("whole").bytes());
        // Trust, padding, private use.
        body.extend(b"\xcc\x01\x00\xd5\x01a");
    }
    body.extend(b"\xfc\x01a\xe8\x01a");
    let filtered = apply(&body);
    assert!(only(&filtered).is_usable());
    assert_eq!(only(&filtered).cert().keys().count(), 3);
}

#[test]
fn what_cannot_be_read_to_its_end() {
    let (first, last) = (cert(&[ALICE]), cert(&[ALICE]));
    let both = [bytes(&first), bytes(&last)].concat();
    let cut = apply(&both[..both.len() - 10]);
    assert_eq!(cut.kept().len(), 1);
    assert_eq!(cut.kept()[0].cert().fingerprint(), first.fingerprint());
    assert_eq!(reasons(&cut), [Reason::Malformed]);
    assert_eq!(cut.rejected()[0].fingerprint(), Some(&last.fingerprint()));

    // Junk behind whole packets.
    let junk = apply(&[&both[..], b"\n"].concat());
    assert_eq!(junk.kept().len(), 2);
    assert_eq!(reasons(&junk), [Reason::Malformed]);

    let single = bytes(&first);
    for length in 1..single.len() {
        let filtered = apply(&single[..length]);
        assert!(!filtered.rejected().is_empty() || filtered.kept().len() == 1);
    }
}

#[test]
fn copies_are_merged() {
    let now = SystemTime::now();
    let base = cert(&[ALICE, "Alice <alice@example.net>"]);
    let revoked = add(
        base.clone(),
        [revoke(&base, Some(ReasonForRevocation::KeyCompromised), now - DAY).into()],
    );
    for body in [
        [bytes(&base), bytes(&revoked)].concat(),
        [bytes(&revoked), bytes(&base)].concat(),
    ] {
        let filtered = apply(&body);
        assert!(matches!(only(&filtered).status(), CertStatus::Revoked(_)));
        assert_eq!(user_ids(only(&filtered)), [ALICE]);
    }
    let same = apply(&[bytes(&base), bytes(&base)].concat());
    assert!(only(&same).is_usable());
    assert_eq!(only(&same).cert().keys().count(), 3);
}

#[test]
fn bare_revocations_find_their_certificate() {
    let now = SystemTime::now();
    let (a, b, absent) = (cert(&[ALICE]), cert(&[ALICE]), cert(&[ALICE]));
    let of = |cert: &Cert| packet_bytes(revoke(cert, None, now - DAY));
    let (a_bytes, b_bytes) = (bytes(&a), bytes(&b));
    for (name, parts, revoked) in [
        ("none", vec![&a_bytes, &b_bytes], vec![]),
        ("leading", vec![&of(&a), &a_bytes, &b_bytes], vec![&a]),
        (
            "leading, for the last",
            vec![&of(&b), &a_bytes, &b_bytes],
            vec![&b],
        ),
        ("trailing", vec![&a_bytes, &b_bytes, &of(&b)], vec![&b]),
        (
            "behind another",
            vec![&a_bytes, &b_bytes, &of(&a)],
            vec![&a],
        ),
        ("between", vec![&a_bytes, &of(&b), &b_bytes], vec![&b]),
        (
            "of both",
            vec![&a_bytes, &b_bytes, &of(&a), &of(&b)],
            vec![&a, &b],
        ),
        (
            "of an absent one",
            vec![&of(&absent), &a_bytes, &b_bytes, &of(&absent)],
            vec![],
        ),
    ] {
        let body: Vec<u8> = parts.into_iter().flatten().copied().collect();
        let filtered = apply(&body);
        assert_eq!(filtered.kept().len(), 2, "{name}");
        assert!(filtered.rejected().is_empty(), "{name}");
        for kept in filtered.kept() {
            let expected = revoked
                .iter()
                .any(|cert| cert.fingerprint() == kept.cert().fingerprint());
            let actual = matches!(kept.status(), CertStatus::Revoked(_));
            assert_eq!(actual, expected, "{name}");
            assert_eq!(kept.is_usable(), !expected, "{name}");
            assert!(kept.notes().is_empty(), "{name}: {:?}", kept.notes());
        }
    }
}

#[test]
fn forged_bare_revocations_revoke_nothing() {
    let (victim, mallory) = (cert(&[ALICE]), cert(&[]));
    let forged = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_issuer_fingerprint(victim.fingerprint())
        .and_then(|b| b.sign_direct_key(&mut signer(&mallory), Some(victim.primary_key().key())))
        .expect("a signature");
    let body = [packet_bytes(forged), bytes(&victim)].concat();
    assert!(only(&apply(&body)).is_usable());
}

#[test]
fn hard_and_soft_revocations() {
    use ReasonForRevocation as R;
    let now = SystemTime::now();
    let base = cert(&[ALICE]);
    let (past, future) = (now - 5 * DAY, now + 5 * DAY);
    let weak = sign_revocation(
        &base,
        SignatureBuilder::new(SignatureType::KeyRevocation)
            .set_hash_algo(HashAlgorithm::SHA1)
            .set_signature_creation_time(past)
            .expect("a time"),
    );
    let odd = sign_revocation(
        &base,
        SignatureBuilder::new(SignatureType::KeyRevocation)
            .set_signature_creation_time(past)
            .and_then(|b| b.add_notation("odd@example.org", b"x", None, true))
            .expect("a notation"),
    );
    let hard = Some(RevocationKind::Hard);
    let soft = Some(RevocationKind::Soft);
    for (name, revocation, before, after, rebound) in [
        ("no reason", revoke(&base, None, past), hard, hard, hard),
        (
            "unspecified",
            revoke(&base, Some(R::Unspecified), past),
            hard,
            hard,
            hard,
        ),
        (
            "compromised",
            revoke(&base, Some(R::KeyCompromised), past),
            hard,
            hard,
            hard,
        ),
        (
            "private",
            revoke(&base, Some(R::Private(100)), past),
            hard,
            hard,
            hard,
        ),
        (
            "unknown",
            revoke(&base, Some(R::Unknown(77)), past),
            hard,
            hard,
            hard,
        ),
        (
            "superseded",
            revoke(&base, Some(R::KeySuperseded), past),
            None,
            soft,
            None,
        ),
        (
            "retired",
            revoke(&base, Some(R::KeyRetired), past),
            None,
            soft,
            None,
        ),
        (
            "soft, later",
            revoke(&base, Some(R::KeyRetired), future),
            None,
            None,
            None,
        ),
        ("hard, later", revoke(&base, None, future), hard, hard, hard),
        ("weak hash", weak, hard, hard, hard),
        ("unknown notation", odd, hard, hard, hard),
    ] {
        let kind = |body: &[u8], time: SystemTime| {
            let filtered = Filter::new().time(time).apply(body, &alice());
            match only(&filtered).status() {
                CertStatus::Revoked(revocation) => Some(revocation.kind()),
                CertStatus::Valid => None,
                other => panic!("{name}: {other}"),
            }
        };
        let revoked = [bytes(&base), packet_bytes(revocation)].concat();
        assert_eq!(kind(&revoked, past - DAY), before, "{name}, before it");
        assert_eq!(kind(&revoked, now), after, "{name}, after it");
        let newer = bind_with(&base, ALICE, binding(now - 4 * DAY));
        let lifted = add(
            Cert::from_bytes(&bytes(&base)).expect("a certificate"),
            [UserID::from(ALICE).into(), newer.into()],
        );
        let body = [&bytes(&lifted)[..], &revoked].concat();
        assert_eq!(kind(&body, now), rebound, "{name}, bound again");
    }
    let filtered = apply(
        &[
            bytes(&base),
            packet_bytes(revoke(&base, Some(R::KeyRetired), past)),
        ]
        .concat(),
    );
    let CertStatus::Revoked(revocation) = only(&filtered).status() else {
        panic!("revoked");
    };
    assert_eq!(revocation.reason(), Some(R::KeyRetired));
    assert_eq!(revocation.message(), "because");
    assert!(revocation.created().is_some());
}

#[test]
fn revocations_by_others() {
    let now = SystemTime::now();
    let revoker = cert(&["Revoker <revoker@example.org>"]);
    let (algorithm, fingerprint) = {
        let key = revoker.primary_key().key();
        (key.pk_algo(), key.fingerprint())
    };
    let (trusting, _) = CertBuilder::general_purpose(Some(ALICE))
        .set_creation_time(now - 30 * DAY)
        .set_revocation_keys(vec![RevocationKey::new(algorithm, fingerprint, false)])
        .generate()
        .expect("a certificate");
    let plain = cert(&[ALICE]);
    let by_revoker = |of: &Cert| {
        SignatureBuilder::new(SignatureType::KeyRevocation)
            .set_signature_creation_time(now - DAY)
            .and_then(|b| b.sign_direct_key(&mut signer(&revoker), Some(of.primary_key().key())))
            .map(packet_bytes)
            .expect("a revocation")
    };
    for (name, cert, with_revoker, revoked, notes) in [
        ("named and at hand", &trusting, true, true, 0),
        ("named, not at hand", &trusting, false, false, 1),
        ("not named", &plain, true, false, 1),
    ] {
        let mut body = [bytes(cert), by_revoker(cert)].concat();
        if with_revoker {
            body.extend(bytes(&revoker));
        }
        let filtered = apply(&body);
        let [kept] = filtered.kept() else {
            panic!("{name}: {filtered:?}")
        };
        assert_eq!(
            matches!(kept.status(), CertStatus::Revoked(_)),
            revoked,
            "{name}"
        );
        assert_eq!(kept.notes().len(), notes, "{name}: {:?}", kept.notes());
    }
}

#[test]
fn expiration() {
    let now = SystemTime::now();
    let (cert, _) = CertBuilder::general_purpose(Some(ALICE))
        .set_creation_time(now - 30 * DAY)
        .set_validity_period(10 * DAY)
        .generate()
        .expect("a certificate");
    for (days_ago, expected) in [(25, CertStatus::Valid), (15, CertStatus::Expired)] {
        let filter = Filter::new().time(now - days_ago * DAY);
        let filtered = filter.apply(&bytes(&cert), &alice());
        assert_eq!(only(&filtered).status(), &expected);
        assert_eq!(only(&filtered).is_usable(), expected.is_valid());
    }
}

/// A certificate of no User ID, of which nothing is said but about its subkeys.
fn without_direct_key_signature() -> Cert {
    let full = cert_made(&[], SystemTime::now() - 30 * DAY);
    let is_direct =
        |p: &Packet| matches!(p, Packet::Signature(s) if s.typ() == SignatureType::DirectKey);
    let packets: Vec<_> = full
        .as_tsk()
        .into_packets()
        .filter(|packet| !is_direct(packet))
        .collect();
    Cert::from_packets(packets.into_iter()).expect("a certificate")
}

/// A certificate as other implementations make it: no direct-key signature, the
/// expiration in the primary User ID's binding, and the address on another one.
fn expiring_by_other_user_id() -> Cert {
    let now = SystemTime::now();
    let cert = without_direct_key_signature();
    let primary = bind_with(
        &cert,
        "Alice <alice@work.example>",
        binding(now - 29 * DAY)
            .set_primary_userid(true)
            .and_then(|b| b.set_key_validity_period(10 * DAY))
            .expect("subpackets"),
    );
    let asked = bind_with(&cert, ALICE, binding(now - 29 * DAY));
    add(
        cert,
        [
            UserID::from("Alice <alice@work.example>").into(),
            primary.into(),
            UserID::from(ALICE).into(),
            asked.into(),
        ],
    )
}

#[test]
fn expiration_that_hangs_on_another_user_id() {
    let cert = expiring_by_other_user_id();
    let filtered = apply(&bytes(&cert));
    let kept = only(&filtered);
    assert_eq!(user_ids(kept), [ALICE]);
    assert_eq!(kept.status(), &CertStatus::Expired);
    assert_eq!(kept.notes().len(), 1, "{:?}", kept.notes());

    // Where none of the others is looked at, nobody knows.
    let mut limits = Limits::default();
    limits.other_user_ids = 0;
    let filtered = Filter::new().limits(limits).apply(&bytes(&cert), &alice());
    assert_eq!(only(&filtered).status(), &CertStatus::Valid);
}

#[test]
fn the_newest_other_user_ids_count() {
    let base = expiring_by_other_user_id();
    let now = SystemTime::now();
    // Seventeen older ones do not hide it; unsigned ones do not count at all.
    let mut older = Vec::new();
    for n in 0..17 {
        let id = format!("Bob <bob{n}@example.org>");
        let at = now - 29 * DAY - MINUTE;
        older.extend(packet_bytes(UserID::from("Nobody <nobody@example.org>")));
        older.extend(packet_bytes(UserID::from(&id[..])));
        older.extend(packet_bytes(bind_with(&base, &id, binding(at))));
    }
    let key = packet_bytes(base.primary_key().key().clone().take_secret().0);
    for body in [
        [&bytes(&base)[..], &older].concat(),
        [&key[..], &older, &bytes(&base)].concat(),
    ] {
        assert_eq!(only(&apply(&body)).status(), &CertStatus::Expired);
    }
}

/// Expiration hangs on the primary one of the other User IDs, whichever that is: what
/// does not need to be verified for that must be none that could be it.
#[test]
fn which_of_the_other_user_ids_is_the_primary_one() {
    const P: &str = "P <p@work.example>";
    const Q: &str = "Q <q@work.example>";
    let now = SystemTime::now();
    let base = without_direct_key_signature();
    let at = |days: u32| now - days * DAY;
    let plain = |days: u32| binding(at(days));
    let first = |days: u32| plain(days).set_primary_userid(true).expect("a builder");
    // By this one the key has expired long ago.
    let ends = |b: SignatureBuilder| b.set_key_validity_period(10 * DAY).expect("a builder");
    let short = |b: SignatureBuilder| b.set_signature_validity_period(DAY).expect("a builder");
    let sign = |id: &str, b: SignatureBuilder| bind_with(&base, id, b);
    let forged = |id: &str, b: SignatureBuilder| {
        let good = packet_bytes(sign(id, b));
        let mut octets = good.clone();
        // The signature's last octet: the digest's first ones are right.
        *octets.last_mut().expect("an octet") ^= 1;
        match Packet::from_bytes(&octets) {
            Ok(Packet::Signature(signature)) => signature,
            other => panic!("a signature: {other:?}"),
        }
    };
    let revoked = |id: &str| revoke_user_id(&base, id, at(1));
    let sha1 = |b: SignatureBuilder| b.set_hash_algo(HashAlgorithm::SHA1);
    let (valid, expired) = (CertStatus::Valid, CertStatus::Expired);
    for (name, of_p, of_q, expected) in [
        (
            "the one that says so, before newer ones",
            vec![sign(P, ends(first(9)))],
            vec![sign(Q, plain(3))],
            &expired,
        ),
        (
            "and not a newer one that says nothing",
            vec![sign(P, first(9))],
            vec![sign(Q, ends(plain(3)))],
            &valid,
        ),
        (
            "of two that say so, the newer",
            vec![sign(P, first(9))],
            vec![sign(Q, ends(first(8)))],
            &expired,
        ),
        (
            "of two made in the same second, either, as sequoia sees it",
            vec![sign(P, ends(first(9)))],
            vec![sign(Q, first(9))],
            &expired,
        ),
        (
            "where none says so, the newest",
            vec![sign(P, plain(9))],
            vec![sign(Q, ends(plain(3)))],
            &expired,
        ),
        (
            "none that only a forgery makes one",
            vec![sign(P, plain(9)), forged(P, first(2))],
            vec![sign(Q, ends(plain(3)))],
            &expired,
        ),
        (
            "one behind a forgery that says less",
            vec![sign(P, ends(first(9))), forged(P, plain(2))],
            vec![sign(Q, plain(3))],
            &expired,
        ),
        (
            "none that is revoked",
            vec![sign(P, first(9)), revoked(P)],
            vec![sign(Q, ends(plain(3)))],
            &expired,
        ),
        (
            "none whose binding has expired",
            vec![sign(P, short(first(9)))],
            vec![sign(Q, ends(plain(3)))],
            &expired,
        ),
        (
            "none whose binding the policy rejects",
            vec![sign(P, sha1(first(9)))],
            vec![sign(Q, ends(plain(3)))],
            &expired,
        ),
        (
            "none that no longer says so",
            vec![sign(P, first(9)), sign(P, plain(8))],
            vec![sign(Q, ends(plain(3)))],
            &expired,
        ),
    ] {
        let component = |id: &str, signatures: &[Signature]| {
            let signatures = signatures.iter().cloned().flat_map(packet_bytes);
            let octets = packet_bytes(UserID::from(id)).into_iter();
            octets.chain(signatures).collect::<Vec<u8>>()
        };
        let (key, keys) = {
            let octets = bytes(&base);
            let end = packets(&octets).next().and_then(Result::ok);
            let end = end.expect("a key").bytes().len();
            (octets[..end].to_vec(), octets[end..].to_vec())
        };
        let alice = component(ALICE, &[sign(ALICE, plain(4))]);
        let (p, q) = (component(P, &of_p), component(Q, &of_q));
        for ids in [[&alice, &p, &q], [&q, &p, &alice], [&p, &alice, &q]] {
            let body = [&key[..], &ids.map(|id| &id[..]).concat(), &keys].concat();
            let filtered = apply(&body);
            assert_eq!(only(&filtered).status(), expected, "{name}");
            let policy = StandardPolicy::new();
            let whole = Cert::from_bytes(&body).expect("a certificate");
            let lives = whole
                .with_policy(&policy, None)
                .is_ok_and(|c| c.alive().is_ok());
            assert_eq!(lives, *expected == valid, "{name}: sequoia");
        }
    }
}

/// Whom one of them names counts, also where nothing else of it does.
#[test]
fn any_of_the_other_user_ids_may_name_a_revoker() {
    let now = SystemTime::now();
    let revoker = cert(&["Revoker <revoker@example.org>"]);
    let base = cert_made(&["P <p@work.example>", ALICE], now - 30 * DAY);
    let key = revoker.primary_key().key();
    let named = RevocationKey::new(key.pk_algo(), key.fingerprint(), false);
    let last = "Q <q@work.example>";
    let naming = binding(now - 29 * DAY)
        .set_revocation_key(named)
        .expect("a builder");
    let naming = bind_with(&base, last, naming);
    let newer = bind_with(&base, ALICE, binding(now - 4 * DAY));
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_signature_creation_time(now - DAY)
        .and_then(|b| b.sign_direct_key(&mut signer(&revoker), Some(base.primary_key().key())))
        .expect("a revocation");
    let cert = add(
        base,
        [
            UserID::from(last).into(),
            naming.into(),
            UserID::from(ALICE).into(),
            newer.into(),
        ],
    );
    let body = [bytes(&cert), packet_bytes(revocation), bytes(&revoker)].concat();
    let status = apply(&body).kept()[0].status().clone();
    assert!(matches!(status, CertStatus::Revoked(_)), "{status:?}");
}

#[test]
fn created_ahead_of_time() {
    let now = SystemTime::now();
    for (ahead, expected) in [
        (3 * MINUTE, CertStatus::Valid),
        (120 * MINUTE, CertStatus::NotYetValid),
    ] {
        let body = bytes(&cert_made(&[ALICE], now + ahead));
        let filtered = Filter::new().time(now).apply(&body, &alice());
        assert_eq!(only(&filtered).status(), &expected, "{ahead:?}");
        assert_eq!(
            only(&filtered).is_usable(),
            expected.is_valid(),
            "{ahead:?}"
        );
    }
    // An old certificate whose User ID is bound only later.
    let old = cert(&["Bob <bob@example.org>"]);
    let later = bind_with(&old, ALICE, binding(now + 120 * MINUTE));
    let body = bytes(&add(old, [UserID::from(ALICE).into(), later.into()]));
    let filtered = Filter::new().time(now).apply(&body, &alice());
    assert_eq!(only(&filtered).status(), &CertStatus::NotYetValid);
}

#[test]
fn what_the_policy_rejects_is_returned() {
    let now = SystemTime::now();
    let base = cert(&["Bob <bob@example.org>"]);
    let weak = binding(now - DAY).set_hash_algo(HashAlgorithm::SHA1);
    let weak = bind_with(&base, ALICE, weak);
    let weak = add(base, [UserID::from(ALICE).into(), weak.into()]);
    let mut strict = StandardPolicy::new();
    strict.reject_hash(HashAlgorithm::SHA512);
    strict.reject_hash(HashAlgorithm::SHA256);
    for (name, filter, body) in [
        ("weak binding", Filter::new(), bytes(&weak)),
        (
            "strict policy",
            Filter::new().policy(Arc::new(strict)),
            bytes(&cert(&[ALICE])),
        ),
    ] {
        let filtered = filter.apply(&body, &alice());
        let kept = only(&filtered);
        assert_eq!(kept.status(), &CertStatus::RejectedByPolicy, "{name}");
        assert!(!kept.is_usable(), "{name}");
    }
}

#[test]
fn what_the_backend_cannot_compute_is_no_absence() {
    let base = cert(&["Bob <bob@example.org>"]);
    let bound = bind_with(&base, ALICE, binding(SystemTime::now() - DAY));
    // The same signature, of which it is said that its hash is a private one.
    let Signature::V4(_) = &bound else {
        panic!("version 4")
    };
    let mut bound = packet_bytes(bound);
    let header = packets(&bound)
        .next()
        .map(|p| p.map(|p| p.bytes().len() - p.body().len()))
        .expect("a packet")
        .expect("whole");
    bound[header + 3] = 110;
    let body = [bytes(&base), packet_bytes(UserID::from(ALICE)), bound].concat();
    assert_eq!(refusal(&apply(&body)), Reason::UnsupportedAlgorithm);
}

#[test]
fn algorithms_of_keys_that_the_backend_may_lack() {
    // Brainpool P-256, and RSA of 5120 bits.
    let mut brainpool = b"\x04\0\0\0\x01\x13\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07".to_vec();
    brainpool.extend([0x02, 0x03, 0x04]);
    brainpool.extend([0x11; 64]);
    let mut rsa = b"\x04\0\0\0\x01\x01\x14\x00".to_vec();
    rsa.extend([0xff; 640]);
    rsa.extend(b"\0\x11\x01\0\x01");
    let pure_rust = openpgp_discovery::openpgp::crypto::backend() == "RustCrypto";
    for (key, algorithm, numbers, computable) in [
        (
            brainpool,
            19,
            &[0, 1, 1, 0, 1, 1][..],
            Curve::BrainpoolP256.is_supported(),
        ),
        (rsa, 1, &[0, 1, 1], !pure_rust),
    ] {
        let length = u16::try_from(key.len()).expect("short").to_be_bytes();
        let mut signature = vec![4, 0x13, algorithm, 8, 0, 6, 5, 2, 0, 0, 0, 2, 0, 0, 0, 0];
        signature.extend(numbers);
        let header = [0xc2, u8::try_from(signature.len()).expect("short")];
        let body = [
            &[0x99][..],
            &length,
            &key,
            &packet_bytes(UserID::from(ALICE)),
            &header,
            &signature,
        ];
        let filtered = apply(&body.concat());
        let expected = if computable {
            Reason::AddressNotCertified
        } else {
            Reason::UnsupportedAlgorithm
        };
        assert_eq!(refusal(&filtered), expected, "algorithm {algorithm}");
        assert!(filtered.rejected()[0].fingerprint().is_some());
    }
}

#[test]
fn many_broken_parts_are_told_once() {
    let text = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!\n-----END PGP PUBLIC KEY BLOCK-----\n";
    assert_eq!(
        refusal(&apply(text.repeat(1000).as_bytes())),
        Reason::Malformed
    );
}

#[test]
fn armor() {
    let (a, b) = (cert(&[ALICE]), cert(&[ALICE]));
    let armored =
        |cert: &Cert| String::from_utf8(cert.armored().to_vec().expect("octets")).expect("ASCII");
    let (a, b) = (armored(&a), armored(&b));
    let checksum = a
        .lines()
        .rev()
        .find(|l| l.starts_with('='))
        .unwrap_or("=none");
    for (name, text, kept) in [
        ("one", a.clone(), 1),
        ("two", [&a[..], &b].concat(), 2),
        ("wrong checksum", a.replace(checksum, "=AAAA"), 1),
        ("text around it", format!("Here it is:\n\n{a}\nBye"), 1),
        ("other line ends", a.replace('\n', "\r\n"), 1),
    ] {
        let filtered = apply(text.as_bytes());
        assert_eq!(filtered.kept().len(), kept, "{name}");
        assert!(
            filtered.rejected().is_empty(),
            "{name}: {:?}",
            filtered.rejected()
        );
    }
    let broken = [&b.replace('A', "!")[..], &a].concat();
    let filtered = apply(broken.as_bytes());
    assert_eq!(filtered.kept().len(), 1);
    assert_eq!(reasons(&filtered), [Reason::Malformed]);
    assert_eq!(
        refusal(&apply(&a.as_bytes()[..a.len() / 2])),
        Reason::Malformed
    );
}

#[test]
fn too_many_certificates() {
    let certs: Vec<_> = (0..4).map(|_| cert(&[ALICE])).collect();
    let body: Vec<u8> = certs.iter().flat_map(bytes).collect();
    let mut limits = Limits::default();
    limits.certs = 2;
    let filtered = Filter::new().limits(limits).apply(&body, &alice());
    assert_eq!(filtered.kept().len(), 2);
    assert_eq!(reasons(&filtered), [Reason::TooMany]);
    assert_eq!(Limits::default().certs, 16);
}

/// An answer, what is said of it, and the limit that it is over.
type Setting<'b> = (&'b [u8], &'static str, fn(&mut Limits));

#[test]
fn each_limit_is_too_large() {
    let base = cert(&[ALICE, "alice@example.org", "bob@example.org"]);
    let body = bytes(&base);
    let alone = bytes(&cert(&[ALICE, "alice@example.org"]));
    let settings: Vec<Setting<'_>> = vec![
        (&body, "more than 100 octets", |l| l.body = 100),
        (&body, "too many packets", |l| l.packets = 8),
        (&alone, "more than 200 octets after", |l| l.cert = 200),
        (&body, "oversized other User IDs", |l| l.cert = 200),
        (&body, "too many User IDs", |l| l.user_ids = 1),
        (&body, "too many subkeys", |l| l.subkeys = 1),
        (&body, "signatures to verify", |l| l.verifications = 3),
        (&alone, "too many signatures on a", |l| {
            l.self_signatures = 0;
        }),
        (&body, "oversized other User IDs", |l| l.self_signatures = 0),
        (&body, "too many User IDs", |l| {
            l.user_ids = 1;
            l.self_signatures = 1;
        }),
    ];
    for (body, why, set) in settings {
        let mut limits = Limits::default();
        set(&mut limits);
        let filtered = Filter::new().limits(limits).apply(body, &alice());
        assert_eq!(refusal(&filtered), Reason::TooLarge, "{why}");
        let said = filtered.rejected()[0].detail();
        assert!(said.contains(why), "{said}, not {why}");
    }
    only(&apply(&body));

    // Of somebody else, whose size does not matter: that is an answer.
    let mut limits = Limits::default();
    limits.subkeys = 1;
    let carol = "carol@example.org".parse().expect("an address");
    let filtered = Filter::new().limits(limits).apply(&body, &carol);
    assert_eq!(refusal(&filtered), Reason::AddressNotCertified);
}

/// Signatures that name the primary key as their issuer, and are not its own.
fn forgeries(of: &Cert, count: usize, typ: SignatureType) -> Vec<u8> {
    let mallory = cert(&[]);
    let mut signer = signer(&mallory);
    (0..count)
        .flat_map(|n| {
            let builder = SignatureBuilder::new(typ)
                .set_issuer_fingerprint(of.fingerprint())
                .and_then(|b| b.add_notation("n@example.org", n.to_be_bytes(), None, false))
                .expect("a builder");
            let primary = of.primary_key().key();
            let signature = match typ {
                SignatureType::KeyRevocation => builder.sign_direct_key(&mut signer, Some(primary)),
                _ => builder.sign_userid_binding(&mut signer, Some(primary), &ALICE.into()),
            };
            packet_bytes(signature.expect("a signature"))
        })
        .collect()
}

#[test]
fn floods_of_forgeries_are_bounded() {
    let victim = bytes(&cert_made(&[ALICE], SystemTime::now() - DAY));
    let parsed = Cert::from_bytes(&victim).expect("a certificate");
    for typ in [
        SignatureType::PositiveCertification,
        SignatureType::KeyRevocation,
    ] {
        for (count, too_large) in [(32, false), (33, true), (200, true)] {
            let flood = forgeries(&parsed, count, typ);
            let id = packet_bytes(UserID::from(ALICE));
            let begin = Instant::now();
            let filtered = apply(&[&victim[..], &id, &flood].concat());
            assert!(begin.elapsed() < Duration::from_secs(2), "{typ} {count}");
            if too_large {
                assert_eq!(refusal(&filtered), Reason::TooLarge, "{typ} {count}");
            } else {
                assert!(only(&filtered).is_usable(), "{typ} {count}");
            }
        }
    }
}

#[test]
fn twenty_thousand_unsigned_user_ids() {
    let mut body = bytes(&cert(&[ALICE]));
    for n in 0..20_000 {
        body.extend(packet_bytes(UserID::from(format!(
            "User {n} <user{n}@example.org>"
        ))));
    }
    let begin = Instant::now();
    let filtered = apply(&body);
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(user_ids(only(&filtered)), [ALICE]);
    assert_eq!(only(&filtered).user_ids_dropped(), 20_000);
    assert!(only(&filtered).is_usable());
}

#[test]
fn signed_user_ids_beyond_the_body_limit() {
    let mut base = cert(&[ALICE]);
    let now = SystemTime::now();
    let mut tail = Vec::new();
    for n in 0..200 {
        let id = format!("User {n} <user{n}@example.org>");
        tail.extend(packet_bytes(UserID::from(&id[..])));
        tail.extend(packet_bytes(bind_with(&base, &id, binding(now - DAY))));
    }
    base = base.strip_secret_key_material();
    let body = [bytes(&base), tail].concat();
    let mut limits = Limits::default();
    limits.body = body.len() - 1;
    let filtered = Filter::new().limits(limits).apply(&body, &alice());
    assert_eq!(refusal(&filtered), Reason::TooLarge);
    limits.body = body.len();
    let filtered = Filter::new().limits(limits).apply(&body, &alice());
    assert_eq!(user_ids(only(&filtered)), [ALICE]);
    assert!(only(&filtered).is_usable());
    assert_eq!(only(&filtered).user_ids_dropped(), 200);
}

/// A certification that claims to be this one's, and holds garbage: after an
/// honest beginning a number that says it is longer than there are octets.
fn garbled_certification(issuer: &Cert, n: u16) -> Vec<u8> {
    let fingerprint = issuer.fingerprint();
    let issued = [&[22, 33, 4], fingerprint.as_bytes()].concat();
    let created = [5, 2, 0x60, 0, 0, 0];
    let hashed = [&created[..], &issued].concat();
    let length = u8::try_from(hashed.len()).expect("short");
    let mut body = vec![4, 0x10, 1, 8, 0, length];
    body.extend(hashed);
    body.extend([0, 0]);
    body.extend(n.to_be_bytes());
    body.extend([0xff, 0xff, 0xa5, 0xa5]);
    let length = u8::try_from(body.len()).expect("short");
    [&[0xc2, length], &body[..]].concat()
}

/// They are not even read: what cannot be read does no harm and is told nowhere,
/// and ten times as many as may be looked at do not count for the limit.
#[test]
fn third_party_certifications_are_dropped_before_parsing() {
    let base = cert(&[ALICE]);
    let certifier = cert(&[]);
    let certification = SignatureBuilder::new(SignatureType::GenericCertification)
        .sign_userid_binding(
            &mut signer(&certifier),
            Some(base.primary_key().key()),
            &ALICE.into(),
        )
        .expect("a signature");
    let most = u16::try_from(Limits::default().self_signatures).expect("few");
    let with_garbage = |by: &Cert, count: u16| {
        let mut body = [bytes(&base), packet_bytes(UserID::from(ALICE))].concat();
        body.extend(packet_bytes(certification.clone()));
        for n in 0..count {
            body.extend(garbled_certification(by, n));
        }
        body
    };
    let filtered = apply(&with_garbage(&certifier, 10 * most));
    let kept = only(&filtered);
    assert!(kept.is_usable());
    assert!(kept.notes().is_empty(), "{:?}", kept.notes());
    let id = kept.cert().userids().next().expect("a User ID");
    assert_eq!(id.certifications().count(), 0);
    assert_eq!(id.self_signatures().count(), 1);
    assert_eq!(kept.cert().bad_signatures().count(), 0);
    // What claims to be the owner's has to be looked at, and there is a limit.
    let filtered = apply(&with_garbage(&base, 10 * most));
    assert_eq!(refusal(&filtered), Reason::TooLarge);
}

#[test]
fn all_user_ids_on_request() {
    let base = cert(&[ALICE, "Alice <alice@example.net>", "Old <old@example.org>"]);
    let revoked = revoke_user_id(&base, "Old <old@example.org>", SystemTime::now());
    let base = add(
        base,
        [UserID::from("Old <old@example.org>").into(), revoked.into()],
    );
    let mut body = bytes(&base);
    body.extend(packet_bytes(UserID::from("Unbound <unbound@example.org>")));
    let filter = Filter::new().user_ids(UserIdFilter::All);
    let filtered = filter.apply(&body, &alice());
    let kept = only(&filtered);
    assert_eq!(user_ids(kept), ["Alice <alice@example.net>", ALICE]);
    assert_eq!(kept.user_ids_dropped(), 2);

    let filtered = filter.apply(&body, &"bob@example.org".parse().expect("an address"));
    assert_eq!(refusal(&filtered), Reason::AddressNotCertified);

    let mut limits = Limits::default();
    limits.user_ids = 2;
    let filtered = filter.limits(limits).apply(&body, &alice());
    assert_eq!(refusal(&filtered), Reason::TooLarge);
}

#[test]
fn subkeys() {
    let now = SystemTime::now();
    let base = cert(&[ALICE]);
    let encryption = base
        .keys()
        .subkeys()
        .find(|k| k.key().pk_algo().for_encryption())
        .expect("a subkey")
        .key()
        .clone();
    let revocation = SubkeyRevocationBuilder::new()
        .set_signature_creation_time(now - DAY)
        .and_then(|b| b.build(&mut signer(&base), &base, &encryption, None))
        .expect("a revocation");
    let revoked = bytes(&add(base.clone(), [encryption.into(), revocation.into()]));
    let filtered = apply(&revoked);
    assert_eq!(only(&filtered).status(), &CertStatus::Valid);
    assert!(!only(&filtered).can_encrypt());
    assert_eq!(only(&filtered).cert().keys().count(), 3);

    // One that nobody bound is not handed out.
    let other = cert(&[]);
    let stranger = other
        .keys()
        .subkeys()
        .find(|k| k.key().pk_algo().for_signing())
        .expect("a subkey")
        .key()
        .clone()
        .take_secret()
        .0;
    let body = [bytes(&base), packet_bytes(stranger.clone())].concat();
    assert_eq!(only(&apply(&body)).cert().keys().count(), 3);

    // Nor somebody else's signing key, whose owner did not agree.
    let stolen = SignatureBuilder::new(SignatureType::SubkeyBinding)
        .set_key_flags(KeyFlags::empty().set_signing())
        .and_then(|b| {
            b.sign_subkey_binding(
                &mut signer(&base),
                Some(base.primary_key().key()),
                &stranger,
            )
        })
        .expect("a binding");
    let body = [bytes(&base), packet_bytes(stranger), packet_bytes(stolen)].concat();
    assert_eq!(only(&apply(&body)).cert().keys().count(), 3);
}

#[test]
fn best_first() {
    let now = SystemTime::now();
    let old = cert_made(&[ALICE], now - 300 * DAY);
    let new = cert_made(&[ALICE], now - 100 * DAY);
    let newest = cert_made(&[ALICE], now - 50 * DAY);
    let revocation = packet_bytes(revoke(&newest, None, now - DAY));
    let body = [bytes(&old), bytes(&newest), revocation, bytes(&new)].concat();
    let filtered = apply(&body);
    let order: Vec<_> = filtered
        .kept()
        .iter()
        .map(|k| k.cert().fingerprint())
        .collect();
    assert_eq!(
        order,
        [new.fingerprint(), old.fingerprint(), newest.fingerprint()]
    );
}

#[test]
fn version_6() {
    let now = SystemTime::now();
    let (cert, _) = CertBuilder::new()
        .set_profile(Profile::RFC9580)
        .expect("version 6")
        .add_userid(ALICE)
        .add_userid("Alice <alice@example.net>")
        .add_transport_encryption_subkey()
        .set_creation_time(now - 30 * DAY)
        .set_validity_period(40 * DAY)
        .generate()
        .expect("a certificate");
    assert_eq!(cert.primary_key().key().version(), 6);
    for (time, expected) in [
        (now, CertStatus::Valid),
        (now + 20 * DAY, CertStatus::Expired),
    ] {
        let filtered = Filter::new().time(time).apply(&bytes(&cert), &alice());
        assert_eq!(only(&filtered).status(), &expected);
        assert_eq!(user_ids(only(&filtered)), [ALICE]);
    }
    let body = [packet_bytes(revoke(&cert, None, now)), bytes(&cert)].concat();
    assert!(matches!(
        only(&apply(&body)).status(),
        CertStatus::Revoked(_)
    ));
}

#[test]
fn damage_never_panics_and_never_finds_another() {
    let body = bytes(&cert(&[ALICE, "Bob <bob@example.org>"]));
    let armored = cert(&[ALICE]).armored().to_vec().expect("octets");
    for body in [body, armored] {
        for at in 0..body.len() {
            let mut damaged = body.clone();
            damaged[at] ^= [0x01, 0x80, 0xff][at % 3];
            for kept in apply(&damaged).kept() {
                assert_eq!(user_ids(kept), [ALICE], "octet {at}");
            }
        }
    }
}
