//! Answers of servers that want to keep whoever asks busy.

use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::packet::key::{PrimaryRole, PublicParts};
use sequoia_openpgp::packet::prelude::*;
use sequoia_openpgp::parse::Parse;
use testbed::{Answer, certs};

/// How many octets an answer has that is filled up: a few less than are refused unseen.
const SPOILED: usize = (1 << 20) - 64;

/// The one of them that costs most to judge: signatures of RSA-4096, up to 1 MiB, of
/// which only the arithmetic shows that they are forged.
pub const DEAREST: &str = "forged RSA-4096";

/// What there is.
pub const ATTACKS: [&str; 16] = [
    "endless body",
    "an octet a second",
    "stalled body",
    "no answer",
    "no handshake",
    "chunks of garbage",
    "redirects in a circle",
    "compressed body",
    "armor without end",
    DEAREST,
    "20,000 User IDs",
    "subkeys",
    "signatures by others",
    "notations",
    "compressed packets",
    "length that lies",
];

/// One of [`ATTACKS`], at an address.
///
/// # Panics
///
/// Where a sample cannot be made.
pub fn answer(what: &str, whose: &str) -> Answer {
    let cert = || certs::cert(&[whose]).binary();
    let filled = |mut body: Vec<u8>, piece: &dyn Fn(u32) -> Vec<u8>| {
        for n in 0.. {
            let piece = piece(n);
            if body.len() + piece.len() > SPOILED {
                break;
            }
            body.extend(piece);
        }
        Answer::ok(body)
    };
    match what {
        "endless body" => Answer::endless([0xcd; 4096]),
        "an octet a second" => Answer::drip(cert()),
        "stalled body" => Answer::stall(&cert()[..100]),
        "no answer" | "no handshake" => Answer::silent(),
        "redirects in a circle" => Answer::redirect(302, "/again"),
        "chunks of garbage" => Answer::chunked((0..SPOILED / 512).map(|n| vec![n as u8; 512])),
        "compressed body" => Answer::gzip(&vec![0; SPOILED]),
        "armor without end" => filled(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n".to_vec(), &|n| {
            format!("Comment: {n:050}\n").into_bytes()
        }),
        DEAREST => filled(Vec::new(), &|n| forged(whose, n)),
        "20,000 User IDs" => filled(cert(), &|n| {
            packet(
                13,
                format!("{n:05} <user{n:05}@users.example.org>").as_bytes(),
            )
        }),
        "subkeys" => filled(cert(), &|n| {
            let mut key = vec![4, 0x60, 0, 0, 0, 22, 9];
            key.extend([0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1, 1, 7, 0x40]);
            key.extend(n.to_be_bytes().repeat(8));
            packet(14, &key)
        }),
        "signatures by others" => filled(cert(), &|n| signature(22, n, &[], &[0x55; 64])),
        "notations" => filled(cert(), &|n| {
            let mut notation = vec![255, 0, 0, 0xf0, 0, 20, 0, 0, 0, 0, 0, 1, 0xef, 0xf0];
            notation.resize(5 + 0xf000, b'a');
            signature(22, n, &notation, &[0x55; 64])
        }),
        "compressed packets" => filled(cert(), &|_| {
            // Stored blocks of zeros (RFC 1951, 3.2.4), in zip.
            let mut body = vec![1, 1, 0, 16, 0xff, 0xef];
            body.resize(6 + 4096, 0);
            packet(8, &body)
        }),
        _ => Answer::lying_length(SPOILED as u64, &cert()),
    }
}

/// A packet with a length of five octets.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xc0 | tag, 255];
    octets.extend((body.len() as u32).to_be_bytes());
    octets.extend(body);
    octets
}

/// A certification that claims to be by somebody.
fn signature(algorithm: u8, by: u32, hashed: &[u8], value: &[u8]) -> Vec<u8> {
    let mut body = vec![4, 0x13, algorithm, 8];
    let time = [5, 2, 0x60, 0, 0, 0];
    body.extend(((time.len() + hashed.len()) as u16).to_be_bytes());
    body.extend(time);
    body.extend(hashed);
    body.extend([0, 10, 9, 16, 0, 0, 0, 0]);
    body.extend(by.to_be_bytes());
    body.extend([0x12, 0x34]);
    for half in value.chunks(32) {
        body.extend(mpi(half));
    }
    packet(2, &body)
}

fn mpi(octets: &[u8]) -> Vec<u8> {
    let bits = octets.len() as u32 * 8 - octets[0].leading_zeros();
    let mut mpi = (bits as u16).to_be_bytes().to_vec();
    mpi.extend(octets);
    mpi
}

/// The nth key of RSA-4096 that nobody has, with a User ID, and bindings that only
/// the arithmetic shows to be forged: they name the key, and their digest prefix is
/// right. Of each there are a few less than are refused unseen.
fn forged(whose: &str, n: u32) -> Vec<u8> {
    const BINDINGS: u32 = 115;

    let mut modulus = [0xfb; 512];
    modulus[256..260].copy_from_slice(&n.to_be_bytes());
    let mut body = vec![4, 0x50, 0, 0, 0, 1];
    body.extend(mpi(&modulus));
    body.extend(mpi(&[1, 0, 1]));
    let mut cert = packet(6, &body);
    let key = match Packet::from_bytes(&cert) {
        Ok(Packet::PublicKey(key)) => key,
        other => panic!("a key: {other:?}"),
    };
    cert.extend(packet(13, whose.as_bytes()));
    let id = key.keyid();
    let forge = |prefix: &[u8], n: u32| {
        let mut body = vec![4, 0x13, 1, 8, 0, 6, 5, 2, 0x60, 0, 0, 0, 0, 10, 9, 16];
        body.extend(id.as_bytes());
        body.extend(prefix);
        let mut value = [0x7b; 512];
        value[508..].copy_from_slice(&n.to_be_bytes());
        body.extend(mpi(&value));
        packet(2, &body)
    };
    let prefix = digest(&forge(&[0, 0], 0), &key, whose);
    cert.extend((0..BINDINGS).flat_map(|n| forge(&prefix[..2], n)));
    cert
}

fn digest(packet: &[u8], key: &Key<PublicParts, PrimaryRole>, whose: &str) -> Vec<u8> {
    let Ok(Packet::Signature(signature)) = Packet::from_bytes(packet) else {
        panic!("a signature");
    };
    let hash = signature.hash_algo().context().expect("SHA-256");
    let mut context = hash.for_signature(4);
    signature
        .hash_userid_binding(&mut context, key, &UserID::from(whose))
        .expect("a digest");
    context.into_digest().expect("a digest")
}
