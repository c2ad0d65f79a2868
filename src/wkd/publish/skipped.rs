//! What is not published, and why.

use sequoia_openpgp::Fingerprint;

use crate::EmailAddress;

/// A certificate that is not published for an address, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub(super) fingerprint: Fingerprint,
    pub(super) address: EmailAddress,
    pub(super) why: Why,
}

/// Why a certificate is not published for an address that one of its User IDs has.
///
/// As text it is a sentence for an administrator.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Why {
    /// The caller did not grant it.
    #[error("It is not allowed for this address.")]
    NotGranted,
    /// No self-signature that verifies, and has not expired, binds the User ID.
    #[error("No valid self-signature binds its User ID.")]
    UserIdUnbound,
    /// Its owner took the User ID back.
    #[error("Its User ID is revoked.")]
    UserIdRevoked,
    /// The signature that binds the User ID is marked as not for others
    /// (RFC 9580 §5.2.3.19).
    #[error("The signature that binds its User ID is marked as not to be exported.")]
    UserIdNotExportable,
    /// It is revoked, and revoked ones are not asked for.
    #[error("It is revoked.")]
    Revoked,
    /// It is expired, and expired ones are not asked for.
    #[error("It is expired.")]
    Expired,
    /// It, or the binding of the User ID, is made later than the time that it is
    /// published for.
    #[error("It is not valid yet.")]
    NotYetValid,
    /// The policy finds too weak what it rests on.
    #[error("The policy rejects the algorithms that it rests on.")]
    RejectedByPolicy,
    /// The crypto backend cannot compute with its primary key.
    #[error("The cryptographic backend cannot verify the signatures of its primary key.")]
    UnsupportedAlgorithm,
    /// Its status hangs on something that may not be published, mostly on a User ID
    /// of another address: without that one it would pass for something else.
    #[error(
        "Its status, or which of its keys can be used, hangs on what is not published, mostly \
         another User ID; without that it would be judged differently."
    )]
    JudgedDifferently,
    /// What is left of it cannot be written as a certificate.
    #[error("What would be published of it is no certificate.")]
    Malformed,
}

impl Skipped {
    /// The certificate.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The address that it is not published for, its letters as in
    /// [`Entry::address`](super::Entry::address).
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// Why not.
    pub fn why(&self) -> Why {
        self.why
    }
}
