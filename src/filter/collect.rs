//! Sorts the packets of an answer into certificates.

use std::collections::HashMap;

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::parse::Parse;

use super::adopt::adopt;
use super::packets::{self, FrameError, RawPacket, is_ignored, is_oversized_packet, packets};
use super::reduce::RawCert;
use super::strays::Strays;
use super::wanted::{Wanted, Whose};
use crate::algorithms;
use crate::keys::PrimaryKey;
use crate::{Reason, Rejection};

/// What is wrong with an answer in which nothing is wrong, and nothing right.
pub(super) const NO_CERTIFICATE: &str = "no OpenPGP certificate";

/// An answer, sorted.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) certs: Vec<RawCert<'a>>,
    pub(super) rejected: Vec<Rejection>,
    strays: Strays<'a>,
    packets: usize,
    /// The bodies of the primary key packets, and which certificate is of each;
    /// none where it is refused.
    seen: HashMap<&'a [u8], Option<usize>>,
    too_many: usize,
    /// A part could not be read to its end.
    is_cut: bool,
    /// Refusals that are counted only, and the one that stands for them.
    more: usize,
    last: Option<Rejection>,
}

/// So many refusals are told apart.
const MAX_REJECTIONS: usize = 64;

const CUT: &str = "A part of the answer could not be read; a revocation may have been in it.";
const COPY_REFUSED: &str =
    "Another copy of it in the same answer was refused; a revocation may have been in it.";

/// Consecutive packets up to the next primary key, and what is wrong with them.
#[derive(Debug, Default)]
struct Group<'a> {
    packets: Vec<RawPacket<'a>>,
    secret: bool,
    misfit: Option<u8>,
}

impl<'a> Answer<'a> {
    /// Sorts binary OpenPGP data; may be called again for more of the same answer.
    pub(super) fn add(&mut self, data: &'a [u8], wanted: Wanted<'_>) {
        let mut group = Group::default();
        for packet in packets(data) {
            let packet = match packet {
                Ok(packet) => packet,
                Err(error) => {
                    self.broken(&mut group, error, wanted);
                    return;
                }
            };
            if self.packets == wanted.limits.packets {
                // The certificate at hand is incomplete.
                let fingerprint = group.fingerprint();
                self.reject(fingerprint, Reason::TooLarge, "too many packets");
                self.harvest(&group, wanted);
                self.is_cut = true;
                return;
            }
            self.packets += 1;
            if let Whose::News(held, _) = wanted.whose
                && held.has_signature(&packet)
            {
                continue;
            }
            if matches!(packet.tag(), packets::PUBLIC_KEY | packets::SECRET_KEY) {
                self.finish(&mut group, wanted);
            }
            group.push(packet);
        }
        self.finish(&mut group, wanted);
    }

    /// Gives revocations that stand apart to the certificates that they name,
    /// once all is sorted.
    pub(super) fn settle(&mut self, wanted: Wanted<'_>) {
        adopt(&mut self.strays, &mut self.certs, wanted.limits);
        for cert in &mut self.certs {
            cert.settle(wanted.limits);
            if self.is_cut {
                cert.note(CUT);
                cert.is_cut = true;
            }
            let is_copy = |rejection: &Rejection| {
                matches!(rejection.reason(), Reason::Malformed | Reason::TooLarge)
                    && rejection.fingerprint() == Some(&cert.fingerprint)
            };
            if self.rejected.iter().chain(&self.last).any(is_copy) {
                cert.note(COPY_REFUSED);
                cert.is_cut = true;
            }
        }
        if self.strays.too_many {
            let detail = "too many revocations apart from their keys";
            self.reject(None, Reason::TooLarge, detail);
        }
        if self.too_many > 0 {
            let detail = format!("{} more than {}", self.too_many, wanted.limits.certs);
            self.reject(None, Reason::TooMany, &detail);
        }
        if self.certs.is_empty() && self.rejected.is_empty() {
            self.reject(None, Reason::Malformed, NO_CERTIFICATE);
        }
        if let Some(mut last) = self.last.take() {
            if self.more > 1 {
                last.detail = format!("{}, and {} more", last.detail, self.more - 1);
            }
            self.rejected.push(last);
        }
    }

    /// The primary key of each certificate.
    pub(super) fn primary_keys(&self) -> Vec<(Fingerprint, PrimaryKey)> {
        let certs = self.certs.iter();
        certs
            .map(|cert| (cert.fingerprint.clone(), cert.key.clone()))
            .collect()
    }

    /// Whether something about this certificate may have been missed: a part could
    /// not be read to its end, another copy of it was refused, or there was more
    /// than is looked at. What was refused about others does not matter.
    pub(super) fn may_lack_news_of(&self, fingerprint: &Fingerprint) -> bool {
        let is_copy = |rejection: &Rejection| rejection.fingerprint() == Some(fingerprint);
        self.is_cut
            || self.too_many > 0
            || self.more > 0
            || self.strays.too_many
            || self.rejected.iter().any(is_copy)
    }

    /// Notes a refusal, once: a body can be broken in a hundred thousand places.
    pub(super) fn reject(&mut self, of: Option<Fingerprint>, reason: Reason, detail: &str) {
        let rejection = Rejection::new(of, reason, detail);
        if self.rejected.contains(&rejection) {
            return;
        }
        if self.rejected.len() < MAX_REJECTIONS {
            self.rejected.push(rejection);
            return;
        }
        self.more += 1;
        // A failure must not hide behind what would be an answer.
        let is_answer = |rejection: &Rejection| rejection.reason().is_answer();
        if self.last.as_ref().is_none_or(is_answer) {
            self.last = Some(rejection);
        }
    }

    /// Armor that cannot be decoded.
    pub(super) fn broken_armor(&mut self) {
        self.reject(None, Reason::Malformed, "broken ASCII armor");
        self.is_cut = true;
    }

    fn broken(&mut self, group: &mut Group<'a>, error: FrameError, wanted: Wanted<'_>) {
        let detail = error.to_string();
        self.is_cut = true;
        if error == FrameError::NotAPacket {
            // Junk behind the last packet: what stands before it is whole.
            self.finish(group, wanted);
            self.reject(None, Reason::Malformed, &detail);
        } else {
            // What is missing may be the revocation.
            self.reject(group.fingerprint(), Reason::Malformed, &detail);
            self.harvest(group, wanted);
        }
    }

    fn finish(&mut self, group: &mut Group<'a>, wanted: Wanted<'_>) {
        let group = std::mem::take(group);
        match group.packets.first().map(RawPacket::tag) {
            None => {}
            Some(packets::PUBLIC_KEY | packets::SECRET_KEY) => self.certificate(group, wanted),
            Some(_) => self.bare(&group),
        }
    }

    /// Packets before any primary key. Revocations are meant to be there.
    fn bare(&mut self, group: &Group<'a>) {
        let belongs = |packet: &RawPacket<'_>| {
            matches!(
                packet.tag(),
                packets::SIGNATURE | packets::FIRST_NON_CRITICAL..
            ) || is_ignored(packet.tag())
        };
        if !group.packets.iter().all(belongs) {
            self.reject(None, Reason::Malformed, "packets without a primary key");
        }
        self.strays.push_loose(&group.packets);
    }

    /// Takes the revocations out of what is refused: they hold without it.
    fn harvest(&mut self, group: &Group<'a>, wanted: Wanted<'_>) {
        // For news this is done apart, and goes further.
        if matches!(wanted.whose, Whose::News(..)) {
            return;
        }
        self.strays.push_loose(&group.packets);
    }

    fn certificate(&mut self, group: Group<'a>, wanted: Wanted<'_>) {
        let first = group.packets[0];
        let known = self.seen.get(first.body()).copied();
        if known.is_none() {
            if self.seen.len() >= wanted.limits.certs {
                self.too_many += 1;
                self.harvest(&group, wanted);
                return;
            }
            self.seen.insert(first.body(), None);
        }
        if let Some((reason, detail)) = group.trouble() {
            self.reject(group.fingerprint(), reason, &detail);
            self.harvest(&group, wanted);
            return;
        }
        let Some(at) = known.flatten().or_else(|| self.open(first)) else {
            self.harvest(&group, wanted);
            return;
        };
        self.certs[at].scan(group.packets, wanted, &mut self.strays);
    }

    /// The certificate of a primary key; `None` where it is refused.
    fn open(&mut self, first: RawPacket<'a>) -> Option<usize> {
        if is_oversized_packet(&first) {
            self.reject(None, Reason::TooLarge, OVERSIZED);
            return None;
        }
        let Ok(Packet::PublicKey(key)) = Packet::from_bytes(first.bytes()) else {
            let (reason, detail) = match first.body().first() {
                Some(4 | 6) | None => (Reason::Malformed, "a broken primary key".to_owned()),
                Some(version) => (
                    Reason::UnsupportedAlgorithm,
                    format!("a key of version {version}"),
                ),
            };
            self.reject(None, reason, &detail);
            return None;
        };
        let fingerprint = key.fingerprint();
        if algorithms::is_oversized(&key) {
            self.reject(Some(fingerprint), Reason::TooLarge, OVERSIZED);
            return None;
        }
        let known = self.certs.iter().position(|c| c.fingerprint == fingerprint);
        let at = known.unwrap_or_else(|| {
            self.certs.push(RawCert::new(key, fingerprint));
            self.certs.len() - 1
        });
        self.seen.insert(first.body(), Some(at));
        Some(at)
    }
}

const OVERSIZED: &str = "an oversized primary key";

impl<'a> Group<'a> {
    fn push(&mut self, packet: RawPacket<'a>) {
        match packet.tag() {
            packets::SECRET_KEY | packets::SECRET_SUBKEY => self.secret = true,
            packets::PUBLIC_KEY
            | packets::SIGNATURE
            | packets::USER_ID
            | packets::PUBLIC_SUBKEY
            | packets::USER_ATTRIBUTE
            | packets::FIRST_NON_CRITICAL.. => {}
            tag if is_ignored(tag) => {}
            tag => self.misfit = self.misfit.or(Some(tag)),
        }
        self.packets.push(packet);
    }

    /// Why the whole of it is refused, if it is.
    fn trouble(&self) -> Option<(Reason, String)> {
        if self.secret {
            return Some((Reason::SecretKey, String::new()));
        }
        let tag = self.misfit?;
        let detail = format!("a packet of type {tag} in a certificate");
        Some((Reason::Malformed, detail))
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        let first = self.packets.first();
        let first = first.filter(|first| !is_oversized_packet(first))?;
        match Packet::from_bytes(first.bytes()) {
            Ok(Packet::PublicKey(key)) => Some(key.fingerprint()),
            Ok(Packet::SecretKey(key)) => Some(key.fingerprint()),
            _ => None,
        }
    }
}
