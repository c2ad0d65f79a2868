//! Certificates as people keep them: in files, binary or in armor.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use sequoia_openpgp::packet::{Signature, Tag};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Cert, KeyHandle, KeyID, Packet};

use crate::filter::{RawPacket, armor, packets};

const EMPTY: &str = "there is no certificate in it";

/// Certificates as people keep them: binary or in ASCII armor, in several blocks
/// with text around them, in several files.
///
/// What is broken does not spoil what is not. A revocation that stands by itself, as
/// GnuPG writes one when a key is made, is applied to its certificate, whichever of
/// the files that is in; one of a subkey or of a User ID, too. Secret key material is dropped. GnuPG's keybox files are no
/// keyrings: export from them.
///
/// ```no_run
/// use openpgp_discovery::wkd::publish::{Keyring, Publisher};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut keyring = Keyring::new();
/// keyring.add_path("staff.asc")?;
/// let certs = keyring.certs().filter_map(|cert| match cert {
///     Ok(cert) => Some(cert),
///     Err(broken) => {
///         eprintln!("{broken}");
///         None
///     }
/// });
/// let publication = Publisher::new("example.org")?.plan(certs, |_, _| true);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    blocks: Vec<Block>,
    broken: Vec<BrokenCert>,
    /// By the key that claims to have made them.
    revocations: HashMap<KeyID, Vec<Signature>>,
}

/// Binary packets, and where in them certificates are.
#[derive(Clone, Debug)]
struct Block {
    place: String,
    octets: Vec<u8>,
    certs: Vec<Range<usize>>,
}

/// A part of a [`Keyring`] that cannot be used: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct BrokenCert {
    place: String,
    problem: String,
}

impl Keyring {
    /// One without certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. It is read as a whole.
    ///
    /// # Errors
    ///
    /// Where it cannot be read. What is wrong with its content is told by
    /// [`certs`](Self::certs).
    pub fn add_path(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        self.add_reader(path.display(), File::open(path)?)
    }

    /// Adds what a reader gives up to its end. The name tells people where something
    /// is broken.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn add_reader(&mut self, name: impl fmt::Display, mut reader: impl Read) -> io::Result<()> {
        let mut octets = Vec::new();
        reader.read_to_end(&mut octets)?;
        self.add_bytes(name, octets);
        Ok(())
    }

    /// Adds the content of a file.
    pub fn add_bytes(&mut self, name: impl fmt::Display, octets: impl Into<Vec<u8>>) {
        let octets = octets.into();
        if !armor::is_text(&octets) {
            return self.add_block(name.to_string(), octets);
        }
        let blocks = armor::blocks(&octets);
        if blocks.is_empty() {
            self.complain(name.to_string(), EMPTY);
        }
        for (number, block) in blocks.into_iter().enumerate() {
            let place = format!("{name}, block {}", number.saturating_add(1));
            match block {
                Some(octets) => self.add_block(place, octets),
                None => self.complain(place, "its armor is damaged or cut off"),
            }
        }
    }

    /// The certificates, in their order, without secret key material; and what
    /// cannot be used. One that stands in the keyring twice comes twice.
    ///
    /// Each is parsed when it is asked for; a revocation that stands by itself is
    /// verified before it is applied.
    pub fn certs(&self) -> impl Iterator<Item = Result<Cert, BrokenCert>> {
        let broken = self.broken.iter().cloned().map(Err);
        let blocks = self.blocks.iter().flat_map(move |block| {
            let certs = block.certs.iter();
            certs.map(move |range| self.cert(block, range.clone()))
        });
        broken.chain(blocks)
    }

    fn add_block(&mut self, place: String, octets: Vec<u8>) {
        let mut certs: Vec<Range<usize>> = Vec::new();
        let mut end = 0_usize;
        let (mut is_empty, mut has_strays) = (true, false);
        let mut error = None;
        for packet in packets(&octets) {
            let packet = match packet {
                Ok(packet) => packet,
                Err(why) => {
                    error = Some(why);
                    break;
                }
            };
            let start = end;
            end = end.saturating_add(packet.bytes().len());
            match (Tag::from(packet.tag()), certs.last_mut()) {
                (Tag::PublicKey | Tag::SecretKey, _) => {
                    certs.push(start..end);
                    is_empty = false;
                }
                (Tag::Signature, last) if is_revocation(&packet) => {
                    self.revocation(&packet);
                    is_empty = false;
                    if let Some(last) = last {
                        last.end = end;
                    }
                }
                (_, Some(last)) => last.end = end,
                (Tag::Marker | Tag::Trust | Tag::Padding, None) => {}
                (_, None) => has_strays = true,
            }
        }
        if has_strays {
            self.complain(place.clone(), "what stands in front is of no certificate");
        }
        if let Some(error) = error {
            // What is missing of the last one may be its revocation.
            certs.pop_if(|last| last.end == end);
            let problem = format!("from octet {end} on it cannot be read: {error}");
            self.complain(place.clone(), problem);
        } else if is_empty && !has_strays {
            self.complain(place.clone(), EMPTY);
        }
        self.blocks.push(Block {
            place,
            octets,
            certs,
        });
    }

    fn cert(&self, block: &Block, range: Range<usize>) -> Result<Cert, BrokenCert> {
        let broken = |problem: String| BrokenCert {
            place: block.place.clone(),
            problem: format!("the certificate at octet {}: {problem}", range.start),
        };
        let octets = block.octets.get(range.clone()).unwrap_or_default();
        let cert = Cert::from_bytes(octets).map_err(|error| broken(error.to_string()))?;
        Ok(self.revoked(cert.strip_secret_key_material()))
    }

    /// The certificate with those revocations that stand somewhere by themselves.
    fn revoked(&self, cert: Cert) -> Cert {
        let all = self.revocations.get(&KeyID::from(cert.fingerprint()));
        let verified: Vec<Packet> = all
            .into_iter()
            .flatten()
            .filter_map(|revocation| news(&cert, revocation))
            .flatten()
            .collect();
        if verified.is_empty() {
            return cert;
        }
        // Signatures of its own make no other certificate of it.
        match cert.clone().insert_packets(verified) {
            Ok((revoked, _)) => revoked,
            Err(_) => cert,
        }
    }

    fn revocation(&mut self, packet: &RawPacket<'_>) {
        let Ok(Packet::Signature(signature)) = Packet::from_bytes(packet.bytes()) else {
            return;
        };
        for issuer in signature.get_issuers() {
            let issuer = match issuer {
                KeyHandle::Fingerprint(fingerprint) => KeyID::from(fingerprint),
                KeyHandle::KeyID(id) => id,
            };
            let known = self.revocations.entry(issuer).or_default();
            if known.last() != Some(&signature) {
                known.push(signature.clone());
            }
        }
    }

    fn complain(&mut self, place: String, problem: impl Into<String>) {
        let problem = problem.into();
        self.broken.push(BrokenCert { place, problem });
    }
}

/// What to add to a certificate for a revocation that verifies and is not in it yet:
/// the component that it is about, and the revocation.
fn news(cert: &Cert, revocation: &Signature) -> Option<Vec<Packet>> {
    let is_it = |known: &Signature| known.normalized_eq(revocation);
    let primary = cert.primary_key();
    let key = primary.key();
    let component: Option<Packet> = match revocation.typ() {
        SignatureType::SubkeyRevocation => {
            let mut known = cert.keys().subkeys();
            if known.any(|subkey| subkey.self_revocations().any(is_it)) {
                return None;
            }
            let subkey = cert.keys().subkeys().find(|subkey| {
                let verified = revocation.verify_subkey_revocation(key, key, subkey.key());
                verified.is_ok()
            })?;
            Some(subkey.key().clone().into())
        }
        SignatureType::CertificationRevocation => {
            let mut known = cert.userids();
            if known.any(|id| id.self_revocations().any(is_it)) {
                return None;
            }
            let user_id = cert.userids().find(|id| {
                let verified = revocation.verify_userid_revocation(key, key, id.userid());
                verified.is_ok()
            })?;
            Some(user_id.userid().clone().into())
        }
        _ => {
            let is_good = || revocation.verify_primary_key_revocation(key, key).is_ok();
            if primary.self_revocations().any(is_it) || !is_good() {
                return None;
            }
            None
        }
    };
    let revocation = Packet::from(revocation.clone());
    Some(component.into_iter().chain([revocation]).collect())
}

fn is_revocation(packet: &RawPacket<'_>) -> bool {
    let ([3, _, typ, ..] | [4 | 6, typ, ..]) = *packet.body() else {
        return false;
    };
    matches!(
        SignatureType::from(typ),
        SignatureType::KeyRevocation
            | SignatureType::SubkeyRevocation
            | SignatureType::CertificationRevocation
    )
}
