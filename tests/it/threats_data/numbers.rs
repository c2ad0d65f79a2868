//! Keys and signatures whose numbers nobody would choose in earnest.

use openpgp_discovery::filter::Filter;
use openpgp_discovery::openpgp::Packet;
use openpgp_discovery::openpgp::packet::UserID;
use openpgp_discovery::openpgp::parse::Parse;

use super::*;

/// RFC 9580, section 3.2, but for what the length says.
fn mpi(bits: u16, octets: &[u8]) -> Vec<u8> {
    [&bits.to_be_bytes(), octets].concat()
}

fn key(algorithm: u8, rest: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![4, 0x50, 0, 0, 0, algorithm];
    body.extend(rest.concat());
    packet(PUBLIC_KEY, &body)
}

const ED25519: [u8; 10] = [9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
const P256: [u8; 9] = [8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// Whatever they are, there is an answer, and nobody is found by them.
#[test]
fn absurd_numbers_end_in_a_refusal() {
    let (zero, one) = (mpi(0, &[]), mpi(1, &[1]));
    let odd = mpi(2048, &[0xff; 256]);
    let mut octets = [0xff; 256];
    octets[255] = 0xfe;
    let even = mpi(2048, &octets);
    let small = mpi(256, &[0xe1; 32]);
    let point = |first: u8, octet: u8, len: usize| {
        let mut point = vec![octet; len];
        point.insert(0, first);
        mpi(u16::try_from(len * 8 + 7).expect("short"), &point)
    };
    let mut keys: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, n) in [("0", &zero), ("1", &one), ("odd", &odd), ("even", &even)] {
        for (exponent, e) in [("0", &zero), ("1", &one), ("2", &mpi(2, &[2])), ("n", n)] {
            keys.push((
                format!("RSA {name} {exponent}"),
                key(1, &[n.clone(), e.clone()]),
            ));
        }
    }
    for (name, p, q, g, y) in [
        ("zeros", &zero, &zero, &zero, &zero),
        ("ones", &one, &one, &one, &one),
        ("p 0", &zero, &small, &one, &one),
        ("q 0", &odd, &zero, &small, &small),
        ("q 1", &odd, &one, &small, &small),
        ("g 0", &odd, &small, &zero, &small),
        ("y 0", &odd, &small, &small, &zero),
        ("even", &even, &even, &even, &even),
        ("p below q", &small, &odd, &small, &small),
    ] {
        let numbers = [p.clone(), q.clone(), g.clone(), y.clone()];
        keys.push((format!("DSA {name}"), key(17, &numbers)));
    }
    for (name, point) in [
        ("empty", zero.clone()),
        ("zeros", point(0x40, 0, 32)),
        ("ones", point(0x40, 0xff, 32)),
        ("short", point(0x40, 1, 5)),
        ("long", point(0x40, 1, 200)),
        ("without its prefix", point(0x99, 1, 32)),
    ] {
        keys.push((format!("EdDSA {name}"), key(22, &[ED25519.to_vec(), point])));
    }
    for (name, point) in [
        ("empty", zero.clone()),
        ("zeros", point(4, 0, 64)),
        ("not on the curve", point(4, 7, 64)),
        ("short", point(4, 1, 5)),
    ] {
        keys.push((format!("ECDSA {name}"), key(19, &[P256.to_vec(), point])));
    }
    keys.push((
        "a curve without a name".into(),
        key(19, &[vec![0], one.clone()]),
    ));
    keys.push((
        "a curve of 255".into(),
        key(22, &[vec![255; 256], one.clone()]),
    ));
    keys.push((
        "more bits than octets".into(),
        key(1, &[mpi(65_535, &[1]), one.clone()]),
    ));

    let mut tried = 0;
    for (name, key) in keys {
        for (r, s) in [(&zero, &zero), (&one, &one), (&small, &small), (&odd, &odd)] {
            let body = forged(&key, &[r.clone(), s.clone()].concat());
            tried += usize::from(body.1);
            let filtered = Filter::new().apply(&body.0, &alice());
            assert!(filtered.kept().is_empty(), "{name}");
            assert_eq!(filtered.rejected().len(), 1, "{name}");
        }
    }
    assert!(tried > 100, "{tried} reach the arithmetic");
}

/// A User ID of Alice's with a signature whose digest is right, and whether the
/// key could be read at all.
fn forged(key: &[u8], numbers: &[u8]) -> (Vec<u8>, bool) {
    let algorithm = key[11];
    let signature = |prefix: &[u8]| {
        let head = [4, 0x13, algorithm, 8, 0, 6, 5, 2, 0x60, 0, 0, 0, 0, 0];
        // RSA has one number.
        let numbers = match algorithm {
            1 => &numbers[..numbers.len() / 2],
            _ => numbers,
        };
        packet(SIGNATURE, &[&head[..], prefix, numbers].concat())
    };
    let mut prefix = vec![0, 0];
    let mut read = false;
    if let (Ok(Packet::PublicKey(key)), Ok(Packet::Signature(signature))) = (
        Packet::from_bytes(key),
        Packet::from_bytes(&signature(&prefix)),
    ) {
        let context = signature.hash_algo().context().expect("SHA-256");
        let mut context = context.for_signature(4);
        let id = UserID::from(ALICE);
        if signature
            .hash_userid_binding(&mut context, &key, &id)
            .is_ok()
        {
            prefix = context.into_digest().expect("a digest")[..2].to_vec();
            read = true;
        }
    }
    let id = packet(USER_ID, ALICE.as_bytes());
    ([key, &id[..], &signature(&prefix)].concat(), read)
}
