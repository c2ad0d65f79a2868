//! What is published beyond the least.

/// What is published of a certificate beyond the least that it needs. By default,
/// nothing of all this.
///
/// User IDs of other addresses and secret key material are never published.
///
/// ```
/// use openpgp_discovery::wkd::publish::{Keep, Publisher};
///
/// let publisher = Publisher::new("example.org")?.keep(Keep::nothing().third_party_signatures(true));
/// # Ok::<(), openpgp_discovery::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    pub(super) third_party_signatures: bool,
    pub(super) user_attributes: bool,
    pub(super) old_self_signatures: bool,
    pub(super) expired_subkeys: bool,
}

impl Keep {
    /// Nothing beyond the least.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Signatures by others, that may be exported: certifications, and revocations
    /// by whoever made them. They tell who knows whom, and nobody can verify them
    /// here. (Revocations by those whom the owner named for it are always kept.)
    #[must_use]
    pub fn third_party_signatures(mut self, keep: bool) -> Self {
        self.third_party_signatures = keep;
        self
    }

    /// User Attributes that the owner bound and did not revoke: mostly photos.
    #[must_use]
    pub fn user_attributes(mut self, keep: bool) -> Self {
        self.user_attributes = keep;
        self
    }

    /// Self-signatures that newer ones have superseded.
    #[must_use]
    pub fn old_self_signatures(mut self, keep: bool) -> Self {
        self.old_self_signatures = keep;
        self
    }

    /// Subkeys that are expired, or too weak for the policy: what they signed once
    /// can be verified with them.
    #[must_use]
    pub fn expired_subkeys(mut self, keep: bool) -> Self {
        self.expired_subkeys = keep;
        self
    }
}
