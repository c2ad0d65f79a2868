//! Reduces a certificate to what matters before any of it is parsed: its keys,
//! the wanted User IDs, the newest of the others, and what their owner says.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use sequoia_openpgp::Fingerprint;

use super::limits::{Limits, UserIdFilter};
use super::packets::{self, RawPacket, is_ignored, is_oversized_packet};
use super::search::MAX_TRIES;
use super::signature::{
    By, Head, Owner, is_component_revocation, is_key_revocation, is_of_unknown_version, types,
};
use super::strays::Strays;
use super::wanted::Wanted;
use crate::keys::PrimaryKey;

const OTHERS_LEFT_OUT: &str = "It has more signed User IDs than are looked at; its expiration \
     may hang on one of the others.";
pub(super) const MANY_REVOCATIONS: &str =
    "There are more revocations by others than are looked at; one of them may count.";
const REVOKED_BY_OTHERS: &str =
    "A revocation on its User ID that another key made was not looked at.";
/// Each can cost one failed verification, of which there are more.
const MAX_ASCRIBED: usize = 16;
const UNKNOWN_VERSION: &str =
    "It carries a signature of an unknown version, which was not looked at.";

/// One certificate (all copies of it), reduced, of which only the primary key
/// has been parsed.
#[derive(Debug)]
pub(super) struct RawCert<'a> {
    pub(super) key: PrimaryKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) signatures: Vec<RawPacket<'a>>,
    pub(super) user_ids: Vec<RawUserId<'a>>,
    pub(super) subkeys: Vec<RawSubkey<'a>>,
    /// Key revocations that name other keys, and may be about this one.
    pub(super) foreign: Vec<RawPacket<'a>>,
    /// Revocations of components that the owner may have made and that stand
    /// elsewhere, and whether there are more.
    pub(super) lost: Vec<RawPacket<'a>>,
    pub(super) lost_more: bool,
    /// The same of subkeys, by other keys.
    pub(super) lost_foreign: Vec<RawPacket<'a>>,
    /// Whether a User ID matches, kept or over a limit.
    pub(super) matches: bool,
    /// How many User IDs and User Attributes it has.
    pub(super) user_id_count: usize,
    /// What a person should know about what was left out.
    pub(super) notes: Vec<String>,
    /// The limit that it goes over.
    pub(super) too_large: Option<String>,
    pub(super) owner: Owner,
    /// There may be more of it: a part of the answer could not be read.
    pub(super) is_cut: bool,
    /// Whom the owner named for revoking it, as far as that is known before.
    pub(super) revokers: Vec<Fingerprint>,
    pub(super) room: Room,
    /// How many more revocations are tried that may have been ascribed to others.
    ascribed: usize,
    others: Vec<Other<'a>>,
    leaves_others_out: bool,
    /// All packets of each copy.
    copies: Vec<Vec<RawPacket<'a>>>,
}

/// How many revocations by designated revokers may be kept that nobody verified.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    pub(super) count: usize,
    pub(super) octets: usize,
}

/// A User ID that does not match, with what decides which of them count: the
/// primary ones, then the newest. Expiration and key flags hang on these.
#[derive(Debug)]
struct Other<'a> {
    is_primary: bool,
    created: u32,
    user_id: RawUserId<'a>,
}

/// A User ID and what its owner says about it.
#[derive(Debug)]
pub(super) struct RawUserId<'a> {
    pub(super) packet: RawPacket<'a>,
    pub(super) signatures: Vec<RawPacket<'a>>,
    pub(super) matches: bool,
    /// It stays in what is handed out, where it is bound.
    pub(super) keeps: bool,
    /// It carries a signature of a version that nobody here knows.
    pub(super) has_unknown: bool,
}

/// A subkey and what its owner says about it.
#[derive(Debug)]
pub(super) struct RawSubkey<'a> {
    pub(super) packet: RawPacket<'a>,
    pub(super) signatures: Vec<RawPacket<'a>>,
    /// Revocations that name other keys.
    pub(super) foreign: Vec<RawPacket<'a>>,
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
            lost: Vec::new(),
            lost_more: false,
            lost_foreign: Vec::new(),
            matches: false,
            user_id_count: 0,
            notes: Vec::new(),
            too_large: None,
            is_cut: false,
            revokers: Vec::new(),
            room: Room::default(),
            ascribed: MAX_ASCRIBED,
            others: Vec::new(),
            leaves_others_out: false,
            copies: Vec::new(),
        }
    }

    /// Takes what matters out of one copy of the certificate.
    pub(super) fn scan(
        &mut self,
        group: Vec<RawPacket<'a>>,
        wanted: Wanted<'_>,
        strays: &mut Strays<'a>,
    ) {
        // A component, and the signatures behind it.
        let behind = |tag| tag == packets::SIGNATURE || is_ignored(tag);
        for chunk in group.chunk_by(|_, next| behind(next.tag())) {
            let (component, signatures) = (chunk[0], &chunk[1..]);
            match component.tag() {
                packets::PUBLIC_KEY => self.key_signatures(signatures, wanted),
                packets::USER_ID => self.user_id(component, signatures, wanted),
                packets::USER_ATTRIBUTE => self.user_id_count += 1,
                packets::PUBLIC_SUBKEY => self.subkey(component, signatures, wanted),
                _ => {}
            }
            for &packet in signatures.iter().filter(|p| is_key_revocation(p)) {
                self.key_revocation(packet, wanted, strays);
            }
            for &packet in signatures.iter().filter(|p| is_component_revocation(p)) {
                self.component_revocation(packet, component, wanted, strays);
            }
        }
        self.copies.push(group);
    }

    /// Adds a note, once.
    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Wherever it stands, a key revocation belongs to the key that it names.
    fn key_revocation(
        &mut self,
        packet: RawPacket<'a>,
        wanted: Wanted<'_>,
        strays: &mut Strays<'a>,
    ) {
        let Some(head) = Head::parse(packet.body()) else {
            return;
        };
        match head.by(&self.owner) {
            By::Owner | By::Nobody => {
                let limit = wanted.limits.self_signatures;
                add(&mut self.signatures, packet, limit, &mut self.too_large);
            }
            By::Other => {
                self.ascribed(head, packet);
                strays.push(packet, Some(&self.fingerprint));
            }
        }
    }

    /// Takes a key revocation for the owner's that somebody may have ascribed to
    /// another: its first octets tell those apart that are about another key.
    fn ascribed(&mut self, head: Head<'_>, packet: RawPacket<'a>) {
        if !has(&self.signatures, packet) && self.may_be_own(head) {
            self.signatures.push(packet);
        }
    }

    /// Whether one more is tried for the owner's that somebody may have ascribed to
    /// another.
    fn may_be_own(&mut self, head: Head<'_>) -> bool {
        if !head.is_ascribed(&self.owner) {
            return false;
        }
        let left = self.ascribed.checked_sub(1);
        if left.is_none() {
            self.note(MANY_REVOCATIONS);
        }
        self.ascribed = left.unwrap_or_default();
        left.is_some()
    }

    /// Sets aside what revokes a subkey or a User ID and does not stand behind one
    /// that is kept, or is by another key: which one it is about is told later.
    fn component_revocation(
        &mut self,
        packet: RawPacket<'a>,
        behind: RawPacket<'a>,
        wanted: Wanted<'_>,
        strays: &mut Strays<'a>,
    ) {
        let Some(head) = Head::parse(packet.body()) else {
            return;
        };
        let is_placed = match behind.tag() {
            packets::PUBLIC_SUBKEY => head.typ == types::SUBKEY_REVOCATION,
            packets::USER_ID => {
                head.typ == types::CERTIFICATION_REVOCATION && wanted.matches(behind.body(), true)
            }
            _ => false,
        };
        if !is_placed || head.by(&self.owner) == By::Other {
            strays.push_of_component(packet, Some(&self.fingerprint), is_placed);
        }
    }

    fn key_signatures(&mut self, signatures: &[RawPacket<'a>], wanted: Wanted<'_>) {
        for &packet in signatures {
            if is_of_unknown_version(&packet) {
                self.note(UNKNOWN_VERSION);
            }
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
        self.user_id_count += 1;
        self.matches |= matches;
        // Nearly always: no signature, nothing to look at.
        if !matches && all.is_empty() {
            return;
        }
        let mut newest: Option<(u32, Head<'_>)> = None;
        let mut signatures = Vec::new();
        for &packet in all {
            if let Some(head) = self.owns(&packet, is_about_user_id) {
                if head.is_certification()
                    && let Some(created) = head.created()
                    && newest.is_none_or(|(newest, _)| newest < created)
                {
                    newest = Some((created, head));
                }
                signatures.push(packet);
            } else if matches && is_user_id_revocation(&packet) {
                self.note(REVOKED_BY_OTHERS);
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
            keeps,
            has_unknown: matches && all.iter().any(is_of_unknown_version),
        };
        if keeps {
            self.keep_user_id(user_id, wanted.limits);
        } else if let Some((created, head)) = newest
            && UNIX_EPOCH + Duration::from_secs(created.into()) <= wanted.horizon
        {
            let other = Other {
                is_primary: head.is_primary(),
                created,
                user_id,
            };
            self.keep_other(other, wanted.limits.other_user_ids);
        }
    }

    fn keep_user_id(&mut self, user_id: RawUserId<'a>, limits: &Limits) {
        if let Some(known) = self
            .user_ids
            .iter_mut()
            .find(|known| known.packet.body() == user_id.packet.body())
        {
            known.has_unknown |= user_id.has_unknown;
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

    /// Keeps those that matter most.
    fn keep_other(&mut self, other: Other<'a>, limit: usize) {
        let body = other.user_id.packet.body();
        let same = |known: &&mut Other<'a>| known.user_id.packet.body() == body;
        if let Some(known) = self.others.iter_mut().find(same) {
            if known.created < other.created {
                (known.created, known.is_primary) = (other.created, other.is_primary);
            }
            known.user_id.signatures.extend(other.user_id.signatures);
            return;
        }
        if self.others.len() < limit {
            self.others.push(other);
            return;
        }
        if let Some(least) = self.others.iter_mut().min_by_key(|other| other.rank())
            && least.rank() < other.rank()
        {
            *least = other;
        }
        self.leaves_others_out = true;
    }

    fn subkey(&mut self, packet: RawPacket<'a>, all: &[RawPacket<'a>], wanted: Wanted<'_>) {
        if is_oversized_packet(&packet) {
            self.too_large = Some("an oversized subkey".to_owned());
            return;
        }
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
        // A packet that is ignored may hold the octets of a signature.
        for &packet in all.iter().filter(|p| p.tag() == packets::SIGNATURE) {
            let Some(head) = Head::parse(packet.body()) else {
                if is_of_unknown_version(&packet) {
                    self.note(UNKNOWN_VERSION);
                }
                continue;
            };
            match (head.typ, head.by(&self.owner)) {
                (types::SUBKEY_BINDING | types::SUBKEY_REVOCATION, By::Owner | By::Nobody) => {
                    let limit = wanted.limits.self_signatures;
                    let list = &mut self.subkeys[at].signatures;
                    add(list, packet, limit, &mut self.too_large);
                }
                (types::SUBKEY_REVOCATION, By::Other) => {
                    if !has(&self.subkeys[at].signatures, packet) && self.may_be_own(head) {
                        self.subkeys[at].signatures.push(packet);
                    }
                    let limit = wanted.limits.foreign_revocations;
                    if !offer(&mut self.subkeys[at].foreign, packet, limit) {
                        self.note(MANY_REVOCATIONS);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes a revocation by another key, which may be about this one: there is
    /// no limit to those that are not.
    pub(super) fn offer(&mut self, packet: RawPacket<'a>, limits: &Limits) {
        if !offer(&mut self.foreign, packet, limits.foreign_revocations) {
            self.note(MANY_REVOCATIONS);
        }
    }

    /// Takes a revocation of a component that stands elsewhere and may be the owner's.
    pub(super) fn lose(&mut self, packet: RawPacket<'a>) {
        match self.lost.len() < MAX_TRIES {
            true => self.lost.push(packet),
            false => self.lost_more = true,
        }
    }

    /// The same of a subkey, by another key, or ascribed to one.
    pub(super) fn lose_foreign(&mut self, packet: RawPacket<'a>, head: Head<'_>, limits: &Limits) {
        if self.may_be_own(head) {
            self.lose(packet);
        }
        match self.lost_foreign.len() < limits.foreign_revocations {
            true => self.lost_foreign.push(packet),
            false => self.note(MANY_REVOCATIONS),
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
        if self.leaves_others_out {
            self.note(OTHERS_LEFT_OUT);
        }
        if self.copies.len() > 1 {
            let packets = self.copies.iter().flatten();
            let is_user_id =
                |p: &&RawPacket<'_>| matches!(p.tag(), packets::USER_ID | packets::USER_ATTRIBUTE);
            let distinct: HashSet<_> = packets.filter(is_user_id).map(|p| p.body()).collect();
            self.user_id_count = distinct.len();
        }
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
        self.room = Room {
            count: limits.foreign_revocations,
            octets: limits.cert.saturating_sub(total),
        };
        let mut room = limits.cert;
        self.others.sort_by_key(|other| Reverse(other.rank()));
        for Other { user_id, .. } in std::mem::take(&mut self.others) {
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

    /// Takes a key revocation that stands apart, where it may be about this key:
    /// its issuer names it, or it stands behind it, and may be a designated
    /// revoker's. The signature will tell.
    pub(super) fn adopt(
        &mut self,
        packet: RawPacket<'a>,
        behind: Option<&Fingerprint>,
        limits: &Limits,
    ) {
        let Some(head) = Head::parse(packet.body()) else {
            return;
        };
        if head.by(&self.owner) != By::Other {
            let limit = limits.self_signatures;
            add(&mut self.signatures, packet, limit, &mut self.too_large);
            return;
        }
        self.ascribed(head, packet);
        if behind.is_none_or(|key| *key == self.fingerprint) {
            self.offer(packet, limits);
        }
    }
}

impl Other<'_> {
    fn rank(&self) -> u64 {
        u64::from(self.is_primary) << 32 | u64::from(self.created)
    }
}

fn has(list: &[RawPacket<'_>], packet: RawPacket<'_>) -> bool {
    list.iter().any(|known| known.body() == packet.body())
}

/// Adds a packet that is not yet there; false where there is no room for it.
fn offer<'a>(list: &mut Vec<RawPacket<'a>>, packet: RawPacket<'a>, limit: usize) -> bool {
    let is_known = has(list, packet);
    let fits = is_known || list.len() < limit;
    if fits && !is_known {
        list.push(packet);
    }
    fits
}

/// Adds a packet that is not yet there, up to a limit.
fn add<'a>(
    list: &mut Vec<RawPacket<'a>>,
    packet: RawPacket<'a>,
    limit: usize,
    too_large: &mut Option<String>,
) {
    if has(list, packet) {
        return;
    }
    if list.len() >= limit {
        *too_large = Some("too many signatures on a component".to_owned());
    } else {
        list.push(packet);
    }
}

fn is_user_id_revocation(packet: &RawPacket<'_>) -> bool {
    packet.tag() == packets::SIGNATURE
        && Head::parse(packet.body())
            .is_some_and(|head| head.typ == types::CERTIFICATION_REVOCATION)
}

fn is_about_user_id(head: &Head<'_>) -> bool {
    head.is_certification() || head.typ == types::CERTIFICATION_REVOCATION
}
