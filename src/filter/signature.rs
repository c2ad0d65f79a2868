//! A cheap look into a signature packet: what it is about, when it claims to be
//! made and by whom (RFC 9580, section 5.2). Nothing of it is believed before
//! the signature verifies; it only decides what is worth a look.

use sequoia_openpgp::{Fingerprint, KeyID};

use super::packets::{self, RawPacket};

/// The types of signature that a certificate is made of (RFC 9580, section 5.2.1).
pub(super) mod types {
    pub(crate) const GENERIC_CERTIFICATION: u8 = 0x10;
    pub(crate) const POSITIVE_CERTIFICATION: u8 = 0x13;
    pub(crate) const SUBKEY_BINDING: u8 = 0x18;
    pub(crate) const DIRECT_KEY: u8 = 0x1f;
    pub(crate) const KEY_REVOCATION: u8 = 0x20;
    pub(crate) const SUBKEY_REVOCATION: u8 = 0x28;
    pub(crate) const CERTIFICATION_REVOCATION: u8 = 0x30;
}

const SUBPACKET_CREATION_TIME: u8 = 2;
const SUBPACKET_REVOCATION_KEY: u8 = 12;
const SUBPACKET_ISSUER: u8 = 16;
const SUBPACKET_PRIMARY_USER_ID: u8 = 25;
const SUBPACKET_ISSUER_FINGERPRINT: u8 = 33;

/// What can be read without decoding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) typ: u8,
    /// Version 3 has no subpackets, and these in their place.
    v3: Option<(u32, &'a [u8])>,
    hashed: &'a [u8],
    unhashed: &'a [u8],
}

/// Whose a signature claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The certificate's own primary key is named.
    Owner,
    /// Only other keys are named.
    Other,
    /// No key is named.
    Nobody,
}

/// The names under which a primary key appears as issuer.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    fingerprint: Fingerprint,
    key_id: KeyID,
}

impl Owner {
    pub(super) fn new(fingerprint: Fingerprint) -> Self {
        Self {
            key_id: KeyID::from(&fingerprint),
            fingerprint,
        }
    }

    /// These names, as they stand in signatures.
    pub(super) fn names(&self) -> [&[u8]; 2] {
        [self.fingerprint.as_bytes(), self.key_id.as_bytes()]
    }
}

impl<'a> Head<'a> {
    /// `None` where it is no signature that anybody could verify.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        match *body {
            [3, 5, typ, a, b, c, d, ref rest @ ..] => Some(Self {
                typ,
                v3: Some((u32::from_be_bytes([a, b, c, d]), rest.get(..8)?)),
                hashed: &[],
                unhashed: &[],
            }),
            [version @ (4 | 6), typ, _, _, ref rest @ ..] => {
                let width = if version == 4 { 2 } else { 4 };
                let (hashed, rest) = area(rest, width)?;
                let (unhashed, _) = area(rest, width)?;
                Some(Self {
                    typ,
                    v3: None,
                    hashed,
                    unhashed,
                })
            }
            _ => None,
        }
    }

    /// When it claims to be made, in seconds since 1970.
    pub(super) fn created(&self) -> Option<u32> {
        if let Some((created, _)) = self.v3 {
            return Some(created);
        }
        // Of several the last counts (RFC 9580, section 5.2.3.9), as for sequoia.
        let times = subpackets(self.hashed).filter(|(typ, _)| *typ == SUBPACKET_CREATION_TIME);
        let (_, value) = times.last()?;
        value.try_into().ok().map(u32::from_be_bytes)
    }

    /// The key IDs and fingerprints that it names as its issuers.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &'a [u8]> {
        let named = subpackets(self.hashed).chain(subpackets(self.unhashed));
        let named = named.filter_map(|(typ, value)| match typ {
            SUBPACKET_ISSUER => Some(value),
            // The first octet is the key's version.
            SUBPACKET_ISSUER_FINGERPRINT => Some(value.get(1..).unwrap_or_default()),
            _ => None,
        });
        self.v3.map(|(_, issuer)| issuer).into_iter().chain(named)
    }

    /// Whose it claims to be.
    pub(super) fn by(&self, owner: &Owner) -> By {
        let mut by = By::Nobody;
        for issuer in self.issuers() {
            if owner.names().contains(&issuer) {
                return By::Owner;
            }
            by = By::Other;
        }
        by
    }

    /// Whether it revokes a key or a subkey and names others as its makers, but not
    /// in what is signed: anybody can have written that name beside it, also where it
    /// is the owner's.
    pub(super) fn is_ascribed(&self, owner: &Owner) -> bool {
        let names = |(typ, _)| matches!(typ, SUBPACKET_ISSUER | SUBPACKET_ISSUER_FINGERPRINT);
        matches!(self.typ, types::KEY_REVOCATION | types::SUBKEY_REVOCATION)
            && self.v3.is_none()
            && self.by(owner) == By::Other
            && !subpackets(self.hashed).any(names)
    }

    /// Whether it calls its User ID the primary one.
    pub(super) fn is_primary(&self) -> bool {
        subpackets(self.hashed)
            .any(|(typ, value)| typ == SUBPACKET_PRIMARY_USER_ID && !matches!(value, [] | [0]))
    }

    /// Whether it names somebody who may revoke the certificate.
    pub(super) fn names_revoker(&self) -> bool {
        subpackets(self.hashed).any(|(typ, _)| typ == SUBPACKET_REVOCATION_KEY)
    }

    /// Whether it is a revocation, of whatever.
    pub(super) fn is_revocation(&self) -> bool {
        matches!(
            self.typ,
            types::KEY_REVOCATION | types::SUBKEY_REVOCATION | types::CERTIFICATION_REVOCATION
        )
    }

    /// Whether it certifies a User ID.
    pub(super) fn is_certification(&self) -> bool {
        (types::GENERIC_CERTIFICATION..=types::POSITIVE_CERTIFICATION).contains(&self.typ)
    }
}

/// Whether this is a signature of a version that nobody here knows. What it
/// says cannot be told.
pub(super) fn is_of_unknown_version(packet: &RawPacket<'_>) -> bool {
    packet.tag() == packets::SIGNATURE
        && packet
            .body()
            .first()
            .is_some_and(|version| !matches!(version, 3 | 4 | 6))
}

/// Whether a packet is a key revocation, by its type alone.
pub(crate) fn is_key_revocation(packet: &RawPacket<'_>) -> bool {
    is_of_type(packet, &[types::KEY_REVOCATION])
}

/// Whether a packet revokes a subkey or a User ID, by its type alone.
pub(crate) fn is_component_revocation(packet: &RawPacket<'_>) -> bool {
    is_of_type(
        packet,
        &[types::SUBKEY_REVOCATION, types::CERTIFICATION_REVOCATION],
    )
}

fn is_of_type(packet: &RawPacket<'_>, types: &[u8]) -> bool {
    packet.tag() == packets::SIGNATURE
        && match *packet.body() {
            [3, _, typ, ..] | [4 | 6, typ, ..] => types.contains(&typ),
            _ => false,
        }
}

/// What makes a signature packet this very signature: all of it but the area
/// that is not signed, into which anybody can write.
pub(super) fn identity(body: &[u8]) -> Option<Vec<u8>> {
    let head = Head::parse(body)?;
    if head.v3.is_some() {
        return Some(body.to_vec());
    }
    // Version, type and algorithms; then each area behind its length.
    let width = if body.first() == Some(&4) { 2 } else { 4 };
    let signed = 4 + width + head.hashed.len();
    let rest = signed + width + head.unhashed.len();
    Some([body.get(..signed)?, body.get(rest..)?].concat())
}

/// A subpacket area behind its length, and the rest.
fn area(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    let length = length
        .iter()
        .fold(0u32, |n, &octet| n << 8 | u32::from(octet));
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// Type and value of each subpacket (RFC 9580, section 5.2.3.7), up to the
/// first that is broken.
fn subpackets(area: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = area;
    std::iter::from_fn(move || {
        let (length, tail) = match *rest {
            [n @ ..192, ref tail @ ..] => (usize::from(n), tail),
            [high @ 192..=254, low, ref tail @ ..] => (
                ((usize::from(high) - 192) << 8) + usize::from(low) + 192,
                tail,
            ),
            [255, a, b, c, d, ref tail @ ..] => (
                usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?,
                tail,
            ),
            _ => return None,
        };
        let (subpacket, tail) = tail.split_at_checked(length)?;
        rest = tail;
        let (typ, value) = subpacket.split_first()?;
        // The highest bit says "critical".
        Some((typ & 0x7f, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner::new("0123456789ABCDEF0123456789ABCDEF01234567".parse().unwrap())
    }

    fn v4(hashed: &[u8], unhashed: &[u8]) -> Vec<u8> {
        let mut body = vec![4, 0x13, 22, 8, 0, u8::try_from(hashed.len()).unwrap()];
        body.extend(hashed);
        body.extend([0, u8::try_from(unhashed.len()).unwrap()]);
        body.extend(unhashed);
        body.extend([0xab, 0xcd]);
        body
    }

    const OWN_ID: &[u8] = &[9, 16, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67];
    const OTHER_ID: &[u8] = &[9, 16, 1, 1, 1, 1, 1, 1, 1, 1];
    const CREATED: &[u8] = &[5, 0x82, 0, 0, 1, 0];

    fn own_fingerprint() -> Vec<u8> {
        let mut subpacket = vec![22, 33, 4];
        subpacket.extend(owner().fingerprint.as_bytes());
        subpacket
    }

    #[test]
    fn issuers_and_time() {
        let own_fpr = own_fingerprint();
        let both = [CREATED, OTHER_ID].concat();
        for (hashed, unhashed, by, created) in [
            (CREATED, OWN_ID, By::Owner, Some(256)),
            (&own_fpr[..], OTHER_ID, By::Owner, None),
            (&both, OWN_ID, By::Owner, Some(256)),
            (&both, &[][..], By::Other, Some(256)),
            (CREATED, &[], By::Nobody, Some(256)),
            // The time counts only where it is signed.
            (&[], CREATED, By::Nobody, None),
            // A broken subpacket ends the list.
            (&[9, 16, 1], OWN_ID, By::Owner, None),
            (&[0], OWN_ID, By::Owner, None),
        ] {
            let body = v4(hashed, unhashed);
            let head = Head::parse(&body).unwrap();
            assert_eq!(head.typ, types::POSITIVE_CERTIFICATION);
            assert_eq!(head.by(&owner()), by, "{body:x?}");
            assert_eq!(head.created(), created, "{body:x?}");
        }
    }

    #[test]
    fn version_3_and_6() {
        let v3 = [
            &[3, 5, 0x10, 0, 0, 1, 0][..],
            &OWN_ID[2..],
            &[1, 2, 0xab, 0xcd],
        ]
        .concat();
        let head = Head::parse(&v3).unwrap();
        assert_eq!((head.typ, head.created()), (0x10, Some(256)));
        assert_eq!(head.by(&owner()), By::Owner);

        let v6 = [
            &[6, 0x1f, 27, 10, 0, 0, 0, 6][..],
            CREATED,
            &[0, 0, 0, 10],
            OTHER_ID,
        ]
        .concat();
        let head = Head::parse(&v6).unwrap();
        assert_eq!((head.typ, head.created()), (0x1f, Some(256)));
        assert_eq!(head.by(&owner()), By::Other);
    }

    #[test]
    fn not_a_signature() {
        for body in [
            &[][..],
            &[4],
            &[5, 0x10, 1, 1, 0, 0, 0, 0],
            &[4, 0x10, 1, 1, 0, 9, 0, 0],
            &[4, 0x10, 1, 1, 0, 0, 0, 9],
            &[3, 5, 0x10, 0, 0, 0, 0, 1],
        ] {
            assert!(Head::parse(body).is_none(), "{body:x?}");
        }
    }
}
