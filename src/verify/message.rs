//! One pass through a message: its text goes to whoever wants it, its signatures
//! are given back. No more of it is in memory than a buffer's worth.

use std::io::{self, BufReader, Read, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sequoia_openpgp::armor::ReaderMode;
use sequoia_openpgp::packet::Tag;
use sequoia_openpgp::parse::{
    Dearmor, PacketParser, PacketParserBuilder, PacketParserResult, Parse,
};
use sequoia_openpgp::{Packet, anyhow};

use super::blocking::{Stop, Stoppable, refused, unreadable};
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
    let left = AtomicU64::new(limits.decompressed);
    let is_over = AtomicBool::new(false);
    let mut walk = Walk {
        limits,
        stop,
        sink,
        left: &left,
        is_over: &is_over,
        buffer: vec![0; BUFFER],
        items: Vec::new(),
        packets: 0,
        signatures: 0,
    };
    let result = walk.layer(Box::new(input), armor, &[]);
    let items = walk.items;
    match result {
        // What the parser makes of it does not matter.
        Err(_) if is_over.into_inner() => Err(refused(format!(
            "more than {} octets come out of its compression",
            limits.decompressed
        ))),
        result => result.and_then(|()| structure::signatures(items, limits.signatures)),
    }
}

/// Goes through packets, and through those that are compressed in them. Each layer
/// has a parser of its own, so that what comes out of its decompressor is counted:
/// a small file can hold terabytes of which nothing reaches the innermost layer.
struct Walk<'w> {
    limits: &'w Limits,
    stop: &'w Stop,
    sink: &'w mut dyn Sink,
    left: &'w AtomicU64,
    is_over: &'w AtomicBool,
    buffer: Vec<u8>,
    items: Vec<Item>,
    packets: usize,
    signatures: usize,
}

impl Walk<'_> {
    fn layer(
        &mut self,
        input: Box<dyn Read + Send + Sync + '_>,
        armor: Dearmor,
        container: &[usize],
    ) -> Result<(), Error> {
        let mut next = PacketParserBuilder::from_reader(input)
            .map_err(malformed)?
            .dearmor(armor)
            .automatic_hashing(false)
            .max_packet_size(MAX_PACKET)
            .build()
            .map_err(malformed)?;
        let mut place = 0;
        while let PacketParserResult::Some(mut parser) = next {
            self.stop.is_on()?;
            self.packets += 1;
            if self.packets > MAX_PACKETS {
                return Err(refused(format!("more than {MAX_PACKETS} packets")));
            }
            let kind = self.packet(&mut parser, container, place)?;
            self.items.extend(kind.map(|kind| Item {
                container: container.to_vec(),
                kind,
            }));
            place += 1;
            next = parser.next().map_err(malformed)?.1;
        }
        Ok(())
    }

    fn packet(
        &mut self,
        parser: &mut PacketParser<'_>,
        container: &[usize],
        place: usize,
    ) -> Result<Option<Kind>, Error> {
        Ok(match &parser.packet {
            Packet::Literal(_) => {
                self.text(parser)?;
                Some(Kind::Text)
            }
            Packet::OnePassSig(announced) => Some(Kind::OnePass(announced.last())),
            Packet::Signature(signature) => {
                self.signatures += 1;
                let mut one = Collected::new(signature.clone());
                if self.signatures > self.limits.signatures {
                    // Not kept, to be refused in its turn.
                    one = one.without_a_look("");
                }
                Some(Kind::Signature(Box::new(one)))
            }
            Packet::CompressedData(_) if !parser.processed() => {
                return Err(refused("its compression is not supported"));
            }
            Packet::CompressedData(_) if container.len() >= usize::from(self.limits.nesting) => {
                let why = format!("compressed more than {} times over", self.limits.nesting);
                return Err(refused(why));
            }
            Packet::CompressedData(_) => {
                let has_failed = AtomicBool::new(false);
                let content = Counted {
                    input: self.stop.reading(parser),
                    left: self.left,
                    is_over: self.is_over,
                    has_failed: &has_failed,
                };
                let container = [container, &[place]].concat();
                self.layer(Box::new(content), Dearmor::Disabled, &container)?;
                // A parser can take a failure for the end.
                if has_failed.into_inner() {
                    return Err(refused("its compressed part is broken or cut off"));
                }
                None
            }
            Packet::Marker(_) | Packet::Padding(_) => None,
            Packet::Unknown(packet) => match packet.tag() {
                Tag::OnePassSig => Some(Kind::OnePass(false)),
                Tag::Signature => Some(Kind::Signature(Box::new(Collected::unknown(packet)))),
                tag if is_encrypted(tag) => return Err(encrypted()),
                tag if tag.is_critical() => return Err(foreign(tag)),
                _ => None,
            },
            other if is_encrypted(other.tag()) => return Err(encrypted()),
            other => return Err(foreign(other.tag())),
        })
    }

    fn text(&mut self, parser: &mut PacketParser<'_>) -> Result<(), Error> {
        loop {
            self.stop.is_on()?;
            let count = parser.read(&mut self.buffer).map_err(unreadable)?;
            if count == 0 {
                return Ok(());
            }
            let part = &self.buffer[..count];
            self.sink.signed(part)?;
            self.sink.content(part)?;
        }
    }
}

/// What comes out of a decompressor, up to the first failure: a parser that has
/// failed must not be asked again.
struct Counted<'c, R> {
    input: Stoppable<R>,
    left: &'c AtomicU64,
    is_over: &'c AtomicBool,
    has_failed: &'c AtomicBool,
}

impl<R: Read> Counted<'_, R> {
    fn count(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buf)?;
        let left = self.left.load(Ordering::Relaxed);
        match left.checked_sub(count as u64) {
            Some(left) => self.left.store(left, Ordering::Relaxed),
            None => {
                self.is_over.store(true, Ordering::Relaxed);
                return Err(io::Error::other("over the limit"));
            }
        }
        Ok(count)
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.has_failed.load(Ordering::Relaxed) {
            return Err(io::Error::other("it has failed before"));
        }
        let result = self.count(buf);
        self.has_failed.store(result.is_err(), Ordering::Relaxed);
        result
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
