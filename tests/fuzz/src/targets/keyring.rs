//! Files of certificates, with whatever happened to them.

use std::collections::BTreeSet;
use std::io::Write as _;

use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::armor::{Kind, Writer};
use openpgp_discovery::openpgp::serialize::SerializeInto as _;

use crate::kept::octets;
use crate::{Input, program};

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let (how, at) = (input.octet(), input.octet());
    let body = program::body(&mut input);
    let mut keyring = Keyring::new();
    // In one file, or in two that are torn apart anywhere.
    let middle = usize::from(at).wrapping_mul(97) % (body.len() + 1);
    let middle = if how & 1 == 0 { 0 } else { middle };
    for part in [&body[..middle], &body[middle..]] {
        match how & 2 {
            0 => keyring.add_bytes("a file", part),
            _ => keyring.add_bytes("a file", armored(part)),
        }
    }
    let certs: Vec<Cert> = keyring.certs().flatten().collect();
    for cert in &certs {
        assert!(!cert.is_tsk(), "a secret key");
    }
    // What was read is whole: written and read again it is the same, but for the
    // order of signatures out of place.
    for cert in &certs {
        let mut again = Keyring::new();
        again.add_bytes("again", octets(cert));
        let read: Vec<_> = again.certs().collect();
        match &read[..] {
            [Ok(read)] => assert!(packets(read) == packets(cert), "others were read"),
            others => panic!("{} out of one: {others:?}", others.len()),
        }
    }
    certs.len()
}

fn packets(cert: &Cert) -> BTreeSet<Vec<u8>> {
    let packets = cert.clone().into_packets();
    packets
        .map(|packet| packet.to_vec().expect("memory does not fail"))
        .collect()
}

fn armored(binary: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Kind::PublicKey).expect("memory does not fail");
    writer.write_all(binary).expect("memory does not fail");
    writer.finalize().expect("memory does not fail")
}
