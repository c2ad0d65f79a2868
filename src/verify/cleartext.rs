//! Text with a signature behind it (RFC 9580, section 7).
//!
//! What is signed: the lines between the empty line behind the header and the
//! signature, without the escape of dashes and without white space at their
//! ends, joined by CR and LF, the last one without any. What is handed out is
//! the same with LF behind each line. All else in the file belongs to nobody.

use std::io::BufRead;

use super::blocking::{refused, unreadable};
use super::collect::MAX_SIGNATURES_SIZE;
use super::format::Segments;
use crate::Error;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";
const MAX_HEADERS: usize = 32;
/// White space is held until something follows it in its line.
const MAX_WHITE_SPACE: usize = 64 << 10;

/// Takes the signed text as it comes.
pub(super) trait Lines {
    fn text(&mut self, part: &[u8]) -> Result<(), Error>;
    fn end_of_line(&mut self) -> Result<(), Error>;
}

/// Reads from the header on up to the end of the signature, and gives back that
/// signature's block of ASCII armor.
pub(super) fn walk(input: impl BufRead, signed: &mut dyn Lines) -> Result<Vec<u8>, Error> {
    let mut lines = Segments::new(input);
    let mut line = Vec::new();
    header(&mut lines, &mut line)?;
    let mut white = Vec::new();
    loop {
        let Some(segment) = lines.next(&mut line).map_err(unreadable)? else {
            return Err(refused("the signed text is cut off before its signature"));
        };
        let mut text = &line[..];
        if segment.begins && text.first() == Some(&b'-') {
            if text.trim_ascii_end() == SIGNATURE {
                break;
            }
            text = text
                .strip_prefix(b"- ")
                .ok_or_else(|| refused("a line of the signed text begins with a bare dash"))?;
        }
        let end = text
            .iter()
            .rposition(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n'));
        let (text, rest) = text.split_at(end.map_or(0, |last| last + 1));
        if !text.is_empty() {
            if !white.is_empty() {
                signed.text(&white)?;
                white.clear();
            }
            signed.text(text)?;
        }
        if segment.ends {
            white.clear();
            signed.end_of_line()?;
        } else {
            white.extend_from_slice(rest);
            if white.len() > MAX_WHITE_SPACE {
                return Err(refused("64 KiB of white space in one line"));
            }
        }
    }
    block(&mut lines, line)
}

/// Only "Hash" may stand there (section 7.1): what looks like a part of the text
/// and is not signed would deceive.
fn header<R: BufRead>(lines: &mut Segments<R>, line: &mut Vec<u8>) -> Result<(), Error> {
    let mut next = || match lines.next(line) {
        Ok(Some(segment)) if segment.ends => Ok(line.trim_ascii_end().to_vec()),
        Ok(_) => Err(refused("the header of the signed text is broken")),
        Err(error) => Err(unreadable(error)),
    };
    if next()? != BEGIN {
        return Err(refused("it has changed in the meantime"));
    }
    for _ in 0..MAX_HEADERS {
        let header = next()?;
        if header.is_empty() {
            return Ok(());
        }
        if !header.starts_with(b"Hash:") {
            return Err(refused(
                "something that is not signed stands before the signed text",
            ));
        }
    }
    Err(refused("too many headers before the signed text"))
}

/// The signature's block, of which `line` is the first line.
fn block<R: BufRead>(lines: &mut Segments<R>, line: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut block = line;
    let mut next = Vec::new();
    while lines.next(&mut next).map_err(unreadable)?.is_some() {
        block.extend_from_slice(&next);
        if next.starts_with(END) {
            return Ok(block);
        }
        if block.len() > MAX_SIGNATURES_SIZE {
            return Err(refused("the signature is larger than 1 MiB"));
        }
    }
    Err(refused("the signature is cut off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Plain(Vec<u8>);

    impl Lines for Plain {
        fn text(&mut self, part: &[u8]) -> Result<(), Error> {
            self.0.extend(part);
            Ok(())
        }
        fn end_of_line(&mut self) -> Result<(), Error> {
            self.0.push(b'\n');
            Ok(())
        }
    }

    fn signed(text: &[u8]) -> Result<String, String> {
        let mut plain = Plain::default();
        walk(text, &mut plain)
            .map(|_| String::from_utf8(plain.0).expect("UTF-8"))
            .map_err(|error| error.to_string())
    }

    fn framed(head: &str, text: &str) -> String {
        format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\n{head}\n{text}-----BEGIN PGP SIGNATURE-----\n\n\
             x\n-----END PGP SIGNATURE-----\n"
        )
    }

    #[test]
    fn what_is_signed() {
        let spaces = " ".repeat(5000);
        for (text, expected) in [
            ("a\n", "a\n"),
            ("", ""),
            ("\n", "\n"),
            ("a \t\r\n b\n\n", "a\n b\n\n"),
            (
                "- -----BEGIN PGP SIGNATURE-----\n",
                "-----BEGIN PGP SIGNATURE-----\n",
            ),
            ("- From me\n- - x\n", "From me\n- x\n"),
            (&format!("a{spaces}b{spaces}\n"), &format!("a{spaces}b\n")),
        ] {
            for head in ["", "Hash: SHA256\n", "Hash: SHA1\nHash: SHA512, SHA224\n"] {
                assert_eq!(
                    signed(framed(head, text).as_bytes()).as_deref(),
                    Ok(expected)
                );
            }
            let crlf = framed("", text).replace('\n', "\r\n");
            assert_eq!(signed(crlf.as_bytes()).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn refusals() {
        let whole = framed("", "a\n");
        let white = framed("", &format!("{}\n", " ".repeat(200_000)));
        for (text, why) in [
            (framed("Comment: x\n", "a\n"), "not signed"),
            (framed("This is what I mean:\n", "a\n"), "not signed"),
            (framed("\u{a0}\n", "a\n"), "not signed"),
            (framed(&"Hash: x\n".repeat(40), "a\n"), "too many headers"),
            (framed("", "-a\n"), "bare dash"),
            (
                framed("", "-----BEGIN PGP SIGNED MESSAGE-----\n"),
                "bare dash",
            ),
            (whole.replace("-----END", "----END"), "cut off"),
            (whole[..38].to_owned(), "cut off"),
            ("-----BEGIN PGP SIGNED MESSAGE-----\n".to_owned(), "header"),
            (white, "white space"),
        ] {
            let said = signed(text.as_bytes()).expect_err(&text);
            assert!(said.contains(why), "{said}");
        }
    }
}
