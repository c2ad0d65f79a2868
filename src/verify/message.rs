//! One pass through a message: its text goes to whoever wants it, its signatures
//! are given back. No more of it is in memory than a buffer's worth.

use std::io::{BufReader, Read, SeekFrom};

use sequoia_openpgp::armor::ReaderMode;
use sequoia_openpgp::packet::Tag;
use sequoia_openpgp::parse::{
    Dearmor, PacketParser, PacketParserBuilder, PacketParserResult, Parse,
};
use sequoia_openpgp::{Packet, anyhow};

use super::blocking::{Stop, refused, unreadable};
use super::cleartext::{self, Lines};
use super::collect::{self, Collected, MAX_PACKET, MAX_PACKETS};
use super::format::{Format, Input};
use super::structure::{self, Item, Kind};
use super::{Limits, content::Guard, content::Pieces, digests::Digests};
use crate::Error;

const BUFFER: usize = 64 << 10;

/// Where the signed text goes.
pub(super) trait Sink {
    /// The next octets, as they are handed out.
    fn content(&mut self, part: &[u8]) -> Result<(), Error>;
    /// The next octets, as they are signed, where that is not the same.
    fn signed(&mut self, part: &[u8]) -> Result<(), Error>;
}

/// Into the digests of the signatures, and remembered for handing it out.
pub(super) struct Hashing<'h> {
    pub(super) digests: &'h mut Digests,
    pub(super) pieces: &'h mut Pieces,
}

/// Nowhere: the signatures are what is looked for.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn content(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
    fn signed(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
}

impl Sink for Hashing<'_> {
    fn content(&mut self, part: &[u8]) -> Result<(), Error> {
        self.pieces.update(part)
    }
    fn signed(&mut self, part: &[u8]) -> Result<(), Error> {
        self.digests.update(part);
        Ok(())
    }
}

impl Sink for Guard<'_> {
    fn content(&mut self, part: &[u8]) -> Result<(), Error> {
        self.update(part)
    }
    fn signed(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
}

/// Goes through the message once.
pub(super) fn walk(
    input: &mut dyn Input,
    format: Format,
    limits: &Limits,
    stop: &Stop,
    sink: &mut dyn Sink,
) -> Result<Vec<Collected>, Error> {
    input
        .seek(SeekFrom::Start(format.start()))
        .map_err(unreadable)?;
    let input = stop.reading(input);
    match format {
        Format::Binary(_) => packets(input, Dearmor::Disabled, limits, stop, sink),
        Format::Armored(_) => {
            let mode = Dearmor::Enabled(ReaderMode::Tolerant(None));
            packets(input, mode, limits, stop, sink)
        }
        Format::Cleartext(_) => {
            let mut lines = Canonical {
                sink,
                line_end_due: false,
            };
            let input = BufReader::with_capacity(BUFFER, input);
            let block = cleartext::walk(input, &mut lines)?;
            let found = collect::armored(&block, limits.signatures)?;
            match found.is_empty() {
                true => Err(refused("there is no signature behind the text")),
                false => Ok(found),
            }
        }
    }
}

/// Lines joined as they are signed, and ended as they are handed out.
struct Canonical<'s> {
    sink: &'s mut dyn Sink,
    line_end_due: bool,
}

impl Canonical<'_> {
    fn join(&mut self) -> Result<(), Error> {
        match std::mem::take(&mut self.line_end_due) {
            true => self.sink.signed(b"\r\n"),
            false => Ok(()),
        }
    }
}

impl Lines for Canonical<'_> {
    fn text(&mut self, part: &[u8]) -> Result<(), Error> {
        self.join()?;
        self.sink.signed(part)?;
        self.sink.content(part)
    }

    fn end_of_line(&mut self) -> Result<(), Error> {
        self.join()?;
        self.line_end_due = true;
        self.sink.content(b"\n")
    }
}

fn packets(
    input: impl Read + Send + Sync,
    armor: Dearmor,
    limits: &Limits,
    stop: &Stop,
    sink: &mut dyn Sink,
) -> Result<Vec<Collected>, Error> {
    let mut next = PacketParserBuilder::from_reader(input)
        .map_err(malformed)?
        .dearmor(armor)
        .automatic_hashing(false)
        .max_recursion_depth(limits.nesting.saturating_add(1))
        .max_packet_size(MAX_PACKET)
        .build()
        .map_err(malformed)?;
    let mut items = Vec::new();
    let mut signatures = 0;
    let mut body = Body {
        buffer: vec![0; BUFFER],
        left: limits.decompressed,
        stop,
    };
    let mut count = 0;
    while let PacketParserResult::Some(mut parser) = next {
        count += 1;
        if count > MAX_PACKETS {
            return Err(refused(format!("more than {MAX_PACKETS} packets")));
        }
        let mut container = parser.path().to_vec();
        container.pop();
        let kind = match &parser.packet {
            Packet::Literal(_) => {
                body.read(&mut parser, |part| {
                    sink.signed(part)?;
                    sink.content(part)
                })?;
                Some(Kind::Text)
            }
            Packet::OnePassSig(announced) => Some(Kind::OnePass(announced.last())),
            Packet::Signature(signature) => {
                signatures += 1;
                let mut one = Collected::new(signature.clone());
                if signatures > limits.signatures {
                    // Not kept, to be refused in its turn.
                    one = one.without_a_look("");
                }
                Some(Kind::Signature(Box::new(one)))
            }
            Packet::CompressedData(_) if !parser.processed() => {
                return Err(refused("its compression is not supported"));
            }
            Packet::CompressedData(_) if container.len() >= usize::from(limits.nesting) => {
                let why = format!("compressed more than {} times over", limits.nesting);
                return Err(refused(why));
            }
            Packet::CompressedData(_) | Packet::Marker(_) | Packet::Padding(_) => None,
            Packet::Unknown(packet) => match packet.tag() {
                Tag::OnePassSig => Some(Kind::OnePass(false)),
                Tag::Signature => Some(Kind::Signature(Box::new(Collected::unknown(packet)))),
                tag if is_encrypted(tag) => return Err(encrypted()),
                tag if tag.is_critical() => return Err(foreign(tag)),
                _ => {
                    body.read(&mut parser, |_| Ok(()))?;
                    None
                }
            },
            other if is_encrypted(other.tag()) => return Err(encrypted()),
            other => return Err(foreign(other.tag())),
        };
        items.extend(kind.map(|kind| Item { container, kind }));
        next = parser.recurse().map_err(malformed)?.1;
        stop.is_on()?;
    }
    structure::signatures(items, limits.signatures)
}

/// Reads packets' content.
struct Body<'s> {
    buffer: Vec<u8>,
    /// How much more may come out of compressed packets.
    left: u64,
    stop: &'s Stop,
}

impl Body<'_> {
    fn read(
        &mut self,
        parser: &mut PacketParser<'_>,
        mut each: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let compressed = parser.recursion_depth() > 0;
        loop {
            self.stop.is_on()?;
            let count = parser.read(&mut self.buffer).map_err(unreadable)?;
            if count == 0 {
                return Ok(());
            }
            if compressed {
                self.left = self
                    .left
                    .checked_sub(count as u64)
                    .ok_or_else(|| refused("it is larger than the limit once decompressed"))?;
            }
            each(&self.buffer[..count])?;
        }
    }
}

fn is_encrypted(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::PKESK | Tag::SKESK | Tag::SEIP | Tag::AED | Tag::SED | Tag::MDC
    )
}

fn encrypted() -> Error {
    refused("it is encrypted: decrypt it first")
}

fn foreign(tag: Tag) -> Error {
    refused(format!("a signed message holds no {tag} packet"))
}

fn malformed(error: anyhow::Error) -> Error {
    refused("it is malformed or cut off").with_source(error)
}
