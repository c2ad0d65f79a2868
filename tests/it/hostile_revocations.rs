//! What takes longer than its size lets expect.

use std::time::Duration;
use std::time::Instant;

use openpgp_discovery::keyring::Keyring;

fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("not that long");
    [&[0xc0 | tag, 0xff][..], &length.to_be_bytes(), body].concat()
}

/// Revocations that name no issuer may be of any certificate: not all are tried with
/// all, and that is told.
#[test]
fn revocations_that_name_nobody() {
    for (count, untried) in [(20_u32, false), (1500, true)] {
        let mut octets = Vec::new();
        for at in 0..count {
            let at = at.to_be_bytes();
            // Key revocations without an issuer.
            let head = [4, 0x20, 22, 8, 0, 6, 5, 2, at[0], at[1], at[2], at[3], 0, 0];
            let tail = [0, 0, 0, 1, 1, 0, 1, 1];
            octets.extend(packet(2, &[&head[..], &tail].concat()));
        }
        for at in 0..count {
            let mut body = vec![4];
            body.extend((1_600_000_000 + at).to_be_bytes());
            body.extend([22, 9]);
            body.extend([0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1]);
            body.extend([1, 7, 0x40]);
            body.extend([9; 32]);
            octets.extend(packet(6, &body));
            octets.extend(packet(13, b"a"));
        }
        let start = Instant::now();
        let mut keyring = Keyring::new();
        keyring.add_bytes("a", &octets);
        let (good, bad): (Vec<_>, Vec<_>) = keyring.certs().partition(Result::is_ok);
        assert!(start.elapsed() < Duration::from_secs(10), "{count}");
        assert_eq!(good.len(), usize::try_from(count).expect("small"));
        let told = |broken: &Result<_, openpgp_discovery::keyring::BrokenCert>| {
            let why = broken.as_ref().err().map(ToString::to_string);
            why.is_some_and(|why| why.contains("do not say who made them"))
        };
        assert_eq!(bad.iter().any(told), untried, "{count}");
    }
}
