//! Sorts the packets of an answer into certificates, and drops what nobody
//! asked for before it is parsed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::{Key, Packet, key};
use sequoia_openpgp::parse::Parse;

use super::packets::{self, FrameError, RawPacket, packets};
use super::signature::{By, Head, Owner, types};
use super::{Limits, UserIdFilter, algorithms, user_id};
use crate::{EmailAddress, Reason, Rejection};

pub(super) type PrimaryKey = Key<key::PublicParts, key::PrimaryRole>;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'f> {
    pub(super) address: &'f EmailAddress,
    pub(super) user_ids: UserIdFilter,
    pub(super) limits: &'f Limits,
    /// What claims to be made later does not count as new.
    pub(super) horizon: SystemTime,
}

/// An answer, sorted.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) certs: Vec<RawCert<'a>>,
    pub(super) rejected: Vec<Rejection>,
    strays: Vec<Stray<'a>>,
    packets: usize,
    primary_keys: usize,
    too_many: usize,
}

/// One certificate (all copies of it), reduced, of which only the primary key
/// has been parsed.
#[derive(Debug)]
pub(super) struct RawCert<'a> {
    pub(super) key: PrimaryKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) signatures: Vec<RawPacket<'a>>,
    pub(super) user_ids: Vec<RawUserId<'a>>,
    pub(super) subkeys: Vec<RawSubkey<'a>>,
    /// Key revocations in it that name other keys.
    pub(super) foreign: Vec<RawPacket<'a>>,
    /// User IDs and User Attributes that do not match.
    pub(super) dropped: usize,
    /// The limit that it goes over.
    pub(super) too_large: Option<String>,
    owner: Owner,
    others: Vec<(u32, RawUserId<'a>)>,
}

/// A User ID and what its owner says about it.
#[derive(Debug)]
pub(super) struct RawUserId<'a> {
    pub(super) packet: RawPacket<'a>,
    pub(super) signatures: Vec<RawPacket<'a>>,
    pub(super) matches: bool,
}

/// A subkey and what its owner says about it.
#[derive(Debug)]
pub(super) struct RawSubkey<'a> {
    pub(super) packet: RawPacket<'a>,
    pub(super) signatures: Vec<RawPacket<'a>>,
    /// Revocations that name other keys.
    pub(super) foreign: Vec<RawPacket<'a>>,
}

/// A key revocation that stands apart from the key that it names.
#[derive(Debug)]
struct Stray<'a> {
    packet: RawPacket<'a>,
    found_in: Option<Fingerprint>,
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

    pub(super) fn reject(&mut self, of: Option<Fingerprint>, reason: Reason, detail: &str) {
        self.rejected.push(Rejection::new(of, reason, detail));
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
        self.primary_keys += 1;
        if self.primary_keys > wanted.limits.certs {
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

impl<'a> RawCert<'a> {
    fn new(key: PrimaryKey, fingerprint: Fingerprint) -> Self {
        Self {
            key,
            owner: Owner::new(fingerprint.clone()),
            fingerprint,
            signatures: Vec::new(),
            user_ids: Vec::new(),
            subkeys: Vec::new(),
            foreign: Vec::new(),
            dropped: 0,
            too_large: None,
            others: Vec::new(),
        }
    }

    /// Takes what matters out of one copy of the certificate.
    fn scan(&mut self, group: &[RawPacket<'a>], wanted: Wanted<'_>, strays: &mut Vec<Stray<'a>>) {
        // A component, and the signatures behind it.
        let behind = |tag| tag == packets::SIGNATURE || is_ignored(tag);
        for chunk in group.chunk_by(|_, next| behind(next.tag())) {
            let (component, signatures) = (chunk[0], &chunk[1..]);
            match component.tag() {
                packets::PUBLIC_KEY => self.key_signatures(signatures, wanted),
                packets::USER_ID => self.user_id(component, signatures, wanted),
                packets::USER_ATTRIBUTE => self.dropped += 1,
                packets::PUBLIC_SUBKEY => self.subkey(component, signatures, wanted),
                _ => {}
            }
            for &packet in signatures.iter().filter(|p| is_key_revocation(p)) {
                self.key_revocation(packet, wanted, strays);
            }
        }
    }

    /// Wherever it stands, a key revocation belongs to the key that it names.
    fn key_revocation(
        &mut self,
        packet: RawPacket<'a>,
        wanted: Wanted<'_>,
        strays: &mut Vec<Stray<'a>>,
    ) {
        let limit = wanted.limits.self_signatures;
        match Head::parse(packet.body()).map(|head| head.by(&self.owner)) {
            Some(By::Owner | By::Nobody) => {
                add(&mut self.signatures, packet, limit, &mut self.too_large);
            }
            Some(By::Other) => strays.push(Stray {
                packet,
                found_in: Some(self.fingerprint.clone()),
            }),
            None => {}
        }
    }

    fn key_signatures(&mut self, signatures: &[RawPacket<'a>], wanted: Wanted<'_>) {
        for &packet in signatures {
            if self
                .owns(&packet, |head| head.typ == types::DIRECT_KEY)
                .is_some()
            {
                let limit = wanted.limits.self_signatures;
                add(&mut self.signatures, packet, limit, &mut self.too_large);
            }
        }
    }

    fn user_id(&mut self, packet: RawPacket<'a>, all: &[RawPacket<'a>], wanted: Wanted<'_>) {
        let matches = user_id::is_of(packet.body(), wanted.address);
        if !matches {
            self.dropped += 1;
            // Nearly always: no signature, nothing to look at.
            if all.is_empty() {
                return;
            }
        }
        let mut newest = None;
        let mut signatures = Vec::new();
        for &packet in all {
            if let Some(head) = self.owns(&packet, is_about_user_id) {
                if head.is_certification() {
                    newest = newest.max(head.created());
                }
                signatures.push(packet);
            }
        }
        let keeps = matches || (wanted.user_ids == UserIdFilter::All && newest.is_some());
        if keeps && signatures.len() > wanted.limits.self_signatures {
            self.too_large = Some("too many signatures on a User ID".to_owned());
            return;
        }
        let user_id = RawUserId {
            packet,
            signatures,
            matches,
        };
        if keeps {
            self.keep_user_id(user_id, wanted.limits);
        } else if let Some(created) = newest
            && UNIX_EPOCH + Duration::from_secs(created.into()) <= wanted.horizon
        {
            self.keep_other(created, user_id, wanted.limits.other_user_ids);
        }
    }

    fn keep_user_id(&mut self, user_id: RawUserId<'a>, limits: &Limits) {
        if let Some(known) = self
            .user_ids
            .iter_mut()
            .find(|known| known.packet.body() == user_id.packet.body())
        {
            for packet in user_id.signatures {
                let limit = limits.self_signatures;
                add(&mut known.signatures, packet, limit, &mut self.too_large);
            }
        } else if self.user_ids.len() == limits.user_ids {
            self.too_large = Some("too many User IDs".to_owned());
        } else {
            self.user_ids.push(user_id);
        }
    }

    /// Keeps the newest ones.
    fn keep_other(&mut self, created: u32, user_id: RawUserId<'a>, limit: usize) {
        let same =
            |known: &&mut (u32, RawUserId<'a>)| known.1.packet.body() == user_id.packet.body();
        if let Some((newest, known)) = self.others.iter_mut().find(same) {
            *newest = created.max(*newest);
            known.signatures.extend(user_id.signatures);
        } else if self.others.len() < limit {
            self.others.push((created, user_id));
        } else if let Some(oldest) = self.others.iter_mut().min_by_key(|other| other.0)
            && oldest.0 < created
        {
            *oldest = (created, user_id);
        }
    }

    fn subkey(&mut self, packet: RawPacket<'a>, all: &[RawPacket<'a>], wanted: Wanted<'_>) {
        let known = self
            .subkeys
            .iter()
            .position(|known| known.packet.body() == packet.body());
        let at = match known {
            Some(at) => at,
            None if self.subkeys.len() == wanted.limits.subkeys => {
                self.too_large = Some("too many subkeys".to_owned());
                return;
            }
            None => {
                self.subkeys.push(RawSubkey {
                    packet,
                    signatures: Vec::new(),
                    foreign: Vec::new(),
                });
                self.subkeys.len() - 1
            }
        };
        for &packet in all {
            let Some(head) = Head::parse(packet.body()) else {
                continue;
            };
            let subkey = &mut self.subkeys[at];
            let (list, limit) = match (head.typ, head.by(&self.owner)) {
                (types::SUBKEY_BINDING | types::SUBKEY_REVOCATION, By::Owner | By::Nobody) => {
                    (&mut subkey.signatures, wanted.limits.self_signatures)
                }
                (types::SUBKEY_REVOCATION, By::Other) => {
                    (&mut subkey.foreign, wanted.limits.foreign_revocations)
                }
                _ => continue,
            };
            add(list, packet, limit, &mut self.too_large);
        }
    }

    /// The look into a signature that may be the owner's and is of this sort.
    fn owns<'p>(
        &self,
        packet: &RawPacket<'p>,
        is_sort: impl Fn(&Head<'_>) -> bool,
    ) -> Option<Head<'p>> {
        if packet.tag() != packets::SIGNATURE {
            return None;
        }
        Head::parse(packet.body()).filter(|head| is_sort(head) && head.by(&self.owner) != By::Other)
    }

    /// Applies the limits that need the whole, and lets the newest other User
    /// IDs in.
    fn settle(&mut self, limits: &Limits) {
        let size =
            |packets: &[RawPacket<'_>]| packets.iter().map(|p| p.bytes().len()).sum::<usize>();
        let user_id_size = |id: &RawUserId<'_>| id.packet.bytes().len() + size(&id.signatures);
        let total = size(&self.signatures)
            + self.user_ids.iter().map(user_id_size).sum::<usize>()
            + self
                .subkeys
                .iter()
                .map(|subkey| subkey.packet.bytes().len() + size(&subkey.signatures))
                .sum::<usize>();
        if total > limits.cert {
            self.too_large = Some(format!("more than {} octets after filtering", limits.cert));
        }
        let mut room = limits.cert;
        self.others.sort_by_key(|other| std::cmp::Reverse(other.0));
        for (_, user_id) in std::mem::take(&mut self.others) {
            // One that is too large to judge must not make the status milder.
            match room.checked_sub(user_id_size(&user_id)) {
                Some(left) if user_id.signatures.len() <= limits.self_signatures => {
                    room = left;
                    self.user_ids.push(user_id);
                }
                _ => self.too_large = Some("oversized other User IDs".to_owned()),
            }
        }
    }
}

/// Adds a packet that is not yet there, up to a limit.
fn add<'a>(
    list: &mut Vec<RawPacket<'a>>,
    packet: RawPacket<'a>,
    limit: usize,
    too_large: &mut Option<String>,
) {
    if list.iter().any(|known| known.body() == packet.body()) {
        return;
    }
    if list.len() >= limit {
        *too_large = Some("too many signatures on a component".to_owned());
    } else {
        list.push(packet);
    }
}

fn is_about_user_id(head: &Head<'_>) -> bool {
    head.is_certification() || head.typ == types::CERTIFICATION_REVOCATION
}

fn is_key_revocation(packet: &RawPacket<'_>) -> bool {
    packet.tag() == packets::SIGNATURE
        && match *packet.body() {
            [3, _, typ, ..] | [4 | 6, typ, ..] => typ == types::KEY_REVOCATION,
            _ => false,
        }
}

/// Packets that say nothing, wherever they stand.
fn is_ignored(tag: u8) -> bool {
    matches!(tag, packets::MARKER | packets::TRUST | packets::PADDING)
}
