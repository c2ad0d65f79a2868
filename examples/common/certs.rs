//! Reads certificates, as people keep them: binary, or in any number of armored
//! blocks with text around them; and revocations that stand by themselves.

use std::collections::HashMap;
use std::io::{self, Read as _};

use openpgp_discovery::openpgp::armor::{Reader, ReaderMode};
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::packet::Signature;
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::openpgp::types::RevocationType;
use openpgp_discovery::openpgp::{Cert, Fingerprint, KeyHandle, KeyID};

use super::input::Input;
use super::packets::{Frame, Sort, find_key, is_known};

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Certs {
    pub(crate) certs: Vec<Cert>,
    /// What is wrong with it: a sentence each, for people.
    pub(crate) broken: Vec<String>,
    revocations: Vec<Revocation>,
    /// How often the next certificate was searched for behind a damaged place.
    searches: usize,
}

/// A revocation, of whichever certificate.
#[derive(Debug)]
struct Revocation {
    signature: Signature,
    issuers: Vec<KeyHandle>,
    /// Where it stands, unless it is kept with a certificate anyway.
    alone: Option<String>,
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
        Err(error) => certs.complain(format!("cannot read {name}: {error}")),
    }
    let more = certs.broken.len().saturating_sub(MANY);
    if more > 0 {
        certs.broken.truncate(MANY);
        certs.complain(format!("{name}: and so it is at {more} other places"));
    }
    certs
}

const BEGIN: &[u8] = b"-----BEGIN PGP ";
const END: &[u8] = b"-----END PGP ";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// So many revocations of one certificate are applied.
const ENOUGH: usize = 16;
/// Who has so many errors in one file has no keyring.
const MANY: usize = 100;

impl Certs {
    /// Revokes those that this file revokes. A revocation of none of them is told.
    pub(crate) fn revoke<'c>(&mut self, certs: impl IntoIterator<Item = &'c mut Cert>) {
        let mut used = vec![false; self.revocations.len()];
        let mut by_issuer: HashMap<Option<KeyID>, Vec<usize>> = HashMap::new();
        for (place, revocation) in self.revocations.iter().enumerate() {
            let mut ids: Vec<_> = revocation
                .issuers
                .iter()
                .map(KeyID::from)
                .map(Some)
                .collect();
            if ids.is_empty() {
                ids.push(None);
            }
            for id in ids {
                by_issuer.entry(id).or_default().push(place);
            }
        }
        // Each is verified once, however many copies of the certificate there are.
        let mut verified: HashMap<Fingerprint, Vec<Signature>> = HashMap::new();
        for cert in certs {
            let all = verified.entry(cert.fingerprint()).or_insert_with(|| {
                let mut verified = Vec::new();
                let ids = [Some(KeyID::from(cert.fingerprint())), None];
                for &place in ids.iter().filter_map(|id| by_issuer.get(id)).flatten() {
                    if let (Some(revocation), Some(used)) =
                        (self.revocations.get(place), used.get_mut(place))
                        && revocation.is_of(cert)
                    {
                        *used = true;
                        verified.push(revocation.signature.clone());
                    }
                }
                // One is enough, and which of them tells the most comes first.
                verified.sort_by_key(is_soft);
                verified.truncate(ENOUGH);
                verified
            });
            if !all.is_empty()
                && let Ok((revoked, _)) = cert.clone().insert_packets(all.clone())
            {
                *cert = revoked;
            }
        }
        for (revocation, used) in std::mem::take(&mut self.revocations).into_iter().zip(used) {
            if let (Some(place), false) = (&revocation.alone, used) {
                let issuer = revocation.issuers.first();
                let issuer =
                    issuer.map_or_else(String::new, |issuer| format!(", made by {issuer:X},"));
                self.complain(format!(
                    "{place}: this revocation{issuer} is of none of the certificates given"
                ));
            }
        }
    }

    fn parse(&mut self, name: &str, content: &[u8]) {
        let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        if text.trim_ascii().is_empty() {
            // Whoever made it may have failed.
            return self.complain(format!(
                "{name}: it is empty, there is no certificate in it"
            ));
        }
        // Every binary packet begins with an octet that ASCII lacks.
        let is_binary = text.first().is_some_and(|octet| octet & 0x80 != 0);
        if is_binary {
            return self.packets(name, content);
        }
        let blocks = blocks(text);
        if blocks.is_empty() {
            self.complain(format!("{name}: there is no certificate in it"));
        }
        for (number, block) in blocks.iter().enumerate() {
            self.block(&format!("{name}, block {}", number + 1), block);
        }
    }

    fn block(&mut self, place: &str, block: &[u8]) {
        let mut octets = Vec::new();
        let mode = ReaderMode::Tolerant(None);
        let read = Reader::from_bytes(block, mode).read_to_end(&mut octets);
        let told = self.broken.len();
        if !octets.is_empty() {
            self.packets(place, &octets);
        }
        // Where it is cut off, so is mostly what is in it.
        if self.broken.len() == told && (read.is_err() || octets.is_empty()) {
            self.complain(format!("{place}: its armor is damaged or cut off"));
        }
    }

    fn packets(&mut self, place: &str, octets: &[u8]) {
        let before = (self.certs.len(), self.revocations.len(), self.broken.len());
        let mut at = 0;
        while at < octets.len() {
            if self.searches > MANY {
                // Each of them looks at much of the file, which a stranger may have made.
                return self.complain(format!("{place}: from octet {at} on it is not read"));
            }
            at = match Frame::at(octets, at).map(Frame::sort) {
                Some(Sort::Primary) => self.cert(place, octets, at),
                _ => self.strays(place, octets, at),
            };
        }
        if before == (self.certs.len(), self.revocations.len(), self.broken.len()) {
            self.complain(format!("{place}: there is no certificate in it"));
        }
    }

    /// One certificate, and where it ends.
    fn cert(&mut self, place: &str, octets: &[u8], start: usize) -> usize {
        let mut frames = Vec::new();
        let mut end = start;
        let is_framed = loop {
            match Frame::at(octets, end) {
                _ if end == octets.len() => break true,
                None => break false,
                Some(frame) => match frame.sort() {
                    Sort::Primary if end > start => break true,
                    Sort::Foreign => break false,
                    _ => {
                        frames.push(frame);
                        end = frame.end;
                    }
                },
            }
        };
        let is_framed = is_framed && !hides_key(octets, &frames, end);
        if is_framed && let (certs, true) = parse(octets, &frames) {
            self.take(certs, octets, &frames);
            return end;
        }
        let version = frames.first().and_then(|key| key.version(octets));
        match version.filter(|version| !is_known(*version)) {
            Some(version) if is_framed => {
                self.complain(format!(
                    "{place}: there are no certificates of version {version}, \
                     as one at octet {start} says it is"
                ));
                return end;
            }
            _ => self.complain(format!(
                "{place}: the certificate at octet {start} is damaged or cut off"
            )),
        }
        // Its last packet may have swallowed the beginning of others.
        let next = self.search(octets, start + 1);
        let next = if is_framed { next.min(end) } else { next };
        frames.retain(|frame| frame.end <= next);
        let (certs, _) = parse(octets, &frames);
        self.take(certs, octets, &frames);
        next
    }

    fn take(&mut self, certs: Vec<Cert>, octets: &[u8], frames: &[Frame]) {
        // Somebody may have appended one of another certificate.
        for frame in frames {
            let revocation = frame.revocation(octets);
            self.revocations
                .extend(revocation.map(|signature| Revocation::new(signature, None)));
        }
        self.certs.extend(certs);
    }

    /// What stands in front of a certificate, or without one, and where it ends.
    fn strays(&mut self, place: &str, octets: &[u8], start: usize) -> usize {
        let mut end = start;
        let mut is_told = false;
        while end < octets.len() {
            let frame = Frame::at(octets, end);
            match (frame, frame.map(Frame::sort)) {
                (_, Some(Sort::Primary)) => break,
                (Some(frame), Some(Sort::Ignored)) => end = frame.end,
                (Some(frame), Some(Sort::Signature | Sort::Subkey | Sort::Component)) => {
                    match frame.revocation(octets) {
                        Some(signature) => self
                            .revocations
                            .push(Revocation::new(signature, Some(place.to_owned()))),
                        None => is_told = true,
                    }
                    end = frame.end;
                }
                _ => {
                    is_told = true;
                    end = self.search(octets, start + 1);
                    break;
                }
            }
        }
        if is_told {
            self.complain(format!(
                "{place}: what stands at octet {start} is of no certificate"
            ));
        }
        end
    }

    /// Where the next certificate begins, or the end.
    fn search(&mut self, octets: &[u8], from: usize) -> usize {
        self.searches += 1;
        find_key(octets, from..octets.len()).unwrap_or(octets.len())
    }

    fn complain(&mut self, why: String) {
        self.broken.push(why);
    }
}

impl Revocation {
    fn new(signature: Signature, alone: Option<String>) -> Self {
        let issuers = signature.get_issuers();
        Self {
            signature,
            issuers,
            alone,
        }
    }

    /// Whether it is of this certificate.
    fn is_of(&self, cert: &Cert) -> bool {
        let handle = cert.key_handle();
        if !self.issuers.is_empty() && !self.issuers.iter().any(|issuer| issuer.aliases(&handle)) {
            return false;
        }
        let key = cert.primary_key().key();
        self.signature
            .verify_primary_key_revocation(key, key)
            .is_ok()
    }
}

/// Whether what the key has signed before still stands.
fn is_soft(revocation: &Signature) -> bool {
    let reason = revocation.reason_for_revocation();
    reason.is_some_and(|(reason, _)| reason.revocation_type() == RevocationType::Soft)
}

/// Whether another certificate begins within these packets, up to `end`: one of them
/// is cut off then, and its length has misled from there on.
fn hides_key(octets: &[u8], frames: &[Frame], end: usize) -> bool {
    let is_clear = frames.iter().all(|frame| frame.is_clear(octets))
        && (end == octets.len() || Frame::at(octets, end).is_some_and(|key| key.is_key(octets)));
    let first = frames.first().map_or(end, |key| key.start + 1);
    !is_clear && find_key(octets, first..end).is_some()
}

/// The certificates in these packets, one if all is well, and whether that is so.
fn parse(octets: &[u8], frames: &[Frame]) -> (Vec<Cert>, bool) {
    // A key that is too large has no fingerprint, which the parser takes for granted.
    let is_fine = |frame: &&Frame| !(frame.sort() == Sort::Ignored || frame.is_oversized());
    if frames.first().is_some_and(|key| key.is_oversized()) {
        return (Vec::new(), false);
    }
    let kept = frames.iter().filter(is_fine);
    let packets: Vec<u8> = kept.flat_map(|frame| frame.of(octets)).copied().collect();
    let Ok(parser) = CertParser::from_bytes(&packets) else {
        return (Vec::new(), false);
    };
    let all: Vec<_> = parser.take(MANY).collect();
    let count = all.len();
    let certs: Vec<Cert> = all.into_iter().flatten().collect();
    let is_sound = count == 1 && certs.len() == 1;
    (certs, is_sound)
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
