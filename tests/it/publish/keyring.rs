//! Certificates as people keep them.

use std::time::SystemTime;

use openpgp_discovery::CertStatus;
use openpgp_discovery::filter::packets;
use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::packet::signature::subpacket::{
    Subpacket, SubpacketTag, SubpacketValue,
};
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::ReasonForRevocation;
use openpgp_discovery::openpgp::{Fingerprint, Packet};
use testbed::certs::{Recipe, cert, subkey, with_subkey_revoked, with_user_id_revoked};

use super::{ALICE, HOME, POLICY};

const SALES: &str = "Sales <sales@example.org>";

/// The certificates and what is broken, in short.
fn read(keyring: &Keyring) -> (Vec<Fingerprint>, Vec<String>) {
    let (mut certs, mut broken) = (Vec::new(), Vec::new());
    for cert in keyring.certs() {
        match cert {
            Ok(cert) => {
                assert!(!cert.is_tsk());
                certs.push(cert.fingerprint());
            }
            Err(error) => broken.push(error.to_string()),
        }
    }
    (certs, broken)
}

fn keyring(octets: impl AsRef<[u8]>) -> Keyring {
    let mut keyring = Keyring::new();
    keyring.add_bytes("it", octets);
    keyring
}

#[test]
fn what_is_broken_does_not_spoil_what_is_not() {
    let (a, b) = (cert(&[ALICE]), cert(&[HOME]));
    let both = vec![a.cert.fingerprint(), b.cert.fingerprint()];
    let (first, second) = (both[..1].to_vec(), both[1..].to_vec());
    let text = |block: &[u8]| [b"hello\n\n", block, b"\nbye\n"].concat();
    let cut = &b.armored()[..b.armored().len() / 2];
    let unknown = b"\xc6\x02\x09\x00";
    // Its User ID seems to be longer: nothing behind begins where it should, and no
    // packet begins with what is there.
    let mut swallowing = [a.binary(), b.binary()].concat();
    let user_id = a.cert.userids().next().expect("one").userid().value();
    let mut windows = swallowing.windows(user_id.len());
    let at = windows.position(|window| window == user_id).expect("it is");
    assert_eq!(usize::from(swallowing[at - 1]), user_id.len());
    let mut lengths = user_id.len() + 1..192;
    let length = lengths.find(|length| swallowing[at + length] < 0x80);
    swallowing[at - 1] = u8::try_from(length.expect("one of many")).expect("an octet");
    for (name, octets, certs, broken) in [
        ("binary", [a.binary(), b.binary()].concat(), &both, 0),
        (
            "armor",
            [text(&a.armored()), text(&b.armored())].concat(),
            &both,
            0,
        ),
        ("secret", [a.secret(), b.secret()].concat(), &both, 0),
        ("cut armor", [cut, b"\n", &a.armored()].concat(), &first, 1),
        (
            "cut",
            [&a.binary()[..], &b.binary()[..200]].concat(),
            &first,
            1,
        ),
        (
            "cut in the middle",
            [&a.binary()[..300], &b.binary()].concat(),
            &second,
            1,
        ),
        ("a length too large", swallowing, &second, 1),
        (
            "octets in between",
            [&a.binary(), &b"\x00\x01\x02"[..], &b.binary()].concat(),
            &second,
            1,
        ),
        ("strange", [unknown, &b.binary()[..]].concat(), &second, 1),
        (
            "in between",
            [&a.binary(), &unknown[..], &b.binary()].concat(),
            &both,
            1,
        ),
        (
            "stray",
            [b"\xcd\x01a", &b.binary()[..]].concat(),
            &second,
            1,
        ),
        ("empty", Vec::new(), &Vec::new(), 1),
        ("text", b"no certificate".to_vec(), &Vec::new(), 1),
        ("no packets", b"\xff\xff".to_vec(), &Vec::new(), 1),
    ] {
        let (found, errors) = read(&keyring(octets));
        assert_eq!(found, *certs, "{name}");
        assert_eq!(errors.len(), broken, "{name}: {errors:?}");
        assert!(
            errors.iter().all(|error| error.starts_with("it")),
            "{errors:?}"
        );
    }
}

#[test]
fn a_revocation_by_itself_is_applied() {
    let (a, b) = (cert(&[ALICE]), cert(&[HOME]));
    let revocation = Packet::from(a.revocation.clone()).to_vec().expect("octets");
    let (a_octets, b_octets) = (a.binary(), b.binary());
    let forged = {
        let other = cert(&[ALICE]);
        let mut octets = Packet::from(other.revocation).to_vec().expect("octets");
        // In the other's name: it is not a's, and does not verify.
        let at = octets.len() - 1;
        octets[at] ^= 1;
        octets
    };
    for (name, files, revoked) in [
        (
            "in front",
            vec![[&revocation, &a_octets, &b_octets[..]].concat()],
            true,
        ),
        (
            "behind",
            vec![[&a_octets, &revocation, &b_octets[..]].concat()],
            true,
        ),
        (
            "behind another",
            vec![[&a_octets, &b_octets, &revocation[..]].concat()],
            true,
        ),
        (
            "another file",
            vec![a_octets.clone(), revocation.clone()],
            true,
        ),
        (
            "another file in front",
            vec![revocation, a_octets.clone()],
            true,
        ),
        ("somebody else's", vec![forged, a_octets], false),
    ] {
        let mut keyring = Keyring::new();
        for (number, file) in files.into_iter().enumerate() {
            let read = keyring.add_reader(number, &file[..]);
            read.expect("memory does not fail");
        }
        let (certs, broken): (Vec<_>, Vec<_>) = keyring.certs().partition(Result::is_ok);
        assert_eq!(broken.is_empty(), revoked, "{name}: {broken:?}");
        let certs: Vec<_> = certs.into_iter().flatten().collect();
        let now = SystemTime::now();
        let statuses = certs.iter().map(|cert| CertStatus::of(cert, POLICY, now));
        let statuses: Vec<bool> = statuses.map(|status| status.is_revoked()).collect();
        assert_eq!(statuses[0], revoked, "{name}");
        assert!(statuses[1..].iter().all(|revoked| !revoked), "{name}");
    }
}

/// Of a subkey or of a User ID, wherever it stands: in what is published it counts.
#[test]
fn revocations_of_components_are_applied() {
    let a = Recipe::new(&[ALICE, SALES])
        .created(super::days_ago(30))
        .make();
    let b = cert(&[HOME]);
    let soft = ReasonForRevocation::KeyRetired;
    let encrypts = subkey(&a.cert, false);
    let day = super::days_ago(1);
    let revoked = with_subkey_revoked(&a.cert, &encrypts, soft, day);
    let revoked = with_user_id_revoked(&revoked, SALES, day);
    let known: Vec<_> = a.cert.clone().into_packets().collect();
    let new = revoked.into_packets().filter(|p| !known.contains(p));
    let strays: Vec<_> = new.map(|p| p.to_vec().expect("octets")).collect();
    assert_eq!(strays.len(), 2);
    let both = [a.binary(), b.binary()].concat();
    let ends = packets(&both).scan(0, |end, packet| {
        *end += packet.expect("whole").bytes().len();
        Some(*end)
    });
    let places = [0].into_iter().chain(ends);
    let mut files: Vec<_> = places
        .map(|at| vec![[&both[..at], &strays.concat(), &both[at..]].concat()])
        .collect();
    files.push(vec![both.clone(), strays.concat()]);
    let bare = a.cert.clone().retain_subkeys(|_| false);
    let bare = bare.retain_userids(|id| id.userid().value() == ALICE.as_bytes());
    let bare = bare.to_vec().expect("octets");
    files.push(vec![bare, both.clone(), strays.concat()]);
    files.push(vec![strays.concat(), both]);
    for (name, files) in files.into_iter().enumerate() {
        let mut keyring = Keyring::new();
        for file in files {
            keyring.add_bytes(name, file);
        }
        let certs: Result<Vec<_>, _> = keyring.certs().collect();
        let certs = certs.unwrap_or_else(|error| panic!("{name}: {error}"));
        let publication = super::plan(certs);
        let served = super::served_alice(&publication);
        let subkeys = served.keys().subkeys();
        let is_revoked: Vec<_> = subkeys
            .filter(|key| key.self_revocations().next().is_some())
            .map(|key| key.key().fingerprint())
            .collect();
        assert_eq!(is_revoked, std::slice::from_ref(&encrypts), "{name}");
        let sales = "sales@example.org".parse().expect("an address");
        assert!(publication.entry(&sales).is_none(), "{name}");
    }
}

#[test]
fn a_revocation_of_none_is_told_with_the_name_of_its_file() {
    let (a, b) = (cert(&[ALICE]), cert(&[HOME]));
    let revocation = Packet::from(a.revocation.clone()).to_vec().expect("octets");
    let mut keyring = Keyring::new();
    keyring.add_bytes("revocation", &revocation);
    assert!(keyring.is_empty());
    keyring.add_bytes("certificate", b.binary());
    assert_eq!(keyring.len(), 1);
    let all: Vec<_> = keyring.certs().collect();
    let [Ok(cert), Err(broken)] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(cert.fingerprint(), b.cert.fingerprint());
    assert_eq!(broken.name(), "revocation");
    let said = broken.to_string();
    assert!(said.contains(&a.cert.fingerprint().to_hex()), "{said}");
}

#[test]
fn what_stands_in_front_of_the_damage_is_no_whole_certificate() {
    let a = cert(&[ALICE]);
    let mut keyring = keyring(&a.secret()[..a.secret().len() - 1]);
    keyring.add_bytes("none", b"");
    let mut broken = keyring.certs().map(|cert| cert.expect_err("it is broken"));
    let cut = broken.next().and_then(|broken| broken.into_cert());
    let cut = cut.expect("most of it is there");
    assert_eq!(cut.fingerprint(), a.cert.fingerprint());
    assert!(!cut.is_tsk());
    let empty = broken.next().expect("another one");
    assert_eq!(empty.name(), "none");
    assert!(empty.into_cert().is_none());
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let mut keyring = Keyring::new();
    assert!(keyring.add_path("/nonexistent/keyring").is_err());
    assert_eq!(keyring.certs().count(), 0);
}

/// A revocation with something in it that nobody signed, and that cannot be written.
#[test]
fn what_can_be_read_and_not_written_is_left_out() {
    let a = cert(&[ALICE]);
    let mut revocation = a.revocation.clone();
    let of_version_9 = SubpacketValue::Unknown {
        tag: SubpacketTag::IssuerFingerprint,
        body: [&[9][..], &[7; 20]].concat(),
    };
    let of_version_9 = Subpacket::new(of_version_9, false).expect("a subpacket");
    let area = revocation.unhashed_area_mut();
    area.add(of_version_9).expect("room");
    let revocation = Packet::from(revocation).to_vec().expect("octets");
    let (behind, alone) = ([&a.binary()[..], &revocation].concat(), a.binary());
    for files in [&[&behind[..]][..], &[&revocation, &alone]] {
        let mut keyring = Keyring::new();
        files
            .iter()
            .for_each(|file| keyring.add_bytes("file", file));
        let all: Vec<_> = keyring.certs().collect();
        let [Ok(cert)] = &all[..] else {
            panic!("{all:?}");
        };
        let now = SystemTime::now();
        assert!(CertStatus::of(cert, POLICY, now).is_revoked());
        cert.to_vec().expect("octets");
    }
}
