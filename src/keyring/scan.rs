//! Finds certificates in what may be damaged.

use std::io::{self, Read};

use sequoia_openpgp::armor::{Reader, ReaderMode};
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::Marshal;
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Cert, KeyHandle};

use super::BrokenCert;
use super::frame::{Frame, Sort, find_key, is_known};
use super::revocation::Revocation;
use crate::filter::armor::is_text;

const BEGIN: &[u8] = b"-----BEGIN PGP ";
const END: &[u8] = b"-----END PGP ";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const NOTHING: &str = "there is no certificate in it";
/// What has so many errors is no keyring.
const MANY: usize = 100;

/// The certificates and what is broken, in their order; and all revocations.
pub(super) fn scan(name: &str, octets: &[u8]) -> (Vec<Result<Cert, BrokenCert>>, Vec<Revocation>) {
    let mut scan = Scan {
        name,
        certs: Vec::new(),
        revocations: Vec::new(),
        broken: 0,
        searches: 0,
    };
    scan.content(octets);
    let more = scan.broken.saturating_sub(MANY);
    if more > 0 {
        scan.certs.push(Err(BrokenCert {
            name: name.to_owned(),
            place: name.to_owned(),
            problem: format!("and so it is at {more} other places"),
            cert: None,
        }));
    }
    (scan.certs, scan.revocations)
}

struct Scan<'n> {
    name: &'n str,
    certs: Vec<Result<Cert, BrokenCert>>,
    revocations: Vec<Revocation>,
    broken: usize,
    /// How often the next certificate was searched for behind a damaged place.
    searches: usize,
}

impl Scan<'_> {
    fn content(&mut self, content: &[u8]) {
        let name = self.name;
        let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        if text.trim_ascii().is_empty() {
            // Whoever made it may have failed.
            return self.complain(name, format!("it is empty, {NOTHING}"));
        }
        if !is_text(content) {
            return self.packets(name, content);
        }
        let blocks = blocks(text);
        if blocks.is_empty() {
            self.complain(name, NOTHING);
        }
        for (number, block) in (1_usize..).zip(blocks) {
            self.block(&format!("{name}, block {number}"), block);
        }
    }

    fn block(&mut self, place: &str, block: &[u8]) {
        let mut octets = Vec::new();
        let mode = ReaderMode::Tolerant(None);
        let read = Reader::from_bytes(block, mode).read_to_end(&mut octets);
        let told = self.broken;
        if !octets.is_empty() {
            self.packets(place, &octets);
        }
        // Where it is cut off, so is mostly what is in it.
        if self.broken == told && (read.is_err() || octets.is_empty()) {
            self.complain(place, "its armor is damaged or cut off");
        }
    }

    fn packets(&mut self, place: &str, octets: &[u8]) {
        let before = (self.certs.len(), self.revocations.len(), self.broken);
        let mut at = 0;
        while at < octets.len() {
            if self.searches > MANY {
                // Each of them looks at much of the file, which a stranger may have made.
                return self.complain(place, format!("from octet {at} on it is not read"));
            }
            at = match Frame::at(octets, at).map(|frame| frame.sort()) {
                Some(Sort::Primary) => self.cert(place, octets, at),
                _ => self.strays(place, octets, at),
            };
        }
        if before == (self.certs.len(), self.revocations.len(), self.broken) {
            self.complain(place, NOTHING);
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
                        end = frame.end;
                        frames.push(frame);
                    }
                },
            }
        };
        let is_framed = is_framed && !hides_key(octets, &frames, end);
        if is_framed && let (Some(cert), true) = parse(&frames) {
            self.revocations(&frames, Some(&cert));
            self.certs.push(Ok(cert));
            return end;
        }
        let version = frames.first().and_then(Frame::version);
        if is_framed && let Some(version) = version.filter(|version| !is_known(*version)) {
            self.complain(
                place,
                format!(
                    "there are no certificates of version {version}, as one at octet {start} \
                     says it is"
                ),
            );
            return end;
        }
        // Its last packet may have swallowed the beginning of others.
        let next = self.search(octets, start.saturating_add(1));
        let next = if is_framed { next.min(end) } else { next };
        frames.retain(|frame| frame.end <= next);
        let cert = parse(&frames).0;
        self.revocations(&frames, cert.as_ref());
        let problem = format!("the certificate at octet {start} is damaged or cut off");
        self.damaged(place, problem, cert);
        next
    }

    /// Somebody may have appended those of another certificate. Those of its own
    /// subkeys and User IDs have found their places by now.
    fn revocations(&mut self, frames: &[Frame<'_>], cert: Option<&Cert>) {
        let all = frames.iter().filter_map(Frame::revocation);
        let may_be_of_another = |revocation: &Signature| {
            let is_own = |by: &KeyHandle| cert.is_some_and(|cert| cert.key_handle().aliases(by));
            revocation.typ() == SignatureType::KeyRevocation
                || !revocation.get_issuers().iter().any(is_own)
        };
        let all = all.filter(may_be_of_another);
        self.revocations.extend(all.map(|signature| Revocation {
            signature,
            alone: None,
        }));
    }

    /// What stands in front of a certificate, or without one, and where it ends.
    fn strays(&mut self, place: &str, octets: &[u8], start: usize) -> usize {
        let mut end = start;
        let mut is_told = false;
        while end < octets.len() {
            let frame = Frame::at(octets, end);
            match frame.map(|frame| (frame, frame.sort())) {
                Some((_, Sort::Primary)) => break,
                Some((frame, Sort::Ignored)) => end = frame.end,
                Some((frame, Sort::Signature | Sort::Component)) => {
                    match frame.revocation() {
                        Some(signature) => self.revocations.push(Revocation {
                            signature,
                            alone: Some((self.name.to_owned(), place.to_owned())),
                        }),
                        None => is_told = true,
                    }
                    end = frame.end;
                }
                Some((_, Sort::Foreign)) | None => {
                    is_told = true;
                    end = self.search(octets, start.saturating_add(1));
                    break;
                }
            }
        }
        if is_told {
            let problem = format!("what stands at octet {start} is of no certificate");
            self.complain(place, problem);
        }
        end
    }

    /// Where the next certificate begins, or the end.
    fn search(&mut self, octets: &[u8], from: usize) -> usize {
        self.searches = self.searches.saturating_add(1);
        find_key(octets, from..octets.len()).unwrap_or(octets.len())
    }

    fn complain(&mut self, place: &str, problem: impl Into<String>) {
        self.damaged(place, problem.into(), None);
    }

    fn damaged(&mut self, place: &str, problem: String, cert: Option<Cert>) {
        self.broken = self.broken.saturating_add(1);
        if self.broken <= MANY {
            self.certs.push(Err(BrokenCert {
                name: self.name.to_owned(),
                place: place.to_owned(),
                problem,
                cert: cert.map(Box::new),
            }));
        }
    }
}

/// Whether another certificate begins within these packets, up to `end`: one of them
/// is cut off then, and its length has misled from there on.
fn hides_key(octets: &[u8], frames: &[Frame<'_>], end: usize) -> bool {
    let is_clear = frames.iter().all(Frame::is_clear)
        && (end == octets.len() || Frame::at(octets, end).is_some_and(|key| key.is_key(octets)));
    let first = frames
        .first()
        .map_or(end, |key| key.start.saturating_add(1));
    !is_clear && find_key(octets, first..end).is_some()
}

/// The certificate in these packets, without subkeys that nobody has, and whether there
/// is nothing else in them.
fn parse(frames: &[Frame<'_>]) -> (Option<Cert>, bool) {
    if frames.first().is_some_and(Frame::is_oversized) {
        return (None, false);
    }
    let kept = |frame: &&Frame<'_>| frame.sort() != Sort::Ignored && !frame.is_oversized();
    let packets: Vec<u8> = frames
        .iter()
        .filter(kept)
        .flat_map(Frame::bytes)
        .copied()
        .collect();
    let (cert, is_alone) = parse_octets(&packets);
    // A signature can hold what is read and cannot be written: nobody could store it.
    if cert.as_ref().is_some_and(|cert| !is_writable(cert)) {
        let writable: Vec<_> = frames
            .iter()
            .filter(kept)
            .filter_map(Frame::writable)
            .collect();
        let (cert, is_alone) = parse_octets(&writable.concat());
        return (cert.filter(is_writable), is_alone);
    }
    (cert, is_alone)
}

fn parse_octets(packets: &[u8]) -> (Option<Cert>, bool) {
    let Ok(mut parser) = CertParser::from_bytes(packets) else {
        return (None, false);
    };
    let first = parser.next().and_then(Result::ok);
    let is_alone = parser.next().is_none();
    (first.map(Cert::strip_secret_key_material), is_alone)
}

fn is_writable(cert: &Cert) -> bool {
    cert.serialize(&mut io::sink()).is_ok()
}

/// Each from its first line up to its last, or up to the next block's first.
fn blocks(text: &[u8]) -> Vec<&[u8]> {
    let mut blocks = Vec::new();
    let mut begun = None;
    let mut at = 0_usize;
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        let end = at.saturating_add(line.len());
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
