//! Which self-signatures of a component decide how it stands, apart from
//! revocations: for a look-up these are verified, and the others only where that
//! costs little. Whoever has signed a certificate every week for years, or wants
//! to keep others busy, has many.
//!
//! On a component that is, newest first:
//! - the newest, even one that has expired: a soft revocation hangs on its time;
//! - the newest that is alive at the reference time: the binding;
//! - the newest alive one that the policy accepts, where it rejects that: by it the
//!   status is judged;
//! - where none is alive, the first that is made later;
//! - each that names a designated revoker whom no other one names;
//! - each that was made in the same second as one of these: which of them counts is
//!   not for their order to say.
//!
//! A subkey that has expired by all that is said about it decides nothing.
//!
//! The reference time is not known before all is verified, because it moves with
//! what is verified. It lies between `now` and `latest`, and not before anything
//! good that was made in between.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy};

use super::packets::RawPacket;
use super::signature::Head;
use super::verifier::{Verdict, is_for_signing, signature};
use super::work::TooMany;
use crate::clock::{created, is_alive, latest};
use crate::keys::Subkey;
use crate::status::revokers::named;

/// By what is decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deciding<'d> {
    pub(super) policy: &'d dyn Policy,
    pub(super) now: SystemTime,
}

/// What came out for one component.
#[derive(Debug, Default)]
pub(super) struct Decided<'a> {
    pub(super) good: Vec<Signature>,
    /// What was not looked at because it decides nothing, oldest first.
    pub(super) rest: Vec<RawPacket<'a>>,
    pub(super) uncomputable: bool,
}

impl Deciding<'_> {
    /// Looks for what decides. `revokers` are those whom the owner named so far.
    pub(super) fn look<'a>(
        self,
        bindings: impl Iterator<Item = RawPacket<'a>>,
        security: HashAlgoSecurity,
        revokers: &mut BTreeSet<Fingerprint>,
        mut verify: impl FnMut(&Signature) -> Result<Verdict, TooMany>,
    ) -> Result<Decided<'a>, TooMany> {
        let latest = latest(self.now);
        let dated = bindings.filter_map(|packet| {
            let head = Head::parse(packet.body())?;
            Some((head.created()?, head.names_revoker(), packet))
        });
        let (mut made, mut later): (Vec<_>, Vec<_>) = dated.partition(|(created, ..)| {
            let since = Duration::from_secs((*created).into());
            UNIX_EPOCH.checked_add(since).is_some_and(|t| t <= latest)
        });
        made.sort_by_key(|(created, ..)| Reverse(*created));
        later.sort_by_key(|(created, ..)| *created);

        let mut decided = Decided::default();
        let mut found = Found::Nothing;
        // When what it was found by was made.
        let mut found_at = None;
        for (created, names_revoker, packet) in made {
            let is_tied = found_at == Some(created);
            if found == Found::Accepted && !names_revoker && !is_tied {
                decided.rest.push(packet);
                continue;
            }
            let Some(signature) = signature(&packet) else {
                continue;
            };
            let adds_revoker = named([&signature].into_iter()).any(|by| !revokers.contains(&by));
            let is_needed = adds_revoker
                || is_tied
                || match found {
                    Found::Nothing => true,
                    Found::Good => self.may_live(&signature),
                    Found::Alive => self.may_live(&signature) && self.accepts(&signature, security),
                    Found::Accepted => false,
                };
            if !is_needed {
                decided.rest.push(packet);
                continue;
            }
            match verify(&signature)? {
                Verdict::Good => {
                    revokers.extend(named([&signature].into_iter()));
                    let judged = self.judge(&signature, security);
                    if judged > found {
                        (found, found_at) = (judged, Some(created));
                    }
                    decided.good.push(signature);
                }
                Verdict::Uncomputable => decided.uncomputable = true,
                Verdict::Bad | Verdict::Elsewhere => {}
            }
        }
        decided.rest.reverse();
        for (created, names_revoker, packet) in later {
            if found >= Found::Alive && !names_revoker && found_at != Some(created) {
                decided.rest.push(packet);
                continue;
            }
            let Some(signature) = signature(&packet) else {
                continue;
            };
            match verify(&signature)? {
                Verdict::Good => {
                    revokers.extend(named([&signature].into_iter()));
                    if found < Found::Alive {
                        (found, found_at) = (Found::Alive, Some(created));
                    }
                    decided.good.push(signature);
                }
                Verdict::Uncomputable => decided.uncomputable = true,
                Verdict::Bad | Verdict::Elsewhere => {}
            }
        }
        Ok(decided)
    }

    /// Whether a subkey had expired before the reference time, by all that is said
    /// about it; whether that is true does not matter then.
    pub(super) fn is_dead(self, subkey: &Subkey, bindings: &[RawPacket<'_>]) -> bool {
        let is_dead = |binding: &Signature| {
            created(binding).is_some_and(|created| created <= self.now)
                && (!self.may_live(binding)
                    || binding
                        .key_expiration_time(subkey)
                        .is_some_and(|expires| expires <= self.now))
        };
        let mut bindings = bindings.iter();
        bindings.all(|packet| signature(packet).is_none_or(|binding| is_dead(&binding)))
    }

    /// Whether a good signature settles how its component stands, where it is the newest.
    pub(super) fn settles(self, signature: &Signature, security: HashAlgoSecurity) -> bool {
        self.judge(signature, security) == Found::Accepted
    }

    /// What a good signature settles.
    fn judge(self, signature: &Signature, security: HashAlgoSecurity) -> Found {
        match is_alive(signature, latest(self.now)) {
            false => Found::Good,
            true if self.accepts(signature, security) => Found::Accepted,
            true => Found::Alive,
        }
    }

    /// Whether it had not expired before the reference time, whichever that is.
    fn may_live(self, signature: &Signature) -> bool {
        let expires = signature.signature_expiration_time();
        expires.is_none_or(|expires| expires > self.now)
    }

    /// Whether the policy accepts it, and where a subkey has to agree, that too.
    fn accepts(self, signature: &Signature, security: HashAlgoSecurity) -> bool {
        let accepts = |signature: &Signature| self.policy.signature(signature, security).is_ok();
        let lives = |back: &Signature| {
            let made = created(back).is_some_and(|created| created <= self.now);
            made && is_alive(back, latest(self.now))
        };
        accepts(signature)
            && (!is_for_signing(signature)
                || signature
                    .embedded_signatures()
                    .any(|back| lives(back) && accepts(back)))
    }
}

/// How far the search went: the best of what is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    Good,
    Alive,
    Accepted,
}
