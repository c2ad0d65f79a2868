//! The digests that signatures are made over, computed in one pass.

use sequoia_openpgp::crypto::hash::{Context, Hash};
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::types::{HashAlgorithm, SignatureType};

/// What makes one pass of a hash function differ from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mode {
    algorithm: HashAlgorithm,
    version: u8,
    salt: Vec<u8>,
    text: bool,
}

/// The hash functions on their way through what is signed.
#[derive(Default)]
pub(super) struct Digests {
    list: Vec<Running>,
    /// The lines come in their canonical form already.
    canonical: bool,
}

struct Running {
    mode: Mode,
    context: Context,
    after_cr: bool,
}

impl Digests {
    /// For these signatures over the octets of a document.
    pub(super) fn new<'s>(signatures: impl IntoIterator<Item = &'s Signature>) -> Self {
        let mut digests = Self::default();
        for signature in signatures {
            digests.add(signature);
        }
        digests
    }

    /// For these signatures over text in canonical form.
    pub(super) fn canonical<'s>(signatures: impl IntoIterator<Item = &'s Signature>) -> Self {
        Self {
            canonical: true,
            ..Self::new(signatures)
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        for one in &mut self.list {
            match one.mode.text && !self.canonical {
                true => one.update_text(data),
                false => one.context.update(data),
            }
        }
    }

    /// The digest that this signature has to be over; `None` where the backend
    /// lacks the hash function, or finds a collision built into what it hashed.
    pub(super) fn of(&self, signature: &Signature) -> Option<Vec<u8>> {
        let mode = mode(signature);
        let one = self.list.iter().find(|one| one.mode == mode)?;
        let mut context = one.context.clone();
        signature.hash(&mut context).ok()?;
        context.into_digest().ok()
    }

    /// A function that the backend lacks is left out.
    fn add(&mut self, signature: &Signature) {
        let mode = mode(signature);
        if self.list.iter().any(|one| one.mode == mode) {
            return;
        }
        let Ok(builder) = mode.algorithm.context() else {
            return;
        };
        let mut context = builder.for_signature(mode.version);
        context.update(&mode.salt);
        self.list.push(Running {
            mode,
            context,
            after_cr: false,
        });
    }
}

impl Running {
    /// Line ends become CR and LF (RFC 9580, section 5.2.1.2).
    fn update_text(&mut self, data: &[u8]) {
        let mut rest = data;
        if rest.is_empty() {
            return;
        }
        if std::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = rest.iter().position(|o| matches!(o, b'\r' | b'\n')) {
            let (line, tail) = rest.split_at(at);
            self.context.update(line);
            self.context.update(b"\r\n");
            rest = match tail {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                _ => &tail[1..],
            };
        }
        self.context.update(rest);
    }
}

fn mode(signature: &Signature) -> Mode {
    Mode {
        algorithm: signature.hash_algo(),
        version: signature.version(),
        salt: match signature {
            Signature::V6(signature) => signature.salt().to_vec(),
            _ => Vec::new(),
        },
        text: signature.typ() == SignatureType::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(parts: &[&[u8]]) -> Vec<u8> {
        let mut one = Running {
            mode: Mode {
                algorithm: HashAlgorithm::SHA256,
                version: 4,
                salt: Vec::new(),
                text: true,
            },
            context: sha256(),
            after_cr: false,
        };
        for part in parts {
            one.update_text(part);
        }
        one.context.into_digest().expect("SHA-256")
    }

    fn sha256() -> Context {
        HashAlgorithm::SHA256
            .context()
            .expect("SHA-256")
            .for_digest()
    }

    #[test]
    fn line_ends() {
        for (text, canonical) in [
            ("a\nb\r\nc\rd\n\n", "a\r\nb\r\nc\r\nd\r\n\r\n"),
            ("\r\r\n\n", "\r\n\r\n\r\n"),
            ("a\r", "a\r\n"),
            ("", ""),
        ] {
            let mut context = sha256();
            context.update(canonical.as_bytes());
            let expected = context.into_digest().expect("SHA-256");
            let text = text.as_bytes();
            assert_eq!(hashed(&[text]), expected);
            let octets: Vec<_> = text.chunks(1).collect();
            assert_eq!(hashed(&octets), expected, "octet by octet");
            let padded: Vec<_> = text.chunks(1).flat_map(|c| [c, &[][..]]).collect();
            assert_eq!(hashed(&padded), expected);
        }
    }
}
