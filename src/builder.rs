//! The options of a [`KeyLocator`].

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::policy::Policy;
use url::Url;

use crate::dns::{AddressGuard, DnsResolver};
use crate::fetch::Fetcher;
use crate::filter::Filter;
use crate::locator::{Inner, LetsIn};
use crate::lookup::OnEvent;
use crate::plan::Fallback;
use crate::transport::HttpTransport;
use crate::vks::{Budget, KeyServer};
use crate::workers::Workers;
use crate::{Error, ErrorKind, Event, KeyLocator, Limits, UserIdFilter};

/// Configures a [`KeyLocator`]. Every default is the strict one.
///
/// ```no_run
/// use std::time::Duration;
/// use openpgp_discovery::{KeyLocator, vks};
///
/// // A mail platform with a key server of its own.
/// let locator = KeyLocator::builder()
///     .vks("https://keys.internal.example:8443".parse().expect("a URL"))
///     .vks_budget(vks::Budget::unlimited())
///     .deadline(Duration::from_secs(8))
///     .build()?;
/// # Ok::<(), openpgp_discovery::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyLocatorBuilder {
    resolver: Option<Arc<dyn DnsResolver>>,
    #[cfg(feature = "hickory")]
    nameservers: Option<Vec<std::net::SocketAddr>>,
    transport: Option<Arc<dyn HttpTransport>>,
    #[cfg(feature = "reqwest")]
    bundled_transport: Option<crate::transport::ReqwestTransportBuilder>,
    guard: AddressGuard,
    vks: Vks,
    budget: Budget,
    wkd: bool,
    fallback: Fallback,
    filter: Filter,
    deadline: Duration,
    max_redirects: usize,
    concurrency: usize,
    concurrency_per_host: usize,
    refresh_user_ids: LetsIn,
    refresh_spread: Duration,
    on_event: Option<OnEvent>,
    log_addresses: bool,
}

#[derive(Clone, Debug)]
enum Vks {
    Default,
    Named(Url),
    Off,
}

impl Default for KeyLocatorBuilder {
    fn default() -> Self {
        Self {
            resolver: None,
            #[cfg(feature = "hickory")]
            nameservers: None,
            transport: None,
            #[cfg(feature = "reqwest")]
            bundled_transport: None,
            guard: AddressGuard::new(),
            vks: Vks::Default,
            budget: Budget::documented(),
            wkd: true,
            fallback: Fallback::Strict,
            filter: Filter::default(),
            deadline: Duration::from_secs(20),
            max_redirects: 3,
            concurrency: 128,
            concurrency_per_host: 16,
            refresh_user_ids: LetsIn(Arc::new(|_| false)),
            refresh_spread: Duration::ZERO,
            on_event: None,
            log_addresses: false,
        }
    }
}

impl KeyLocator {
    /// WKD, then keys.openpgp.org, over the system's resolver and trust store,
    /// with every guard and limit at its default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where the system has no usable DNS configuration,
    /// trust store or TLS provider.
    #[cfg(all(feature = "hickory", feature = "reqwest"))]
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Starts with the defaults of [`new`](Self::new).
    pub fn builder() -> KeyLocatorBuilder {
        KeyLocatorBuilder::default()
    }
}

/// Who is asked.
impl KeyLocatorBuilder {
    /// Asks this validating key server instead of keys.openpgp.org.
    ///
    /// Because the caller names it, `http`, a port, an IP literal and an inner
    /// address are allowed, for exactly this origin and for nothing else; its
    /// redirects are refused.
    #[must_use]
    pub fn vks(mut self, url: Url) -> Self {
        self.vks = Vks::Named(url);
        self
    }

    /// Asks no key server: WKD alone decides. Nothing is known of any key server then,
    /// so a directory may redirect to one like to any other host.
    #[must_use]
    pub fn no_vks(mut self) -> Self {
        self.vks = Vks::Off;
        self
    }

    /// Asks no Web Key Directory: the key server alone decides.
    #[must_use]
    pub fn no_wkd(mut self) -> Self {
        self.wkd = false;
        self
    }

    /// Whether the direct method of WKD may follow a failure of the advanced one.
    /// [`Fallback::Strict`] by default.
    #[must_use]
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// How often the key server may be asked: what keys.openpgp.org documents
    /// by default, whichever server is named.
    #[must_use]
    pub fn vks_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }
}

/// What is accepted.
impl KeyLocatorBuilder {
    /// Which User IDs are kept. [`UserIdFilter::Matching`] by default.
    #[must_use]
    pub fn user_ids(mut self, user_ids: UserIdFilter) -> Self {
        self.filter = self.filter.user_ids(user_ids);
        self
    }

    /// How much of an answer is acceptable.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.filter = self.filter.limits(limits);
        self
    }

    /// Judges algorithms by this policy instead of sequoia's `StandardPolicy`.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.filter = self.filter.policy(policy);
        self
    }

    /// Judges certificates at this time instead of the time of the look-up.
    #[must_use]
    pub fn time(mut self, time: SystemTime) -> Self {
        self.filter = self.filter.time(time);
        self
    }
}

/// How certificates are refreshed.
impl KeyLocatorBuilder {
    /// Which User IDs that a certificate does not have may come in on a
    /// [refresh](KeyLocator::refresh). None by default: a server must not name
    /// people. Those that it has are always updated.
    ///
    /// ```
    /// # use openpgp_discovery::KeyLocator;
    /// let builder = KeyLocator::builder().refresh_user_ids(|_| true);
    /// ```
    #[must_use]
    pub fn refresh_user_ids(
        mut self,
        lets_in: impl Fn(&UserID) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.refresh_user_ids = LetsIn(Arc::new(lets_in));
        self
    }

    /// Spreads the requests of [`KeyLocator::refresh_all`] over about this time,
    /// with pauses of random length: none by default, a year at most. How many
    /// there will be is taken from the stream's `size_hint`; a stream that does
    /// not tell goes ever faster.
    #[must_use]
    pub fn refresh_spread(mut self, time: Duration) -> Self {
        self.refresh_spread = time.min(Self::LONGEST_DEADLINE);
        self
    }
}

/// How the network is used.
impl KeyLocatorBuilder {
    /// The time for one address in all: 20 seconds by default, a year at most.
    /// WKD gets at most 60 % of it where the key server is still to be asked.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline.min(Self::LONGEST_DEADLINE);
        self
    }

    /// How many redirects are followed: 3 by default. Each hop is checked.
    #[must_use]
    pub fn max_redirects(mut self, redirects: usize) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// How many look-ups [`KeyLocator::locate_all`] and
    /// [`KeyLocator::refresh_all`] have under way at once: 128 by default, at least 1.
    /// Each batch has as many.
    ///
    /// Of refreshes at most twice
    /// [`concurrency_per_host`](Self::concurrency_per_host): they meet at the key
    /// server. Look-ups that have been waiting for a second do not count, up to as many
    /// again. Where the key server takes many seconds for each answer, set fewer: what
    /// waits for it uses up its deadline.
    ///
    /// Each can have an answer of [`Limits::body`](crate::Limits::body) in memory, and
    /// for a moment four sockets to DNS open, else one to a server. With those at rest
    /// ([`idle_connections`](crate::transport::ReqwestTransportBuilder::idle_connections))
    /// a batch by these defaults fits a process that may have 1,024 files open, where DNS
    /// answers: silent name servers keep the sockets of their questions for seconds.
    #[must_use]
    pub fn concurrency(mut self, lookups: usize) -> Self {
        self.concurrency = lookups.max(1);
        self
    }

    /// How many requests of a batch one host has to answer at once, the key server
    /// too: 16 by default, at least 1. Over one domain this decides how fast it is;
    /// the host sees as many connections, unless both speak HTTP/2. Where directories
    /// redirect to it, it has as many for each of these besides.
    ///
    /// Two batches at once have as many each, and a look-up outside of a batch is
    /// not counted.
    #[must_use]
    pub fn concurrency_per_host(mut self, requests: usize) -> Self {
        self.concurrency_per_host = requests.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Which names and addresses may be reached: only globally reachable ones
    /// by default.
    ///
    /// ```no_run
    /// use openpgp_discovery::KeyLocator;
    /// use openpgp_discovery::dns::AddressGuard;
    ///
    /// # fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// // A company with a domain, a directory and a CA of its own.
    /// let guard = AddressGuard::new()
    ///     .allow("10.0.0.0/8".parse()?)
    ///     .allow_name_suffix("corp.internal");
    /// let locator = KeyLocator::builder()
    ///     .guard(guard)
    ///     .nameservers(["10.0.0.53:53".parse()?])
    ///     .trust_anchors_pem(std::fs::read("company-ca.pem")?)
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn guard(mut self, guard: AddressGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Asks these DNS servers instead of the system's.
    #[cfg(feature = "hickory")]
    #[must_use]
    pub fn nameservers(mut self, servers: impl IntoIterator<Item = std::net::SocketAddr>) -> Self {
        self.nameservers = Some(servers.into_iter().collect());
        self
    }

    /// Resolves names with this instead of the bundled resolver.
    #[must_use]
    pub fn resolver(mut self, resolver: impl DnsResolver) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// Sends requests through this instead of the bundled transport, or through the
    /// bundled one with options of its own
    /// ([`http2`](crate::transport::ReqwestTransportBuilder::http2), say). Trust anchors
    /// and `User-Agent` are then set there, and not here.
    #[must_use]
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Trusts this root certificate (X.509 in DER) too, beside the system's.
    #[cfg(feature = "reqwest")]
    #[must_use]
    pub fn trust_anchor(mut self, der: impl Into<Vec<u8>>) -> Self {
        let bundled = self.bundled_transport.take().unwrap_or_default();
        self.bundled_transport = Some(bundled.trust_anchor(der));
        self
    }

    /// Trusts these root certificates (X.509 in PEM) too, beside the system's.
    #[cfg(feature = "reqwest")]
    #[must_use]
    pub fn trust_anchors_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        let bundled = self.bundled_transport.take().unwrap_or_default();
        self.bundled_transport = Some(bundled.trust_anchors_pem(pem));
        self
    }

    /// Sends this `User-Agent`.
    #[cfg(feature = "reqwest")]
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        let bundled = self.bundled_transport.take().unwrap_or_default();
        self.bundled_transport = Some(bundled.user_agent(agent));
        self
    }
}

/// What is told on the way.
impl KeyLocatorBuilder {
    /// Tells this what happens meanwhile. It is called on the task that looks
    /// up, so it must not block.
    ///
    /// ```no_run
    /// use openpgp_discovery::{Event, KeyLocator};
    ///
    /// let locator = KeyLocator::builder()
    ///     .on_event(|event| match event {
    ///         Event::Started { step, target, .. } => println!("asking {target} ({step})"),
    ///         Event::Finished { attempt, .. } => println!("{attempt}"),
    ///         _ => {}
    ///     })
    ///     .build()?;
    /// # Ok::<(), openpgp_discovery::Error>(())
    /// ```
    #[must_use]
    pub fn on_event(mut self, on_event: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(OnEvent::new(on_event));
        self
    }

    /// Puts addresses into `tracing` events (at debug level). Off by default:
    /// no event of this crate then holds a local part.
    #[must_use]
    pub fn log_addresses(mut self, log: bool) -> Self {
        self.log_addresses = log;
        self
    }
}

impl KeyLocatorBuilder {
    /// A year is as good as none, and can be added to any clock.
    pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(365 * 24 * 3600);

    /// Builds it. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where neither WKD nor a key server is left to ask, the
    /// deadline is zero, the list of name servers is empty, options of the bundled
    /// resolver or transport are set beside a given one, the key server's URL cannot be one, a trust anchor cannot be read, or the
    /// system's DNS configuration or TLS set-up cannot be used; without the
    /// `hickory` or `reqwest` feature also where no resolver or transport is given.
    pub fn build(mut self) -> Result<KeyLocator, Error> {
        let vks = match std::mem::replace(&mut self.vks, Vks::Off) {
            Vks::Default => Some(KeyServer::keys_openpgp_org()?),
            Vks::Named(url) => Some(KeyServer::named(url)?),
            Vks::Off if self.wkd => None,
            Vks::Off => return Err(config("neither WKD nor a key server is left to ask")),
        };
        if self.deadline.is_zero() {
            return Err(config("a deadline of zero leaves no time for anything"));
        }
        let dns = self.take_resolver()?;
        let transport = self.take_transport()?;
        let fetcher = Fetcher {
            transport,
            dns,
            guard: Arc::new(self.guard),
            key_server: vks.as_ref().map(|vks| vks.host().to_owned()),
            max_redirects: self.max_redirects,
            max_body: self.filter.limits.body,
        };
        Ok(KeyLocator {
            inner: Arc::new(Inner {
                fetcher,
                vks,
                wkd: self.wkd,
                fallback: self.fallback,
                filter: self.filter,
                workers: Workers::default(),
                concurrency: self.concurrency,
                concurrency_per_host: self.concurrency_per_host,
                refresh_user_ids: self.refresh_user_ids,
                refresh_spread: self.refresh_spread,
                log_addresses: self.log_addresses,
            }),
            budget: self.budget,
            deadline: self.deadline,
            on_event: self.on_event,
        })
    }

    #[cfg(feature = "hickory")]
    fn take_resolver(&mut self) -> Result<Arc<dyn DnsResolver>, Error> {
        use crate::dns::HickoryDns;
        Ok(match (self.resolver.take(), &self.nameservers) {
            (Some(resolver), None) => resolver,
            (Some(_), Some(_)) => {
                return Err(config(
                    "name servers are for the bundled resolver, not for a given one",
                ));
            }
            (None, Some(servers)) => Arc::new(HickoryDns::with_servers(servers)?),
            (None, None) => Arc::new(HickoryDns::system()?),
        })
    }

    #[cfg(not(feature = "hickory"))]
    fn take_resolver(&mut self) -> Result<Arc<dyn DnsResolver>, Error> {
        let none = || config("no resolver is given, and the feature `hickory` is off");
        self.resolver.take().ok_or_else(none)
    }

    #[cfg(feature = "reqwest")]
    fn take_transport(&mut self) -> Result<Arc<dyn HttpTransport>, Error> {
        match (self.transport.take(), self.bundled_transport.take()) {
            (Some(transport), None) => Ok(transport),
            (Some(_), Some(_)) => Err(config(
                "trust anchors and user agent are for the bundled transport, not for a given one",
            )),
            (None, bundled) => Ok(Arc::new(bundled.unwrap_or_default().build()?)),
        }
    }

    #[cfg(not(feature = "reqwest"))]
    fn take_transport(&mut self) -> Result<Arc<dyn HttpTransport>, Error> {
        let none = || config("no transport is given, and the feature `reqwest` is off");
        self.transport.take().ok_or_else(none)
    }
}

fn config(why: &str) -> Error {
    Error::new(ErrorKind::Config, why)
}
