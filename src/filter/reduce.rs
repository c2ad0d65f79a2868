//! Reduces a certificate to what matters before any of it is parsed: its keys,
//! the wanted User IDs, the newest of the others, and what their owner says.

use std::time::{Duration, UNIX_EPOCH};

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::{Key, key};

use super::limits::{Limits, UserIdFilter, Wanted};
use super::packets::{self, RawPacket, is_ignored};
use super::signature::{By, Head, Owner, is_key_revocation, types};

pub(crate) type PrimaryKey = Key<key::PublicParts, key::PrimaryRole>;

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
    /// User IDs that match, kept or over a limit.
    pub(super) matching: usize,
    /// User IDs and User Attributes that do not match.
    pub(super) dropped: usize,
    /// The limit that it goes over.
    pub(super) too_large: Option<String>,
    pub(super) owner: Owner,
    /// Whom the owner named for revoking it, as far as that is known before.
    pub(super) revokers: Vec<Fingerprint>,
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
pub(super) struct Stray<'a> {
    pub(super) packet: RawPacket<'a>,
    pub(super) found_in: Option<Fingerprint>,
}

impl<'a> RawCert<'a> {
    pub(super) fn new(key: PrimaryKey, fingerprint: Fingerprint) -> Self {
        Self {
            key,
            owner: Owner::new(fingerprint.clone()),
            fingerprint,
            signatures: Vec::new(),
            user_ids: Vec::new(),
            subkeys: Vec::new(),
            foreign: Vec::new(),
            matching: 0,
            dropped: 0,
            too_large: None,
            revokers: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Takes what matters out of one copy of the certificate.
    pub(super) fn scan(
        &mut self,
        group: &[RawPacket<'a>],
        wanted: Wanted<'_>,
        strays: &mut Vec<Stray<'a>>,
    ) {
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
        let matches = wanted.matches(packet.body(), !all.is_empty());
        if matches {
            self.matching += 1;
        } else {
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
        if signatures.is_empty() && !wanted.is_address() {
            return;
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
    pub(super) fn settle(&mut self, limits: &Limits) {
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
pub(super) fn add<'a>(
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
