//! What is too much, and what is kept.

/// How much of an answer is acceptable. What goes over is refused as
/// [`Reason::TooLarge`](crate::Reason::TooLarge), except where another reason is named.
///
/// ```
/// use openpgp_discovery::Limits;
///
/// let mut limits = Limits::default();
/// limits.body = 4 << 20;
/// # assert_eq!(limits.certs, 16);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of an answer's body, as sent; without ASCII armor it is smaller. 1 MiB.
    pub body: usize,
    /// The same for answers about a key, as a refresh gets them. 4 MiB.
    pub body_by_key: usize,
    /// Packets in an answer. 65,536.
    pub packets: usize,
    /// Certificates in an answer, copies not counted; the first ones are judged, for the others the
    /// reason is [`Reason::TooMany`](crate::Reason::TooMany). 16.
    pub certs: usize,
    /// Octets of one certificate after filtering. 512 KiB.
    pub cert: usize,
    /// User IDs of one certificate that match; with [`UserIdFilter::All`], all
    /// that carry a self-signature. 64.
    pub user_ids: usize,
    /// User IDs that do not match, the newest, that still count for a
    /// certificate's status. 16.
    pub other_user_ids: usize,
    /// Subkeys of one certificate. 256.
    pub subkeys: usize,
    /// Self-signatures of one component. 128.
    pub self_signatures: usize,
    /// Revocations by others (designated revokers) of one certificate, or of one
    /// of its subkeys. More are not looked at; a note says so. Of those that
    /// cannot be verified yet, so many in all are kept. 32.
    pub foreign_revocations: usize,
    /// Signatures of one certificate that fail to verify. 32.
    pub failed_verifications: usize,
    /// Arithmetic for all signatures of an answer, those that verify too, in units
    /// of one verification with Ed25519: some 30 µs with the slowest backend. RSA
    /// of 2,048 bits costs 4 units, of 3,072 bits 8, of 4,096 bits 15 and larger 60
    /// or 240; P-256 6, P-384 25, other curves 32, DSA 9 to 180, Ed448 100; and
    /// every 4 KiB that are hashed cost 1. Revocations come first, then what decides
    /// how each component stands; older self-signatures are verified, and kept, as
    /// long as half of it is left. Of 3,363 look-ups in Debian's keyring half need up
    /// to 45 units, one in a hundred more than 293, the worst 394. 1,024, about 30 ms.
    pub verifications: usize,
    /// The same for answers about a key, of which every self-signature is verified.
    /// Debian's largest takes 1,344 units. 8,192, about a quarter of a second.
    pub verifications_by_key: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            body_by_key: 4 << 20,
            packets: 65_536,
            certs: 16,
            cert: 512 << 10,
            user_ids: 64,
            other_user_ids: 16,
            subkeys: 256,
            self_signatures: 128,
            foreign_revocations: 32,
            failed_verifications: 32,
            verifications: 1024,
            verifications_by_key: 8192,
        }
    }
}

/// Which User IDs of a certificate are kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserIdFilter {
    /// Those of the address that was asked for.
    #[default]
    Matching,
    /// All that the owner bound and did not revoke. One of them still has to
    /// be of the address that was asked for.
    All,
}
