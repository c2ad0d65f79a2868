//! The header walk (RFC 9580, section 4.2): where packets begin and end,
//! without a look inside.

use std::iter::FusedIterator;

pub(super) const SIGNATURE: u8 = 2;
pub(super) const SECRET_KEY: u8 = 5;
pub(super) const PUBLIC_KEY: u8 = 6;
pub(super) const SECRET_SUBKEY: u8 = 7;
pub(super) const MARKER: u8 = 10;
pub(super) const TRUST: u8 = 12;
pub(super) const USER_ID: u8 = 13;
pub(super) const PUBLIC_SUBKEY: u8 = 14;
pub(super) const USER_ATTRIBUTE: u8 = 17;
pub(super) const PADDING: u8 = 21;
/// From here on, packets of unknown type may be ignored (RFC 9580, section 4.3).
pub(super) const FIRST_NON_CRITICAL: u8 = 40;

/// Octets of a key packet. Every key that a backend computes is much smaller,
/// and beyond 65,535 a key of version 4 has no fingerprint.
const MAX_KEY_OCTETS: usize = 16 << 10;

/// Splits octets into packets: one pass, no allocation, nothing decoded.
///
/// It ends behind the last packet, or with the first error: a broken frame
/// cannot be found again.
///
/// ```
/// use openpgp_discovery::filter::packets;
///
/// // A marker packet and a User ID.
/// let bytes = b"\xca\x03PGP\xcd\x11alice@example.org";
/// let tags: Result<Vec<u8>, _> = packets(bytes).map(|p| p.map(|p| p.tag())).collect();
/// assert_eq!(tags, Ok(vec![10, 13]));
/// ```
pub fn packets(bytes: &[u8]) -> Packets<'_> {
    Packets { rest: bytes }
}

/// The iterator that [`packets`] returns.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

/// One packet, not looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPacket<'a> {
    bytes: &'a [u8],
    tag: u8,
    header: u8,
}

/// Why no packet can be read here.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FrameError {
    /// The octet does not begin a packet.
    #[error("octets that are not OpenPGP packets")]
    NotAPacket,
    /// The packet goes on behind the end.
    #[error("a packet that ends too early")]
    Truncated,
    /// A length in parts: RFC 9580 allows it in messages, not in certificates
    /// (section 4.2.1.4).
    #[error("a packet of partial length")]
    PartialLength,
    /// A length up to the end of the file, as PGP 2 had it.
    #[error("a packet of indeterminate length")]
    IndeterminateLength,
}

impl<'a> RawPacket<'a> {
    /// The packet's type ID, 0 to 63.
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// Header and body.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The body.
    pub fn body(&self) -> &'a [u8] {
        &self.bytes[usize::from(self.header)..]
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<RawPacket<'a>, FrameError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(match take(self.rest) {
            Ok((packet, rest)) => {
                self.rest = rest;
                Ok(packet)
            }
            Err(error) => {
                self.rest = &[];
                Err(error)
            }
        })
    }
}

impl FusedIterator for Packets<'_> {}

/// Whether a key packet is too large to be looked into.
pub(crate) fn is_oversized_packet(packet: &RawPacket<'_>) -> bool {
    packet.body().len() > MAX_KEY_OCTETS
}

/// Packets that say nothing, wherever they stand.
pub(super) fn is_ignored(tag: u8) -> bool {
    matches!(tag, MARKER | TRUST | PADDING)
}

#[inline]
fn take(bytes: &[u8]) -> Result<(RawPacket<'_>, &[u8]), FrameError> {
    let (tag, header, body) = header(bytes)?;
    let end = usize::from(header)
        .checked_add(body)
        .ok_or(FrameError::Truncated)?;
    let (bytes, rest) = bytes.split_at_checked(end).ok_or(FrameError::Truncated)?;
    Ok((RawPacket { bytes, tag, header }, rest))
}

/// The type, the octets of the header and those of the body.
#[inline]
fn header(bytes: &[u8]) -> Result<(u8, u8, usize), FrameError> {
    match *bytes {
        [first, ref length @ ..] if first & 0xc0 == 0xc0 => {
            let tag = first & 0x3f;
            match *length {
                [n @ ..192, ..] => Ok((tag, 2, n.into())),
                [high @ 192..224, low, ..] => Ok((
                    tag,
                    3,
                    ((usize::from(high) - 192) << 8) + usize::from(low) + 192,
                )),
                [255, a, b, c, d, ..] => Ok((tag, 6, int(&[a, b, c, d])?)),
                [224..=254, ..] => Err(FrameError::PartialLength),
                _ => Err(FrameError::Truncated),
            }
        }
        [first, ref length @ ..] if first & 0x80 != 0 => {
            let tag = (first >> 2) & 0xf;
            let octets: u8 = match first & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => return Err(FrameError::IndeterminateLength),
            };
            let length = length
                .get(..usize::from(octets))
                .ok_or(FrameError::Truncated)?;
            Ok((tag, 1 + octets, int(length)?))
        }
        _ => Err(FrameError::NotAPacket),
    }
}

/// At most four octets, big endian. What does not fit does not fit into memory either.
fn int(octets: &[u8]) -> Result<usize, FrameError> {
    let value = octets
        .iter()
        .fold(0u32, |n, &octet| n << 8 | u32::from(octet));
    usize::try_from(value).map_err(|_| FrameError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (bytes, expected) in [
            (&[0xc6, 5][..], Ok((6, 2, 5))),
            (&[0xc6, 191], Ok((6, 2, 191))),
            (&[0xc6, 192, 0], Ok((6, 3, 192))),
            (&[0xc6, 223, 255], Ok((6, 3, 8383))),
            (&[0xc6, 255, 0, 1, 0, 0], Ok((6, 6, 65536))),
            (&[0xff, 0], Ok((63, 2, 0))),
            (&[0x98, 51], Ok((6, 2, 51))),
            (&[0x99, 1, 0], Ok((6, 3, 256))),
            (&[0x9a, 0, 1, 0, 0], Ok((6, 5, 65536))),
            (&[0x9b, 0], Err(FrameError::IndeterminateLength)),
            (&[0xc6, 224], Err(FrameError::PartialLength)),
            (&[0xc6, 254], Err(FrameError::PartialLength)),
            (&[0x10], Err(FrameError::NotAPacket)),
            (&[0xc6], Err(FrameError::Truncated)),
            (&[0xc6, 192], Err(FrameError::Truncated)),
            (&[0xc6, 255, 0, 0, 0], Err(FrameError::Truncated)),
            (&[0x99, 1], Err(FrameError::Truncated)),
        ] {
            assert_eq!(header(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn ends_with_the_first_error() {
        let all: Vec<_> = packets(&[0xcd, 1, b'a', 0xcd, 9, b'b', 0xcd, 0]).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].map(|p| p.body()), Ok(&b"a"[..]));
        assert_eq!(all[1], Err(FrameError::Truncated));
    }

    #[test]
    fn lengths_at_the_edge_of_an_integer_do_not_overflow() {
        let all: Vec<_> = packets(&[0xcd, 255, 255, 255, 255, 255]).collect();
        assert_eq!(all, [Err(FrameError::Truncated)]);
    }
}
