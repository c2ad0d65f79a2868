//! Verifies single signatures of one primary key, and counts failures.

use std::collections::BTreeSet;

use sequoia_openpgp::crypto::hash::Context;
use sequoia_openpgp::packet::signature::subpacket::SubpacketTag;
use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::types::SignatureType;

use super::algorithms;
use super::keys::{PrimaryKey, Subkey};
use super::packets::RawPacket;
use super::work::{TooMany, Work};

/// More back signatures than this in one binding are somebody's attack: one is enough.
pub(super) const MAX_BACK_SIGNATURES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad,
    Uncomputable,
}

/// Verifies with one primary key, and counts what fails.
pub(super) struct Verifier<'k> {
    key: &'k PrimaryKey,
    computable: bool,
    failures_left: usize,
    work: &'k Work<'k>,
}

impl<'k> Verifier<'k> {
    pub(super) fn new(key: &'k PrimaryKey, failures: usize, work: &'k Work<'k>) -> Self {
        Self {
            key,
            computable: algorithms::is_computable(key),
            failures_left: failures,
            work,
        }
    }

    pub(super) fn on_key(&mut self, signature: &Signature) -> Result<Verdict, TooMany> {
        self.work.go_on()?;
        // A revocation may stand here and be about another key; that is no forgery.
        if signature.typ() == SignatureType::KeyRevocation
            && signature.hash_algo().is_supported()
            && digest(signature, |c| signature.hash_direct_key(c, self.key)).is_none()
        {
            return Ok(Verdict::Bad);
        }
        self.check(signature, |c| signature.hash_direct_key(c, self.key))
    }

    pub(super) fn on_user_id(
        &mut self,
        signature: &Signature,
        id: &UserID,
    ) -> Result<Verdict, TooMany> {
        self.check(signature, |c| {
            signature.hash_userid_binding(c, self.key, id)
        })
    }

    pub(super) fn on_subkey(
        &mut self,
        signature: &Signature,
        subkey: &Subkey,
    ) -> Result<Verdict, TooMany> {
        let verdict = self.check(signature, |c| {
            signature.hash_subkey_binding(c, self.key, subkey)
        })?;
        // A subkey that signs has to agree (RFC 9580, section 5.2.1.10).
        let signs = signature.typ() == SignatureType::SubkeyBinding
            && signature
                .key_flags()
                .is_some_and(|flags| flags.for_signing());
        if verdict != Verdict::Good || !signs {
            return Ok(verdict);
        }
        if signature.embedded_signatures().count() > MAX_BACK_SIGNATURES {
            return self.count(false);
        }
        if !algorithms::is_computable(subkey) {
            return Ok(Verdict::Uncomputable);
        }
        let mut verdict = None;
        for back in signature.embedded_signatures() {
            self.work.spend(subkey)?;
            let agrees = back.verify_primary_key_binding(self.key, subkey).is_ok();
            verdict = Some(self.count(agrees)?);
            if agrees {
                break;
            }
        }
        verdict.map_or_else(|| self.count(false), Ok)
    }

    fn check(
        &mut self,
        signature: &Signature,
        hash: impl FnOnce(&mut Context) -> sequoia_openpgp::Result<()>,
    ) -> Result<Verdict, TooMany> {
        self.work.go_on()?;
        if !self.computable || !signature.hash_algo().is_supported() {
            return Ok(Verdict::Uncomputable);
        }
        let good = match digest(signature, hash) {
            Some(digest) => {
                self.work.spend(self.key)?;
                signature.verify_digest(self.key, digest).is_ok()
            }
            None => false,
        };
        self.count(good)
    }

    /// Whether a revocation verifies with a designated revoker's key.
    pub(super) fn with(
        &mut self,
        revoker: &PrimaryKey,
        verify: impl FnOnce() -> sequoia_openpgp::Result<()>,
    ) -> Result<bool, TooMany> {
        self.work.spend(revoker)?;
        Ok(self.count(verify().is_ok())? == Verdict::Good)
    }

    fn count(&mut self, good: bool) -> Result<Verdict, TooMany> {
        if good {
            return Ok(Verdict::Good);
        }
        self.failures_left = self
            .failures_left
            .checked_sub(1)
            .ok_or(TooMany("too many signatures that do not verify"))?;
        Ok(Verdict::Bad)
    }
}

/// The digest that is signed, if its first octets are those that the signature
/// itself tells: a test before any arithmetic.
pub(super) fn digest(
    signature: &Signature,
    hash: impl FnOnce(&mut Context) -> sequoia_openpgp::Result<()>,
) -> Option<Vec<u8>> {
    let mut context = signature
        .hash_algo()
        .context()
        .ok()?
        .for_signature(signature.version());
    hash(&mut context).ok()?;
    let digest = context.into_digest().ok()?;
    digest
        .starts_with(signature.digest_prefix())
        .then_some(digest)
}

pub(super) fn signatures(packets: &[RawPacket<'_>]) -> Vec<Signature> {
    packets
        .iter()
        .filter_map(|packet| match Packet::from_bytes(packet.bytes()) {
            Ok(Packet::Signature(signature)) => Some(lean(signature)),
            _ => None,
        })
        .collect()
}

/// The signature without what nobody signed, and what has no place there: anybody
/// can fill that area, and what is taken in is kept for good. Who made it stays,
/// and so does a subkey's own signature.
pub(crate) fn lean(mut signature: Signature) -> Signature {
    let is_binding = signature.typ() == SignatureType::SubkeyBinding;
    let is_kept = |tag| match tag {
        SubpacketTag::Issuer | SubpacketTag::IssuerFingerprint => true,
        SubpacketTag::EmbeddedSignature => is_binding,
        _ => false,
    };
    let area = signature.unhashed_area_mut();
    let tags: BTreeSet<u8> = area
        .iter()
        .map(|subpacket| subpacket.tag().into())
        .collect();
    for tag in tags.into_iter().map(SubpacketTag::from) {
        if !is_kept(tag) {
            area.remove_all(tag);
        }
    }
    signature
}
