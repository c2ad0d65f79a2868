//! Sorts the packets of an answer into certificates.

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::parse::Parse;

use super::algorithms;
use super::limits::{Wanted, Whose};
use super::packets::{self, FrameError, RawPacket, is_ignored, packets};
use super::reduce::{PrimaryKey, RawCert, Stray, add};
use super::signature::{By, Head, is_key_revocation};
use crate::{Reason, Rejection};

/// What is wrong with an answer in which nothing is wrong, and nothing right.
pub(super) const NO_CERTIFICATE: &str = "no OpenPGP certificate";

/// An answer, sorted.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) certs: Vec<RawCert<'a>>,
    pub(super) rejected: Vec<Rejection>,
    strays: Vec<Stray<'a>>,
    packets: usize,
    primary_keys_seen: usize,
    too_many: usize,
}

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
        let limit = wanted.limits.self_signatures;
        for Stray { packet, found_in } in std::mem::take(&mut self.strays) {
            let Some(head) = Head::parse(packet.body()) else {
                continue;
            };
            // It may be a designated revoker's, of the key that it stands behind,
            // and name a certificate that is here too: signatures will tell.
            for cert in &mut self.certs {
                if head.by(&cert.owner) == By::Owner {
                    add(&mut cert.signatures, packet, limit, &mut cert.too_large);
                } else if found_in.as_ref() == Some(&cert.fingerprint) {
                    cert.foreign.push(packet);
                }
            }
        }
        for cert in &mut self.certs {
            cert.settle(wanted.limits);
        }
        if self.too_many > 0 {
            let detail = format!("{} more than {}", self.too_many, wanted.limits.certs);
            self.reject(None, Reason::TooMany, &detail);
        }
    }

    /// The primary key of each certificate.
    pub(super) fn primary_keys(&self) -> Vec<(Fingerprint, PrimaryKey)> {
        let certs = self.certs.iter();
        certs
            .map(|cert| (cert.fingerprint.clone(), cert.key.clone()))
            .collect()
    }

    /// Notes a refusal, once: a body can be broken in a hundred thousand places.
    pub(super) fn reject(&mut self, of: Option<Fingerprint>, reason: Reason, detail: &str) {
        let rejection = Rejection::new(of, reason, detail);
        if !self.rejected.contains(&rejection) {
            self.rejected.push(rejection);
        }
    }

    fn broken(&mut self, group: &mut Group<'a>, error: FrameError, wanted: Wanted<'_>) {
        let detail = error.to_string();
        if error == FrameError::NotAPacket {
            // Junk behind the last packet: what stands before it is whole.
            self.finish(group, wanted);
            self.reject(None, Reason::Malformed, &detail);
        } else {
            // What is missing may be the revocation.
            self.reject(group.fingerprint(), Reason::Malformed, &detail);
        }
    }

    fn finish(&mut self, group: &mut Group<'a>, wanted: Wanted<'_>) {
        let group = std::mem::take(group);
        match group.packets.first().map(RawPacket::tag) {
            None => {}
            Some(packets::PUBLIC_KEY | packets::SECRET_KEY) => self.certificate(&group, wanted),
            Some(_) => self.bare(&group),
        }
    }

    /// Packets before any primary key. Key revocations are meant to be there.
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
        for &packet in group.packets.iter().filter(|p| is_key_revocation(p)) {
            self.strays.push(Stray {
                packet,
                found_in: None,
            });
        }
    }

    fn certificate(&mut self, group: &Group<'a>, wanted: Wanted<'_>) {
        self.primary_keys_seen += 1;
        if self.primary_keys_seen > wanted.limits.certs {
            self.too_many += 1;
            return;
        }
        let fingerprint = group.fingerprint();
        if group.secret {
            self.reject(fingerprint, Reason::SecretKey, "");
            return;
        }
        if let Some(tag) = group.misfit {
            let detail = format!("a packet of type {tag} in a certificate");
            self.reject(fingerprint, Reason::Malformed, &detail);
            return;
        }
        let first = group.packets[0];
        let Ok(Packet::PublicKey(key)) = Packet::from_bytes(first.bytes()) else {
            let (reason, detail) = match first.body().first() {
                Some(4 | 6) | None => (Reason::Malformed, "a broken primary key".to_owned()),
                Some(version) => (
                    Reason::UnsupportedAlgorithm,
                    format!("a key of version {version}"),
                ),
            };
            self.reject(None, reason, &detail);
            return;
        };
        if algorithms::is_oversized(&key) {
            self.reject(fingerprint, Reason::TooLarge, "an oversized primary key");
            return;
        }
        let fingerprint = key.fingerprint();
        let known = self.certs.iter().position(|c| c.fingerprint == fingerprint);
        let at = known.unwrap_or_else(|| {
            self.certs.push(RawCert::new(key, fingerprint));
            self.certs.len() - 1
        });
        self.certs[at].scan(&group.packets, wanted, &mut self.strays);
    }
}

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

    fn fingerprint(&self) -> Option<Fingerprint> {
        match Packet::from_bytes(self.packets.first()?.bytes()) {
            Ok(Packet::PublicKey(key)) => Some(key.fingerprint()),
            Ok(Packet::SecretKey(key)) => Some(key.fingerprint()),
            _ => None,
        }
    }
}
