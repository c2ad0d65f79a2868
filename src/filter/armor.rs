//! ASCII armor (RFC 9580, section 6), leniently: several blocks, text around
//! them, and no look at the checksum, which must not decide (section 6.1).

const BEGIN: &[u8] = b"-----BEGIN PGP ";
const END: &[u8] = b"-----END PGP ";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether this is text, in which armor is to be looked for. Every binary
/// packet begins with an octet that ASCII lacks.
pub(crate) fn is_text(body: &[u8]) -> bool {
    body.first().is_some_and(|octet| octet & 0x80 == 0) || body.starts_with(BYTE_ORDER_MARK)
}

/// The content of every block in a text, in order; `None` for one that is
/// broken. A broken block does not spoil the others.
pub(crate) fn blocks(text: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut lines = text
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(text)
        .split(|&octet| octet == b'\n')
        .map(<[u8]>::trim_ascii);
    let mut blocks = Vec::new();
    let mut has_begun = false;
    while has_begun || lines.any(|line| line.starts_with(BEGIN)) {
        let content;
        (content, has_begun) = block(&mut lines);
        blocks.push(content);
    }
    blocks
}

/// One block, from behind its first line up to its last; and whether another one
/// has begun instead of that.
fn block<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> (Option<Vec<u8>>, bool) {
    let mut decoder = Decoder::default();
    let mut in_headers = true;
    let mut checksum = false;
    for line in lines {
        if line.starts_with(END) {
            return (decoder.finish(), false);
        }
        if line.starts_with(BEGIN) {
            return (None, true);
        }
        if in_headers {
            // Headers end with an empty line; some write none at all.
            if line.contains(&b':') {
                continue;
            }
            in_headers = false;
        }
        if checksum {
            // Nothing comes behind it; what was cut off here may be a revocation.
            decoder.broken |= !line.is_empty();
        } else if line.starts_with(b"=") {
            checksum = true;
        } else {
            decoder.push(line);
        }
    }
    // Cut off before its last line.
    (None, false)
}

/// Base64 (RFC 4648, section 4).
#[derive(Default)]
struct Decoder {
    out: Vec<u8>,
    bits: u32,
    digits: u32,
    padding: u32,
    broken: bool,
}

impl Decoder {
    fn push(&mut self, line: &[u8]) {
        for &octet in line {
            let digit = match octet {
                b'A'..=b'Z' => octet - b'A',
                b'a'..=b'z' => octet - b'a' + 26,
                b'0'..=b'9' => octet - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b' ' | b'\t' | b'\r' => continue,
                b'=' => {
                    self.padding += 1;
                    continue;
                }
                _ => {
                    self.broken = true;
                    return;
                }
            };
            // Nothing comes behind padding.
            self.broken |= self.padding > 0;
            self.bits = self.bits << 6 | u32::from(digit);
            self.digits += 1;
            if self.digits == 4 {
                let [_, a, b, c] = self.bits.to_be_bytes();
                self.out.extend([a, b, c]);
                (self.bits, self.digits) = (0, 0);
            }
        }
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        match (self.digits, self.padding) {
            (0, 0) => {}
            (2, 2) => {
                let [_, _, a, _] = (self.bits << 4).to_be_bytes();
                self.out.push(a);
            }
            (3, 1) => {
                let [_, a, b, _] = (self.bits << 6).to_be_bytes();
                self.out.extend([a, b]);
            }
            _ => return None,
        }
        (!self.broken).then_some(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armored(lines: &str) -> Vec<Option<Vec<u8>>> {
        blocks(lines.as_bytes())
    }

    #[test]
    fn one_block_in_many_spellings() {
        for text in [
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nSGVsbG8=\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\r\nComment: x\r\n\r\nSGVs\r\nbG8=\r\n-----END PGP PUBLIC KEY BLOCK-----",
            "hello\n\n  -----BEGIN PGP PUBLIC KEY BLOCK-----  \nVersion: 1: 2\n \nSGVs bG8=\n=\n-----END PGP PUBLIC KEY BLOCK-----\nbye",
            "\u{feff}-----BEGIN PGP PUBLIC KEY BLOCK-----\nSGVsbG8=\n-----END PGP PUBLIC KEY BLOCK-----",
        ] {
            assert!(is_text(text.as_bytes()));
            assert_eq!(armored(text), [Some(b"Hello".to_vec())], "{text}");
        }
    }

    #[test]
    fn padding() {
        for (text, expected) in [
            ("", Some("")),
            ("SGVs", Some("Hel")),
            ("SGVsbA==", Some("Hell")),
            ("SGVsbG8=", Some("Hello")),
            ("SGVsbG8", None),
            ("SGVsb", None),
            ("SGVsb===", None),
            ("SGVsbA==SGVs", None),
            ("SGV*", None),
        ] {
            let mut decoder = Decoder::default();
            decoder.push(text.as_bytes());
            let expected = expected.map(|e| e.as_bytes().to_vec());
            assert_eq!(decoder.finish(), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_block_spoils_no_other() {
        let good =
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nSGVs\n-----END PGP PUBLIC KEY BLOCK-----\n";
        let bad = good.replace("SGVs", "S!Vs");
        let split = good.replace("SGVs", "SGVs\n=abcd\nSGVs");
        let cut = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nSGVs\n";
        assert_eq!(
            armored(&[good, &bad, good, &split, cut, good, cut].concat()),
            [
                Some(b"Hel".to_vec()),
                None,
                Some(b"Hel".to_vec()),
                None,
                None,
                Some(b"Hel".to_vec()),
                None
            ]
        );
        assert_eq!(armored("no armor at all"), []);
    }
}
