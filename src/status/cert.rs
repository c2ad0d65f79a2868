//! Judges a whole certificate, whichever of its User IDs somebody asked about.

use std::time::SystemTime;

use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::amalgamation::ValidateAmalgamation;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;

use super::own::self_signatures;
use super::{CertStatus, Revocation, SelfRevocationsCount, revokers};
use crate::clock::is_alive;
use crate::keys::PrimaryKey;

impl CertStatus {
    /// How a certificate stands by a policy and at a time, judged by all that it
    /// holds.
    ///
    /// Two things differ from sequoia's own judgement. The policy has no say
    /// about the owner's revocations: one made with a weak algorithm counts. And
    /// a certificate without any self-signature on a User ID or on the key, as
    /// key servers give it out, is valid as long as it is not revoked: when it
    /// expires cannot be told.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use openpgp_discovery::CertStatus;
    /// use openpgp_discovery::openpgp::{cert::CertBuilder, policy::StandardPolicy};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (cert, _) = CertBuilder::general_purpose(Some("alice@example.org")).generate()?;
    /// let status = CertStatus::of(&cert, &StandardPolicy::new(), SystemTime::now());
    /// assert!(status.is_valid());
    /// # Ok(()) }
    /// ```
    pub fn of(cert: &Cert, policy: &dyn Policy, time: SystemTime) -> Self {
        let policy = &SelfRevocationsCount(policy);
        match self_revocation(cert, policy, time) {
            Some(revocation) => Self::Revoked(revocation),
            None => by_self_signatures(cert, policy, time),
        }
    }
}

/// The same, where these primary keys are at hand: those whom the owner named
/// for revoking it may be among them.
pub(crate) fn status(
    cert: &Cert,
    policy: &dyn Policy,
    time: SystemTime,
    keys: &[PrimaryKey],
) -> CertStatus {
    let status = CertStatus::of(cert, policy, time);
    let own = status.revocation().cloned();
    let designated = revokers::of_key(cert, time, keys.iter()).map(Revocation::of);
    match Revocation::graver(own, designated) {
        Some(revocation) => CertStatus::Revoked(revocation),
        None => status,
    }
}

/// The owner's revocation that is in effect, by a policy that lets them count.
pub(crate) fn self_revocation(
    cert: &Cert,
    policy: &dyn Policy,
    time: SystemTime,
) -> Option<Revocation> {
    match cert.revocation_status(policy, time) {
        RevocationStatus::Revoked(revocations) => Revocation::worst_of(&revocations),
        _ => None,
    }
}

/// How a certificate stands that is not revoked.
pub(crate) fn by_self_signatures(cert: &Cert, policy: &dyn Policy, time: SystemTime) -> CertStatus {
    if cert.primary_key().key().creation_time() > time {
        return CertStatus::NotYetValid;
    }
    if let Ok(valid) = cert.with_policy(policy, time) {
        return match valid.alive() {
            Ok(()) => CertStatus::Valid,
            Err(_) => CertStatus::Expired,
        };
    }
    // Why not: the policy, the time, or that there is nothing to judge by.
    let mut status = CertStatus::Valid;
    for signature in self_signatures(cert) {
        if is_alive(signature, time) {
            return CertStatus::RejectedByPolicy;
        }
        match signature.signature_creation_time() {
            Some(created) if created <= time => status = CertStatus::Expired,
            _ if status == CertStatus::Valid => status = CertStatus::NotYetValid,
            _ => {}
        }
    }
    status
}

/// The self-signature that says when the certificate expires, and when that is.
pub(crate) fn in_force<'c>(
    cert: &'c Cert,
    policy: &'c dyn Policy,
    time: SystemTime,
) -> Option<(&'c Signature, Option<SystemTime>)> {
    let key = cert.primary_key().with_policy(policy, time).ok()?;
    Some((key.binding_signature(), key.key_expiration_time()))
}
