//! The certificates at hand.

use sequoia_openpgp::Cert;

use super::verdict::Origin;
use crate::keys::PrimaryKey;

/// A certificate at hand.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) cert: Cert,
    pub(super) origin: Origin,
    pub(super) fresh: Fresh,
    /// It holds more self-signatures that do not verify than are looked at.
    pub(super) is_cut: bool,
}

impl Known {
    /// The key with which it may have revoked another certificate.
    pub(super) fn primary_key(&self) -> &PrimaryKey {
        self.cert.primary_key().key()
    }
}

/// Whether the key server was asked about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    Yes,
    /// It could not be asked: a sentence.
    Failed(String),
    /// It was not asked: too many requests.
    OverLimit(String),
}
