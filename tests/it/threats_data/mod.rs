//! What can be wrong with OpenPGP data that somebody serves, attack by attack.
//! What `filter`, `hostile_answers` and `hostile_keys_in_hand` show is not shown here
//! again.

mod armor;
mod floods;
mod names;
mod numbers;
mod packets;
mod refresh;

use openpgp_discovery::Reason;
use openpgp_discovery::filter::{Filter, Filtered};
use openpgp_discovery::openpgp::Packet;
use openpgp_discovery::openpgp::serialize::SerializeInto;

use crate::alice;

const ALICE: &str = "Alice <alice@example.org>";

/// Tags.
const SIGNATURE: u8 = 2;
const PUBLIC_KEY: u8 = 6;
const COMPRESSED: u8 = 8;
const USER_ID: u8 = 13;

/// A packet with a length of four octets.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    [&[0xc0 | tag, 0xff], &length.to_be_bytes()[..], body].concat()
}

fn octets(packet: impl Into<Packet>) -> Vec<u8> {
    packet.into().to_vec().expect("octets")
}

fn apply(body: &[u8]) -> Filtered {
    Filter::new().apply(body, &alice())
}

/// How many are kept, and what is refused.
fn told(filtered: &Filtered) -> (usize, Vec<Reason>) {
    let rejected = filtered.rejected().iter();
    (
        filtered.kept().len(),
        rejected.map(|rejection| rejection.reason()).collect(),
    )
}

/// A certificate without its secrets.
fn octets_of(cert: &openpgp_discovery::openpgp::Cert) -> Vec<u8> {
    cert.to_vec().expect("octets")
}
