//! How a certificate stands: by the caller's policy and time, its self-signatures
//! being verified before.

use std::cmp::Ordering;
use std::time::SystemTime;

use sequoia_openpgp::cert::amalgamation::{ValidAmalgamation, ValidateAmalgamation};
use sequoia_openpgp::packet::{Signature, UserID};
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, Fingerprint};

use super::checked::Checked;
use crate::algorithms;
use crate::status::revokers::in_effect;
use crate::status::{SelfRevocationsCount, by_self_signatures, self_revocation};
use crate::{CertStatus, Revocation};

/// By what is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'j> {
    pub(super) policy: &'j dyn Policy,
    pub(super) time: SystemTime,
    /// The User IDs of the address, and from when on each is bound. Without an
    /// address the certificate is judged as a whole.
    pub(super) bound: Option<&'j [(UserID, SystemTime)]>,
    /// A revocation by a designated revoker, in effect.
    pub(super) designated: Option<&'j Signature>,
    /// Subkeys that a designated revoker revoked.
    pub(super) revoked_subkeys: &'j [Fingerprint],
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) status: CertStatus,
    pub(super) can_encrypt: bool,
}

impl Judge<'_> {
    pub(super) fn judge(&self, cert: &Cert) -> Judgement {
        let policy = &SelfRevocationsCount(self.policy);
        let status = self.status(cert, policy);
        Judgement {
            can_encrypt: !matches!(status, CertStatus::Revoked(_))
                && self.can_encrypt(cert, policy),
            status,
        }
    }

    fn status(&self, cert: &Cert, policy: &dyn Policy) -> CertStatus {
        let own = self_revocation(cert, policy, self.time);
        if let Some(revocation) = Revocation::graver(own, self.designated.map(Revocation::of)) {
            return CertStatus::Revoked(revocation);
        }
        let Some(bound) = self.bound else {
            return by_self_signatures(cert, policy, self.time);
        };
        // The best User ID of the address decides.
        bound
            .iter()
            .map(|(id, from)| self.status_of(cert, id, *from, policy))
            .min_by_key(severity)
            .unwrap_or(CertStatus::RejectedByPolicy)
    }

    fn status_of(
        &self,
        cert: &Cert,
        id: &UserID,
        from: SystemTime,
        policy: &dyn Policy,
    ) -> CertStatus {
        let bound = cert
            .userids()
            .find(|user_id| user_id.userid() == id)
            .and_then(|user_id| user_id.with_policy(policy, from).ok())
            // What lifted its revocation is too weak for the policy.
            .filter(|user_id| !matches!(user_id.revocation_status(), RevocationStatus::Revoked(_)));
        match bound {
            None => CertStatus::RejectedByPolicy,
            Some(_) if from > self.time => CertStatus::NotYetValid,
            Some(_) if cert.primary_key().key().creation_time() > self.time => {
                CertStatus::NotYetValid
            }
            Some(user_id) if user_id.valid_cert().alive().is_ok() => CertStatus::Valid,
            Some(_) => CertStatus::Expired,
        }
    }

    fn can_encrypt(&self, cert: &Cert, policy: &dyn Policy) -> bool {
        cert.keys()
            .with_policy(policy, self.time)
            .supported()
            .alive()
            .revoked(false)
            .for_transport_encryption()
            .for_storage_encryption()
            .any(|key| {
                algorithms::is_computable(key.key())
                    && !self.revoked_subkeys.contains(&key.key().fingerprint())
            })
    }
}

/// The revocation by a designated revoker that is in effect, if any.
pub(super) fn designated(cert: &Checked, time: SystemTime) -> Option<&Signature> {
    let of_key = cert.designated.iter();
    let all = in_effect(of_key, cert.about_the_key(), time);
    all.first().copied()
}

/// The subkeys that a designated revoker revoked, with effect.
pub(super) fn revoked_subkeys(cert: &Checked, time: SystemTime) -> Vec<Fingerprint> {
    let subkeys = cert.subkeys.iter();
    subkeys
        .filter(|subkey| {
            let all = in_effect(subkey.designated.iter(), subkey.bindings.iter(), time);
            !all.is_empty()
        })
        .map(|subkey| subkey.key.fingerprint())
        .collect()
}

/// Whether one judgement promises more than another.
pub(super) fn is_milder(milder: &Judgement, than: &Judgement) -> bool {
    match severity(&milder.status).cmp(&severity(&than.status)) {
        Ordering::Less => true,
        Ordering::Equal => milder.can_encrypt && !than.can_encrypt,
        Ordering::Greater => false,
    }
}

/// The order in which one status hides another.
fn severity(status: &CertStatus) -> u8 {
    match status {
        CertStatus::Valid => 0,
        CertStatus::Expired => 1,
        CertStatus::NotYetValid => 2,
        CertStatus::RejectedByPolicy => 3,
        CertStatus::Undetermined => 4,
        CertStatus::Revoked(_) => 5,
    }
}
