//! From an address to where its certificates are in a Web Key Directory.
//!
//! The floor is what nobody can leave out: SHA-1 and z-base-32 of the local
//! part, in lower case already, with the crates that this crate uses too.
//! sequoia-net has no public type for a parsed address, so its part always
//! begins with the text.

use std::hint::black_box;

use openpgp_discovery::{EmailAddress, wkd};
use openpgp_discovery_benches::Bench;
use sequoia_net::wkd as peer;
use sha1::{Digest, Sha1};

const TEXT: &str = "Joe.Doe@Example.ORG";
const LOWER: &str = "joe.doe";

const FLOOR: &str = "SHA-1 and z-base-32 alone";
const PEER: &str = "sequoia-net, from text";

fn main() {
    let address: &EmailAddress = &parse();

    Bench::new("(a) text to both URLs as text")
        .case("openpgp-discovery", || as_text(&parse()))
        .case(PEER, peer_as_text)
        .case(FLOOR, floor)
        .floor(FLOOR)
        .peer(PEER)
        .run();

    Bench::new("(b) a parsed address to both URLs as text")
        .case("openpgp-discovery", || as_text(black_box(address)))
        .case(PEER, peer_as_text)
        .case(FLOOR, floor)
        .floor(FLOOR)
        .peer(PEER)
        .run();

    Bench::new("(c) a parsed address to both URLs as url::Url")
        .case("openpgp-discovery", || as_url(black_box(address)))
        .case(PEER, peer_as_url)
        .case(FLOOR, floor)
        .floor(FLOOR)
        .peer(PEER)
        .run();
}

fn parse() -> EmailAddress {
    black_box(TEXT).parse().expect("an address")
}

fn as_text(address: &EmailAddress) -> (Option<String>, String) {
    let url = wkd::Url::new(address);
    (url.advanced_text(), url.direct_text())
}

fn as_url(address: &EmailAddress) -> (Option<url::Url>, url::Url) {
    let url = wkd::Url::new(address);
    (url.advanced(), url.direct())
}

fn peer_url() -> peer::Url {
    peer::Url::from(black_box(TEXT)).expect("an address")
}

fn peer_as_text() -> (String, String) {
    let url = peer_url();
    (
        url.build(peer::Variant::Advanced),
        url.build(peer::Variant::Direct),
    )
}

fn peer_as_url() -> (url::Url, url::Url) {
    let url = peer_url();
    (
        url.to_url(peer::Variant::Advanced).expect("a URL"),
        url.to_url(peer::Variant::Direct).expect("a URL"),
    )
}

fn floor() -> String {
    zbase32::encode_full_bytes(&Sha1::digest(black_box(LOWER)))
}
