//! What an answer says about a certificate that is held, and that is not held.

use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Cert, Fingerprint};

use super::binding::{Standing, reference_time};
use super::checked::Checked;
use super::collect::{Answer, NO_CERTIFICATE};
use super::held::Held;
use super::limits::Limits;
use super::packets::packets;
use super::salvage::salvage;
use super::signature::identity;
use super::verify::verify_all;
use super::wanted::Whose;
use super::work::Work;
use super::{Filter, Part, parts, web_page};
use crate::clock::created;
use crate::keys::{PrimaryKey, Subkey};
use crate::status::revokers::{claims, revokers};
use crate::{Reason, Rejection};

/// The news in an answer. Every signature in it verifies, apart from the
/// `unverified` ones.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The answer was the certificate asked for, within all limits, and read to its
    /// end.
    pub(crate) found: bool,
    /// Something that may be news could not be read, or was not looked at.
    pub(crate) is_cut: bool,
    /// What is new of it, as a certificate: its primary key, and behind each
    /// component the new signatures. Empty where nothing is.
    pub(crate) packets: Vec<Packet>,
    /// Which of these are revocations that only a designated revoker's key, which
    /// did not come with them, can verify.
    pub(crate) unverified: Vec<Signature>,
    /// User IDs that stay out, each with its newest binding.
    pub(crate) withheld: Vec<(UserID, Signature)>,
    /// The primary keys in the answer: among them may be a designated revoker's.
    pub(crate) keys: Vec<PrimaryKey>,
    pub(crate) rejected: Vec<Rejection>,
    pub(crate) notes: Vec<String>,
}

/// New signatures, by what they are about.
#[derive(Default)]
struct Fresh {
    of_key: Vec<Signature>,
    user_ids: Vec<(UserID, Vec<Signature>)>,
    subkeys: Vec<(Subkey, Vec<Signature>)>,
}

impl Filter {
    /// Looks for news about a certificate in the answer to a question about its
    /// fingerprint. `lets_in` decides about User IDs that are not held.
    ///
    /// Signatures that are held are passed over unseen, so an answer without
    /// news costs no arithmetic.
    pub(crate) fn news(
        &self,
        body: &[u8],
        cert: &Cert,
        lets_in: &(dyn Fn(&UserID) -> bool + Send + Sync),
        stop: &AtomicBool,
    ) -> News {
        let refused = |rejection| News {
            rejected: vec![rejection],
            ..News::default()
        };
        let parts = match parts(body, self.limits.body_by_key) {
            Ok(parts) => parts,
            Err(rejection) => return refused(rejection),
        };
        let work = Work::new(self.limits.verifications_by_key, stop);
        let held = match Held::new(cert, &work) {
            Ok(held) => held,
            Err(error) => {
                let detail = format!("what is held cannot be written: {error}");
                return refused(Rejection::new(None, Reason::Malformed, detail));
            }
        };
        let now = self.time.unwrap_or_else(SystemTime::now);
        let lets_in = |user_id: &[u8]| lets_in(&UserID::from(user_id));
        let answer = self.sort(&parts, Whose::News(&held, &lets_in), now, &work);
        let mut news = self.look(answer, &parts, (cert, &held), now, &work);
        if web_page::looks_like_one(body)
            && let [only] = &mut news.rejected[..]
            && only.reason() == Reason::Malformed
            && only.fingerprint().is_none()
        {
            *only = Rejection::new(None, Reason::WebPage, "");
        }
        news
    }

    fn look(
        &self,
        answer: Answer<'_>,
        parts: &[Part<'_>],
        (cert, held): (&Cert, &Held<'_>),
        now: SystemTime,
        work: &Work<'_>,
    ) -> News {
        let keys = answer.primary_keys();
        let mut news = News::default();
        let mut fresh = Fresh::default();
        let has_no_cert = answer.certs.is_empty();
        news.is_cut = answer.may_lack_news_of(&held.fingerprint);
        news.rejected = answer.rejected;
        for mut raw in answer.certs {
            if raw.fingerprint != held.fingerprint {
                let rejection = Rejection::new(Some(raw.fingerprint), Reason::OtherKey, "");
                news.rejected.push(rejection);
                continue;
            }
            if !raw.foreign.is_empty()
                || !raw.lost_foreign.is_empty()
                || raw.subkeys.iter().any(|s| !s.foreign.is_empty())
            {
                raw.revokers = revokers(cert);
                let held = in_the_name_of(cert, &raw.revokers);
                raw.room.count = raw.room.count.saturating_sub(held);
            }
            match verify_all(&raw, &keys, &self.limits, work) {
                Ok(checked) => {
                    news.found = true;
                    news.is_cut |= checked.is_cut;
                    news.take(checked, &mut fresh, held, now);
                }
                Err(rejection) => {
                    news.is_cut = true;
                    news.rejected.push(rejection);
                }
            }
        }
        news.salvage(parts, &mut fresh, held, &self.limits, work);
        // Revocations need no certificate around them.
        let is_bare = |r: &Rejection| r.detail() == NO_CERTIFICATE;
        let took = !fresh.is_empty();
        if has_no_cert && (took || news.found) && news.rejected.iter().all(is_bare) {
            news.found = true;
            news.rejected.clear();
        }
        // The news may stand where nobody looked.
        news.found &= !news.is_cut;
        news.packets = fresh.into_packets(held);
        news.keys = keys.into_iter().map(|(_, key)| key).collect();
        news
    }
}

impl News {
    /// Takes what verifies, and is wanted.
    fn take(&mut self, mut checked: Checked, fresh: &mut Fresh, held: &Held<'_>, now: SystemTime) {
        let time = reference_time(&checked, now);
        self.notes.append(&mut checked.notes);
        fresh.of_key.extend(checked.revocations);
        fresh.of_key.extend(checked.direct);
        fresh.of_key.extend(checked.designated);
        self.unverified.extend(checked.unverified.iter().cloned());
        fresh.of_key.extend(checked.unverified);
        for user_id in checked.user_ids {
            if user_id.matches {
                if held.has_user_id(user_id.id.value()) || !user_id.bindings.is_empty() {
                    let signatures = [user_id.revocations, user_id.bindings].concat();
                    fresh.user_ids.push((user_id.id, signatures));
                }
            } else if matches!(user_id.standing(time), Standing::Bound(at) if at <= time) {
                let alive = user_id.bindings.into_iter();
                let newest = alive
                    .filter(|binding| created(binding).is_some_and(|at| at <= time))
                    .max_by_key(created);
                self.withheld.extend(newest.map(|s| (user_id.id, s)));
            }
        }
        for subkey in checked.subkeys {
            if held.has_subkey(&subkey.key.fingerprint()) || !subkey.bindings.is_empty() {
                self.unverified.extend(subkey.unverified.iter().cloned());
                let signatures = [
                    subkey.revocations,
                    subkey.bindings,
                    subkey.designated,
                    subkey.unverified,
                ];
                fresh.subkeys.push((subkey.key, signatures.concat()));
            }
        }
    }

    /// Takes revocations from wherever else they stand.
    fn salvage(
        &mut self,
        parts: &[Part<'_>],
        fresh: &mut Fresh,
        held: &Held<'_>,
        limits: &Limits,
        work: &Work<'_>,
    ) {
        let new = fresh.subkeys.iter().map(|(key, _)| key);
        let new = new.filter(|key| !held.has_subkey(&key.fingerprint()));
        let subkeys: Vec<Subkey> = held.subkeys.iter().chain(new).cloned().collect();
        let taken = fresh.signatures().filter_map(identity_of).collect();
        let salvaged = salvage(parts, held, &subkeys, taken, limits, work);
        self.is_cut |= salvaged.is_cut;
        fresh.of_key.extend(salvaged.of_key);
        for (key, signature) in salvaged.of_subkeys {
            fresh.subkeys.push((key, vec![signature]));
        }
        for (id, signature) in salvaged.of_user_ids {
            fresh.user_ids.push((id, vec![signature]));
        }
        let mut rejected = self.rejected.iter();
        self.found |= salvaged.confirmed && rejected.all(|r| r.detail() == NO_CERTIFICATE);
    }
}

impl Fresh {
    fn signatures(&self) -> impl Iterator<Item = &Signature> {
        let user_ids = self.user_ids.iter().flat_map(|(_, signatures)| signatures);
        let subkeys = self.subkeys.iter().flat_map(|(_, signatures)| signatures);
        self.of_key.iter().chain(user_ids).chain(subkeys)
    }

    fn is_empty(&self) -> bool {
        self.signatures().next().is_none()
    }

    fn into_packets(mut self, held: &Held<'_>) -> Vec<Packet> {
        // Once more, in the form in which what is held was compared: an odd
        // encoding of what is held is no news.
        let is_new = |signature: &Signature| {
            Packet::from(signature.clone())
                .to_vec()
                .is_ok_and(|octets| packets(&octets).flatten().all(|p| !held.has_signature(&p)))
        };
        self.of_key.retain(is_new);
        for (_, signatures) in &mut self.user_ids {
            signatures.retain(is_new);
        }
        for (_, signatures) in &mut self.subkeys {
            signatures.retain(is_new);
        }
        if self.is_empty() {
            return Vec::new();
        }
        let mut packets = vec![Packet::PublicKey(held.key.clone())];
        let signatures = |all: Vec<Signature>| all.into_iter().map(Packet::from);
        packets.extend(signatures(self.of_key));
        for (id, all) in self.user_ids.into_iter().filter(|(_, all)| !all.is_empty()) {
            packets.push(id.into());
            packets.extend(signatures(all));
        }
        for (key, all) in self.subkeys.into_iter().filter(|(_, all)| !all.is_empty()) {
            packets.push(Packet::PublicSubkey(key));
            packets.extend(signatures(all));
        }
        packets
    }
}

/// How many revocations by others are held that these may have made.
fn in_the_name_of(cert: &Cert, revokers: &[Fingerprint]) -> usize {
    let subkeys = cert.keys().subkeys();
    cert.primary_key()
        .other_revocations()
        .chain(subkeys.flat_map(|subkey| subkey.bundle().other_revocations()))
        .filter(|signature| revokers.iter().any(|revoker| claims(signature, revoker)))
        .count()
}

fn identity_of(signature: &Signature) -> Option<Vec<u8>> {
    let octets = Packet::from(signature.clone()).to_vec().ok()?;
    let packet = packets(&octets).next()?.ok()?;
    identity(packet.body())
}
