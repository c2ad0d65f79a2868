//! By what certificates are chosen, minimised and judged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::{Cert, Fingerprint};

use super::{Keep, Publisher};
use crate::algorithms;
use crate::keys::PrimaryKey;
use crate::status::revokers;

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
    keys: HashMap<Fingerprint, PrimaryKey>,
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
                .map(|cert| (cert.fingerprint(), cert.primary_key().key().clone()))
                .filter(|(_, key)| !algorithms::is_oversized(key))
                .collect(),
        }
    }

    /// The keys, of those at hand, of whom the owner named for revoking it: none where
    /// nobody else revoked anything.
    pub(super) fn revokers(&self, cert: &Cert) -> Vec<PrimaryKey> {
        if !others_revoke(cert) {
            return Vec::new();
        }
        let named = revokers::revokers(cert);
        named
            .iter()
            .filter_map(|by| self.keys.get(by))
            .cloned()
            .collect()
    }
}

/// Whether somebody else's revocation is in it: only then does it matter whom the
/// owner named.
pub(super) fn others_revoke(cert: &Cert) -> bool {
    let mut subkeys = cert.keys().subkeys();
    cert.primary_key().other_revocations().next().is_some()
        || subkeys.any(|subkey| subkey.bundle().other_revocations().next().is_some())
}
