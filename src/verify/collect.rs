//! The signatures of a message or of a detached signature's file, and by which
//! key each claims to be made.

use std::io::Read;

use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::parse::{Dearmor, PacketParserBuilder, PacketParserResult, Parse};
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{KeyHandle, anyhow, packet};

use super::blocking::{Stop, refused, unreadable};
use crate::Error;
use crate::filter::armor;

/// Larger than any: the signatures of post-quantum algorithms have up to 50 kB.
pub(super) const MAX_PACKET: u32 = 256 << 10;
/// A message has a handful of packets.
pub(super) const MAX_PACKETS: usize = 1024;
/// Of armored signatures behind a text, and of a file of detached ones.
pub(super) const MAX_SIGNATURES_SIZE: usize = 1 << 20;
/// Nobody's signature names more than a fingerprint and a key ID.
const MAX_ISSUERS: usize = 4;

/// A signature that was found.
#[derive(Clone, Debug)]
pub(super) struct Collected {
    /// The signature, or why it is not looked at: a sentence.
    pub(super) signature: Result<Signature, String>,
    /// The keys that may have made it: its issuer fingerprints, or, only where it
    /// has none, its key IDs.
    pub(super) issuers: Vec<KeyHandle>,
}

impl Collected {
    pub(super) fn new(signature: Signature) -> Self {
        let mut issuers = signature.get_issuers();
        if issuers.iter().any(is_fingerprint) {
            issuers.retain(is_fingerprint);
        }
        // The wildcard names nobody.
        issuers.retain(|issuer| !matches!(issuer, KeyHandle::KeyID(id) if id.is_wildcard()));
        issuers.dedup();
        issuers.truncate(MAX_ISSUERS);
        Self {
            signature: Ok(signature),
            issuers,
        }
    }

    /// One of a version or form that nobody here can read.
    pub(super) fn unknown(packet: &packet::Unknown) -> Self {
        Self {
            signature: Err(format!("It cannot be read: {}.", packet.error())),
            issuers: Vec::new(),
        }
    }

    /// The same, not to be looked at.
    #[must_use]
    pub(super) fn without_a_look(mut self, why: impl Into<String>) -> Self {
        self.signature = Err(why.into());
        self
    }
}

/// Collects, and keeps no more than there is to look at.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) limit: usize,
    pub(super) found: Vec<Collected>,
}

impl Collector {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, one: Collected) {
        let one = match self.found.len() < self.limit {
            true => one,
            false => {
                let why = format!("More than {} signatures: not looked at.", self.limit);
                one.without_a_look(why)
            }
        };
        self.found.push(one);
    }
}

/// Whether a signature is one over a document (RFC 9580, section 5.2.1).
pub(super) fn is_over_a_document(signature: &Signature) -> bool {
    matches!(signature.typ(), SignatureType::Binary | SignatureType::Text)
}

/// Reads a file of detached signatures: binary, or one or several blocks of
/// ASCII armor with anything around them.
pub(super) fn detached(
    input: impl Read,
    limit: usize,
    stop: &Stop,
) -> Result<Vec<Collected>, Error> {
    let mut data = Vec::new();
    let most = u64::try_from(MAX_SIGNATURES_SIZE).unwrap_or(u64::MAX);
    stop.reading(input)
        .take(most.saturating_add(1))
        .read_to_end(&mut data)
        .map_err(unreadable)?;
    if data.len() > MAX_SIGNATURES_SIZE {
        return Err(refused("the signature is larger than 1 MiB"));
    }
    let found = match armor::is_text(&data) {
        true => armored(&data, limit)?,
        false => {
            let mut collector = Collector::new(limit);
            packets(&data, &mut collector)?;
            collector.found
        }
    };
    match found.is_empty() {
        true => Err(refused("there is no signature in it")),
        false => Ok(found),
    }
}

/// The signatures of every block of ASCII armor in a text.
pub(super) fn armored(text: &[u8], limit: usize) -> Result<Vec<Collected>, Error> {
    const CLEARTEXT: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
    if text
        .split(|&octet| octet == b'\n')
        .any(|line| line.starts_with(CLEARTEXT))
    {
        return Err(refused(
            "this is a message with its text, not a detached signature",
        ));
    }
    let mut collector = Collector::new(limit);
    for block in armor::blocks(text) {
        let block = block.ok_or_else(|| refused("the signature's ASCII armor is broken"))?;
        packets(&block, &mut collector)?;
    }
    Ok(collector.found)
}

fn packets(data: &[u8], collector: &mut Collector) -> Result<(), Error> {
    let mut next = PacketParserBuilder::from_bytes(data)
        .map_err(malformed)?
        .dearmor(Dearmor::Disabled)
        .automatic_hashing(false)
        .max_packet_size(MAX_PACKET)
        .build()
        .map_err(malformed)?;
    while let PacketParserResult::Some(parser) = next {
        let (packet, rest) = parser.next().map_err(malformed)?;
        next = rest;
        match packet {
            Packet::Signature(signature) => collector.add(Collected::new(signature)),
            Packet::Unknown(packet) if packet.tag() == packet::Tag::Signature => {
                collector.add(Collected::unknown(&packet));
            }
            Packet::Marker(_) | Packet::Padding(_) => {}
            other if !other.tag().is_critical() => {}
            other => {
                let why = format!("a detached signature holds no {} packet", other.tag());
                return Err(refused(why));
            }
        }
        if collector.found.len() > MAX_PACKETS {
            return Err(refused(format!("more than {MAX_PACKETS} packets")));
        }
    }
    Ok(())
}

fn malformed(error: anyhow::Error) -> Error {
    refused("the signature is malformed").with_source(error)
}

fn is_fingerprint(handle: &KeyHandle) -> bool {
    matches!(handle, KeyHandle::Fingerprint(_))
}
