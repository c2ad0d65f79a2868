//! The entry point: drives a [`plan`](crate::plan) over the network.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{MaybeDone, maybe_done};
use sequoia_openpgp::packet::UserID;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, debug, debug_span};
use url::Url;

use crate::fetch::{Fetcher, Miss, Page};
use crate::filter::Filter;
use crate::lookup::{Absence, Attempt, Event, Found, OnEvent, Outcome, Provenance};
use crate::plan::{Fallback, Observation, Options, Plan};
use crate::vks::{self, Budget, KeyServer};
use crate::wkd;
use crate::workers::Workers;
use crate::{
    BoxFuture, EmailAddress, Error, ErrorKind, KeyLocatorBuilder, Lookup, Method, Rejection,
    Source, Step,
};

/// Finds certificates for e-mail addresses.
///
/// Make one and keep it: it holds the connections, the DNS cache and the key
/// server's [`Budget`], which its clones share. Cloning is cheap.
///
/// ```no_run
/// # async fn run() -> Result<(), openpgp_discovery::Error> {
/// use openpgp_discovery::{EmailAddress, KeyLocator, Status};
///
/// let locator = KeyLocator::new()?;
/// let address: EmailAddress = "alice@example.org".parse()?;
/// let lookup = locator.locate(&address).await;
/// match lookup.status() {
///     Status::Found => match lookup.usable() {
///         Some(found) => println!("encrypt to {}", found.cert().fingerprint()),
///         None => println!("all that was found is revoked, expired or cannot encrypt"),
///     },
///     Status::NotFound => println!("nobody publishes a certificate for this address"),
///     Status::Failed => println!("could not find out; try again later"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct KeyLocator {
    pub(crate) inner: Arc<Inner>,
    pub(crate) budget: Budget,
    pub(crate) deadline: Duration,
    pub(crate) on_event: Option<OnEvent>,
}

/// Which User IDs that are not held come in on a refresh.
#[derive(Clone)]
pub(crate) struct LetsIn(pub(crate) Arc<dyn Fn(&UserID) -> bool + Send + Sync>);

#[derive(Clone, Debug)]
pub(crate) struct Inner {
    pub(crate) fetcher: Fetcher,
    pub(crate) vks: Option<KeyServer>,
    pub(crate) wkd: bool,
    pub(crate) fallback: Fallback,
    pub(crate) filter: Filter,
    pub(crate) workers: Workers,
    pub(crate) concurrency: usize,
    pub(crate) concurrency_per_host: usize,
    pub(crate) refresh_user_ids: LetsIn,
    pub(crate) refresh_spread: Duration,
    pub(crate) log_addresses: bool,
}

impl KeyLocator {
    /// A clone with a budget of its own for the key server: one for each tenant
    /// of a platform, so that one cannot spend everybody's.
    #[must_use]
    pub fn with_vks_budget(&self, budget: Budget) -> Self {
        Self {
            budget,
            ..self.clone()
        }
    }

    /// A clone with another [`deadline`](KeyLocatorBuilder::deadline).
    ///
    /// Zero is allowed here, for callers that hand on what is left of a deadline
    /// of their own: what it cannot answer without asking anybody ends as
    /// [`ErrorKind::Timeout`].
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline: deadline.min(KeyLocatorBuilder::LONGEST_DEADLINE),
            ..self.clone()
        }
    }

    /// A clone that tells [somebody else](KeyLocatorBuilder::on_event) what happens.
    #[must_use]
    pub fn with_on_event(&self, on_event: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        Self {
            on_event: Some(OnEvent::new(on_event)),
            ..self.clone()
        }
    }

    /// The key server, for questions of other kinds than a look-up by address,
    /// and for publishing; `None` with [`no_vks`](KeyLocatorBuilder::no_vks).
    ///
    /// A cheap handle: it shares connections, budget, deadline, limits and events
    /// with this locator.
    pub fn vks(&self) -> Option<vks::Client> {
        let inner = &*self.inner;
        Some(vks::Client {
            fetcher: Fetcher {
                max_body: inner.filter.limits.body_by_key,
                ..inner.fetcher.clone()
            },
            server: inner.vks.clone()?,
            budget: self.budget.clone(),
            filter: inner.filter.clone(),
            workers: inner.workers.clone(),
            deadline: self.deadline,
            on_event: self.on_event.clone(),
        })
    }

    /// Looks up the certificates of an address: WKD by the advanced method, or
    /// by the direct one where DNS says that `openpgpkey.DOMAIN` has no address;
    /// then the key server. The first hit ends it, be what was found usable or
    /// not: a domain that serves an expired certificate speaks for its address.
    ///
    /// It cannot fail as a whole: what went wrong is in the [`Lookup`]. It ends
    /// within the builder's
    /// [`deadline`](KeyLocatorBuilder::deadline) (20 seconds by default);
    /// dropping the future cancels it, and nothing runs on behind it.
    /// Answers are judged on tokio's blocking threads, as many at a time as the
    /// machine has processors, and of one domain or about one address all but one of
    /// these: who keeps asking for what costs much holds up nobody else.
    ///
    /// A composer that looks up while somebody types should wait for a pause, and
    /// drop the look-up of what has been typed further: `a@example.co` is an
    /// address too, and each look-up tells others about it and can cost one of
    /// the key server's requests.
    ///
    /// # Privacy
    ///
    /// The resolver learns the address's domain, its web server the address; the
    /// key server, asked where WKD has nothing, learns the address too.
    pub async fn locate(&self, address: &EmailAddress) -> Lookup {
        let span = match self.inner.log_addresses {
            true => debug_span!("locate", %address),
            false => debug_span!("locate"),
        };
        Run::new(self, address).drive().instrument(span).await
    }
}

/// One look-up on its way.
struct Run<'a> {
    locator: &'a KeyLocator,
    inner: &'a Inner,
    address: &'a EmailAddress,
    places: wkd::Url<'a>,
    deadline: Instant,
    /// The addresses of the host that is asked next, as DNS gave them: the ones
    /// that are connected to.
    known: Option<Vec<SocketAddr>>,
    /// What DNS says about the direct method's host, asked before its turn.
    ahead: Option<MaybeDone<Addresses<'a>>>,
    lookup: Lookup,
}

/// DNS' answer on its way.
type Addresses<'a> = BoxFuture<'a, Result<Vec<SocketAddr>, Error>>;

impl<'a> Run<'a> {
    fn new(locator: &'a KeyLocator, address: &'a EmailAddress) -> Self {
        Self {
            locator,
            inner: &locator.inner,
            address,
            places: wkd::Url::new(address),
            deadline: Instant::now() + locator.deadline,
            known: None,
            ahead: None,
            lookup: Lookup::new(address.clone()),
        }
    }

    async fn drive(mut self) -> Lookup {
        let mut plan = Plan::new(Options {
            wkd: self.inner.wkd,
            vks: self.inner.vks.is_some(),
            fallback: self.inner.fallback,
            advanced: self.places.advanced_host().is_some(),
        });
        while let Some(step) = plan.next() {
            let attempt = self.take(step).await;
            plan.observe(observation(attempt.outcome()));
            self.lookup.attempts.push(attempt);
            if plan.next() != Some(Step::Resolve(Method::WkdDirect)) {
                // A question that nobody goes on with would hold up whoever else
                // wants its answer.
                self.ahead = None;
            }
        }
        self.lookup
    }

    /// Takes one step, with its events.
    async fn take(&mut self, step: Step) -> Attempt {
        let target = self.target(step.method());
        self.emit(Event::Started {
            address: self.address,
            step,
            target: &target,
        });
        let start = Instant::now();
        let deadline = self.deadline_of(step.method());
        let (url, outcome) = match step {
            Step::Resolve(method) => (None, self.resolve(method, &target, deadline).await),
            Step::Ask(method) => self.ask(method, deadline).await,
        };
        let attempt = Attempt {
            step,
            target,
            url,
            outcome,
            elapsed: start.elapsed(),
        };
        debug!(step = %attempt.step, target = %attempt.target, outcome = %attempt.outcome, "step ended");
        self.emit(Event::Finished {
            address: self.address,
            attempt: &attempt,
        });
        attempt
    }

    fn emit(&self, event: Event<'_>) {
        self.locator.emit(event);
    }

    /// The host of a method.
    fn target(&self, method: Method) -> String {
        match method {
            Method::WkdAdvanced => self.places.advanced_host().unwrap_or_default(),
            Method::WkdDirect => self.address.domain().to_owned(),
            _ => {
                let vks = self.inner.vks.as_ref();
                vks.map(KeyServer::host).unwrap_or_default().to_owned()
            }
        }
    }

    /// When a step of this method has to end. No step may use up the time of
    /// those behind it: WKD ends at 60 % where the key server may still have to
    /// be asked, and so does its advanced method where the direct one may be.
    fn deadline_of(&self, method: Method) -> Instant {
        let total = self.locator.deadline;
        let start = self.deadline - total;
        let share = |time: Duration| time.mul_f64(0.6);
        let wkd = match self.inner.vks {
            Some(_) => share(total),
            None => total,
        };
        match (method, self.inner.fallback) {
            (Method::WkdAdvanced, Fallback::Lenient) => start + share(wkd),
            (Method::WkdAdvanced | Method::WkdDirect, _) => start + wkd,
            _ => self.deadline,
        }
    }

    async fn resolve(&mut self, method: Method, host: &str, deadline: Instant) -> Outcome {
        if !self.inner.fetcher.guard.allows_name(host) {
            let why = format!("{host} is a special-purpose name");
            return Outcome::Failed(Error::new(ErrorKind::Blocked, why));
        }
        let answer = match method {
            Method::WkdAdvanced => self.ask_dns_for_both(host).boxed(),
            _ => self.ask_dns(host).boxed(),
        };
        match timeout_at(deadline, answer).await {
            Ok(Ok(addresses)) if addresses.is_empty() => Outcome::Absent(Absence::NoAddress),
            Ok(Ok(addresses)) => {
                self.known = Some(addresses);
                Outcome::Addresses
            }
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => {
                let why = format!("DNS did not answer for {host} in time");
                Outcome::Failed(Error::new(ErrorKind::Timeout, why))
            }
        }
    }

    /// Asks for the advanced method's host, and for the direct one's beside it: to
    /// whoever sees the first name the second one is nothing new, and where there
    /// is no advanced host it saves a round trip.
    async fn ask_dns_for_both(&mut self, advanced: &str) -> Result<Vec<SocketAddr>, Error> {
        let Fetcher { dns, guard, .. } = &self.inner.fetcher;
        let direct = self.address.domain();
        if !guard.allows_name(direct) {
            return dns.addresses(advanced).await;
        }
        let ahead = self.ahead.insert(maybe_done(dns.addresses(direct)));
        let mut answer = dns.addresses(advanced);
        poll_fn(|context| {
            // First the one that counts: what the resolver knows already needs no
            // second question.
            let answer = answer.poll_unpin(context);
            if answer.is_pending() {
                let _ = ahead.poll_unpin(context);
            }
            answer
        })
        .await
    }

    async fn ask_dns(&mut self, host: &str) -> Result<Vec<SocketAddr>, Error> {
        if let Some(mut ahead) = self.ahead.take() {
            (&mut ahead).await;
            if let Some(answer) = Pin::new(&mut ahead).take_output() {
                return answer;
            }
        }
        self.inner.fetcher.dns.addresses(host).await
    }

    async fn ask(&mut self, method: Method, deadline: Instant) -> (Option<Url>, Outcome) {
        let fetcher = &self.inner.fetcher;
        let known = self.known.take();
        let (url, answer) = match (method, &self.inner.vks) {
            (Method::VksByEmail, Some(server)) => (
                Some(server.by_email(self.address)),
                vks::by_email(
                    fetcher,
                    server,
                    &self.locator.budget,
                    self.address,
                    deadline,
                )
                .await,
            ),
            (Method::WkdAdvanced | Method::WkdDirect, _) => {
                let url = match method {
                    Method::WkdAdvanced => self.places.advanced(),
                    _ => Some(self.places.direct()),
                };
                match url {
                    Some(url) => (Some(url.clone()), fetcher.get(url, known, deadline).await),
                    None => (None, Err(self.not_planned(method))),
                }
            }
            // Without a key server, or not a look-up by address.
            _ => (None, Err(self.not_planned(method))),
        };
        let outcome = match answer {
            Ok(page) => self.judge(method, page, deadline).await,
            Err(Miss::Absent) => Outcome::Absent(Absence::NotThere),
            Err(Miss::Rejected(rejection)) => self.refuse(method, vec![rejection]),
            Err(Miss::Failed(error)) => Outcome::Failed(error),
        };
        (url, outcome)
    }

    /// What the plan never asks for. Should it, that is no "not found".
    fn not_planned(&self, method: Method) -> Miss {
        let why = format!("{method} is no part of this look-up");
        Miss::Failed(Error::new(ErrorKind::Config, why))
    }

    /// Filters what a source gave.
    async fn judge(&mut self, method: Method, page: Page, deadline: Instant) -> Outcome {
        let (filter, address) = (self.inner.filter.clone(), self.address.clone());
        let body = page.body;
        let work = move |stop: &_| filter.apply_until(&body, &address, stop);
        let target = self.target(method);
        let subject = subject(method, self.address);
        let judged = self.inner.workers.judge(subject, &target, deadline, work);
        let mut filtered = match judged.await {
            Ok(filtered) => filtered,
            Err(error) => return Outcome::Failed(error),
        };
        // The key server labels its sentences HTML.
        if page.labelled_html && method.source() == Source::Wkd {
            filtered.take_for_web_page();
        }
        if filtered.kept.is_empty() {
            return self.refuse(method, filtered.rejected);
        }
        self.list(method, filtered.rejected);
        let count = filtered.kept.len();
        let provenance = Provenance {
            method,
            url: page.url,
        };
        self.lookup.found = filtered
            .kept
            .into_iter()
            .map(|kept| Found {
                kept,
                provenance: provenance.clone(),
            })
            .collect();
        Outcome::Found(count)
    }

    /// Lists refusals: what they are an answer to, or a failure.
    fn refuse(&mut self, method: Method, rejected: Vec<Rejection>) -> Outcome {
        let failure = rejected.iter().find(|r| !r.reason().is_answer());
        let outcome = match failure {
            Some(rejection) => {
                let why = format!("{}: {rejection}", self.target(method));
                Outcome::Failed(Error::new(ErrorKind::BadAnswer, why))
            }
            None => Outcome::Rejected,
        };
        self.list(method, rejected);
        outcome
    }

    fn list(&mut self, method: Method, rejected: Vec<Rejection>) {
        let rejected = rejected.into_iter().map(|rejection| Rejection {
            method: Some(method),
            ..rejection
        });
        self.lookup.rejected.extend(rejected);
    }
}

/// Who makes the answers: a domain its own, whatever the address, and on both of its
/// hosts; a key server those of whoever had it publish them.
fn subject(method: Method, address: &EmailAddress) -> String {
    match method.source() {
        Source::Wkd => address.domain().to_owned(),
        _ => address.to_string(),
    }
}

/// What an outcome means for the order.
fn observation(outcome: &Outcome) -> Observation {
    match outcome {
        Outcome::Addresses => Observation::Addresses,
        Outcome::Found(_) => Observation::Found,
        Outcome::Absent(Absence::NoAddress) => Observation::NoAddress,
        Outcome::Absent(Absence::NotThere | Absence::PerhapsUnsupported) => Observation::Absent,
        Outcome::Rejected => Observation::Rejected,
        Outcome::Failed(error) if error.kind() == ErrorKind::Blocked => Observation::Blocked,
        Outcome::Failed(_) => Observation::Failed,
    }
}

impl KeyLocator {
    /// Tells the caller.
    pub(crate) fn emit(&self, event: Event<'_>) {
        if let Some(on_event) = &self.on_event {
            on_event.tell(event);
        }
    }
}

impl std::fmt::Debug for LetsIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LetsIn").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DNS answers as the domain likes, now for one host and now for the other: that
    /// must not give it a second share of the workers.
    #[test]
    fn both_hosts_of_a_domain_are_one_subject() {
        let address: EmailAddress = "alice@example.org".parse().unwrap();
        let subject = |method| subject(method, &address);
        assert_eq!(subject(Method::WkdAdvanced), "example.org");
        assert_eq!(subject(Method::WkdDirect), "example.org");
        assert_eq!(subject(Method::VksByEmail), "alice@example.org");
    }
}
