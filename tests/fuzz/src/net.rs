//! A network that is made up: it gives what it is told to, keeps a list, and
//! checks that nobody goes where they must not.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use openpgp_discovery::dns::DnsResolver;
use openpgp_discovery::transport::{HttpTransport, Request, Response};
use openpgp_discovery::{BoxFuture, Error, ErrorKind, KeyLocator, KeyLocatorBuilder};
use url::Url;

use crate::pool;

/// What a resolver says of a host.
#[derive(Clone, Debug)]
pub(crate) enum Dns {
    /// These, with those that may be connected to first.
    Addresses(Vec<SocketAddr>),
    /// That it could not tell.
    Fails(ErrorKind),
    /// Nothing.
    Silence,
}

/// What a web server says.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// After so long.
    pub(crate) delay: Duration,
    /// The answer, or a failure of the exchange.
    pub(crate) says: Result<Response, ErrorKind>,
}

/// The network. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Net(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    hosts: HashMap<String, Dns>,
    /// In the reverse order.
    answers: Vec<Answer>,
    asked: Vec<(Url, Option<StatusCode>)>,
}

/// The two addresses that may be connected to.
pub(crate) const GOOD: [&str; 2] = ["9.9.9.9:0", "[2620:fe::fe]:0"];
/// Addresses that must not.
pub(crate) const BAD: [&str; 16] = [
    "127.0.0.1:0",
    "[::1]:0",
    "10.1.2.3:0",
    "169.254.169.254:0",
    "192.168.0.1:443",
    "100.64.0.1:0",
    "[::ffff:127.0.0.1]:0",
    "[::ffff:10.0.0.1]:0",
    "[64:ff9b::7f00:1]:0",
    "[2002:7f00:1::1]:0",
    "[2001:0:7f00:1::]:0",
    "[fe80::1]:0",
    "[fd00::1]:0",
    "0.0.0.0:0",
    "224.0.0.1:0",
    "[::127.0.0.1]:0",
];

impl Net {
    /// With these hosts, and these answers in their order; 404 behind them.
    pub(crate) fn new(hosts: HashMap<String, Dns>, mut answers: Vec<Answer>) -> Self {
        answers.reverse();
        let asked = Vec::new();
        Self(Arc::new(Mutex::new(Inner {
            hosts,
            answers,
            asked,
        })))
    }

    /// A locator in it, at the pool's time.
    pub(crate) fn locator(&self) -> KeyLocatorBuilder {
        KeyLocator::builder()
            .resolver(self.clone())
            .transport(self.clone())
            .time(pool::now())
    }

    /// What was asked since the last time, with the answers' statuses.
    pub(crate) fn take_asked(&self) -> Vec<(Url, Option<StatusCode>)> {
        std::mem::take(&mut self.lock().asked)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nobody panics with it")
    }

    async fn exchange(&self, request: Request) -> Result<Response, Error> {
        check(&request);
        let addresses = request.peer.addresses().await?;
        assert!(!addresses.is_empty());
        for address in &addresses {
            assert!(
                GOOD.contains(&address.to_string().as_str()),
                "connects to {address}"
            );
        }
        let answer = self.lock().answers.pop();
        let nothing = || Response::new(StatusCode::NOT_FOUND, HeaderMap::new(), Vec::new());
        let answer = answer.unwrap_or_else(|| Answer {
            delay: Duration::ZERO,
            says: Ok(nothing()),
        });
        tokio::time::sleep(answer.delay).await;
        let status = answer.says.as_ref().ok().map(|response| response.status);
        self.lock().asked.push((request.url, status));
        let error = |kind| Error::new(kind, "made up");
        let mut response = answer.says.map_err(error)?;
        if response.body.len() > request.max_body {
            response.body.truncate(request.max_body);
            response = response.truncated();
        }
        Ok(response)
    }
}

/// What holds for every request.
fn check(request: &Request) {
    let url = &request.url;
    assert_eq!(url.scheme(), "https", "{url}");
    assert!(matches!(url.host(), Some(url::Host::Domain(_))), "{url}");
    assert_eq!(url.host_str(), Some(request.peer.host()));
    assert_eq!(url.port(), None, "{url}");
    assert_eq!(
        (url.username(), url.password(), url.fragment()),
        ("", None, None),
        "{url}"
    );
    assert_eq!(request.method, http::Method::GET);
    assert!(request.headers.is_empty() && request.body.is_empty());
}

impl HttpTransport for Net {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        Box::pin(self.exchange(request))
    }
}

impl DnsResolver for Net {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        assert!(
            !host.ends_with('.') && !host.bytes().any(|o| o.is_ascii_uppercase()),
            "{host}"
        );
        let answer = self.lock().hosts.get(host).cloned();
        Box::pin(async {
            match answer {
                Some(Dns::Addresses(addresses)) => Ok(addresses),
                Some(Dns::Fails(kind)) => Err(Error::new(kind, "made up")),
                Some(Dns::Silence) => {
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                    Ok(Vec::new())
                }
                None => Ok(vec![GOOD[0].parse().expect("an address")]),
            }
        })
    }
}

/// Header fields.
pub(crate) fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let values = fields.iter().map(|(name, value)| {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        (http::HeaderName::from_static(name), value)
    });
    values.collect()
}

/// Runs it to its end; its pauses take no time.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(future)
}
