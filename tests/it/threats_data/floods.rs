//! Much of everything.

use std::time::{Duration, SystemTime};

use openpgp_discovery::filter::Filter;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::UserID;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::signature::subpacket::NotationDataFlags;
use openpgp_discovery::openpgp::types::{HashAlgorithm, SignatureType};
use openpgp_discovery::{Limits, Reason};
use testbed::certs;

use super::*;

/// Signatures in the name of this issuer, which nobody made.
fn fakes(count: u32, typ: u8, issuer: &[u8]) -> Vec<u8> {
    fakes_since(0, count, typ, issuer)
}

fn fakes_since(first: u32, count: u32, typ: u8, issuer: &[u8]) -> Vec<u8> {
    let fake = |n: u32| {
        let n = first + n;
        let area = [&[5, 2][..], &n.to_be_bytes(), &[22, 33, 4], issuer].concat();
        let mut body = vec![4, typ, 22, 8, 0, u8::try_from(area.len()).expect("short")];
        body.extend(area);
        body.extend([0, 0, 0, 0, 0, 1, 1, 0, 1, 1]);
        packet(SIGNATURE, &body)
    };
    (0..count).flat_map(fake).collect()
}

/// A flood hides what stands in it: that is a failure, and no absence. One by others
/// is dropped.
#[test]
fn floods_are_refused_or_dropped() {
    let sample = certs::cert(&[ALICE]);
    let fingerprint = sample.cert.fingerprint();
    let (own, other) = (fingerprint.as_bytes(), &[7; 20][..]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let soon = now.expect("after 1970").as_secs() + 60;
    let soon = u32::try_from(soon).expect("before 2106");
    let subkeys = |count: u32| -> Vec<u8> {
        let subkey = |n: u32| [&[4][..], &n.to_be_bytes(), &[100, 1, 2, 3]].concat();
        (0..count).flat_map(|n| packet(14, &subkey(n))).collect()
    };
    for (name, flood, expected) in [
        (
            "100,000 signatures",
            fakes(100_000, 0x13, other),
            Err("too many packets"),
        ),
        ("50,000 by others", fakes(50_000, 0x10, other), Ok(())),
        (
            "5,000 revocations by others",
            fakes(5_000, 0x30, other),
            Ok(()),
        ),
        (
            "5,000 in the owner's name",
            fakes(5_000, 0x1f, own),
            Err("too many signatures on a component"),
        ),
        (
            "5,000 revocations in the owner's name",
            fakes(5_000, 0x20, own),
            Err("too many signatures on a component"),
        ),
        (
            "100 in the owner's name, the newest",
            fakes_since(soon, 100, 0x1f, own),
            Err("too many signatures that do not verify"),
        ),
        // What is newer decides, and is good.
        (
            "100 in the owner's name, old",
            fakes(100, 0x1f, own),
            Ok(()),
        ),
        (
            "100 revocations in the owner's name, old",
            fakes(100, 0x20, own),
            Ok(()),
        ),
        ("5,000 subkeys", subkeys(5_000), Err("too many subkeys")),
        ("200 subkeys that nobody bound", subkeys(200), Ok(())),
    ] {
        let mut limits = Limits::default();
        limits.body = 8 << 20;
        let filter = Filter::new().limits(limits);
        // Direct-key signatures stand behind the key, and certifications behind the
        // User ID; others at the end.
        let mut body = sample.binary();
        let behind = |tag: u8| {
            let packets = openpgp_discovery::filter::packets(&body).map(|p| p.expect("whole"));
            let mut at = 0;
            for packet in packets {
                at += packet.bytes().len();
                if packet.tag() == tag {
                    break;
                }
            }
            at
        };
        let at = match name {
            _ if name.contains("owner") => behind(PUBLIC_KEY),
            _ if name.contains("others") => behind(USER_ID),
            _ => body.len(),
        };
        body.splice(at..at, flood);
        let filtered = filter.apply(&body, &alice());
        let told = match filtered.rejected() {
            [] => Ok(()),
            [rejection, ..] => {
                assert_eq!(rejection.reason(), Reason::TooLarge, "{name}");
                Err(rejection.detail())
            }
        };
        assert_eq!(told, expected, "{name}");
        assert_eq!(filtered.kept().len(), usize::from(told.is_ok()), "{name}");
    }
}

/// Sixteen notations of 60,000 octets each, the owner's own.
#[test]
fn giant_notations_are_kept_up_to_a_limit() {
    for (user_ids, expected) in [(4, Ok(())), (16, Err(Reason::TooLarge))] {
        let (cert, _) = CertBuilder::new().generate().expect("a key");
        let primary = cert.primary_key().key().clone();
        let signer = primary.clone().parts_into_secret();
        let mut signer = signer.and_then(|k| k.into_keypair()).expect("a secret");
        let mut body = octets(primary.clone());
        for n in 0..user_ids {
            let id = UserID::from(format!("{n} <alice@example.org>"));
            let flags = NotationDataFlags::empty();
            let binding = SignatureBuilder::new(SignatureType::PositiveCertification)
                .add_notation("n@example.org", vec![b'x'; 60_000], flags, false)
                .and_then(|b| b.sign_userid_binding(&mut signer, Some(&primary), &id));
            body.extend(octets(id));
            body.extend(octets(binding.expect("a signature")));
        }
        let filtered = apply(&body);
        let told = filtered
            .rejected()
            .first()
            .map_or(Ok(()), |r| Err(r.reason()));
        assert_eq!(told, expected, "{user_ids}");
    }
}

/// A User ID of 400 KiB is hashed anew for each signature on it: that is paid for,
/// although none of them comes to any arithmetic.
#[test]
fn hashing_is_part_of_the_budget() {
    let at = SystemTime::now() - Duration::from_secs(60);
    let (cert, _) = CertBuilder::new()
        .set_creation_time(at)
        .generate()
        .expect("a key");
    let (other, _) = CertBuilder::new().generate().expect("a key");
    let primary = cert.primary_key().key().clone();
    let signer = other.primary_key().key().clone().parts_into_secret();
    let mut signer = signer.and_then(|k| k.into_keypair()).expect("a secret");
    let mut body = octets(primary.clone());
    let id = format!("{} <alice@example.org>", "x".repeat(400 << 10));
    body.extend(octets(UserID::from(id)));
    for n in 0..30u8 {
        let wrong = UserID::from(format!("{n}"));
        let binding = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_hash_algo(HashAlgorithm::SHA256)
            .set_issuer_fingerprint(cert.fingerprint())
            .and_then(|b| b.sign_userid_binding(&mut signer, Some(&primary), &wrong));
        body.extend(octets(binding.expect("a signature")));
    }
    let refusal = |verifications: usize| {
        let mut limits = Limits::default();
        limits.verifications = verifications;
        let filtered = Filter::new().limits(limits).apply(&body, &alice());
        filtered.rejected()[0].reason()
    };
    assert_eq!(refusal(Limits::default().verifications), Reason::TooLarge);
    assert_eq!(refusal(usize::MAX), Reason::AddressNotCertified);
}
