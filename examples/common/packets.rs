//! Packets by their headers: enough to find where one certificate ends and the next one
//! begins, whatever is in them.

use std::ops::Range;
use std::time::SystemTime;

use openpgp_discovery::filter::packets;
use openpgp_discovery::openpgp::Packet;
use openpgp_discovery::openpgp::packet::key::{KeyParts, PrimaryRole};
use openpgp_discovery::openpgp::packet::{Key, Signature};
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::openpgp::serialize::MarshalInto;
use openpgp_discovery::openpgp::types::{PublicKeyAlgorithm, SignatureType};

/// Where a packet stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) start: usize,
    pub(crate) end: usize,
    body: usize,
    sort: Sort,
}

/// What a packet is to a keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// A primary key, with which a certificate begins.
    Primary,
    Signature,
    /// Something else of a certificate.
    Component,
    /// To be passed over: markers, padding, gpg's own notes about trust, and what is
    /// not critical.
    Ignored,
    /// Not of a keyring.
    Foreign,
}

/// No key is as large, and no scan for one looks further.
const LARGEST_KEY: usize = 1 << 16;

impl Frame {
    /// The packet that begins there, if there is a whole one.
    pub(crate) fn at(octets: &[u8], start: usize) -> Option<Self> {
        let packet = packets(octets.get(start..)?).next()?.ok()?;
        let end = start.checked_add(packet.bytes().len())?;
        Some(Self {
            start,
            end,
            body: end.checked_sub(packet.body().len())?,
            sort: Sort::of(packet.tag()),
        })
    }

    pub(crate) fn sort(self) -> Sort {
        self.sort
    }

    pub(crate) fn of(self, octets: &[u8]) -> &[u8] {
        octets.get(self.start..self.end).unwrap_or_default()
    }

    /// The first octet of a key or a signature.
    pub(crate) fn version(self, octets: &[u8]) -> Option<u8> {
        self.body(octets).first().copied()
    }

    /// The signature, if it is a revocation of a whole certificate.
    pub(crate) fn revocation(self, octets: &[u8]) -> Option<Signature> {
        const TYPE: u8 = 0x20;
        // Its type stands behind its version; other signatures are not worth parsing.
        let may_be = self.sort == Sort::Signature && self.body(octets).get(1) == Some(&TYPE);
        match Packet::from_bytes(may_be.then(|| self.of(octets))?) {
            Ok(Packet::Signature(signature)) => {
                (signature.typ() == SignatureType::KeyRevocation).then_some(signature)
            }
            _ => None,
        }
    }

    fn body(self, octets: &[u8]) -> &[u8] {
        octets.get(self.body..self.end).unwrap_or_default()
    }

    /// Whether there is nothing in it that is unknown, or out of order.
    pub(crate) fn is_clear(self, octets: &[u8]) -> bool {
        self.sort == Sort::Ignored
            || matches!(Packet::from_bytes(self.of(octets)), Ok(packet) if !is_unknown(&packet))
    }

    /// Whether a certificate begins here, beyond doubt: in what follows a damaged place,
    /// anything can look like a header.
    pub(crate) fn is_key(self, octets: &[u8]) -> bool {
        let next_is_sound = || {
            self.end == octets.len()
                || Self::at(octets, self.end).is_some_and(|next| next.sort != Sort::Foreign)
        };
        self.sort == Sort::Primary
            && self.end - self.start <= LARGEST_KEY
            && self.version(octets).is_some_and(is_known)
            && next_is_sound()
            && match Packet::from_bytes(self.of(octets)) {
                Ok(Packet::PublicKey(key)) => is_exact(&key, self.body(octets)),
                Ok(Packet::SecretKey(key)) => is_exact(&key, self.body(octets)),
                _ => false,
            }
    }
}

impl Sort {
    fn of(tag: u8) -> Self {
        match tag {
            5 | 6 => Self::Primary,
            2 => Self::Signature,
            7 | 13 | 14 | 17 => Self::Component,
            10 | 12 | 21 | 40.. => Self::Ignored,
            _ => Self::Foreign,
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

fn is_unknown(packet: &Packet) -> bool {
    matches!(packet, Packet::Unknown(_))
}

/// Whether there are certificates of this version.
pub(crate) fn is_known(version: u8) -> bool {
    matches!(version, 4 | 6)
}

/// Where the next certificate begins, in this part of it.
pub(crate) fn find_key(octets: &[u8], mut part: Range<usize>) -> Option<usize> {
    part.find(|&at| Frame::at(octets, at).is_some_and(|key| key.is_key(octets)))
}
