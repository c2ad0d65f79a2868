//! How a certificate is judged: what has to be the same for what is published.

use std::time::SystemTime;

use sequoia_openpgp::Cert;
use sequoia_openpgp::policy::Policy;

use super::rules::Rules;
use crate::CertStatus;
use crate::status::{SelfRevocationsCount, in_force, revokers, status};

/// What those find out who get the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) status: CertStatus,
    pub(super) can_encrypt: bool,
    /// `None` for never.
    pub(super) expiration: Option<SystemTime>,
}

impl Judgement {
    pub(super) fn of(cert: &Cert, rules: &Rules, time: SystemTime) -> Self {
        let policy = &SelfRevocationsCount(&*rules.policy);
        let status = status(cert, &*rules.policy, time, &rules.keys);
        Self {
            can_encrypt: !status.is_revoked() && can_encrypt(cert, policy, rules, time),
            expiration: in_force(cert, policy, time).and_then(|(_, expiration)| expiration),
            status,
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.status.is_valid() && self.can_encrypt
    }
}

/// Whether it has a key that is neither revoked nor expired, that the policy
/// accepts and that may encrypt. What the backend computes does not matter: those
/// who encrypt to it have another.
fn can_encrypt(cert: &Cert, policy: &dyn Policy, rules: &Rules, time: SystemTime) -> bool {
    cert.keys()
        .with_policy(policy, time)
        .alive()
        .revoked(false)
        .for_transport_encryption()
        .for_storage_encryption()
        .any(|key| {
            let subkey = key.key().fingerprint();
            revokers::of_subkey(cert, &subkey, time, rules.keys.iter()).is_none()
        })
}
