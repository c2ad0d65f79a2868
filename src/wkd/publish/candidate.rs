//! A certificate that claims addresses of the domain.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use sequoia_openpgp::cert::amalgamation::UserIDAmalgamation;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Cert, Fingerprint};

use super::claimed::Claimed;
use super::entry::Entry;
use super::judge::Judgement;
use super::minimise::minimise;
use super::rules::Rules;
use super::skipped::{Skipped, Why};
use super::standing;
use crate::algorithms;
use crate::filter::reference_time;
use crate::status::status;
use crate::text::rfc3339;
use crate::{CertStatus, EmailAddress};

/// The unit of OpenPGP's times.
const SECOND: Duration = Duration::from_secs(1);

/// A certificate with a User ID of the domain.
#[derive(Debug)]
pub(super) struct Candidate<'c> {
    pub(super) cert: &'c Cert,
    time: SystemTime,
    user_ids: Vec<Claim<'c>>,
    /// Places of those that are bound: who has many must not have all compared with all.
    bound: HashMap<String, Vec<usize>>,
    /// How it stands as a whole, once that has been asked.
    whole: Option<Whole>,
    /// What was made of it already: addresses that match have the same User IDs.
    made: HashMap<Vec<usize>, Result<Published, Why>>,
}

/// What is the same for all addresses of a certificate.
#[derive(Debug)]
struct Whole {
    judgement: Judgement,
    claimed: Claimed,
    octets: usize,
}

/// A User ID of the domain.
#[derive(Debug)]
struct Claim<'c> {
    user_id: UserIDAmalgamation<'c>,
    /// As [`Entry::address`] has it.
    address: EmailAddress,
    standing: Result<(), Why>,
}

/// A certificate as it is published for one address.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) fingerprint: Fingerprint,
    pub(super) created: SystemTime,
    pub(super) is_usable: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) whole_octets: usize,
    pub(super) notes: Vec<String>,
}

impl<'c> Candidate<'c> {
    /// `None` where no User ID is of the domain: nothing is verified then.
    pub(super) fn new(cert: &'c Cert, domain: &str, rules: &Rules) -> Option<Self> {
        let claimed: Vec<_> = cert
            .userids()
            .filter_map(|user_id| {
                let address = EmailAddress::of_user_id(user_id.userid().value())?;
                (address.domain() == domain).then(|| (Entry::address_of(&address), user_id))
            })
            .collect();
        if claimed.is_empty() {
            return None;
        }
        let time = reference_time(cert, rules.now);
        let key = cert.primary_key().key();
        let is_computable = !algorithms::is_oversized(key) && algorithms::is_computable(key);
        let is_revoked =
            is_computable && status(cert, &*rules.policy, time, &rules.revokers(cert)).is_revoked();
        let user_ids: Vec<_> = claimed
            .into_iter()
            .map(|(address, user_id)| Claim {
                address,
                standing: match is_computable {
                    true => standing::binding(&user_id, is_revoked, rules, time).map(|_| ()),
                    false => Err(Why::UnsupportedAlgorithm),
                },
                user_id,
            })
            .collect();
        let mut bound: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, claim) in user_ids.iter().enumerate() {
            if claim.standing.is_ok() {
                bound
                    .entry(mailbox(&claim.address))
                    .or_default()
                    .push(place);
            }
        }
        Some(Self {
            cert,
            time,
            user_ids,
            bound,
            whole: None,
            made: HashMap::new(),
        })
    }

    /// The [mailboxes](mailbox) of the addresses that its owner bound to it.
    pub(super) fn mailboxes(&self) -> impl Iterator<Item = &String> {
        self.bound.keys()
    }

    /// The addresses that its owner bound to it.
    pub(super) fn bound(&self) -> impl Iterator<Item = &EmailAddress> {
        let bound = self.user_ids.iter().filter(|claim| claim.standing.is_ok());
        bound.map(|claim| &claim.address)
    }

    /// The addresses that it claims in vain, and why.
    pub(super) fn unbound(&self) -> Vec<Skipped> {
        let (mut skipped, mut known) = (Vec::new(), HashSet::new());
        for claim in &self.user_ids {
            if let Err(why) = claim.standing
                && !self.has(&claim.address)
                && known.insert(&claim.address)
            {
                skipped.push(Skipped {
                    fingerprint: self.cert.fingerprint(),
                    address: claim.address.clone(),
                    why,
                });
            }
        }
        skipped
    }

    /// Whether its owner bound a User ID to it that matches.
    pub(super) fn has(&self, address: &EmailAddress) -> bool {
        self.matching(address).next().is_some()
    }

    /// The places of the User IDs that match, of those that are bound.
    fn matching(&self, address: &EmailAddress) -> impl Iterator<Item = usize> {
        let places = self.bound.get(&mailbox(address)).into_iter().flatten();
        places.copied().filter(|&place| {
            let claim = self.user_ids.get(place);
            claim.is_some_and(|claim| claim.address.matches(address))
        })
    }

    /// What is published of it for an address that it [has](Self::has).
    pub(super) fn publish(
        &mut self,
        address: &EmailAddress,
        rules: &Rules,
    ) -> Result<Published, Why> {
        let places: Vec<usize> = self.matching(address).collect();
        if let Some(made) = self.made.get(&places) {
            return made.clone();
        }
        let claims = places.iter().filter_map(|&place| self.user_ids.get(place));
        let ids: Vec<_> = claims.map(|claim| claim.user_id.clone()).collect();
        let made = self.make(&ids, rules);
        self.made.insert(places, made.clone());
        made
    }

    fn make(&mut self, ids: &[UserIDAmalgamation<'_>], rules: &Rules) -> Result<Published, Why> {
        let (cert, time) = (self.cert, self.time);
        let whole = self
            .whole
            .get_or_insert_with(|| Whole::of(cert, rules, time));
        let (whole, claimed, whole_octets) = (&whole.judgement, &whole.claimed, whole.octets);
        match whole.status {
            CertStatus::Revoked(_) if !rules.include_revoked => return Err(Why::Revoked),
            CertStatus::Expired if !rules.include_expired => return Err(Why::Expired),
            CertStatus::NotYetValid => return Err(Why::NotYetValid),
            CertStatus::RejectedByPolicy | CertStatus::Undetermined => {
                return Err(Why::RejectedByPolicy);
            }
            CertStatus::Valid | CertStatus::Expired | CertStatus::Revoked(_) => {}
        }
        // Subkeys mostly expire together with the certificate: those stay.
        let end = whole.expiration.and_then(|end| end.checked_sub(SECOND));
        let alive = end.map_or(time, |end| end.min(time));
        let minimised =
            minimise(cert, ids, claimed, rules, (time, alive)).map_err(|_| Why::Malformed)?;
        let alone = Judgement::of(&minimised, rules, time);
        // Who publishes once must not publish what is milder some day.
        let outlives = whole.status.is_valid() && is_later(alone.expiration, whole.expiration);
        if outlives || !alone.is_as_strict_as(whole) {
            return Err(Why::JudgedDifferently);
        }
        // What nobody finds is not published.
        let is_revoked = alone.status.is_revoked();
        for id in ids {
            let found = minimised
                .userids()
                .find(|kept| kept.userid() == id.userid());
            let found = found.ok_or(Why::Malformed)?;
            standing::binding(&found, is_revoked, rules, time)?;
        }
        Ok(Published {
            fingerprint: cert.fingerprint(),
            created: cert.primary_key().key().creation_time(),
            is_usable: alone.is_usable(),
            bytes: minimised.to_vec().map_err(|_| Why::Malformed)?,
            whole_octets,
            notes: notes(whole, &alone),
        })
    }
}

impl Whole {
    fn of(cert: &Cert, rules: &Rules, time: SystemTime) -> Self {
        Self {
            judgement: Judgement::of(cert, rules, time),
            claimed: Claimed::new(cert),
            octets: MarshalInto::serialized_len(cert),
        }
    }
}

/// Equal for all addresses that match each other, and for few others.
pub(super) fn mailbox(address: &EmailAddress) -> String {
    address.dane_local_part().to_ascii_lowercase()
}

fn notes(whole: &Judgement, alone: &Judgement) -> Vec<String> {
    let mut notes = Vec::new();
    if alone.status.is_valid() && !alone.can_encrypt {
        notes.push("It has no key that mail can be encrypted to.".to_owned());
    }
    if whole.expiration != alone.expiration {
        notes.push(format!(
            "It expires {}; with its other User IDs it expires {}.",
            when(alone.expiration),
            when(whole.expiration)
        ));
    }
    notes
}

/// Whether one expiration is behind another; none is behind all.
fn is_later(one: Option<SystemTime>, than: Option<SystemTime>) -> bool {
    than.is_some_and(|than| one.is_none_or(|one| one > than))
}

fn when(expiration: Option<SystemTime>) -> String {
    match expiration {
        Some(time) => format!("at {}", rfc3339(time)),
        None => "never".to_owned(),
    }
}
