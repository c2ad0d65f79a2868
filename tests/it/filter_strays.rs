//! Revocations of subkeys and User IDs that do not stand behind what they revoke.

use std::time::{Duration, Instant};

use openpgp_discovery::filter::{Filter, Filtered, Kept, packets};
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::UserID;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::{ReasonForRevocation, RevocationStatus, SignatureType};
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::{ChangeKind, Limits, Reason, RefreshOutcome};

use crate::refresh::{
    ALICE, OTHER, builder, bytes, cert, day, kinds, packet_bytes, refresh, revoke_subkey,
    revoke_user_id, signer, subkey,
};

/// Another User ID of the same address.
const BARE: &str = "alice@example.org";

fn by_address(body: &[u8]) -> Filtered {
    Filter::new().apply(body, &BARE.parse().expect("an address"))
}

fn by_key(cert: &Cert, body: &[u8]) -> Filtered {
    Filter::new().apply_to_key(body, &cert.key_handle())
}

/// What was kept of this certificate.
fn kept<'f>(filtered: &'f Filtered, cert: &Cert) -> Option<&'f Kept> {
    let mut all = filtered.kept().iter();
    all.find(|kept| kept.cert().fingerprint() == cert.fingerprint())
}

/// The octets of each packet.
fn split(octets: &[u8]) -> Vec<Vec<u8>> {
    let all = packets(octets).map(|packet| packet.expect("whole"));
    all.map(|packet| packet.bytes().to_vec()).collect()
}

/// The stray in each place among the packets.
fn everywhere(whole: &[u8], stray: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let whole = split(whole);
    (0..=whole.len()).map(move |at| {
        let (front, back) = whole.split_at(at);
        (at, [&front.concat(), stray, &back.concat()].concat())
    })
}

/// How many subkeys are revoked.
fn revoked_subkeys(cert: &Cert) -> usize {
    let policy = StandardPolicy::new();
    let statuses = cert.keys().subkeys();
    let statuses = statuses.filter(|subkey| {
        let status = subkey.revocation_status(&policy, None);
        matches!(status, RevocationStatus::Revoked(_))
    });
    statuses.count()
}

#[tokio::test]
async fn a_revoked_subkey_is_revoked_wherever_that_stands() {
    let cert = cert(&[ALICE, OTHER]);
    let other = crate::refresh::cert(&["mallory@example.net"]);
    let whole = [bytes(&other), bytes(&cert), bytes(&other)].concat();
    // The subkey that signs, and the one that encrypts.
    for nth in [0, 1] {
        let stray = packet_bytes(revoke_subkey(&cert, nth, day(-1)));
        for (at, body) in everywhere(&whole, &stray) {
            for filtered in [by_address(&body), by_key(&cert, &body)] {
                let kept = kept(&filtered, &cert).expect("the certificate");
                assert_eq!(revoked_subkeys(kept.cert()), 1, "subkey {nth} at {at}");
                assert_eq!(kept.can_encrypt(), nth == 0, "subkey {nth} at {at}");
                assert_eq!(kept.notes(), &[] as &[String], "subkey {nth} at {at}");
                assert!(!kept.is_cut(), "subkey {nth} at {at}");
                assert_eq!(kept.cert().bad_signatures().count(), 0);
            }
            let news = refresh(&cert, &body).await;
            assert_eq!(news.outcome(), RefreshOutcome::Updated, "at {at}");
            assert_eq!(kinds(&news), [ChangeKind::SubkeyRevoked], "at {at}");
            assert_eq!(revoked_subkeys(news.cert()), 1, "subkey {nth} at {at}");
            let again = refresh(news.cert(), &body).await;
            assert_eq!(again.outcome(), RefreshOutcome::Unchanged, "at {at}");
        }
    }
}

#[tokio::test]
async fn a_revoked_user_id_is_revoked_wherever_that_stands() {
    let cert = cert(&[ALICE, BARE, OTHER]);
    let other = crate::refresh::cert(&["mallory@example.net"]);
    let whole = [bytes(&other), bytes(&cert), bytes(&other)].concat();
    let stray = packet_bytes(revoke_user_id(&cert, BARE, day(-1)));
    let bare = UserID::from(BARE);
    for (at, body) in everywhere(&whole, &stray) {
        for (filtered, left) in [(by_address(&body), 1), (by_key(&cert, &body), 2)] {
            let kept = kept(&filtered, &cert).expect("the certificate");
            assert_eq!(kept.cert().userids().count(), left, "at {at}");
            assert!(kept.cert().userids().all(|id| *id.userid() != bare));
            assert!(kept.is_usable() && !kept.is_cut(), "at {at}");
            assert_eq!(kept.notes(), &[] as &[String], "at {at}");
        }
        let news = refresh(&cert, &body).await;
        assert_eq!(news.outcome(), RefreshOutcome::Updated, "at {at}");
        assert_eq!(kinds(&news), [ChangeKind::UserIdRevoked], "at {at}");
    }
    // The last one of the address.
    let stray = packet_bytes(revoke_user_id(&cert, ALICE, day(-1)));
    let only = cert.clone().retain_userids(|id| *id.userid() != bare);
    for (at, body) in everywhere(&bytes(&only), &stray) {
        let filtered = by_address(&body);
        assert!(filtered.kept().is_empty(), "at {at}");
        let reason = filtered.rejected()[0].reason();
        assert_eq!(reason, Reason::AddressNotCertified, "at {at}");
    }
}

/// Without a certificate, and in one that is cut off or refused.
#[tokio::test]
async fn revocations_of_components_hold_without_a_certificate() {
    let cert = cert(&[ALICE, BARE]);
    let of_subkey = packet_bytes(revoke_subkey(&cert, 1, day(-1)));
    let of_user_id = packet_bytes(revoke_user_id(&cert, BARE, day(-1)));
    let both = [of_subkey.clone(), of_user_id.clone()].concat();
    let whole = bytes(&cert);
    let revoked = cert.clone().insert_packets([
        Packet::from_bytes(&of_subkey).expect("a packet"),
        Packet::from_bytes(&of_user_id).expect("a packet"),
    ]);
    let revoked = bytes(&revoked.expect("they fit").0);
    let cut = &revoked[..revoked.len() - 1];
    let is_user_id = |packet: &Vec<u8>| packet[0] & 0x3f == 13;
    let front: Vec<u8> = split(&whole)
        .into_iter()
        .take_while(|packet| !is_user_id(packet))
        .flatten()
        .collect();
    for (name, body) in [
        ("alone", both.clone()),
        ("behind the key alone", [&front[..], &both].concat()),
        ("behind what is cut off", [&both, &whole[..40]].concat()),
    ] {
        let news = refresh(&cert, &body).await;
        assert_eq!(
            kinds(&news),
            [ChangeKind::SubkeyRevoked, ChangeKind::UserIdRevoked],
            "{name}"
        );
    }
    for (name, body) in [
        ("a copy that is cut off", [&whole[..], cut].concat()),
        ("the same before", [cut, &whole].concat()),
    ] {
        // Where the first one is cut off, what follows is a part of its last packet.
        let filtered = by_address(&body);
        if let Some(kept) = kept(&filtered, &cert) {
            assert_eq!(kept.cert().userids().count(), 1, "{name}");
            assert!(!kept.can_encrypt(), "{name}");
        } else {
            assert_eq!(filtered.rejected()[0].reason(), Reason::Malformed);
        }
    }
}

#[tokio::test]
async fn a_designated_revoker_revokes_a_subkey_from_anywhere() {
    let (revoker, _) = CertBuilder::new().generate().expect("a certificate");
    let (cert, _) = CertBuilder::general_purpose(Some(ALICE))
        .set_creation_time(day(-30))
        .set_revocation_keys(vec![(&revoker).into()])
        .generate()
        .expect("a certificate");
    let encrypts = cert
        .keys()
        .with_policy(&StandardPolicy::new(), None)
        .for_transport_encryption()
        .next()
        .expect("a subkey")
        .key()
        .clone()
        .role_into_subordinate();
    let (stranger, _) = CertBuilder::new().generate().expect("a certificate");
    for (by, counts) in [(&revoker, true), (&stranger, false)] {
        let stray = SubkeyRevocationBuilder::new()
            .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
            .and_then(|b| b.build(&mut signer(by), &cert, &encrypts, None))
            .expect("a signature");
        let stray = packet_bytes(stray);
        for (at, body) in everywhere(&bytes(&cert), &stray) {
            // What stands behind the certificate of whoever made it is theirs.
            let body = [body, bytes(by)].concat();
            for filtered in [by_address(&body), by_key(&cert, &body)] {
                let kept = kept(&filtered, &cert).expect("the certificate");
                assert_eq!(kept.can_encrypt(), !counts, "at {at}");
            }
            let news = refresh(&cert, &body).await;
            let expected: &[_] = if counts {
                &[ChangeKind::SubkeyRevoked]
            } else {
                &[]
            };
            assert_eq!(kinds(&news), expected, "at {at}");
            // Without the revoker's key nobody can tell; it is handed on.
            let body = &body[..body.len() - bytes(by).len()];
            let filtered = by_address(body);
            let kept = kept(&filtered, &cert).expect("the certificate");
            assert!(kept.can_encrypt(), "at {at}");
            let subkeys = kept.cert().keys().subkeys();
            let handed_on: usize = subkeys
                .map(|subkey| subkey.bundle().other_revocations().count())
                .sum();
            assert_eq!(handed_on, usize::from(counts), "at {at}");
            assert!(!counts || !kept.notes().is_empty(), "at {at}");
        }
    }
}

/// Packets that say that they are this subkey, and are none.
fn broken(subkey: &[u8]) -> Vec<Vec<u8>> {
    let whole = packets(subkey).next().expect("one").expect("whole");
    let body = whole.body();
    let of_version = |version| [&[version], &body[1..]].concat();
    let bodies = [
        Vec::new(),
        body[..8].to_vec(),
        body[..body.len() - 1].to_vec(),
        [body, &[0]].concat(),
        of_version(2),
        of_version(9),
    ];
    let packet = |body: &Vec<u8>| {
        let length = u8::try_from(body.len()).expect("short");
        [&[0xc0 | 14, length][..], body].concat()
    };
    bodies.iter().map(packet).collect()
}

/// Else whoever breaks a copy of a subkey takes what stands behind it away.
#[tokio::test]
async fn a_subkey_that_cannot_be_read_hides_no_revocation() {
    let (revoker, _) = CertBuilder::new().generate().expect("a certificate");
    let (cert, _) = CertBuilder::new()
        .set_creation_time(day(-30))
        .set_revocation_keys(vec![(&revoker).into()])
        .add_userid(ALICE)
        .add_signing_subkey()
        .add_transport_encryption_subkey()
        .generate()
        .expect("a certificate");
    let whole = bytes(&cert);
    let primary = &split(&whole)[0];
    let encrypts = subkey(&cert, 1);
    let by_revoker = SubkeyRevocationBuilder::new()
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
        .and_then(|b| b.build(&mut signer(&revoker), &cert, &encrypts, None))
        .expect("a signature");
    let by_revoker = packet_bytes(by_revoker);
    let by_owner = packet_bytes(revoke_subkey(&cert, 1, day(-1)));
    for broken in broken(&packet_bytes(Packet::PublicSubkey(encrypts))) {
        for (who, stray) in [("owner", &by_owner), ("revoker", &by_revoker)] {
            let tail = [&broken[..], stray].concat();
            for (place, body) in [
                ("behind the others", [&whole[..], &tail].concat()),
                ("in a copy before", [&primary[..], &tail, &whole].concat()),
                ("in a copy behind", [&whole[..], primary, &tail].concat()),
            ] {
                let name = format!("{who} {place}, {broken:02x?}");
                let body = [body, bytes(&revoker)].concat();
                for filtered in [by_address(&body), by_key(&cert, &body)] {
                    let kept = kept(&filtered, &cert).expect("the certificate");
                    assert!(!kept.can_encrypt(), "{name}");
                    assert_eq!(kept.cert().keys().subkeys().count(), 2, "{name}");
                    assert_eq!(kept.notes(), &[] as &[String], "{name}");
                    assert!(!kept.is_cut(), "{name}");
                }
                let news = refresh(&cert, &body).await;
                assert_eq!(kinds(&news), [ChangeKind::SubkeyRevoked], "{name}");
            }
        }
    }
}

/// Markers, trust and padding say nothing, whatever they hold.
#[test]
fn what_is_ignored_hides_no_revocation() {
    let cert = cert(&[ALICE, BARE]);
    let mut parts = split(&bytes(&cert));
    let at = |parts: &[Vec<u8>], packet: Vec<u8>| {
        let at = parts.iter().position(|part| *part == packet);
        at.expect("its place") + 1
    };
    let of_subkey = packet_bytes(revoke_subkey(&cert, 1, day(-1)));
    let of_user_id = packet_bytes(revoke_user_id(&cert, BARE, day(-1)));
    let behind = at(&parts, packet_bytes(Packet::PublicSubkey(subkey(&cert, 1))));
    parts.insert(behind, of_subkey.clone());
    let behind = at(&parts, packet_bytes(UserID::from(BARE)));
    parts.insert(behind, of_user_id.clone());
    for tag in [10, 12, 21] {
        let copies = parts.iter().flat_map(|part| match part[0] & 0x3f {
            2 => vec![[&[0xc0 | tag], &part[1..]].concat(), part.clone()],
            _ => vec![part.clone()],
        });
        let body = copies.collect::<Vec<_>>().concat();
        for filtered in [by_address(&body), by_key(&cert, &body)] {
            let kept = kept(&filtered, &cert).expect("the certificate");
            assert_eq!(revoked_subkeys(kept.cert()), 1, "{tag}");
            assert_eq!(kept.cert().userids().count(), 1, "{tag}");
            assert!(!kept.can_encrypt() && !kept.is_cut(), "{tag}");
            assert_eq!(kept.notes(), &[] as &[String], "{tag}");
        }
    }
}

/// Revocations of subkeys in the owner's name, the digest's first octets of which
/// fit, or do not.
fn forgeries(cert: &Cert, count: u32, fit: bool) -> Vec<u8> {
    let mut forged = Vec::new();
    for n in 0..count {
        let at = day(-20) + Duration::from_secs(n.into());
        let revocation = builder(SignatureType::SubkeyRevocation, at)
            .sign_subkey_binding(
                &mut signer(cert),
                Some(cert.primary_key().key()),
                &subkey(cert, 1),
            )
            .expect("a signature");
        let prefix = *revocation.digest_prefix();
        let mut packet = packet_bytes(revocation);
        let end = packet.len();
        match fit {
            true => packet[end - 4] ^= 1,
            false => {
                let mut pairs = packet.windows(2);
                let prefix_at = pairs.rposition(|pair| pair == prefix).expect("its place");
                packet[prefix_at] ^= 1;
            }
        }
        forged.extend(packet);
    }
    forged
}

/// They are looked at up to a limit; beyond, whoever asks is told that there are
/// more. They revoke nothing, take nothing away, and cost little.
#[test]
fn floods_of_strays_are_bounded() {
    let cert = cert(&[ALICE, BARE, OTHER]);
    let genuine = packet_bytes(revoke_subkey(&cert, 1, day(-1)));
    let whole = bytes(&cert);
    let many = forgeries(&cert, 1200, false);
    let fitting = forgeries(&cert, 40, true);
    let few = forgeries(&cert, 100, false);
    for (name, flood, is_cut) in [
        ("few", &few, false),
        ("many", &many, true),
        ("that fit", &fitting, true),
    ] {
        for nth in ["before", "behind the key"] {
            let mut parts = split(&whole);
            let at = usize::from(nth != "before");
            parts.insert(at, flood.clone());
            let body = parts.concat();
            let start = Instant::now();
            for filtered in [by_address(&body), by_key(&cert, &body)] {
                let kept = kept(&filtered, &cert).expect("the certificate");
                assert!(kept.is_usable(), "{name} {nth}");
                assert_eq!(kept.is_cut(), is_cut, "{name} {nth}");
                assert_eq!(kept.notes().len(), usize::from(is_cut), "{name} {nth}");
                assert_eq!(revoked_subkeys(kept.cert()), 0, "{name} {nth}");
            }
            assert!(start.elapsed() < Duration::from_secs(4), "{name} {nth}");
            // One that stands before them counts.
            parts.insert(at, genuine.clone());
            let filtered = by_address(&parts.concat());
            let kept = kept(&filtered, &cert).expect("the certificate");
            assert!(!kept.can_encrypt(), "{name} {nth}");
        }
    }
    // Nor do subkeys that cannot be read make room for more of them.
    let bare = bytes(&cert.clone().retain_subkeys(|_| false));
    for (name, front, flood, is_cut) in [
        ("few", &whole, &few, false),
        ("many", &whole, &many, true),
        ("few, of no subkey", &bare, &few, false),
        ("many, of no subkey", &bare, &many, true),
    ] {
        let strays = split(flood);
        let mut body = front.clone();
        for (n, strays) in strays.chunks(100).enumerate() {
            body.extend([0xc0 | 14, 1, u8::try_from(n).expect("few")]);
            body.extend(strays.concat());
        }
        for filtered in [by_address(&body), by_key(&cert, &body)] {
            let kept = kept(&filtered, &cert).expect("the certificate");
            assert_eq!(kept.is_usable(), front == &whole, "unread: {name}");
            assert_eq!(kept.is_cut(), is_cut, "unread: {name}");
            assert_eq!(revoked_subkeys(kept.cert()), 0, "unread: {name}");
        }
    }
    // Arithmetic ends with the budget, and the certificate is told to be cut.
    let mut limits = Limits::default();
    limits.verifications = 30;
    let body = [&many[..], &whole].concat();
    let address = BARE.parse().expect("an address");
    let filtered = Filter::new().limits(limits).apply(&body, &address);
    let kept = kept(&filtered, &cert).expect("the certificate");
    assert!(kept.is_cut());
}

/// A key server that was told of a subkey late, say.
#[test]
fn revocations_of_what_is_absent_say_nothing() {
    let cert = cert(&[ALICE, BARE]);
    let stray = packet_bytes(revoke_subkey(&cert, 0, day(-1)));
    let gone = subkey(&cert, 0).fingerprint();
    let rest = cert
        .clone()
        .retain_subkeys(|k| k.key().fingerprint() != gone);
    for (at, body) in everywhere(&bytes(&rest), &stray) {
        let filtered = by_address(&body);
        let kept = kept(&filtered, &cert).expect("the certificate");
        assert!(kept.is_usable() && kept.notes().is_empty(), "at {at}");
        assert!(!kept.is_cut(), "at {at}");
    }
}
