//! From untrusted bytes to small certificates that belong to one address.

use std::sync::Arc;
use std::time::SystemTime;

use sequoia_openpgp::Cert;
use sequoia_openpgp::policy::{Policy, StandardPolicy};

use crate::{CertStatus, EmailAddress, Rejection};

/// How much of an answer is acceptable. What goes over is refused as
/// [`Reason::TooLarge`](crate::Reason::TooLarge), except where another reason is named.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of an answer's body, as sent and after ASCII armor is removed. 1 MiB.
    pub body: usize,
    /// Packets in an answer. 65,536.
    pub packets: usize,
    /// Certificates in an answer; the first ones are judged, for the others the
    /// reason is [`Reason::TooMany`](crate::Reason::TooMany). 16.
    pub certs: usize,
    /// Octets of one certificate after filtering. 512 KiB.
    pub cert: usize,
    /// User IDs of one certificate that match. 64.
    pub user_ids: usize,
    /// User IDs that do not match, the newest, that still count for a
    /// certificate's status. 16.
    pub other_user_ids: usize,
    /// Subkeys of one certificate. 256.
    pub subkeys: usize,
    /// Self-signatures of one component. 128.
    pub self_signatures: usize,
    /// Revocations of one certificate that others made (designated revokers). 32.
    pub foreign_revocations: usize,
    /// Signatures of one certificate that fail to verify. 32.
    pub failed_verifications: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            packets: 65_536,
            certs: 16,
            cert: 512 << 10,
            user_ids: 64,
            other_user_ids: 16,
            subkeys: 256,
            self_signatures: 128,
            foreign_revocations: 32,
            failed_verifications: 32,
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

/// Reduces answers to what was asked for.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) user_ids: UserIdFilter,
    pub(crate) limits: Limits,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) time: Option<SystemTime>,
}

/// What came out of an answer.
#[derive(Debug, Default)]
pub struct Filtered {
    pub(crate) kept: Vec<Kept>,
    pub(crate) rejected: Vec<Rejection>,
}

/// A certificate that belongs to the address.
#[derive(Clone, Debug)]
pub struct Kept {
    pub(crate) cert: Cert,
    pub(crate) status: CertStatus,
    pub(crate) can_encrypt: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) user_ids_dropped: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            user_ids: UserIdFilter::default(),
            limits: Limits::default(),
            policy: Arc::new(StandardPolicy::new()),
            time: None,
        }
    }
}

impl Filtered {
    pub(crate) fn relabel_as_web_page(&mut self) {
        todo!()
    }
}
impl Filter {
    /// x
    pub fn user_ids(self, _u: UserIdFilter) -> Self {
        self
    }
    /// x
    pub fn limits(self, _u: Limits) -> Self {
        self
    }
    /// x
    pub fn policy(self, _u: Arc<dyn Policy>) -> Self {
        self
    }
    /// x
    pub fn time(self, _u: SystemTime) -> Self {
        self
    }
    /// Runs the whole pipeline on the answer to a question about `address`.
    pub fn apply(&self, body: &[u8], address: &EmailAddress) -> Filtered {
        let _ = (body, address);
        todo!()
    }
}
