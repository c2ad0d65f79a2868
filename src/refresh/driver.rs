//! Asks the key server about one certificate, and merges what it says.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use futures_util::future::join;
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle};
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span};

use super::changes::{Moments, withheld};
use super::{Refresh, RefreshOutcome};
use crate::Rejection;
use crate::fetch::{Fetcher, Miss, Page};
use crate::filter::{CUT, News, Proven, proven, reference_time};
use crate::keys::PrimaryKey;
use crate::locator::Inner;
use crate::lookup::{Attempt, Event, Outcome};
use crate::status::{SelfRevocationsCount, in_force, revokers, status};
use crate::vks::{KeyServer, by_key};
use crate::{CertStatus, Error, ErrorKind, KeyLocator, Method, Reason, Step};

impl KeyLocator {
    /// Asks the key server for news about a certificate, by the fingerprint of
    /// its primary key, and merges them. No Web Key Directory is asked, wherever
    /// the certificate came from, and no address is sent.
    ///
    /// Signatures are taken where they verify. Nothing that is held is ever
    /// lost, whatever the answer leaves out: User IDs, certifications by others,
    /// revocations, secret keys. A revocation that once came stays; a soft one can
    /// be lifted by a newer self-signature, which is a [change](Refresh::changes) of
    /// its own, a hard one cannot. Revocations count wherever they stand in the
    /// answer, also without a certificate and in one that goes over the
    /// [`Limits`](crate::Limits). Certifications by others stay out, and so do
    /// User IDs that the certificate does not have, unless
    /// [`refresh_user_ids`](crate::KeyLocatorBuilder::refresh_user_ids) lets them in.
    ///
    /// It cannot fail as a whole: what went wrong is in the [`Refresh`], and a
    /// failure never looks like "unchanged". It ends within the builder's
    /// [`deadline`](crate::KeyLocatorBuilder::deadline); dropping the future
    /// cancels it.
    ///
    /// A revocation by a designated revoker counts where the revoker's
    /// certificate comes with the same answer. Without it the revocation is kept,
    /// at most [`Limits::foreign_revocations`](crate::Limits::foreign_revocations)
    /// of such, and a note says that it does not count; it does once an answer
    /// brings the revoker's certificate, for [`before`](Refresh::before) too, and
    /// [verifying a signature](crate::KeyLocator::verify) asks for it. Revocations
    /// by others whom the owner did not name stay out.
    ///
    /// # Privacy
    ///
    /// The key server learns the fingerprint, and your address on the network.
    /// Secret key material is never sent.
    ///
    /// ```no_run
    /// # async fn run(cert: openpgp_discovery::openpgp::Cert) -> Result<(), openpgp_discovery::Error> {
    /// use openpgp_discovery::{KeyLocator, RefreshOutcome};
    ///
    /// let locator = KeyLocator::new()?;
    /// let refresh = locator.refresh(&cert).await;
    /// match refresh.outcome() {
    ///     RefreshOutcome::Failed => println!("could not find out; do not rely on it"),
    ///     RefreshOutcome::NotFound => println!("the key server does not have it"),
    ///     _ => println!("it is {}", refresh.after()),
    /// }
    /// for change in refresh.changes() {
    ///     println!("{change}");
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn refresh(&self, cert: &Cert) -> Refresh {
        self.refreshed(cert.clone()).await
    }

    pub(super) async fn refreshed(&self, cert: Cert) -> Refresh {
        let span = match self.inner.log_addresses {
            true => debug_span!("refresh", fingerprint = %cert.fingerprint()),
            false => debug_span!("refresh"),
        };
        self.ask_and_merge(cert).instrument(span).await
    }

    async fn ask_and_merge(&self, cert: Cert) -> Refresh {
        let inner = &*self.inner;
        let start = Instant::now();
        let step = Step::Ask(Method::VksByFingerprint);
        let host = inner.vks.as_ref().map(KeyServer::host).unwrap_or_default();
        self.emit(Event::KeyAsked { step, target: host });
        let fingerprint = cert.fingerprint();
        let deadline = start + self.deadline;
        // What is held is judged while the key server is asked, so that a server
        // that keeps silent leaves it with a status.
        let (answer, before) = join(
            self.fetch(&fingerprint, deadline),
            self.look(cert.clone(), host, deadline),
        )
        .await;
        let (merged, outcome) = self.merge(cert, before, answer, host, deadline).await;
        let handle = KeyHandle::from(fingerprint);
        let url = inner.vks.as_ref().and_then(|vks| vks.by_key(&handle).ok());
        let attempt = Attempt {
            step,
            target: host.to_owned(),
            url,
            outcome,
            elapsed: start.elapsed(),
        };
        debug!(step = %attempt.step, target = %attempt.target, outcome = %attempt.outcome, "step ended");
        self.emit(Event::KeyAnswered { attempt: &attempt });
        merged.with(attempt)
    }

    /// Judges what is held on a thread of its own: what that costs is for whoever
    /// wrote the certificate to say.
    async fn look(&self, cert: Cert, host: &str, deadline: Instant) -> Result<Looked, Error> {
        let inner = Arc::clone(&self.inner);
        let subject = cert.fingerprint().to_hex();
        let work = move |stop: &_| inner.look(proven(cert, stop), &[]);
        let workers = &self.inner.workers;
        workers.judge(subject, host, deadline, work).await
    }

    /// Merges on a thread of its own; where that takes too long, what is held stands.
    async fn merge(
        &self,
        cert: Cert,
        before: Result<Looked, Error>,
        answer: Result<Page, Miss>,
        host: &str,
        deadline: Instant,
    ) -> (Merged, Outcome) {
        let stands =
            |outcome, before: Option<&Looked>| Merged::stands(cert.clone(), outcome, before);
        let rejection_or_page = match answer {
            Ok(page) => Ok(page),
            Err(Miss::Rejected(rejection)) => Err(rejection),
            Err(Miss::Absent) => {
                let absence = Outcome::Absent(by_key::absence(&cert.fingerprint().into()));
                return (
                    stands(RefreshOutcome::NotFound, before.as_ref().ok()),
                    absence,
                );
            }
            Err(Miss::Failed(error)) => {
                let failed = Outcome::Failed(error);
                return (stands(RefreshOutcome::Failed, before.as_ref().ok()), failed);
            }
        };
        let before = match before {
            Ok(before) => before,
            Err(error) => {
                return (stands(RefreshOutcome::Failed, None), Outcome::Failed(error));
            }
        };
        let (inner, target) = (Arc::clone(&self.inner), host.to_owned());
        let (held, looked) = (cert.clone(), before.clone());
        let work = move |stop: &_| inner.merge(held, looked, rejection_or_page, &target, stop);
        let subject = cert.fingerprint().to_hex();
        let judged = self.inner.workers.judge(subject, host, deadline, work);
        match judged.await {
            Ok(merged) => merged,
            Err(error) => (
                stands(RefreshOutcome::Failed, Some(&before)),
                Outcome::Failed(error),
            ),
        }
    }

    async fn fetch(&self, fingerprint: &Fingerprint, deadline: Instant) -> Result<Page, Miss> {
        let inner = &*self.inner;
        let server = inner.vks.as_ref().ok_or_else(|| {
            let why = "the key server is switched off, and nothing else is asked for news";
            Error::new(ErrorKind::Config, why)
        })?;
        let fetcher = Fetcher {
            max_body: inner.filter.limits.body_by_key,
            ..inner.fetcher.clone()
        };
        by_key::fetch_by_fingerprint(&fetcher, server, &self.budget, fingerprint, deadline).await
    }
}

/// A certificate as far as it was looked at, and how it stands.
#[derive(Clone)]
struct Looked {
    proven: Proven,
    status: CertStatus,
    time: SystemTime,
}

/// All of a [`Refresh`] but what was asked.
struct Merged {
    cert: Cert,
    outcome: RefreshOutcome,
    before: CertStatus,
    after: CertStatus,
    changes: Vec<super::Change>,
    rejected: Vec<Rejection>,
    notes: Vec<String>,
}

impl Merged {
    fn with(self, attempt: Attempt) -> Refresh {
        Refresh {
            cert: self.cert,
            outcome: self.outcome,
            before: self.before,
            after: self.after,
            changes: self.changes,
            rejected: self.rejected,
            notes: self.notes,
            attempt,
        }
    }

    /// What is held stands.
    fn stands(cert: Cert, outcome: RefreshOutcome, before: Option<&Looked>) -> Self {
        let status = before.map_or(CertStatus::Undetermined, |before| before.status.clone());
        let is_cut = before.is_some_and(|before| before.proven.is_cut);
        let mut notes: Vec<_> = is_cut.then(|| CUT.to_owned()).into_iter().collect();
        note_unverified(&cert, &[], &mut notes);
        Self {
            cert,
            outcome,
            before: status.clone(),
            after: status,
            changes: Vec::new(),
            rejected: Vec::new(),
            notes,
        }
    }
}

impl Inner {
    fn merge(
        &self,
        cert: Cert,
        before: Looked,
        answer: Result<Page, Rejection>,
        host: &str,
        stop: &AtomicBool,
    ) -> (Merged, Outcome) {
        let lets_in = &*self.refresh_user_ids.0;
        let news = match answer {
            Ok(page) => self.filter.news(&page.body, &cert, lets_in, stop),
            Err(rejection) => News {
                rejected: vec![rejection],
                ..News::default()
            },
        };
        let (found, is_cut) = (news.found, news.is_cut);
        let merged = self.apply(cert, before, news);
        let outcome = match merged.outcome {
            // Also where something came out of an answer that was refused, or not
            // read to its end.
            RefreshOutcome::Failed => Outcome::Failed(refusal(host, is_cut, &merged.rejected)),
            _ if !found => Outcome::Failed(refusal(host, is_cut, &merged.rejected)),
            _ => Outcome::Found(1),
        };
        (merged, outcome)
    }

    /// Merges the news, and says what they change. Judged is what was looked at,
    /// and the news, all of which verifies.
    fn apply(&self, cert: Cert, before: Looked, mut news: News) -> Merged {
        let before = self.look(before.proven, &news.keys);
        let mut merged = None;
        if !news.packets.is_empty() {
            let both = merge(&cert, &news.packets)
                .and_then(|all| Ok((all, merge(&before.proven.cert, &news.packets)?)));
            match both {
                Ok((all, cert)) => {
                    let is_cut = before.proven.is_cut;
                    let after = self.look(Proven { cert, is_cut }, &news.keys);
                    merged = Some((all, after));
                }
                Err(error) => {
                    news.found = false;
                    let of = Some(cert.fingerprint());
                    let rejection = Rejection::new(of, Reason::Malformed, error.to_string());
                    news.rejected.push(rejection);
                }
            }
        }
        let policy = SelfRevocationsCount(&*self.filter.policy);
        let mut changes = Vec::new();
        let after = match &merged {
            None => &before,
            Some((_, after)) => {
                let moments = Moments {
                    before: before.moment(),
                    after: after.moment(),
                    policy: &policy,
                    keys: &news.keys,
                };
                changes = moments.changes(&news.packets, &news.unverified);
                after
            }
        };
        let is_cut = before.proven.is_cut;
        news.notes.extend(is_cut.then(|| CUT.to_owned()));
        let outcome = match (&merged, news.found) {
            (Some(_), _) => RefreshOutcome::Updated,
            (None, true) => RefreshOutcome::Unchanged,
            (None, false) => RefreshOutcome::Failed,
        };
        let held = merged.as_ref().map_or(&cert, |(all, _)| all);
        note_unverified(held, &news.keys, &mut news.notes);
        if !news.withheld.is_empty() {
            let cert = &after.proven.cert;
            let in_force = in_force(cert, &policy, after.time);
            changes.extend(withheld(cert, in_force, &news.withheld));
        }
        let (before, after) = (before.status.clone(), after.status.clone());
        let cert = merged.map_or(cert, |(cert, _)| cert);
        Merged {
            cert,
            outcome,
            before,
            after,
            changes,
            rejected: news.rejected,
            notes: news.notes,
        }
    }

    fn look(&self, proven: Proven, keys: &[PrimaryKey]) -> Looked {
        let now = self.filter.time.unwrap_or_else(SystemTime::now);
        let time = reference_time(&proven.cert, now);
        let status = match status(&proven.cert, &*self.filter.policy, time, keys) {
            // What was not looked at may say something else.
            status if proven.is_cut && !status.is_revoked() => CertStatus::Undetermined,
            status => status,
        };
        Looked {
            proven,
            status,
            time,
        }
    }
}

impl Looked {
    fn moment(&self) -> (&Cert, &CertStatus, SystemTime) {
        (&self.proven.cert, &self.status, self.time)
    }
}

/// Says that a revocation, held or new, waits for its maker's certificate.
fn note_unverified(cert: &Cert, keys: &[PrimaryKey], notes: &mut Vec<String>) {
    let noted = notes
        .iter()
        .any(|note| note == revokers::REVOKER_NOT_AT_HAND);
    if !noted && !revokers::absent(cert, |_| true, keys.iter()).is_empty() {
        notes.push(revokers::REVOKER_NOT_AT_HAND.to_owned());
    }
}

/// The union. Nothing secret is among what is merged, and nothing secret in what
/// is held is touched.
fn merge(held: &Cert, packets: &[Packet]) -> sequoia_openpgp::Result<Cert> {
    let news = Cert::from_packets(packets.iter().cloned())?;
    held.clone().merge_public(news)
}

/// Why nothing could be made of an answer: above all, that it is about another key.
fn refusal(host: &str, is_cut: bool, rejected: &[Rejection]) -> Error {
    let is_other = |r: &&Rejection| r.reason() == Reason::OtherKey;
    let other = rejected.iter().find(is_other).filter(|_| !is_cut);
    let why = match (other, rejected.iter().find(|r| !is_other(r))) {
        (Some(Rejection { fingerprint, .. }), _) => {
            let which = fingerprint
                .as_ref()
                .map_or_else(String::new, |f| format!(": {f}"));
            format!("{host} answered with another certificate than asked for{which}")
        }
        (None, Some(rejection)) => format!("{host}: {rejection}"),
        (None, None) => format!("the answer of {host} holds more than is looked at"),
    };
    Error::new(ErrorKind::BadAnswer, why)
}
