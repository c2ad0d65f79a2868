//! Verifies single signatures of one primary key, and counts failures.

use std::collections::BTreeSet;
use std::io;

use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketTag, SubpacketValue};
use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::{Marshal, MarshalInto};
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Fingerprint, KeyHandle};

use super::packets::RawPacket;
use super::work::{TooMany, Work};
use crate::algorithms;
use crate::keys::{PrimaryKey, Subkey};

/// More back signatures than this in one binding are somebody's attack: one is enough.
pub(super) const MAX_BACK_SIGNATURES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad,
    Uncomputable,
    /// It is about something else: the first octets of the digest do not fit.
    Elsewhere,
}

/// Verifies with one primary key, and counts what fails.
pub(super) struct Verifier<'k> {
    key: &'k PrimaryKey,
    key_octets: usize,
    computable: bool,
    failures_left: usize,
    work: &'k Work<'k>,
}

/// What a signature is made over, beside the primary key.
#[derive(Clone, Copy)]
pub(super) enum Over<'o> {
    Key,
    UserId(&'o UserID),
    Subkey(&'o Subkey),
}

impl<'k> Verifier<'k> {
    pub(super) fn new(key: &'k PrimaryKey, failures: usize, work: &'k Work<'k>) -> Self {
        Self {
            key,
            key_octets: key.mpis().serialized_len(),
            computable: algorithms::is_computable(key),
            failures_left: failures,
            work,
        }
    }

    /// Verifies one signature of the primary key, and on a subkey also that this
    /// one agrees, where it has to.
    pub(super) fn check(
        &mut self,
        signature: &Signature,
        over: Over<'_>,
    ) -> Result<Verdict, TooMany> {
        match self.look(signature, over)? {
            // A key revocation may stand here and be about another key; that is no
            // forgery.
            Verdict::Elsewhere if signature.typ() == SignatureType::KeyRevocation => {
                Ok(Verdict::Bad)
            }
            Verdict::Elsewhere => self.fail(),
            verdict => Ok(verdict),
        }
    }

    /// The same for what may be about something else, which is no failure.
    pub(super) fn look(
        &mut self,
        signature: &Signature,
        over: Over<'_>,
    ) -> Result<Verdict, TooMany> {
        self.work.go_on()?;
        let is_key_revocation = signature.typ() == SignatureType::KeyRevocation;
        let hashes = signature.hash_algo().is_supported();
        if !hashes || !(self.computable || is_key_revocation) {
            return Ok(Verdict::Uncomputable);
        }
        let Some(digest) = self.digest(signature, over)? else {
            return Ok(Verdict::Elsewhere);
        };
        if !self.computable {
            return Ok(Verdict::Uncomputable);
        }
        self.work.spend(self.key)?;
        let good = signature.verify_digest(self.key, digest).is_ok();
        match (self.count(good)?, over) {
            (Verdict::Good, Over::Subkey(subkey)) => self.agrees(signature, subkey),
            (verdict, _) => Ok(verdict),
        }
    }

    /// Whether a subkey that signs agrees (RFC 9580, section 5.2.1.10).
    fn agrees(&mut self, signature: &Signature, subkey: &Subkey) -> Result<Verdict, TooMany> {
        if !is_for_signing(signature) {
            return Ok(Verdict::Good);
        }
        if signature.embedded_signatures().count() > MAX_BACK_SIGNATURES {
            return self.count(false);
        }
        if !algorithms::is_computable(subkey) {
            return Ok(Verdict::Uncomputable);
        }
        let octets = self.key_octets + subkey.mpis().serialized_len();
        let mut verdict = None;
        for back in signature.embedded_signatures() {
            self.work.spend(subkey)?;
            self.work.hash(octets)?;
            let agrees = back.verify_primary_key_binding(self.key, subkey).is_ok();
            verdict = Some(self.count(agrees)?);
            if agrees {
                break;
            }
        }
        verdict.map_or_else(|| self.count(false), Ok)
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

    /// Whether a signature may be about this: the first octets of the digest are
    /// those that it tells itself. A test before any arithmetic, that counts nothing.
    pub(super) fn may_be_about(
        &self,
        signature: &Signature,
        over: Over<'_>,
    ) -> Result<bool, TooMany> {
        Ok(self.digest(signature, over)?.is_some())
    }

    /// The digest that is signed, if its first octets are those that the signature
    /// itself tells.
    fn digest(&self, signature: &Signature, over: Over<'_>) -> Result<Option<Vec<u8>>, TooMany> {
        let octets = match over {
            Over::Key => 0,
            Over::UserId(id) => id.value().len(),
            Over::Subkey(subkey) => subkey.mpis().serialized_len(),
        };
        let area = signature.hashed_area().serialized_len();
        self.work.hash(self.key_octets + octets + area)?;
        let Ok(context) = signature.hash_algo().context() else {
            return Ok(None);
        };
        let mut context = context.for_signature(signature.version());
        let hashed = match over {
            Over::Key => signature.hash_direct_key(&mut context, self.key),
            Over::UserId(id) => signature.hash_userid_binding(&mut context, self.key, id),
            Over::Subkey(subkey) => signature.hash_subkey_binding(&mut context, self.key, subkey),
        };
        let digest = hashed.and_then(|()| context.into_digest()).ok();
        Ok(digest.filter(|digest| digest.starts_with(signature.digest_prefix())))
    }

    /// What verifies, with the owner as its maker where others alone are named beside
    /// what is signed: other software goes by these names.
    pub(super) fn owned(&self, mut signature: Signature) -> Signature {
        let named = signature.get_issuers();
        let owner = KeyHandle::from(self.key.fingerprint());
        if !named.is_empty() && !named.iter().any(|by| by.aliases(&owner)) {
            let area = signature.unhashed_area_mut();
            area.remove_all(SubpacketTag::Issuer);
            area.remove_all(SubpacketTag::IssuerFingerprint);
            // There is room for the name of eight octets, which took the others' place.
            let name = SubpacketValue::Issuer(owner.into());
            if let Ok(name) = Subpacket::new(name, false) {
                let _full = area.add(name);
            }
        }
        signature
    }

    /// Counts one that nobody made.
    pub(super) fn fail(&mut self) -> Result<Verdict, TooMany> {
        self.count(false)
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

/// Whether it lets a subkey sign, which has to agree to that.
pub(super) fn is_for_signing(signature: &Signature) -> bool {
    signature.typ() == SignatureType::SubkeyBinding
        && signature
            .key_flags()
            .is_some_and(|flags| flags.for_signing())
}

pub(super) fn signatures(packets: &[RawPacket<'_>]) -> Vec<Signature> {
    packets.iter().filter_map(signature).collect()
}

/// A signature, [`lean`]; `None` where the packet is none, or holds what can be read
/// and not written, as a fingerprint of an unknown version: whoever gets the
/// certificate has to be able to store it.
pub(super) fn signature(packet: &RawPacket<'_>) -> Option<Signature> {
    match Packet::from_bytes(packet.bytes()) {
        Ok(Packet::Signature(signature)) => {
            Some(lean(signature)).filter(|lean| lean.serialize(&mut io::sink()).is_ok())
        }
        _ => None,
    }
}

/// The signature without what nobody signed, and what has no place there: anybody
/// can fill that area, and what is taken in is kept for good. Who made it stays,
/// and so does a subkey's own signature.
pub(crate) fn lean(mut signature: Signature) -> Signature {
    let is_binding = signature.typ() == SignatureType::SubkeyBinding;
    let is_kept = |value: &SubpacketValue| match value {
        SubpacketValue::Issuer(_)
        | SubpacketValue::IssuerFingerprint(Fingerprint::V4(_) | Fingerprint::V6(_)) => true,
        SubpacketValue::EmbeddedSignature(_) => is_binding,
        _ => false,
    };
    let area = signature.unhashed_area_mut();
    let junk = area.iter().filter(|subpacket| !is_kept(subpacket.value()));
    let tags: BTreeSet<u8> = junk.map(|subpacket| subpacket.tag().into()).collect();
    for tag in tags.into_iter().map(SubpacketTag::from) {
        area.remove_all(tag);
    }
    signature
}
