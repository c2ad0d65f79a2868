//! Which of the three forms of a signed message this is, and where it begins.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::blocking::{Stop, refused, unreadable};
use crate::Error;

/// What can be read once more.
pub(super) trait Input: Read + Seek + Send {}
impl<T: Read + Seek + Send> Input for T {}

/// Of a line, no more than this is held at once.
const SEGMENT: u64 = 64 << 10;
/// Every binary message has a control character within its first packet's header
/// and version; no text has one.
const LOOK: usize = 16;

/// How a message is written, and from which octet of the input on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Binary(u64),
    Armored(u64),
    Cleartext(u64),
}

impl Format {
    pub(super) fn start(self) -> u64 {
        match self {
            Self::Binary(at) | Self::Armored(at) | Self::Cleartext(at) => at,
        }
    }
}

/// Looks for the first message in the input, from its position on.
pub(super) fn find(input: &mut dyn Input, stop: &Stop) -> Result<Format, Error> {
    let start = input.stream_position().map_err(unreadable)?;
    let mut head = Vec::new();
    stop.reading(&mut *input)
        .take(LOOK as u64)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    if is_binary(&head) {
        return Ok(Format::Binary(start));
    }
    input.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut lines = Segments::new(BufReader::new(stop.reading(input)));
    let mut line = Vec::new();
    let mut at = start;
    while let Some(segment) = lines.next(&mut line).map_err(unreadable)? {
        let mut skipped = 0;
        let mut text = line.trim_ascii_end();
        if at == start
            && let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf")
        {
            (text, skipped) = (rest, 3);
        }
        if segment.begins {
            match text {
                b"-----BEGIN PGP SIGNED MESSAGE-----" => {
                    return Ok(Format::Cleartext(at + skipped));
                }
                b"-----BEGIN PGP MESSAGE-----" => return Ok(Format::Armored(at + skipped)),
                b"-----BEGIN PGP SIGNATURE-----" => {
                    return Err(refused(
                        "this is a detached signature: what it signs is elsewhere",
                    ));
                }
                _ => {}
            }
        }
        at = at.saturating_add(line.len() as u64);
    }
    Err(refused("there is no signed message in it"))
}

/// Whether this is binary: the first octet of a packet is none of ASCII.
fn is_binary(head: &[u8]) -> bool {
    head.first().is_some_and(|octet| octet & 0x80 != 0)
        && head
            .iter()
            .any(|&octet| octet.is_ascii_control() && !octet.is_ascii_whitespace())
}

/// The lines of a text, long ones in several segments.
#[derive(Debug)]
pub(super) struct Segments<R> {
    input: R,
    at_start: bool,
}

/// Which part of a line this is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) begins: bool,
    pub(super) ends: bool,
}

impl<R: BufRead> Segments<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            at_start: true,
        }
    }

    /// The next segment, its line feed included.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Segment>> {
        line.clear();
        let count = (&mut self.input).take(SEGMENT).read_until(b'\n', line)?;
        if count == 0 {
            return Ok(None);
        }
        let begins = self.at_start;
        let ends = line.ends_with(b"\n");
        self.at_start = ends;
        Ok(Some(Segment { begins, ends }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &[u8]) -> Option<Format> {
        find(&mut io::Cursor::new(text.to_vec()), &Stop::default()).ok()
    }

    #[test]
    fn forms() {
        for (text, expected) in [
            (&b"\xc4\x0d\x03\x00\x08"[..], Some(Format::Binary(0))),
            (b"\xa3\x01\x00", Some(Format::Binary(0))),
            (
                b"-----BEGIN PGP SIGNED MESSAGE-----\r\n",
                Some(Format::Cleartext(0)),
            ),
            (
                b"\xef\xbb\xbf-----BEGIN PGP MESSAGE-----",
                Some(Format::Armored(3)),
            ),
            // Text that begins like a packet.
            (
                "éalut !\n-----BEGIN PGP MESSAGE-----  \n".as_bytes(),
                Some(Format::Armored(9)),
            ),
            (
                b"a\n\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n-----BEGIN PGP SIGNED MESSAGE-----\n",
                Some(Format::Cleartext(40)),
            ),
            (b"> -----BEGIN PGP MESSAGE-----\n", None),
            (b"-----BEGIN PGP SIGNATURE-----\n", None),
            (b"", None),
        ] {
            assert_eq!(found(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_long_line_is_not_held() {
        let mut text = vec![b'x'; 200_000];
        text.extend(b"-----BEGIN PGP MESSAGE-----\n");
        assert_eq!(found(&text), None, "not at a line's start");
        let mut lines = Segments::new(&text[..]);
        let mut line = Vec::new();
        while lines.next(&mut line).expect("memory").is_some() {
            assert!(line.len() <= 64 << 10);
        }
    }
}
