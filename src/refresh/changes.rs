//! Tells what has changed between two moments of a certificate.

use std::time::SystemTime;

use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Cert, Fingerprint};

use super::sentences::{difference, expires, expires_instead, user_id};
use super::snapshot::{Snapshot, SubkeyState, UserIdState};
use super::{Change, ChangeKind};
use crate::keys::PrimaryKey;
use crate::{CertStatus, Revocation, RevocationKind};

/// Before and after, each judged.
pub(super) struct Moments<'c> {
    pub(super) before: (&'c Cert, &'c CertStatus, SystemTime),
    pub(super) after: (&'c Cert, &'c CertStatus, SystemTime),
    /// One by which self-revocations count.
    pub(super) policy: &'c dyn Policy,
    /// Among them may be a designated revoker's.
    pub(super) keys: &'c [PrimaryKey],
}

impl Moments<'_> {
    /// What the new packets changed: not nothing, where there are any. Those that
    /// are `unverified` change nothing, and nobody knows whose words they are.
    pub(super) fn changes(&self, packets: &[Packet], unverified: &[Signature]) -> Vec<Change> {
        let before = Snapshot::new(self.before, self.policy, self.keys);
        let after = Snapshot::new(self.after, self.policy, self.keys);

        let mut changes = Vec::new();
        let mut add = |kind, detail: String| changes.push(Change::new(kind, detail));
        let new = News::sort(packets, unverified);
        if new.has_unverified {
            add(ChangeKind::Other, UNVERIFIED.to_owned());
        }
        certificate(&before, &after, &new, &mut add);
        let moved = before.expiration != after.expiration
            || before.status.is_revoked() != after.status.is_revoked();
        if new.has_binding(&Of::Key) {
            self_signature("the key", before.direct, after.direct, moved, &mut add);
        }
        for subkey in &after.subkeys {
            one_subkey(before.subkey(&subkey.fingerprint), subkey, &new, &mut add);
        }
        for user_id in &after.user_ids {
            one_user_id(before.user_id(user_id.id), user_id, &new, moved, &mut add);
        }
        if changes.is_empty() && !packets.is_empty() {
            let detail = "Signatures that change nothing about its status were added.";
            changes.push(Change::new(ChangeKind::Other, detail));
        }
        changes
    }
}

/// What User IDs that stay out say about the expiration, where that is newer
/// than what counts.
pub(super) fn withheld(
    cert: &Cert,
    in_force: Option<(&Signature, Option<SystemTime>)>,
    user_ids: &[(UserID, Signature)],
) -> Vec<Change> {
    let key = cert.primary_key().key();
    let expiration = in_force.and_then(|(_, expiration)| expiration);
    let created = in_force.and_then(|(signature, _)| signature.signature_creation_time());
    let news = user_ids.iter().filter_map(|(id, binding)| {
        let theirs = binding.key_expiration_time(key);
        let is_news = binding.signature_creation_time() > created && theirs != expiration;
        is_news.then(|| {
            Change::new(
                ChangeKind::NewsWithheld,
                format!(
                    "The User ID {}, which was not let in, says that the certificate {}.",
                    user_id(id),
                    expires_instead(theirs, expiration),
                ),
            )
        })
    });
    news.collect()
}

/// What a signature is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    Key,
    UserId(UserID),
    Subkey(Fingerprint),
}

const UNVERIFIED: &str = "A revocation in the name of a designated revoker was added, which \
     does not count before it can be verified.";

/// The new signatures, sorted.
struct News<'p> {
    verified: Vec<(Of, &'p Signature)>,
    has_unverified: bool,
}

impl<'p> News<'p> {
    fn sort(packets: &'p [Packet], unverified: &[Signature]) -> Self {
        let mut of = Of::Key;
        let mut verified = Vec::new();
        let mut has_unverified = false;
        for packet in packets {
            match packet {
                Packet::UserID(id) => of = Of::UserId(id.clone()),
                Packet::PublicSubkey(key) => of = Of::Subkey(key.fingerprint()),
                Packet::Signature(signature) if unverified.contains(signature) => {
                    has_unverified = true;
                }
                Packet::Signature(signature) => verified.push((of.clone(), signature)),
                _ => {}
            }
        }
        Self {
            verified,
            has_unverified,
        }
    }

    fn has_binding(&self, of: &Of) -> bool {
        let mut all = self.verified.iter();
        all.any(|(about, signature)| about == of && !is_revocation(signature))
    }

    fn revocation(&self, of: &Of) -> Option<Revocation> {
        let mut all = self.verified.iter();
        let found = all.find(|(about, signature)| about == of && is_revocation(signature));
        found.map(|(_, signature)| Revocation::of(signature))
    }
}

fn is_revocation(signature: &Signature) -> bool {
    matches!(
        signature.typ(),
        SignatureType::KeyRevocation
            | SignatureType::SubkeyRevocation
            | SignatureType::CertificationRevocation
    )
}

fn certificate(
    before: &Snapshot<'_>,
    after: &Snapshot<'_>,
    new: &News<'_>,
    add: &mut impl FnMut(ChangeKind, String),
) {
    let told = revoked(
        "The certificate",
        ChangeKind::Revoked,
        before.status.revocation(),
        after.status.revocation(),
        add,
    );
    if let Some(other) = new.revocation(&Of::Key).filter(|_| !told) {
        let (kind, effect) = match after.status.is_revoked() {
            true => (ChangeKind::Other, "another revocation"),
            false => (ChangeKind::Other, "a revocation that is not in effect"),
        };
        add(kind, format!("The certificate has {effect}: {}.", other));
    }
    if before.expiration != after.expiration {
        let detail = format!(
            "The certificate {}.",
            expires_instead(after.expiration, before.expiration)
        );
        add(ChangeKind::Expiration, detail);
    }
}

/// Tells a revocation that came or went.
fn revoked(
    what: &str,
    kind: ChangeKind,
    before: Option<&Revocation>,
    after: Option<&Revocation>,
    add: &mut impl FnMut(ChangeKind, String),
) -> bool {
    let is_hard = |r: &Revocation| r.kind() == RevocationKind::Hard;
    match (before, after) {
        (None, Some(now)) => add(kind, format!("{what} is revoked: {}.", now)),
        (Some(then), Some(now)) if is_hard(now) && !is_hard(then) => {
            add(kind, format!("{what} is revoked for good: {}.", now))
        }
        (Some(then), None) => add(
            ChangeKind::RevocationLifted,
            format!(
                "{what} is no longer revoked: a newer self-signature lifted the revocation, {}.",
                then
            ),
        ),
        _ => return false,
    }
    true
}

fn one_subkey(
    before: Option<&SubkeyState<'_>>,
    after: &SubkeyState<'_>,
    new: &News<'_>,
    add: &mut impl FnMut(ChangeKind, String),
) {
    let what = format!("The subkey {}", after.fingerprint);
    let of = Of::Subkey(after.fingerprint.clone());
    if before.is_none() {
        let detail = format!("{what} is new; it {}.", expires(after.expiration));
        add(ChangeKind::SubkeyAdded, detail);
    }
    let was_revoked = before.and_then(|before| before.revoked.as_ref());
    let kind = ChangeKind::SubkeyRevoked;
    let told = revoked(&what, kind, was_revoked, after.revoked.as_ref(), add);
    if let Some(other) = new.revocation(&of).filter(|_| !told) {
        let detail = format!("{what} has another revocation: {}.", other);
        add(ChangeKind::Other, detail);
    }
    let Some(before) = before else { return };
    let moved = before.expiration != after.expiration;
    if moved {
        let detail = format!(
            "{what} {}.",
            expires_instead(after.expiration, before.expiration)
        );
        add(ChangeKind::SubkeyExpiration, detail);
    }
    if new.has_binding(&of) {
        let of = format!("the subkey {}", after.fingerprint);
        self_signature(&of, before.binding, after.binding, moved || told, add);
    }
}

fn one_user_id(
    before: Option<&UserIdState<'_>>,
    after: &UserIdState<'_>,
    new: &News<'_>,
    moved: bool,
    add: &mut impl FnMut(ChangeKind, String),
) {
    let name = user_id(after.id);
    let of = Of::UserId(after.id.clone());
    let Some(before) = before else {
        add(
            ChangeKind::UserIdAdded,
            format!("The User ID {name} is new."),
        );
        if after.revoked {
            let detail = format!("The User ID {name} is revoked.");
            add(ChangeKind::UserIdRevoked, detail);
        }
        return;
    };
    let told = match (before.revoked, after.revoked) {
        (false, true) => {
            let why = new.revocation(&of);
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let detail = format!("The User ID {name} is revoked{why}.");
            add(ChangeKind::UserIdRevoked, detail);
            true
        }
        (true, false) => {
            let detail = format!("The User ID {name} is bound again after its revocation.");
            add(ChangeKind::UserIdRestored, detail);
            true
        }
        _ => false,
    };
    if new.has_binding(&of) {
        let of = format!("the User ID {name}");
        self_signature(&of, before.binding, after.binding, moved || told, add);
    }
}

/// Tells a new self-signature that counts, unless another change has told it all.
fn self_signature(
    of: &str,
    before: Option<&Signature>,
    after: Option<&Signature>,
    told: bool,
    add: &mut impl FnMut(ChangeKind, String),
) {
    let Some(after) = after else { return };
    let detail = match before {
        Some(before) if before.normalized_eq(after) => return,
        None if told => return,
        None => format!("A self-signature on {of} counts where none did before."),
        Some(before) => match difference(before, after) {
            Some(how) => format!("There is a newer self-signature on {of}, {how}."),
            None if told => return,
            None => format!("There is a newer self-signature on {of}."),
        },
    };
    add(ChangeKind::SelfSignature, detail);
}
