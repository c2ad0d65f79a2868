//! How a certificate is judged: what has to be the same for what is published.

use std::collections::BTreeSet;
use std::time::SystemTime;

use sequoia_openpgp::cert::amalgamation::key::PrimaryKey as _;
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::{Cert, Fingerprint};

use super::rules::Rules;
use crate::CertStatus;
use crate::keys::PrimaryKey;
use crate::status::{SelfRevocationsCount, in_force, revokers, status};

/// What those find out who get the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) status: CertStatus,
    pub(super) can_encrypt: bool,
    /// `None` for never.
    pub(super) expiration: Option<SystemTime>,
    /// Subkeys in use, for encryption and for signatures.
    encrypting: BTreeSet<Fingerprint>,
    signing: BTreeSet<Fingerprint>,
    /// In whose name there are revocations that can only be verified elsewhere.
    absent: Vec<Fingerprint>,
}

impl Judgement {
    pub(super) fn of(cert: &Cert, rules: &Rules, time: SystemTime) -> Self {
        let policy = &SelfRevocationsCount(&*rules.policy);
        let keys = rules.revokers(cert);
        let status = status(cert, &*rules.policy, time, &keys);
        let mut judgement = Self {
            can_encrypt: false,
            expiration: in_force(cert, policy, time).and_then(|(_, expiration)| expiration),
            encrypting: BTreeSet::new(),
            signing: BTreeSet::new(),
            absent: revokers::absent(cert, |_| true, keys.iter()),
            status,
        };
        if !judgement.status.is_revoked() {
            judgement.look_at_keys(cert, policy, time, &keys);
        }
        judgement
    }

    pub(super) fn is_usable(&self) -> bool {
        self.status.is_valid() && self.can_encrypt
    }

    /// Whether nobody takes for good what `whole` says is bad.
    pub(super) fn is_as_strict_as(&self, whole: &Self) -> bool {
        (&self.status, self.can_encrypt) == (&whole.status, whole.can_encrypt)
            && self.encrypting.is_subset(&whole.encrypting)
            && self.signing.is_subset(&whole.signing)
            && whole.absent.iter().all(|by| self.absent.contains(by))
    }

    /// Which keys are neither revoked nor expired, and accepted by the policy. What the
    /// backend computes does not matter: those who encrypt to it have another.
    fn look_at_keys(
        &mut self,
        cert: &Cert,
        policy: &dyn Policy,
        time: SystemTime,
        revokers: &[PrimaryKey],
    ) {
        let keys = cert.keys().with_policy(policy, time);
        for key in keys.alive().revoked(false) {
            let fingerprint = key.key().fingerprint();
            if !revokers.is_empty()
                && revokers::of_subkey(cert, &fingerprint, time, revokers.iter()).is_some()
            {
                continue;
            }
            let encrypts = key.for_transport_encryption() || key.for_storage_encryption();
            self.can_encrypt |= encrypts;
            if key.primary() {
                continue;
            }
            if key.for_signing() {
                self.signing.insert(fingerprint.clone());
            }
            if encrypts {
                self.encrypting.insert(fingerprint);
            }
        }
    }
}
