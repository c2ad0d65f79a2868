//! A certificate that claims addresses of the domain.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Cert, Fingerprint};

use super::entry::Entry;
use super::judge::Judgement;
use super::minimise::minimise;
use super::rules::Rules;
use super::skipped::{Skipped, Why};
use super::standing;
use crate::filter::{algorithms, reference_time};
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
    /// How it stands as a whole, once that has been asked.
    whole: Option<Judgement>,
    /// What was made of it already: addresses that match have the same User IDs.
    made: Vec<(Vec<&'c UserID>, Result<Published, Why>)>,
}

/// A User ID of the domain.
#[derive(Debug)]
struct Claim<'c> {
    id: &'c UserID,
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
            is_computable && status(cert, &*rules.policy, time, &rules.keys).is_revoked();
        let user_ids = claimed
            .into_iter()
            .map(|(address, user_id)| Claim {
                id: user_id.userid(),
                address,
                standing: match is_computable {
                    true => standing::binding(&user_id, is_revoked, rules, time).map(|_| ()),
                    false => Err(Why::UnsupportedAlgorithm),
                },
            })
            .collect();
        Some(Self {
            cert,
            time,
            user_ids,
            whole: None,
            made: Vec::new(),
        })
    }

    /// The addresses that its owner bound to it.
    pub(super) fn bound(&self) -> impl Iterator<Item = &EmailAddress> {
        let bound = self.user_ids.iter().filter(|claim| claim.standing.is_ok());
        bound.map(|claim| &claim.address)
    }

    /// The addresses that it claims in vain, and why.
    pub(super) fn unbound(&self) -> Vec<Skipped> {
        let mut skipped: Vec<Skipped> = Vec::new();
        for claim in &self.user_ids {
            if let Err(why) = claim.standing
                && !self.has(&claim.address)
                && !skipped.iter().any(|known| known.address == claim.address)
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
        self.bound().any(|bound| bound.matches(address))
    }

    /// What is published of it for an address that it [has](Self::has).
    pub(super) fn publish(
        &mut self,
        address: &EmailAddress,
        rules: &Rules,
    ) -> Result<Published, Why> {
        let ids: Vec<&UserID> = self
            .user_ids
            .iter()
            .filter(|claim| claim.standing.is_ok() && claim.address.matches(address))
            .map(|claim| claim.id)
            .collect();
        if let Some((_, made)) = self.made.iter().find(|(known, _)| *known == ids) {
            return made.clone();
        }
        let made = self.make(&ids, rules);
        self.made.push((ids, made.clone()));
        made
    }

    fn make(&mut self, ids: &[&UserID], rules: &Rules) -> Result<Published, Why> {
        let (cert, time) = (self.cert, self.time);
        let whole = self
            .whole
            .get_or_insert_with(|| Judgement::of(cert, rules, time));
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
        let times = (time, alive);
        let minimised = minimise(cert, ids, rules, times).map_err(|_| Why::Malformed)?;
        let alone = Judgement::of(&minimised, rules, time);
        if (&alone.status, alone.can_encrypt) != (&whole.status, whole.can_encrypt) {
            return Err(Why::JudgedDifferently);
        }
        // What nobody finds is not published.
        let is_revoked = alone.status.is_revoked();
        for &id in ids {
            let found = minimised.userids().find(|kept| kept.userid() == id);
            let found = found.ok_or(Why::Malformed)?;
            standing::binding(&found, is_revoked, rules, time)?;
        }
        Ok(Published {
            fingerprint: cert.fingerprint(),
            created: cert.primary_key().key().creation_time(),
            is_usable: alone.is_usable(),
            bytes: minimised.to_vec().map_err(|_| Why::Malformed)?,
            whole_octets: cert.to_vec().map_err(|_| Why::Malformed)?.len(),
            notes: notes(whole, &alone),
        })
    }
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

fn when(expiration: Option<SystemTime>) -> String {
    match expiration {
        Some(time) => format!("at {}", rfc3339(time)),
        None => "never".to_owned(),
    }
}
