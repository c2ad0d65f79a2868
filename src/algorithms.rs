//! What the crypto backend can compute, and what is too large to try.

use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::crypto::mpi::PublicKey;
use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{Key4, KeyParts, KeyRole, PublicParts, UnspecifiedRole};
use sequoia_openpgp::types::{Curve, PublicKeyAlgorithm};

/// Beyond this, one verification would cost seconds. Nobody has such a key.
const MAX_KEY_BITS: usize = 16_384;
/// The cost of RSA grows with its exponent, that of DSA with its subgroup.
/// Keys in use have 17 bits and 256.
const MAX_EXPONENT_BITS: usize = 64;
const MAX_SUBGROUP_BITS: usize = 512;
/// Nobody has a larger key of these two either, and they cost more than RSA.
const MAX_DSA_BITS: usize = 4096;
/// All backends compute RSA up to this size.
const COMMON_RSA_BITS: usize = 4096;

/// Whether the numbers of a key are too large for any arithmetic.
pub(crate) fn is_oversized<P: KeyParts, R: KeyRole>(key: &Key<P, R>) -> bool {
    match key.mpis() {
        PublicKey::RSA { e, n } => n.bits() > MAX_KEY_BITS || e.bits() > MAX_EXPONENT_BITS,
        PublicKey::DSA { p, q, g, y } => {
            q.bits() > MAX_SUBGROUP_BITS || [p, g, y].iter().any(|n| n.bits() > MAX_DSA_BITS)
        }
        PublicKey::ElGamal { p, g, y } => [p, g, y].iter().any(|n| n.bits() > MAX_DSA_BITS),
        _ => false,
    }
}

/// What one verification costs, by the slowest backend, in units of one with
/// Ed25519: some 30 µs.
pub(crate) fn cost<P: KeyParts, R: KeyRole>(key: &Key<P, R>) -> usize {
    match key.mpis() {
        PublicKey::RSA { n, .. } => match n.bits() {
            ..=2048 => 4,
            2049..=3072 => 8,
            3073..=COMMON_RSA_BITS => 15,
            4097..=8192 => 60,
            _ => 240,
        },
        PublicKey::DSA { p, .. } => match p.bits() {
            ..=1024 => 9,
            1025..=2048 => 40,
            2049..=3072 => 90,
            _ => 180,
        },
        PublicKey::EdDSA { curve, .. } | PublicKey::ECDSA { curve, .. } => match curve {
            Curve::Ed25519 => 1,
            Curve::NistP256 | Curve::BrainpoolP256 => 6,
            Curve::NistP384 | Curve::BrainpoolP384 => 25,
            _ => 32,
        },
        _ => match key.pk_algo() {
            PublicKeyAlgorithm::Ed25519 => 1,
            PublicKeyAlgorithm::Ed448 | PublicKeyAlgorithm::MLDSA87_Ed448 => 100,
            PublicKeyAlgorithm::MLDSA65_Ed25519 => 10,
            _ => 50,
        },
    }
}

/// Whether the backend computes with this key.
pub(crate) fn is_computable<P: KeyParts, R: KeyRole>(key: &Key<P, R>) -> bool {
    if !key.pk_algo().is_supported() {
        return false;
    }
    match key.mpis() {
        PublicKey::ECDSA { curve, .. }
        | PublicKey::EdDSA { curve, .. }
        | PublicKey::ECDH { curve, .. } => curve.is_supported(),
        PublicKey::RSA { e, n } => {
            n.bits() <= COMMON_RSA_BITS || computes_rsa(e.value(), n.value())
        }
        // No prime is even, and with an even modulus the arithmetic takes six times as
        // long.
        PublicKey::DSA { p, .. } => p.value().last().is_some_and(|octet| octet & 1 == 1),
        _ => true,
    }
}

/// Tries it: sequoia does not tell which sizes of RSA a backend has, and its
/// verification says no more than "bad". What cannot encrypt to a key cannot
/// verify with it: both take the same operation.
fn computes_rsa(e: &[u8], n: &[u8]) -> bool {
    Key4::<PublicParts, UnspecifiedRole>::import_public_rsa(e, n, None).is_ok_and(|key| {
        Key::from(key)
            .encrypt(&SessionKey::from(vec![0x55; 16]))
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use sequoia_openpgp::crypto::mpi::MPI;

    use super::*;

    fn rsa(e: &[u8], n: &[u8]) -> Key<PublicParts, UnspecifiedRole> {
        Key4::import_public_rsa(e, n, None).unwrap().into()
    }

    #[test]
    fn sizes() {
        let odd = |octets: usize| {
            let mut n = vec![0xff; octets];
            n[0] = 0xc1;
            n
        };
        for (e, octets, oversized) in [
            (&[1, 0, 1][..], 256, false),
            (&[1, 0, 1], 2048, false),
            (&[1, 0, 1], 2049, true),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 1], 256, true),
        ] {
            assert_eq!(is_oversized(&rsa(e, &odd(octets))), oversized, "{octets}");
        }
        assert!(is_computable(&rsa(&[1, 0, 1], &odd(256))));
        // The pure-Rust backend stops at 4096 bits, the others go on.
        let large = sequoia_openpgp::crypto::backend() != "RustCrypto";
        assert_eq!(is_computable(&rsa(&[1, 0, 1], &odd(1024))), large);
    }

    #[test]
    fn sizes_and_costs_of_dsa() {
        let number = |bits: usize| MPI::new(&vec![0xff; bits / 8]);
        for (bits, subgroup, expected) in [
            (1024, 160, Some(9)),
            (2048, 256, Some(40)),
            (3072, 256, Some(90)),
            (4096, 512, Some(180)),
            (4104, 512, None),
            (4096, 520, None),
        ] {
            let mpis = PublicKey::DSA {
                p: number(bits),
                q: number(subgroup),
                g: number(bits),
                y: number(bits),
            };
            #[expect(deprecated, reason = "old certificates have it")]
            let algorithm = PublicKeyAlgorithm::DSA;
            let key: Key<PublicParts, UnspecifiedRole> =
                Key4::new(UNIX_EPOCH, algorithm, mpis).unwrap().into();
            let actual = (!is_oversized(&key)).then(|| cost(&key));
            assert_eq!(actual, expected, "{bits} {subgroup}");
            assert!(is_computable(&key), "{bits} {subgroup}");
        }
    }

    #[test]
    fn an_even_modulus_is_not_computed_with() {
        for (last, expected) in [(0xff, true), (0xfe, false)] {
            let mut p = vec![0xff; 128];
            p[127] = last;
            let number = || MPI::new(&[0xff; 20]);
            let mpis = PublicKey::DSA {
                p: MPI::new(&p),
                q: number(),
                g: number(),
                y: number(),
            };
            #[expect(deprecated, reason = "old certificates have it")]
            let algorithm = PublicKeyAlgorithm::DSA;
            let key: Key<PublicParts, UnspecifiedRole> =
                Key4::new(UNIX_EPOCH, algorithm, mpis).unwrap().into();
            assert_eq!(is_computable(&key), expected, "{last:x}");
        }
    }

    #[test]
    fn strange_numbers_do_not_panic() {
        for n in [&[][..], &[1], &[2], &[0xff; 600], &[0xfe; 600]] {
            for e in [&[][..], &[1], &[2], &[3]] {
                computes_rsa(e, n);
            }
        }
    }
}
