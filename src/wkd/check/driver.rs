//! Looks at a Web Key Directory over the network, for the judges.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use futures_util::future::{join, join3, join5};
use http::Method;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, debug_span};
use url::Url;

use super::judge::{By, Observed, Served, judge};
use super::report::Asked;
use super::seen::{Addresses, Answer, Directory, Families, Name, Names, Over, Rest, Tls};
use super::{Report, Subject, der};
use crate::fetch::Fetcher;
use crate::filter::{Filter, Filtered, UserIdFilter};
use crate::wkd::{self, Layout};
use crate::{EmailAddress, Error, ErrorKind, KeyLocator};

/// The longest name in DNS (RFC 1035 §3.1).
const MAX_NAME: usize = 253;

impl KeyLocator {
    /// Checks the Web Key Directory of an address or a domain: what is right with
    /// it, what is wrong, and what to do about it.
    ///
    /// It cannot fail as a whole: what goes wrong is what the [`Report`] is about.
    /// It takes no more than the [`deadline`](crate::KeyLocatorBuilder::deadline)
    /// in all; dropping the future cancels it. This locator's guard, limits, policy
    /// and trust anchors hold, so that a platform may offer it to its users: it
    /// reaches nothing that a look-up would not. A key server is not asked.
    ///
    /// Three names are looked up, beside those that redirects lead to, and at most
    /// 16 requests are made, each over a connection of its own and with at most
    /// [`max_redirects`](crate::KeyLocatorBuilder::max_redirects) redirects. To each
    /// of the two hosts, as far as DNS says that a client may come to it:
    ///
    /// * for the certificate of the address (GET and HEAD), `policy`,
    ///   `submission-address`, the directory `hu/`, and the certificate of an address
    ///   that nobody has;
    /// * where it has addresses of both families, one more over each.
    ///
    /// # Privacy
    ///
    /// The resolver learns the domain and `openpgpkey.DOMAIN`, the web servers of
    /// both the address, and yours on the network; both see a random name that can
    /// be told for a check. No other address of anybody is asked for.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use openpgp_discovery::KeyLocator;
    /// use openpgp_discovery::wkd::check::Level;
    ///
    /// let locator = KeyLocator::new()?;
    /// let report = locator.check_wkd(&"example.org".parse()?).await;
    /// assert_ne!(report.worst(), Level::Error, "{:?}", report.findings());
    /// # Ok(()) }
    /// ```
    pub async fn check_wkd(&self, subject: &Subject) -> Report {
        let span = match self.inner.log_addresses {
            true => debug_span!("check_wkd", %subject),
            false => debug_span!("check_wkd"),
        };
        let run = Run {
            locator: self,
            fetcher: &self.inner.fetcher,
            subject,
            random: random(),
            start: Instant::now(),
            asked: Mutex::default(),
        };
        let observed = Box::pin(run.observe()).instrument(span).await;
        let filter = &self.inner.filter;
        let now = SystemTime::now();
        let by = By {
            subject,
            policy: &*filter.policy,
            time: filter.time.unwrap_or(now),
            now,
        };
        let (applies, findings) = judge(&observed, by);
        Report {
            subject: subject.clone(),
            applies,
            findings,
            asked: run
                .asked
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// One check on its way.
pub(super) struct Run<'a> {
    locator: &'a KeyLocator,
    pub(super) fetcher: &'a Fetcher,
    subject: &'a Subject,
    /// A name that nobody has.
    random: String,
    start: Instant,
    pub(super) asked: Mutex<Vec<Asked>>,
}

impl Run<'_> {
    async fn observe(&self) -> Observed {
        let names = self.names().await;
        let advanced = names.advanced.as_ref().map_or(&[][..], Name::allowed);
        // Without an answer for the host of the advanced method, clients use neither.
        let direct = match names.advanced {
            None | Some(Name::None) => names.direct.allowed(),
            Some(_) if !advanced.is_empty() => names.direct.allowed(),
            Some(_) => &[],
        };
        let (advanced, direct) = join(
            Box::pin(self.served(Layout::Advanced, advanced)),
            Box::pin(self.served(Layout::Direct, direct)),
        )
        .await;
        Observed {
            names,
            advanced,
            direct,
        }
    }

    /// When this share of the time will be up.
    fn at(&self, share: f64) -> Instant {
        self.start + self.locator.deadline.mul_f64(share)
    }

    async fn names(&self) -> Names {
        let domain = self.subject.domain();
        let fits = |name: String| (name.len() <= MAX_NAME).then_some(name);
        let advanced = fits(Layout::Advanced.host(domain));
        let random = fits(format!("{}.{domain}", self.random));
        let (advanced, direct, random) = join3(
            self.maybe_resolve(advanced.as_deref()),
            self.resolve(domain),
            self.maybe_resolve(random.as_deref()),
        )
        .await;
        Names {
            domain: domain.to_owned(),
            advanced,
            direct,
            random,
        }
    }

    async fn maybe_resolve(&self, name: Option<&str>) -> Option<Name> {
        Some(self.resolve(name?).await)
    }

    async fn resolve(&self, host: &str) -> Name {
        let guard = &self.fetcher.guard;
        if !guard.allows_name(host) {
            return Name::Special;
        }
        let start = Instant::now();
        let late = || {
            let why = format!("DNS did not answer for {host} in time");
            Err(Error::new(ErrorKind::Timeout, why))
        };
        let answer = timeout_at(self.at(0.4), self.fetcher.dns.addresses(host)).await;
        let name = match answer.unwrap_or_else(|_| late()) {
            Err(error) => Name::Failed(error),
            Ok(all) if all.is_empty() => Name::None,
            Ok(all) => {
                let (allowed, refused): (Vec<_>, Vec<_>) =
                    all.into_iter().partition(|address| guard.allows(*address));
                let refused = refused.iter().map(SocketAddr::ip).collect();
                Name::Addresses(Addresses { allowed, refused })
            }
        };
        let outcome = match &name {
            Name::Failed(error) => error.to_string(),
            Name::Addresses(_) => "addresses".to_owned(),
            Name::None | Name::Special => "no address".to_owned(),
        };
        self.note(format!("DNS {host}"), outcome, start);
        name
    }

    /// A directory, looked at with all that there is to it; `None` where it cannot
    /// be asked for.
    async fn served(&self, layout: Layout, known: &[SocketAddr]) -> Option<Served> {
        if known.is_empty() {
            return None;
        }
        let host = layout.host(self.subject.domain());
        let file = |name: &str| self.file(layout, name);
        let first_url = self.entry_url(layout).unwrap_or_else(|| file("policy"));
        // The other questions, which go side by side, need time too.
        let (first, der) = self
            .ask(Method::GET, first_url.clone(), known, self.at(0.7))
            .await;
        // Neither waits for the other: a side question that hangs must not take the
        // time in which a secret key in the file is found.
        let (rest, filtered) = match &first {
            Err(_) => (None, None),
            Ok(answer) => {
                let rest = self.rest(layout, first_url, known);
                let (rest, filtered) = join(rest, self.filtered(&host, answer)).await;
                (Some(rest), filtered)
            }
        };
        let tls = match der.map(|der| der::not_after(&der)) {
            None => Tls::Unseen,
            Some(None) => Tls::Unreadable,
            Some(Some(until)) => Tls::Until(until),
        };
        Some(Served {
            directory: Directory {
                host,
                families: Families::of(known),
                first,
                tls,
                rest,
            },
            filtered,
        })
    }

    /// What the filter says of an answer; `None` where it can be none for an
    /// address.
    async fn filtered(&self, host: &str, answer: &Answer) -> Option<Result<Filtered, Error>> {
        let address = self.subject.address()?.clone();
        if !answer.can_be_read() {
            return None;
        }
        let filter = Filter {
            user_ids: UserIdFilter::Matching,
            ..self.locator.inner.filter.clone()
        };
        let body = answer.body.clone();
        let work = move |stop: &_| filter.apply_until(&body, &address, stop);
        let workers = &self.locator.inner.workers;
        let subject = self.subject.domain().to_owned();
        Some(workers.judge(subject, host, self.at(1.0), work).await)
    }

    async fn rest(&self, layout: Layout, first: Url, known: &[SocketAddr]) -> Rest {
        let end = self.at(1.0);
        let get = |url| async move { self.ask(Method::GET, url, known, end).await.0 };
        let policy = async {
            match self.subject.address() {
                Some(_) => Some(get(self.file(layout, "policy")).await),
                None => None,
            }
        };
        let head = async { self.ask(Method::HEAD, first.clone(), known, end).await.0 };
        let files = join5(
            policy,
            head,
            get(self.random_url(layout)),
            get(self.file(layout, "hu/")),
            get(self.file(layout, "submission-address")),
        );
        let (six, four): (Vec<_>, Vec<_>) = known.iter().partition(|address| address.is_ipv6());
        let has_both = !six.is_empty() && !four.is_empty();
        let families = join(
            self.answers_at(&first, has_both.then_some(six), end),
            self.answers_at(&first, has_both.then_some(four), end),
        );
        let ((policy, head, random, listing, submission), (v6, v4)) = join(files, families).await;
        Rest {
            policy,
            head,
            random,
            listing,
            submission,
            over: Over { v6, v4 },
        }
    }

    /// Where the address has its certificate.
    fn entry_url(&self, layout: Layout) -> Option<Url> {
        let places = wkd::Url::new(self.subject.address()?);
        match layout {
            Layout::Advanced => places.advanced(),
            Layout::Direct => Some(places.direct()),
        }
    }

    /// Where an address that nobody has would have its certificate.
    fn random_url(&self, layout: Layout) -> Url {
        // The domain is no part of the hash, and may leave no room.
        let nobody: Result<EmailAddress, _> = [&self.random, "@localhost"].concat().parse();
        let hash = nobody.map(|nobody| wkd::Url::new(&nobody).hash().to_owned());
        let hash = hash.expect("letters, digits and hyphens make a local part");
        self.file(layout, &format!("hu/{hash}?l={}", self.random))
    }

    fn file(&self, layout: Layout, name: &str) -> Url {
        let domain = self.subject.domain();
        let (host, path) = (layout.host(domain), layout.path(domain, name));
        format!("https://{host}/.well-known/openpgpkey/{path}")
            .parse()
            .expect(
                "the domain is checked A-labels that UTS-46 maps to themselves and no IPv4 \
                 address, the rest is unreserved",
            )
    }
}

/// A name that nobody has: from the keys of the standard library's hash maps,
/// which nobody can guess.
fn random() -> String {
    let state = RandomState::new();
    format!("wkd-check-{:016x}", state.hash_one(0))
}
