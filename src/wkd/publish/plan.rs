//! Which certificates are served for which address.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use sequoia_openpgp::Cert;

use super::Publisher;
use super::candidate::{Candidate, Published, mailbox};
use super::entry::{Entry, Note};
use super::merge::merged;
use super::publication::Publication;
use super::rules::Rules;
use super::skipped::{Skipped, Why};
use crate::EmailAddress;

/// See [`Publisher::plan`].
pub(super) fn plan(
    publisher: &Publisher,
    certs: impl Iterator<Item = Cert>,
    mut authorize: impl FnMut(&EmailAddress, &Cert) -> bool,
) -> Publication {
    let now = publisher.time.unwrap_or_else(SystemTime::now);
    let certs = merged(certs);
    let rules = Rules::new(publisher, &certs, now);
    let mut candidates: Vec<Candidate<'_>> = certs
        .iter()
        .filter_map(|cert| Candidate::new(cert, &publisher.domain, &rules))
        .collect();
    candidates.sort_by_cached_key(|candidate| candidate.cert.fingerprint());

    let mut skipped: Vec<Skipped> = candidates.iter().flat_map(Candidate::unbound).collect();
    let mut entries = Vec::new();
    let mailboxes = mailboxes(&candidates);
    for address in addresses(&candidates) {
        let mut published = Vec::new();
        for &place in mailboxes.get(&mailbox(&address)).into_iter().flatten() {
            let Some(candidate) = candidates.get_mut(place) else {
                continue;
            };
            if !candidate.has(&address) {
                continue;
            }
            let is_granted = authorize(&address, candidate.cert);
            let made = match is_granted {
                true => candidate.publish(&address, &rules),
                false => Err(Why::NotGranted),
            };
            match made {
                Ok(one) => published.push(one),
                Err(why) => skipped.push(Skipped {
                    fingerprint: candidate.cert.fingerprint(),
                    address: address.clone(),
                    why,
                }),
            }
        }
        if !published.is_empty() {
            entries.push(entry(address, published));
        }
    }
    skipped.sort_by(|a, b| {
        let key = |s: &Skipped| (s.address.vks().to_owned(), s.fingerprint.clone());
        key(a).cmp(&key(b))
    });
    Publication {
        domain: publisher.domain.clone(),
        entries,
        skipped,
        policy_file: publisher.policy_file.clone(),
    }
}

/// The addresses that owners bound to certificates, in order; those with one hash
/// once.
fn addresses(candidates: &[Candidate<'_>]) -> impl Iterator<Item = EmailAddress> + use<> {
    let bound = candidates.iter().flat_map(|candidate| candidate.bound());
    let by_text: BTreeMap<String, EmailAddress> = bound
        .map(|address| (address.vks().to_owned(), address.clone()))
        .collect();
    by_text.into_values()
}

/// The candidates of each mailbox: so that not all are compared with all.
fn mailboxes(candidates: &[Candidate<'_>]) -> HashMap<String, Vec<usize>> {
    let mut mailboxes: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        for mailbox in candidate.mailboxes() {
            mailboxes.entry(mailbox.clone()).or_default().push(place);
        }
    }
    mailboxes
}

fn entry(address: EmailAddress, mut published: Vec<Published>) -> Entry {
    published.sort_by_key(|one| (Reverse(one.is_usable), Reverse(one.created)));
    let mut entry = Entry::new(address);
    let mut bytes = Vec::new();
    for one in published {
        bytes.extend_from_slice(&one.bytes);
        entry.whole_octets = entry.whole_octets.saturating_add(one.whole_octets);
        let note = |sentence| Note {
            fingerprint: one.fingerprint.clone(),
            sentence,
        };
        entry.notes.extend(one.notes.into_iter().map(note));
        entry.fingerprints.push(one.fingerprint);
    }
    entry.bytes = bytes.into();
    entry
}
