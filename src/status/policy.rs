//! Which revocations count, and what they say; and policies for that.

use sequoia_openpgp::cert::prelude::ValidErasedKeyAmalgamation;
use sequoia_openpgp::packet::key::PublicParts;
use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy};
use sequoia_openpgp::types::{AEADAlgorithm, RevocationType, SignatureType, SymmetricAlgorithm};

use super::{Revocation, RevocationKind};

impl RevocationKind {
    /// RFC 9580, section 5.2.3.31: superseded and retired leave the past alone,
    /// no reason and unknown ones do not.
    pub(crate) fn of(revocation: &Signature) -> Self {
        match revocation.reason_for_revocation() {
            Some((reason, _)) if reason.revocation_type() == RevocationType::Soft => Self::Soft,
            _ => Self::Hard,
        }
    }
}

impl Revocation {
    pub(crate) fn of(revocation: &Signature) -> Self {
        let reason = revocation.reason_for_revocation();
        Self {
            kind: RevocationKind::of(revocation),
            reason: reason.map(|(reason, _)| reason),
            message: reason.map_or_else(String::new, |(_, message)| {
                String::from_utf8_lossy(message).into_owned()
            }),
            created: revocation.signature_creation_time(),
        }
    }

    /// The one that decides where the owner and a designated revoker revoked: a
    /// hard one, else the owner's.
    pub(crate) fn graver(own: Option<Self>, designated: Option<Self>) -> Option<Self> {
        match (own, designated) {
            (
                Some(Self {
                    kind: RevocationKind::Soft,
                    ..
                }),
                Some(hard),
            ) if hard.kind == RevocationKind::Hard => Some(hard),
            (own, designated) => own.or(designated),
        }
    }

    /// The one that decides, of those in effect: a hard one.
    pub(crate) fn worst_of(revocations: &[&Signature]) -> Option<Self> {
        let hard = |s: &&&Signature| RevocationKind::of(s) == RevocationKind::Hard;
        let worst = revocations.iter().find(hard);
        worst.or_else(|| revocations.first()).map(|s| Self::of(s))
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

/// Takes every signature that verifies, however weak.
#[derive(Debug)]
pub(crate) struct EveryAlgorithm;

impl Policy for EveryAlgorithm {
    fn signature(&self, _: &Signature, _: HashAlgoSecurity) -> sequoia_openpgp::Result<()> {
        Ok(())
    }

    fn key(&self, _: &ValidErasedKeyAmalgamation<'_, PublicParts>) -> sequoia_openpgp::Result<()> {
        Ok(())
    }
}
