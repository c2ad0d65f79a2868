//! How a certificate stands: by the caller's policy and time, its self-signatures
//! being verified before.

use std::cmp::Ordering;
use std::time::{Duration, SystemTime};

use sequoia_openpgp::cert::amalgamation::{ValidAmalgamation, ValidateAmalgamation};
use sequoia_openpgp::cert::prelude::ValidErasedKeyAmalgamation;
use sequoia_openpgp::packet::key::PublicParts;
use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy};
use sequoia_openpgp::types::{
    AEADAlgorithm, RevocationStatus, RevocationType, SignatureType, SymmetricAlgorithm,
};
use sequoia_openpgp::{Cert, Fingerprint};

use super::algorithms;
use super::binding::created;
use super::verify::Checked;
use crate::{CertStatus, Revocation, RevocationKind};

/// By what is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'j> {
    pub(super) policy: &'j dyn Policy,
    pub(super) time: SystemTime,
    /// The User IDs of the address, and from when on each is bound.
    pub(super) bound: &'j [(UserID, SystemTime)],
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
        Judgement {
            status: self.status(cert, policy),
            can_encrypt: self.can_encrypt(cert, policy),
        }
    }

    fn status(&self, cert: &Cert, policy: &dyn Policy) -> CertStatus {
        if let RevocationStatus::Revoked(revocations) = cert.revocation_status(policy, self.time) {
            let hard = |s: &&&Signature| kind(s) == RevocationKind::Hard;
            if let Some(revocation) = revocations.iter().find(hard).or(revocations.first()) {
                return CertStatus::Revoked(describe(revocation));
            }
        }
        if let Some(revocation) = self.designated {
            return CertStatus::Revoked(describe(revocation));
        }
        // The best User ID of the address decides.
        self.bound
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

/// The revocation by a designated revoker that is in effect, if any: a hard one
/// always, a soft one from its creation on until the owner signs something newer.
pub(super) fn designated(cert: &Checked, time: SystemTime) -> Option<&Signature> {
    let newest = cert
        .direct
        .iter()
        .chain(cert.user_ids.iter().flat_map(|id| &id.bindings))
        .filter_map(created)
        .filter(|&created| created <= time)
        .max();
    cert.designated.iter().find(|revocation| {
        kind(revocation) == RevocationKind::Hard
            || (revocation.signature_alive(time, Duration::ZERO).is_ok()
                && newest <= revocation.signature_creation_time())
    })
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
        CertStatus::Revoked(_) => 4,
    }
}

/// RFC 9580, section 5.2.3.31: superseded and retired leave the past alone, no
/// reason and unknown ones do not.
pub(crate) fn kind(revocation: &Signature) -> RevocationKind {
    match revocation.reason_for_revocation() {
        Some((reason, _)) if reason.revocation_type() == RevocationType::Soft => {
            RevocationKind::Soft
        }
        _ => RevocationKind::Hard,
    }
}

pub(crate) fn describe(revocation: &Signature) -> Revocation {
    let reason = revocation.reason_for_revocation();
    Revocation {
        kind: kind(revocation),
        reason: reason.map(|(reason, _)| reason),
        message: reason.map_or_else(String::new, |(_, message)| {
            String::from_utf8_lossy(message).into_owned()
        }),
        created: revocation.signature_creation_time(),
    }
}

/// The caller's policy, except that it has no say about revocations: one made
/// with a weak algorithm, or with a notation that nobody knows, is the owner's
/// all the same, and taking no notice of it would bring a dead key to life.
#[derive(Debug)]
pub(crate) struct SelfRevocationsCount<'p>(pub(crate) &'p dyn Policy);

impl Policy for SelfRevocationsCount<'_> {
    fn signature(
        &self,
        signature: &Signature,
        sec: HashAlgoSecurity,
    ) -> sequoia_openpgp::Result<()> {
        match signature.typ() {
            SignatureType::KeyRevocation
            | SignatureType::SubkeyRevocation
            | SignatureType::CertificationRevocation => Ok(()),
            _ => self.0.signature(signature, sec),
        }
    }

    fn key(
        &self,
        key: &ValidErasedKeyAmalgamation<'_, PublicParts>,
    ) -> sequoia_openpgp::Result<()> {
        self.0.key(key)
    }

    fn symmetric_algorithm(&self, algorithm: SymmetricAlgorithm) -> sequoia_openpgp::Result<()> {
        self.0.symmetric_algorithm(algorithm)
    }

    fn aead_algorithm(&self, algorithm: AEADAlgorithm) -> sequoia_openpgp::Result<()> {
        self.0.aead_algorithm(algorithm)
    }

    fn packet(&self, packet: &Packet) -> sequoia_openpgp::Result<()> {
        self.0.packet(packet)
    }
}
