//! Packets by their headers: enough to find where one certificate ends and the next one
//! begins, whatever is in them.

use std::borrow::Cow;
use std::ops::Range;
use std::time::SystemTime;

use sequoia_openpgp::Packet;
use sequoia_openpgp::packet::key::{KeyParts, PrimaryRole};
use sequoia_openpgp::packet::{Key, Signature};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::PublicKeyAlgorithm;

use crate::filter::{
    RawPacket, is_component_revocation, is_key_revocation, is_oversized_packet, lean, packets,
};

/// A packet, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    packet: RawPacket<'a>,
}

/// What a packet is to a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A primary key, with which a certificate begins.
    Primary,
    Signature,
    /// Something else of a certificate.
    Component,
    /// To be passed over: markers, padding, GnuPG's own notes about trust, and what is
    /// not critical.
    Ignored,
    /// Not of a keyring.
    Foreign,
}

impl<'a> Frame<'a> {
    /// The packet that begins there, if there is a whole one.
    pub(super) fn at(octets: &'a [u8], start: usize) -> Option<Self> {
        let packet = packets(octets.get(start..)?).next()?.ok()?;
        let end = start.checked_add(packet.bytes().len())?;
        Some(Self { start, end, packet })
    }

    pub(super) fn sort(&self) -> Sort {
        match self.packet.tag() {
            5 | 6 => Sort::Primary,
            2 => Sort::Signature,
            7 | 13 | 14 | 17 => Sort::Component,
            10 | 12 | 21 | 40.. => Sort::Ignored,
            _ => Sort::Foreign,
        }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.packet.bytes()
    }

    /// The first octet of a key or a signature.
    pub(super) fn version(&self) -> Option<u8> {
        self.packet.body().first().copied()
    }

    /// The signature, if it is a revocation of a certificate, a subkey or a User ID.
    pub(super) fn revocation(&self) -> Option<Signature> {
        // Others are not worth parsing.
        let may_be = is_key_revocation(&self.packet) || is_component_revocation(&self.packet);
        match Packet::from_bytes(may_be.then(|| self.bytes())?) {
            Ok(Packet::Signature(signature)) => {
                Some(lean(signature)).filter(|lean| MarshalInto::to_vec(lean).is_ok())
            }
            _ => None,
        }
    }

    /// The packet in a form in which it can be written again when it is read: a
    /// signature without what nobody signed, where there is something else in that.
    pub(super) fn writable(&self) -> Option<Cow<'_, [u8]>> {
        let as_is = Some(Cow::Borrowed(self.bytes()));
        match Packet::from_bytes(self.bytes()) {
            Ok(packet @ Packet::Signature(_)) if packet.to_vec().is_ok() => as_is,
            Ok(Packet::Signature(signature)) => {
                Packet::from(lean(signature)).to_vec().ok().map(Cow::Owned)
            }
            _ => as_is,
        }
    }

    /// Whether it is a key that nobody has: the largest have no fingerprint.
    pub(super) fn is_oversized(&self) -> bool {
        matches!(self.packet.tag(), 5 | 6 | 7 | 14) && is_oversized_packet(&self.packet)
    }

    /// Whether there is nothing in it that is unknown, or out of order.
    pub(super) fn is_clear(&self) -> bool {
        self.sort() == Sort::Ignored
            || self.is_oversized()
            || Packet::from_bytes(self.bytes())
                .is_ok_and(|packet| !matches!(packet, Packet::Unknown(_)))
    }

    /// Whether a certificate begins here, beyond doubt: in what follows a damaged place,
    /// anything can look like a header.
    pub(super) fn is_key(&self, octets: &[u8]) -> bool {
        let next_is_sound = || {
            self.end == octets.len()
                || Frame::at(octets, self.end).is_some_and(|next| next.sort() != Sort::Foreign)
        };
        self.sort() == Sort::Primary
            && !self.is_oversized()
            && self.version().is_some_and(is_known)
            && next_is_sound()
            && match Packet::from_bytes(self.bytes()) {
                Ok(Packet::PublicKey(key)) => is_exact(&key, self.packet.body()),
                Ok(Packet::SecretKey(key)) => is_exact(&key, self.packet.body()),
                _ => false,
            }
    }
}

/// Whether the key, and it alone, is in this body.
fn is_exact<P: KeyParts>(key: &Key<P, PrimaryRole>, body: &[u8]) -> bool
where
    Key<P, PrimaryRole>: MarshalInto,
{
    let is_known = !matches!(
        key.pk_algo(),
        PublicKeyAlgorithm::Private(_) | PublicKeyAlgorithm::Unknown(_)
    );
    is_known
        && key.creation_time() <= SystemTime::now()
        && MarshalInto::to_vec(key).is_ok_and(|octets| octets == body)
}

/// Whether there are certificates of this version.
pub(super) fn is_known(version: u8) -> bool {
    matches!(version, 4 | 6)
}

/// Where the next certificate begins, in this part of it.
pub(super) fn find_key(octets: &[u8], mut part: Range<usize>) -> Option<usize> {
    part.find(|&at| Frame::at(octets, at).is_some_and(|key| key.is_key(octets)))
}
