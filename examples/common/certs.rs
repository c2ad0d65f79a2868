//! Reads certificates, as people keep them: binary, or in any number of armored
//! blocks with text around them.

use std::io::{self, Read as _};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::parse::Parse as _;

use super::input::Input;
use super::sanitize::clean;

/// What a file holds, and what of it cannot be read: a line each, for people.
#[derive(Debug, Default)]
pub(crate) struct Certs {
    pub(crate) certs: Vec<Cert>,
    pub(crate) broken: Vec<String>,
}

/// Reads an input to its end. What is broken does not spoil what is not.
pub(crate) fn read(input: &Input) -> Certs {
    let mut content = Vec::new();
    let read = match input {
        Input::Stdin => io::stdin().lock().read_to_end(&mut content),
        Input::File { file, .. } => file.as_ref().read_to_end(&mut content),
    };
    let mut certs = Certs::default();
    let name = input.name();
    match read {
        Ok(_) => certs.parse(&name, &content),
        Err(error) => certs.broken.push(format!("cannot read {name}: {error}")),
    }
    certs
}

const BEGIN: &[u8] = b"-----BEGIN PGP ";
const END: &[u8] = b"-----END PGP ";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Who has so many errors in one piece has no keyring.
const MANY: usize = 100;

impl Certs {
    /// An empty file is an empty keyring; another one without a certificate is a
    /// mistake.
    fn parse(&mut self, name: &str, content: &[u8]) {
        let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        if text.trim_ascii().is_empty() {
            return;
        }
        // Every binary packet begins with an octet that ASCII lacks.
        let is_binary = text.first().is_some_and(|octet| octet & 0x80 != 0);
        if is_binary {
            return self.piece(name, content);
        }
        let blocks = blocks(text);
        if blocks.is_empty() {
            let why = format!("{name}: there is no certificate in it");
            self.broken.push(why);
        }
        for (number, block) in blocks.iter().enumerate() {
            self.piece(&format!("{name}, block {}", number + 1), block);
        }
    }

    fn piece(&mut self, name: &str, content: &[u8]) {
        let (found, wrong) = (self.certs.len(), self.broken.len());
        let mut complain = |why: &str| self.broken.push(format!("{name}: {}", clean(why)));
        match CertParser::from_bytes(content) {
            Ok(parser) => {
                let mut errors = 0;
                for cert in parser {
                    match cert {
                        Ok(cert) => self.certs.push(cert),
                        Err(error) => {
                            complain(&error.to_string());
                            errors += 1;
                        }
                    }
                    if errors >= MANY {
                        break;
                    }
                }
            }
            Err(error) => complain(&error.to_string()),
        }
        if self.certs.len() == found && self.broken.len() == wrong {
            self.broken
                .push(format!("{name}: there is no certificate in it"));
        }
    }
}

/// Each from its first line up to its last, or up to the next block's first.
fn blocks(text: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut begun = None;
    let mut at = 0;
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        let end = at + line.len();
        if line.starts_with(BEGIN) {
            blocks.extend(begun.and_then(|begun| text.get(begun..at)));
            begun = Some(at);
        } else if line.starts_with(END) {
            blocks.extend(begun.take().and_then(|begun| text.get(begun..end)));
        }
        at = end;
    }
    blocks.extend(begun.and_then(|begun| text.get(begun..)));
    blocks
}
