//! Answers that are not what was asked for, or too much of it.

use openpgp_discovery::filter::packets;
use openpgp_discovery::openpgp::serialize::Serialize;
use openpgp_discovery::{ErrorKind, Reason};

use super::*;

fn secret(cert: &Cert) -> Vec<u8> {
    cert.as_tsk().to_vec().expect("octets")
}

fn reasons(refresh: &Refresh) -> Vec<Reason> {
    refresh.rejected().iter().map(|r| r.reason()).collect()
}

/// A copy of a signature that says something else, with a digest that fits.
fn forged(cert: &Cert, n: u32) -> Signature {
    let mallory = cert_of_mallory();
    // Made by another key, and in the owner's name.
    builder(SignatureType::KeyRevocation, day(-1))
        .set_issuer(cert.keyid())
        .and_then(|b| b.set_issuer_fingerprint(cert.fingerprint()))
        .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::KeyRetired, n.to_be_bytes()))
        .and_then(|b| b.sign_direct_key(&mut signer(&mallory), Some(cert.primary_key().key())))
        .expect("a signature")
}

fn cert_of_mallory() -> Cert {
    cert(&["mallory@example.org"])
}

#[tokio::test]
async fn each_is_a_failure_and_nothing_is_merged() {
    let cert = cert(&[ALICE]);
    let other = super::cert(&[ALICE]);
    let revoked = add(&cert, [hard(&cert)]);
    let truncated = {
        let mut body = bytes(&revoked);
        body.truncate(body.len() - 3);
        // The revocation is at the front: leave it out.
        let mut only = bytes(&cert);
        only.truncate(only.len() - 3);
        drop(body);
        only
    };
    for (name, body, reason) in [
        ("another", bytes(&other), Reason::OtherKey),
        ("secret keys", secret(&cert), Reason::SecretKey),
        ("secret keys, revoked", secret(&revoked), Reason::SecretKey),
        ("garbage", b"\xff\xff\xff\xff".to_vec(), Reason::Malformed),
        ("text", b"not found".to_vec(), Reason::Malformed),
        ("a page", b"<!DOCTYPE html><p>".to_vec(), Reason::WebPage),
        ("empty", Vec::new(), Reason::Empty),
        ("cut off", truncated, Reason::Malformed),
        (
            "a forged revocation alone",
            packet_bytes(forged(&cert, 0)),
            Reason::Malformed,
        ),
        (
            "somebody else's revocation",
            packet_bytes(hard(&other)),
            Reason::Malformed,
        ),
        ("too large", vec![0xca; (4 << 20) + 1], Reason::TooLarge),
    ] {
        let refreshed = refresh(&cert, &body).await;
        assert_eq!(refreshed.outcome(), RefreshOutcome::Failed, "{name}");
        assert_eq!(reasons(&refreshed), [reason], "{name}");
        assert_eq!(refreshed.changes(), [], "{name}");
        assert_eq!(refreshed.before(), refreshed.after(), "{name}");
        let error = refreshed.error().expect("a failure");
        assert_eq!(error.kind(), ErrorKind::BadAnswer, "{name}");
        if reason == Reason::OtherKey {
            let text = error.to_string();
            assert!(text.contains("another certificate than asked"), "{text}");
            assert!(text.contains(&other.fingerprint().to_string()), "{text}");
        }
    }
}

#[tokio::test]
async fn beside_the_right_one_the_others_are_refused() {
    let cert = cert(&[ALICE]);
    let other = super::cert(&[ALICE]);
    let body = [
        bytes(&other),
        bytes(&add(&cert, [hard(&cert)])),
        secret(&other),
    ]
    .concat();
    let refreshed = refresh(&cert, &body).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Updated);
    assert!(refreshed.after().is_revoked());
    assert_eq!(reasons(&refreshed), [Reason::SecretKey, Reason::OtherKey]);
}

#[tokio::test]
async fn revocations_count_wherever_they_stand() {
    let cert = cert(&[ALICE]);
    let other = super::cert(&["mallory"]);
    let key = packet_bytes(hard(&cert));
    let of_subkey = packet_bytes(revoke_subkey(&cert, 1, day(-1)));
    let armored = {
        let mut sink = openpgp_discovery::openpgp::armor::Writer::new(
            Vec::new(),
            openpgp_discovery::openpgp::armor::Kind::PublicKey,
        )
        .expect("a writer");
        Packet::from(hard(&cert))
            .serialize(&mut sink)
            .expect("octets");
        sink.finalize().expect("octets")
    };
    for (name, body, kind) in [
        ("alone", key.clone(), ChangeKind::Revoked),
        ("in armor", armored, ChangeKind::Revoked),
        (
            "before",
            [key.clone(), bytes(&cert)].concat(),
            ChangeKind::Revoked,
        ),
        (
            "behind",
            [bytes(&cert), key.clone()].concat(),
            ChangeKind::Revoked,
        ),
        (
            "behind another",
            [bytes(&other), key.clone()].concat(),
            ChangeKind::Revoked,
        ),
        (
            "before what is cut off",
            [&key[..], &bytes(&cert)[..40]].concat(),
            ChangeKind::Revoked,
        ),
        (
            "of a subkey, alone",
            of_subkey.clone(),
            ChangeKind::SubkeyRevoked,
        ),
        (
            "of a subkey, misplaced",
            [
                bytes(&without_user_ids(&cert).retain_subkeys(|_| false)),
                of_subkey,
            ]
            .concat(),
            ChangeKind::SubkeyRevoked,
        ),
    ] {
        let refreshed = refresh(&cert, &body).await;
        assert_eq!(refreshed.outcome(), RefreshOutcome::Updated, "{name}");
        assert_eq!(kinds(&refreshed), [kind], "{name}");
        let again = refresh(refreshed.cert(), &body).await;
        assert_ne!(again.outcome(), RefreshOutcome::Updated, "{name}");
    }
    // A known one alone says that there is nothing new.
    let refreshed = refresh(&add(&cert, [hard(&cert)]), &packet_bytes(hard(&cert))).await;
    assert_ne!(refreshed.outcome(), RefreshOutcome::NotFound);
}

#[tokio::test]
async fn twenty_thousand_signatures_hide_no_revocation() {
    let cert = cert(&[ALICE]);
    let revocation = packet_bytes(hard(&cert));
    let of_subkey = packet_bytes(revoke_subkey(&cert, 1, day(-1)));
    // The same binding, with another unsigned area or a broken signature: the
    // first octets of the digest fit, and nothing else does.
    let binding = packet_bytes(bind(&cert, ALICE, day(-2), None));
    let body = packets(&binding)
        .next()
        .expect("one")
        .expect("whole")
        .body();
    let type_at = binding.len() - body.len() + 1;
    let flood = |typ: Option<u8>| {
        let mut flood = Vec::new();
        for n in 0..20_000u32 {
            let mut packet = binding.clone();
            if let Some(typ) = typ {
                packet[type_at] = typ;
            }
            let end = packet.len();
            packet[end - 4..].copy_from_slice(&n.to_be_bytes());
            flood.extend(packet);
        }
        flood
    };
    for (name, typ) in [
        ("bindings", None),
        ("revocations", Some(0x20)),
        ("subkeys", Some(0x28)),
    ] {
        let flood = flood(typ);
        assert!(flood.len() < 4 << 20);
        // Behind the User ID, or behind the last subkey.
        let octets = bytes(&cert);
        let (start, end) = match typ {
            Some(_) => (&octets[..], &[][..]),
            None => octets.split_at(bytes(&cert.clone().retain_subkeys(|_| false)).len()),
        };
        let refreshed = refresh(&cert, &[start, &flood, end].concat()).await;
        assert_eq!(refreshed.outcome(), RefreshOutcome::Failed, "{name}");
        assert_eq!(reasons(&refreshed), [Reason::TooLarge], "{name}");

        let hidden = [start, &flood, end, &revocation, &of_subkey].concat();
        let refreshed = refresh(&cert, &hidden).await;
        assert_eq!(refreshed.outcome(), RefreshOutcome::Updated, "{name}");
        assert_eq!(
            kinds(&refreshed),
            [ChangeKind::Revoked, ChangeKind::SubkeyRevoked],
            "{name}"
        );
        assert_eq!(reasons(&refreshed), [Reason::TooLarge], "{name}");
        assert!(refreshed.error().is_some(), "there may be more");
        let again = refresh(refreshed.cert(), &hidden).await;
        assert_eq!(again.outcome(), RefreshOutcome::Failed, "{name}");
    }
}

#[tokio::test]
async fn forged_revocations_revoke_nothing() {
    let cert = cert(&[ALICE]);
    let forgeries: Vec<_> = (0..31).map(|n| packet_bytes(forged(&cert, n))).collect();
    let mallory = cert_of_mallory();
    let by_stranger = builder(SignatureType::KeyRevocation, day(-1))
        .sign_direct_key(&mut signer(&mallory), Some(cert.primary_key().key()))
        .expect("a signature");
    let primary = packet_bytes(Packet::PublicKey(cert.primary_key().key().clone()));
    let rest = bytes(&cert)[primary.len()..].to_vec();
    let body = [primary, forgeries.concat(), packet_bytes(by_stranger), rest].concat();
    let refreshed = refresh(&cert, &body).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Unchanged);
    assert!(refreshed.after().is_valid());
}

/// The owner made many: enough of them are taken.
#[tokio::test]
async fn more_revocations_than_anybody_needs() {
    let cert = cert(&[ALICE]);
    let many: Vec<_> = (0..200)
        .map(|n| {
            let at = day(-10) + Duration::from_secs(n);
            packet_bytes(revoke(&cert, None, at))
        })
        .collect();
    let refreshed = refresh(&cert, &[bytes(&cert), many.concat()].concat()).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Updated);
    assert!(refreshed.after().is_revoked());
    let taken = refreshed.cert().primary_key().self_revocations().count();
    assert_eq!(taken, 32);
}
