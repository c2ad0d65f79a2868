//! Certificates as people keep them.

use openpgp_discovery::CertStatus;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::{Fingerprint, Packet};
use openpgp_discovery::wkd::publish::Keyring;
use testbed::certs::cert;

use super::{ALICE, HOME, POLICY};

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

fn keyring(octets: impl Into<Vec<u8>>) -> Keyring {
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
        let certs: Result<Vec<_>, _> = keyring.certs().collect();
        let certs = certs.unwrap_or_else(|error| panic!("{name}: {error}"));
        let now = std::time::SystemTime::now();
        let statuses = certs.iter().map(|cert| CertStatus::of(cert, POLICY, now));
        let statuses: Vec<bool> = statuses.map(|status| status.is_revoked()).collect();
        assert_eq!(statuses[0], revoked, "{name}");
        assert!(statuses[1..].iter().all(|revoked| !revoked), "{name}");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let mut keyring = Keyring::new();
    assert!(keyring.add_path("/nonexistent/keyring").is_err());
    assert_eq!(keyring.certs().count(), 0);
}
