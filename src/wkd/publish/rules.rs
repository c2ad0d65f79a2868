//! By what certificates are chosen, minimised and judged.

use std::sync::Arc;
use std::time::SystemTime;

use sequoia_openpgp::Cert;
use sequoia_openpgp::policy::Policy;

use super::{Keep, Publisher};
use crate::filter::PrimaryKey;

/// What the caller asked for.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) policy: Arc<dyn Policy>,
    pub(super) now: SystemTime,
    pub(super) include_revoked: bool,
    pub(super) include_expired: bool,
    pub(super) newest_only: bool,
    pub(super) keep: Keep,
    /// Of all certificates at hand: designated revokers may be among them.
    pub(super) keys: Vec<PrimaryKey>,
}

impl Rules {
    pub(super) fn new(publisher: &Publisher, certs: &[Cert], now: SystemTime) -> Self {
        Self {
            policy: Arc::clone(&publisher.policy),
            now,
            include_revoked: publisher.include_revoked,
            include_expired: publisher.include_expired,
            newest_only: publisher.newest_only,
            keep: publisher.keep,
            keys: certs
                .iter()
                .map(|cert| cert.primary_key().key().clone())
                .collect(),
        }
    }
}
