//! The signed content of a message, handed out by reading the input once more.
//!
//! It may have changed since its signatures were judged. So the digest of every
//! 256 KiB is remembered from the very pass that the signatures were computed in,
//! and each such piece is compared before any of it goes out.

use std::io::Write;

use sequoia_openpgp::types::HashAlgorithm;

use super::blocking::refused;
use crate::Error;

const PIECE: usize = 256 << 10;

/// What the signed content was made of when it was judged.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    digests: Vec<Vec<u8>>,
    piece: Vec<u8>,
}

impl Pieces {
    pub(super) fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        let Self { digests, piece } = self;
        cut(piece, data, |piece| {
            digests.push(digest(piece)?);
            Ok(())
        })
    }

    pub(super) fn finish(&mut self) -> Result<(), Error> {
        if !self.piece.is_empty() {
            self.digests.push(digest(&self.piece)?);
        }
        self.piece = Vec::new();
        Ok(())
    }
}

/// Lets through what is the same as before.
pub(super) struct Guard<'p> {
    expected: std::slice::Iter<'p, Vec<u8>>,
    piece: Vec<u8>,
    out: &'p mut dyn Write,
    written: u64,
}

impl<'p> Guard<'p> {
    pub(super) fn new(pieces: &'p Pieces, out: &'p mut dyn Write) -> Self {
        Self {
            expected: pieces.digests.iter(),
            piece: Vec::new(),
            out,
            written: 0,
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        let Self {
            expected,
            piece,
            out,
            written,
        } = self;
        cut(piece, data, |piece| pass(expected, piece, *out, written))
    }

    /// The rest; how many octets went out in all.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        if !self.piece.is_empty() {
            pass(&mut self.expected, &self.piece, self.out, &mut self.written)?;
        }
        match self.expected.next() {
            None => Ok(self.written),
            Some(_) => Err(changed()),
        }
    }
}

/// Gathers whole pieces.
fn cut(
    piece: &mut Vec<u8>,
    mut data: &[u8],
    mut whole: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    while !data.is_empty() {
        let room = PIECE.saturating_sub(piece.len());
        let (part, rest) = data.split_at(room.min(data.len()));
        piece.extend_from_slice(part);
        data = rest;
        if piece.len() >= PIECE {
            whole(piece)?;
            piece.clear();
        }
    }
    Ok(())
}

fn pass(
    expected: &mut std::slice::Iter<'_, Vec<u8>>,
    piece: &[u8],
    out: &mut dyn Write,
    written: &mut u64,
) -> Result<(), Error> {
    if expected.next() != Some(&digest(piece)?) {
        return Err(changed());
    }
    out.write_all(piece)
        .map_err(|error| refused("the content cannot be written").with_source(error))?;
    *written = written.saturating_add(piece.len() as u64);
    Ok(())
}

fn digest(piece: &[u8]) -> Result<Vec<u8>, Error> {
    let compute = || {
        let mut context = HashAlgorithm::SHA256.context()?.for_digest();
        context.update(piece);
        context.into_digest()
    };
    compute().map_err(|error| refused("there is no SHA-256").with_source(error))
}

fn changed() -> Error {
    refused("the message has changed since its signatures were judged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass_through(pieces: &Pieces, parts: &[&[u8]]) -> (Vec<u8>, Result<u64, Error>) {
        let mut out = Vec::new();
        let mut guard = Guard::new(pieces, &mut out);
        for part in parts {
            if let Err(error) = guard.update(part) {
                return (out, Err(error));
            }
        }
        let result = guard.finish();
        (out, result)
    }

    #[test]
    fn only_what_was_judged_goes_out() {
        let text: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 700_000] {
            let text = &text[..length];
            let mut pieces = Pieces::default();
            for part in text.chunks(1000) {
                pieces.update(part).expect("SHA-256");
            }
            pieces.finish().expect("SHA-256");

            let parts: Vec<_> = text.chunks(70_000).collect();
            let (out, result) = pass_through(&pieces, &parts);
            assert_eq!((&out[..], result.expect("the same")), (text, length as u64));

            for at in [0, length / 2, length.saturating_sub(1)] {
                let mut other = text.to_vec();
                match other.get_mut(at) {
                    Some(octet) => *octet ^= 1,
                    None => other.push(0),
                }
                let (out, result) = pass_through(&pieces, &[&other]);
                result.expect_err("changed");
                assert!(text.starts_with(&out), "nothing that was not signed");
                assert!(out.len() <= at);
            }
            let longer = [text, b"x"].concat();
            pass_through(&pieces, &[&longer]).1.expect_err("longer");
            if length > 0 {
                pass_through(&pieces, &[&text[..length - 1]])
                    .1
                    .expect_err("shorter");
            }
        }
    }
}
