//! Packets that have no place in a certificate, and such as nest.

use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::signature::subpacket::{
    NotationDataFlags, Subpacket, SubpacketTag, SubpacketValue,
};
use openpgp_discovery::openpgp::types::{ReasonForRevocation, SignatureType};
use openpgp_discovery::{CertStatus, Reason};
use testbed::certs;

use super::*;

/// Compression would let a small answer be a large one.
#[test]
fn compressed_packets_are_not_unpacked() {
    let cert = certs::cert(&[ALICE]).binary();
    let mut wrapped = vec![0];
    wrapped.extend(&cert);
    for (name, body, expected) in [
        (
            "around it",
            packet(COMPRESSED, &wrapped),
            (0, Reason::Malformed),
        ),
        (
            "behind it",
            [&cert[..], &packet(COMPRESSED, &wrapped)].concat(),
            (0, Reason::Malformed),
        ),
        (
            "before it",
            [&packet(COMPRESSED, &wrapped), &cert[..]].concat(),
            (1, Reason::Malformed),
        ),
    ] {
        let (kept, reasons) = told(&apply(&body));
        assert_eq!(
            (kept, &reasons[..]),
            (expected.0, &[expected.1][..]),
            "{name}"
        );
    }
}

/// All 64 types, in the middle of a certificate.
#[test]
fn each_type_of_packet_has_its_place_or_is_refused() {
    let cert = certs::cert(&[ALICE]).binary();
    let whole: Vec<_> = openpgp_discovery::filter::packets(&cert)
        .map(|packet| packet.expect("whole").bytes().to_vec())
        .collect();
    for tag in 0..64 {
        let mut body = whole.clone();
        body.insert(2, packet(tag, b"abc"));
        let (kept, reasons) = told(&apply(&body.concat()));
        let expected = match tag {
            // A primary key begins the next certificate: one is cut in two.
            5 => vec![Reason::SecretKey, Reason::AddressNotCertified],
            6 => vec![Reason::UnsupportedAlgorithm, Reason::AddressNotCertified],
            7 => vec![Reason::SecretKey],
            // Signatures, other components, and what may be ignored.
            2 | 10 | 12 | 13 | 14 | 17 | 21 | 40.. => Vec::new(),
            _ => vec![Reason::Malformed],
        };
        assert_eq!(reasons, expected, "{tag}");
        assert_eq!(kept, usize::from(expected.is_empty()), "{tag}");
    }
}

/// Lengths in parts, and up to the end of the file: not in certificates.
#[test]
fn lengths_without_an_end_end_the_answer() {
    let cert = certs::cert(&[ALICE]);
    let other = certs::cert(&["Alice <alice@example.org>"]);
    for (name, frame) in [
        ("User ID in parts", &b"\xcd\xe1ab\x01c"[..]),
        ("signature in parts", b"\xc2\xe1ab\x01c"),
        ("a gigabyte announced", b"\xcd\xfea"),
        ("signature up to the end", b"\x8b\x04\x13"),
        ("User ID up to the end", b"\xb7alice@example.org"),
        ("four gigabytes", b"\xcd\xff\xff\xff\xff\xffa"),
    ] {
        let body = [&cert.binary()[..], frame, &other.binary()].concat();
        let filtered = apply(&body);
        assert_eq!(told(&filtered), (0, vec![Reason::Malformed]), "{name}");
        let whole = [&other.binary()[..], &body].concat();
        let filtered = apply(&whole);
        assert_eq!(told(&filtered), (1, vec![Reason::Malformed]), "{name}");
        assert!(filtered.kept()[0].is_cut(), "{name}");
    }
}

/// A signature in a signature in a signature: each holds the next one.
fn nested(depth: usize, issuer: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for level in 0..depth {
        let length = u32::try_from(body.len() + 1).expect("short");
        let mut area = Vec::new();
        if level > 0 {
            area.push(0xff);
            area.extend(length.to_be_bytes());
            area.push(32);
            area.extend(&body);
        }
        // Version 6 has areas of any size.
        let mut next = vec![6, 0x18, 27, 8];
        let hashed = match level + 1 == depth {
            true => [&[5, 2, 0x60, 0, 0, 0][..], issuer].concat(),
            false => Vec::new(),
        };
        next.extend(u32::try_from(hashed.len()).expect("short").to_be_bytes());
        next.extend(hashed);
        next.extend(u32::try_from(area.len()).expect("short").to_be_bytes());
        next.extend(area);
        next.extend([0, 0, 16]);
        next.extend([0; 16]);
        next.extend([0; 64]);
        body = next;
    }
    body
}

/// As deep as a megabyte allows: no stack is deep enough for a parser that follows.
#[test]
fn nested_signatures_are_not_followed() {
    let sample = certs::cert(&[ALICE]);
    let fingerprint = sample.cert.fingerprint();
    let issuer = [&[22, 33, 4][..], fingerprint.as_bytes()].concat();
    for depth in [1, 2, 20, 500, 4_500] {
        let body = [
            &sample.binary()[..],
            &packet(SIGNATURE, &nested(depth, &issuer)),
        ]
        .concat();
        assert!(body.len() < 1 << 19, "{depth} {}", body.len());
        let filtered = apply(&body);
        assert_eq!(filtered.kept().len(), 1, "{depth}");
        assert!(filtered.kept()[0].is_usable(), "{depth}");
    }
}

/// What is critical and unknown makes a statement void for the policy, but for a
/// revocation: who revokes means it.
#[test]
fn unknown_critical_subpackets_void_no_revocation() {
    let critical = |builder: SignatureBuilder, kind: &str| match kind {
        "subpacket" => builder.modify_hashed_area(|mut area| {
            let value = SubpacketValue::Unknown {
                tag: SubpacketTag::Private(101),
                body: b"?".to_vec(),
            };
            area.add(Subpacket::new(value, true)?)?;
            Ok(area)
        }),
        _ => builder.add_notation("n@example.org", b"?", NotationDataFlags::empty(), true),
    };
    for kind in ["subpacket", "notation"] {
        let (cert, _) = CertBuilder::new().generate().expect("a key");
        let primary = cert.primary_key().key().clone();
        let signer = primary.clone().parts_into_secret();
        let mut signer = signer.and_then(|k| k.into_keypair()).expect("a secret");
        let id = UserID::from(ALICE);
        let bound = critical(
            SignatureBuilder::new(SignatureType::PositiveCertification),
            kind,
        )
        .and_then(|b| b.sign_userid_binding(&mut signer, Some(&primary), &id))
        .expect("a signature");
        let revoked = critical(SignatureBuilder::new(SignatureType::KeyRevocation), kind)
            .and_then(|b| b.set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b""))
            .and_then(|b| b.sign_direct_key(&mut signer, Some(&primary)))
            .expect("a signature");
        let key = octets(primary);
        let tail = [octets(id), octets(bound)].concat();
        let filtered = apply(&[&key[..], &tail].concat());
        assert_eq!(
            filtered.kept()[0].status(),
            &CertStatus::RejectedByPolicy,
            "{kind}"
        );
        let filtered = apply(&[&key[..], &octets(revoked), &tail].concat());
        let status = filtered.kept()[0].status();
        assert!(matches!(status, CertStatus::Revoked(_)), "{kind}: {status}");
    }
}

/// Keys and signatures of versions that nobody has.
#[test]
fn unknown_versions_are_told_and_not_believed() {
    let sample = certs::cert(&[ALICE]);
    for version in [0, 1, 2, 3, 5, 7, 255] {
        let key = packet(PUBLIC_KEY, &[version, 0, 0, 0, 1, 22, 0, 0]);
        let id = packet(USER_ID, ALICE.as_bytes());
        let filtered = apply(&[&key[..], &id].concat());
        assert_eq!(
            told(&filtered),
            (0, vec![Reason::UnsupportedAlgorithm]),
            "{version}"
        );
        // Beside a good one it takes nothing away.
        let filtered = apply(&[&sample.binary()[..], &key, &id].concat());
        assert!(filtered.kept()[0].is_usable(), "{version}");
    }
    let binary = sample.binary();
    let whole = openpgp_discovery::filter::packets(&binary).map(|packet| packet.expect("whole"));
    let key = whole.map(|packet| packet.bytes().len()).next();
    for version in [0, 1, 2, 5, 7, 255] {
        let strange = packet(SIGNATURE, &[version, 0x20, 22, 8, 0, 0, 0, 0, 0, 0]);
        // Behind the key, and behind its last subkey.
        for at in [key.expect("a key"), binary.len()] {
            let (head, tail) = binary.split_at(at);
            let filtered = apply(&[head, &strange, tail].concat());
            assert_eq!(told(&filtered), (1, Vec::new()), "{version}");
            let kept = &filtered.kept()[0];
            assert!(kept.is_usable(), "{version}");
            let is_told = kept.notes().iter().any(|n| n.contains("unknown version"));
            assert!(is_told, "{version} {at}: {:?}", kept.notes());
        }
    }
}
