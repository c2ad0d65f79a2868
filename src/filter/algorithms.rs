//! What the crypto backend can compute, and what is too large to try.

use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::crypto::mpi::PublicKey;
use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{Key4, KeyParts, KeyRole, PublicParts, UnspecifiedRole};

/// Beyond this, one verification would cost seconds. Nobody has such a key.
const MAX_KEY_BITS: usize = 16_384;
/// The cost of RSA grows with its exponent, that of DSA with its subgroup.
/// Keys in use have 17 bits and 256.
const MAX_EXPONENT_BITS: usize = 64;
const MAX_SUBGROUP_BITS: usize = 512;
/// All backends compute RSA up to this size.
const COMMON_RSA_BITS: usize = 4096;

/// Whether the numbers of a key are too large for any arithmetic.
pub(crate) fn is_oversized<P: KeyParts, R: KeyRole>(key: &Key<P, R>) -> bool {
    match key.mpis() {
        PublicKey::RSA { e, n } => n.bits() > MAX_KEY_BITS || e.bits() > MAX_EXPONENT_BITS,
        PublicKey::DSA { p, q, g, y } => {
            q.bits() > MAX_SUBGROUP_BITS || [p, g, y].iter().any(|n| n.bits() > MAX_KEY_BITS)
        }
        PublicKey::ElGamal { p, g, y } => [p, g, y].iter().any(|n| n.bits() > MAX_KEY_BITS),
        _ => false,
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
    fn strange_numbers_do_not_panic() {
        for n in [&[][..], &[1], &[2], &[0xff; 600], &[0xfe; 600]] {
            for e in [&[][..], &[1], &[2], &[3]] {
                computes_rsa(e, n);
            }
        }
    }
}
