//! The bundled transport, over reqwest and rustls.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect, retry};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio::time::timeout_at;
use url::{Host, Url};

use super::families::Families;
use super::pool::Pool;
use super::{HttpTransport, Request, Response};
use crate::dns::Peer;
use crate::lock::lock;
use crate::{BoxFuture, Error, ErrorKind};

#[cfg(test)]
mod tests;

/// The same for everybody, so that it tells nobody apart.
const USER_AGENT: &str = concat!("openpgp-discovery/", env!("CARGO_PKG_VERSION"));

/// For DNS, TCP and TLS together; within it, the addresses of one family share
/// the time for TCP. IPv4 gets its turn after 300 ms of silence over IPv6.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// Of each family: with more of them, each would get too little time.
const ADDRESSES_TRIED: usize = 4;

/// A host is asked for a few files in a row, or by a batch for many, then never again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// For one host: as many as a batch asks it at a time by default. With fewer, it would
/// make a new one for every other request.
const IDLE_OF_A_HOST: usize = 16;

/// In all: a process may often have no more than 1,024 files and sockets open.
const IDLE_CONNECTIONS: usize = 256;

/// Behind an answer in HTTP/2 the server may talk on for so long.
const HTTP2_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// hyper's own limits today; HTTP/1 heads end at about 400 KiB besides.
const MAX_HEADER_FIELDS: usize = 100;
const MAX_HEADER_OCTETS: u32 = 16 * 1024;

/// HTTPS over reqwest and rustls.
///
/// Cheap to clone; clones share the open connections. A connection once made is
/// used for later requests to the same host, so locators with different
/// [guards](crate::dns::AddressGuard) must not share a transport.
///
/// * TLS 1.2 or 1.3; the server's certificate is judged by the platform's trust
///   store, plus the anchors given. HTTP/1.1, and HTTP/2 too with a host that the
///   caller [named](Peer::is_named): others could keep a client busy with it
///   behind the answer ([`http2`](ReqwestTransportBuilder::http2)).
/// * IPv6 and IPv4 race (RFC 8305): IPv6 has a head start of 300 ms, and once it has
///   lost, IPv4 has it for ten minutes.
/// * No proxy (also none from the environment), no redirect, no cookie, no
///   referer, no decompression, no TLS session that could be recognised.
/// * Each request carries `Host`, `User-Agent`, `Accept: */*` and the header
///   fields given.
/// * A request is sent once. Only where an idle connection turns out closed
///   before the request could be written, a new connection is made for it.
///
/// It needs a tokio runtime with time and I/O enabled.
///
/// ```no_run
/// use openpgp_discovery::transport::ReqwestTransport;
///
/// # fn main() -> Result<(), openpgp_discovery::Error> {
/// let transport = ReqwestTransport::builder()
///     .user_agent("example-mail-client")
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    /// For hosts that the guard holds for: `https` alone.
    guarded: Pool,
    /// For hosts that the guard holds for, and no connection twice.
    alone: Client,
    /// For origins that the caller named. A client of its own, so that nothing
    /// else can ride on a connection to them.
    named: Client,
    families: Families,
}

/// Configures a [`ReqwestTransport`].
#[derive(Clone)]
pub struct ReqwestTransportBuilder {
    anchors: Vec<Anchor>,
    user_agent: Option<String>,
    http2: bool,
    idle_connections: usize,
}

#[derive(Clone)]
enum Anchor {
    Der(Vec<u8>),
    Pem(Vec<u8>),
}

impl ReqwestTransport {
    /// Starts from the platform's trust store.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::default()
    }
}

impl Default for ReqwestTransportBuilder {
    fn default() -> Self {
        Self {
            anchors: Vec::new(),
            user_agent: None,
            http2: false,
            idle_connections: IDLE_CONNECTIONS,
        }
    }
}

impl ReqwestTransportBuilder {
    /// Trusts this root certificate (X.509 in DER) too, beside the platform's.
    #[must_use]
    pub fn trust_anchor(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.anchors.push(Anchor::Der(der.into()));
        self
    }

    /// Trusts the root certificates of this PEM file too, beside the platform's.
    ///
    /// [`build`](Self::build) fails if it holds none.
    #[must_use]
    pub fn trust_anchors_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.anchors.push(Anchor::Pem(pem.into()));
        self
    }

    /// Sends this `User-Agent`. By default it is `openpgp-discovery/` and the
    /// version.
    ///
    /// It should be the same for all users of a program.
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = Some(agent.into());
        self
    }

    /// Offers HTTP/2 to every host, also to those that nobody named: off by default.
    ///
    /// Then all look-ups of a domain share one connection, where a
    /// [batch](crate::KeyLocator::locate_all) else makes as many as the domain has
    /// look-ups at once
    /// ([`concurrency_per_host`](crate::KeyLocatorBuilder::concurrency_per_host)). It
    /// spares both sides their handshakes; how many requests are under way, and with
    /// that the time that a long batch takes, stays the same until that number is
    /// raised. The price: in HTTP/2 a server may go on talking behind its answer
    /// (an endless run of `PING`s, say), and the client goes on listening, which a
    /// hostile one can use to keep a processor busy until the connection has been
    /// idle for 5 seconds. It is for whoever knows the domains.
    ///
    /// ```no_run
    /// use openpgp_discovery::{KeyLocator, transport::ReqwestTransport};
    ///
    /// # fn main() -> Result<(), openpgp_discovery::Error> {
    /// let transport = ReqwestTransport::builder().http2(true).build()?;
    /// let locator = KeyLocator::builder()
    ///     .transport(transport)
    ///     .concurrency_per_host(64)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn http2(mut self, offered: bool) -> Self {
        self.http2 = offered;
        self
    }

    /// How many connections are kept open for later requests, to all hosts together
    /// (apart from those that the caller [named](Peer::is_named)): 256 by default. With
    /// 0, none is. Those in use count; where they are more, further ones are used once,
    /// over HTTP/1.1.
    ///
    /// One host has 16 of them at most, and each is closed when it has been idle for 60
    /// seconds (5 with [`http2`](Self::http2)). Where there are too many, those of the
    /// host go that has not been asked for the longest time. Connections that are begun
    /// at the same moment can be over it until the next request.
    ///
    /// A batch over many domains can use twice as many as it has
    /// [under way](crate::KeyLocatorBuilder::concurrency): raise both together, as far as
    /// the process may have files open.
    #[must_use]
    pub fn idle_connections(mut self, most: usize) -> Self {
        self.idle_connections = most;
        self
    }

    /// Builds it. This reads the platform's trust store: build one and clone it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if an anchor is no certificate, the machine has no
    /// trust store and no anchor is given, the `User-Agent` is no header value,
    /// or there is no TLS provider: neither of the features `ring` and
    /// `aws-lc-rs` is on, and the program has installed none.
    pub fn build(self) -> Result<ReqwestTransport, Error> {
        let mut anchors = Vec::new();
        for anchor in self.anchors {
            anchor.read_into(&mut anchors)?;
        }
        let tls = tls_config(anchors)?;
        let agent = self.user_agent.unwrap_or_else(|| USER_AGENT.to_owned());
        let most = self.idle_connections;
        let guarded = match self.http2 {
            true => Reach::GuardedHttp2,
            false => Reach::Guarded,
        };
        let families = Families::default();
        let client = {
            let families = families.clone();
            move |reach, begun| client(tls.clone(), &agent, reach, families.clone(), begun)
        };
        Ok(ReqwestTransport {
            alone: client(Reach::Alone, Arc::default())?,
            named: client(Reach::Named, Arc::default())?,
            guarded: Pool::new(IDLE_OF_A_HOST, most, move |begun| client(guarded, begun)),
            families,
        })
    }
}

impl Anchor {
    fn read_into(self, anchors: &mut Vec<CertificateDer<'static>>) -> Result<(), Error> {
        match self {
            Self::Der(der) => anchors.push(der.into()),
            Self::Pem(pem) => {
                let before = anchors.len();
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    anchors.push(certificate.map_err(|error| {
                        config("the trust anchors are not PEM").with_source(error.to_string())
                    })?);
                }
                if anchors.len() == before {
                    return Err(config("the PEM file of trust anchors holds no certificate"));
                }
            }
        }
        Ok(())
    }
}

impl HttpTransport for ReqwestTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        Box::pin(async move {
            check_url(&request.url, &request.peer)?;
            let host = request.peer.host().to_owned();
            let deadline = request.deadline;
            let late = || Error::new(ErrorKind::Timeout, format!("{host} took too long"));
            if deadline <= Instant::now() {
                return Err(late());
            }
            timeout_at(deadline.into(), self.exchange(request))
                .await
                .unwrap_or_else(|_| Err(late()))
        })
    }
}

impl ReqwestTransport {
    async fn exchange(&self, request: Request) -> Result<Response, Error> {
        // To the end: until the body has been read, the host's client is in use.
        let kept;
        let client = if request.peer.is_named() {
            &self.named
        } else if request.own_connection {
            &self.alone
        } else {
            kept = self.guarded.client(request.peer.host());
            kept.as_ref().map_or(&self.alone, |(client, _)| client)
        };
        let https = request.url.scheme() == "https";
        let mut question = reqwest::Request::new(request.method, request.url);
        *question.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *question.body_mut() = Some(request.body.into());
        }
        let route = Route {
            peer: request.peer,
            failure: Arc::default(),
            tried: Arc::default(),
        };
        let host = route.peer.host();
        let mut answer = ROUTE
            .scope(route.clone(), client.execute(question))
            .await
            // The typed error of the resolver does not come through hyper.
            .map_err(|error| {
                route
                    .take_failure()
                    .unwrap_or_else(|| not_asked(error, host, https))
            })?;
        if let Some(reached) = answer.remote_addr() {
            self.families.learn(&route.take_tried(), reached);
        }

        let limit = request.max_body;
        let announced = answer.content_length().unwrap_or(0);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        let mut truncated = announced > limit;
        // Room for all of it at once: a buffer that grows leaves its former self
        // behind, and with many answers at a time that adds up.
        let mut body = match truncated {
            true => BytesMut::new(),
            false => BytesMut::with_capacity(announced),
        };
        while !truncated {
            let Some(chunk) = answer
                .chunk()
                .await
                .map_err(|error| broken_off(error, host))?
            else {
                break;
            };
            let room = limit - body.len();
            truncated = chunk.len() > room;
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        let headers = std::mem::take(answer.headers_mut());
        let mut response = Response::new(answer.status(), headers, body);
        let tls = answer.extensions_mut().remove::<reqwest::tls::TlsInfo>();
        if let Some(der) = tls.as_ref().and_then(|tls| tls.peer_certificate()) {
            response = response.with_peer_certificate(der.to_vec());
        }
        Ok(if truncated {
            response.truncated()
        } else {
            response
        })
    }
}

impl fmt::Debug for ReqwestTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransportBuilder")
            .field("anchors", &self.anchors.len())
            .field("user_agent", &self.user_agent)
            .field("http2", &self.http2)
            .field("idle_connections", &self.idle_connections)
            .finish()
    }
}

/// What has been decided before, once more at the last gate: hyper connects to
/// an IP literal without asking the resolver.
fn check_url(url: &Url, peer: &Peer) -> Result<(), Error> {
    let refused = |why| {
        let host = peer.host();
        Err(Error::new(ErrorKind::Blocked, format!("{host}: {why}")))
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("the URL holds user info");
    }
    let is_name = match url.host() {
        Some(Host::Domain(host)) if host == peer.host() => true,
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => false,
        _ => return refused("the URL is one of another host"),
    };
    match (peer.is_named(), url.scheme()) {
        (true, "http" | "https") => Ok(()),
        (false, "https") if !is_name => refused("the URL has no host name"),
        (false, "https") if url.port().is_some() => refused("the URL has a port"),
        (false, "https") => Ok(()),
        _ => refused("the URL's scheme is not https"),
    }
}

tokio::task_local! {
    /// Where the request of this task may connect to.
    ///
    /// hyper polls a new connection for the first time inside the task of the
    /// request that wants it, and asks the resolver in that poll; only later
    /// may it move the attempt elsewhere.
    static ROUTE: Route;
}

#[derive(Clone)]
struct Route {
    peer: Peer,
    /// Why there is no address to connect to.
    failure: Arc<Mutex<Option<Error>>>,
    /// The addresses that a new connection was to lead to, in their order.
    tried: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Route {
    fn fail(&self, error: Error) {
        *lock(&self.failure) = Some(error);
    }

    fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }

    fn tries(&self, addresses: &[SocketAddr]) {
        *lock(&self.tried) = addresses.to_vec();
    }

    fn take_tried(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut lock(&self.tried))
    }
}

/// Gives hyper the addresses of the request's peer, and no others.
struct PeerResolver {
    families: Families,
    /// How many connections were begun.
    begun: Arc<AtomicUsize>,
}

impl Resolve for PeerResolver {
    fn resolve(&self, name: Name) -> Resolving {
        // Here and not in the future, which may be polled outside of the scope.
        let route = ROUTE.try_with(Route::clone);
        let (families, begun) = (self.families.clone(), Arc::clone(&self.begun));
        Box::pin(async move {
            let route = route.map_err(|_| "a connection without a request")?;
            if name.as_str() != route.peer.host() {
                return Err("a connection to another host".into());
            }
            match route.peer.addresses().await {
                Ok(addresses) => {
                    let mut addresses = few(addresses);
                    families.arrange(&mut addresses);
                    route.tries(&addresses);
                    begun.fetch_add(1, Ordering::Relaxed);
                    Ok(Box::new(addresses.into_iter()) as Addrs)
                }
                Err(error) => {
                    route.fail(error);
                    Err("no address to connect to".into())
                }
            }
        })
    }
}

/// The first ones of each family.
fn few(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (mut six, mut four) = (0, 0);
    addresses.retain(|address| {
        let count = if address.is_ipv6() {
            &mut six
        } else {
            &mut four
        };
        *count += 1;
        *count <= ADDRESSES_TRIED
    });
    addresses
}

/// For which hosts a client is.
#[derive(Clone, Copy)]
enum Reach {
    /// Anybody's.
    Guarded,
    /// Anybody's, where the caller has HTTP/2 offered to them.
    GuardedHttp2,
    /// Anybody's, each request over a connection of its own.
    Alone,
    /// The one that the caller named, and so trusts to behave.
    Named,
}

/// Another crate in the build may have switched features of reqwest on, so all
/// that must stay off is switched off here and not merely left out. (Cookies
/// are off until a store is given.)
fn client(
    mut tls: ClientConfig,
    agent: &str,
    reach: Reach,
    families: Families,
    begun: Arc<AtomicUsize>,
) -> Result<Client, Error> {
    let h2 = || vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = match reach {
        // In HTTP/2 a server may go on talking behind its answer, and the client
        // with listening, for as long as the connection stands. In HTTP/1.1 that
        // ends the connection.
        Reach::Guarded | Reach::Alone => {
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            Client::builder().https_only(true).http1_only()
        }
        Reach::GuardedHttp2 => {
            tls.alpn_protocols = h2();
            Client::builder().https_only(true)
        }
        Reach::Named => {
            tls.alpn_protocols = h2();
            Client::builder()
        }
    };
    // Without a pool each connection is used once.
    let kept = match reach {
        Reach::Alone => 0,
        Reach::Guarded | Reach::GuardedHttp2 | Reach::Named => IDLE_OF_A_HOST,
    };
    let idle = match reach {
        Reach::GuardedHttp2 => HTTP2_IDLE_TIMEOUT,
        Reach::Guarded | Reach::Alone | Reach::Named => IDLE_TIMEOUT,
    };
    builder
        .tls_info(matches!(reach, Reach::Alone))
        .tls_backend_preconfigured(tls)
        .dns_resolver(PeerResolver { families, begun })
        .user_agent(agent)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(kept)
        .pool_idle_timeout(idle)
        .http1_max_headers(MAX_HEADER_FIELDS)
        .http2_max_header_list_size(MAX_HEADER_OCTETS)
        .build()
        .map_err(|error| {
            config("the HTTP client cannot be set up").with_source(story(&error.without_url()))
        })
}

fn tls_config(anchors: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Error> {
    let provider = provider()?;
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            config("the TLS provider lacks TLS 1.2 and 1.3").with_source(error.to_string())
        })?
        .dangerous() // the platform's verifier counts as a custom one
        .with_custom_certificate_verifier(verifier(anchors, provider)?)
        .with_no_client_auth();
    // A resumed session would tell servers that it is the same client again.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    CryptoProvider::get_default().cloned().ok_or_else(|| {
        config("no TLS provider: switch on the feature ring or aws-lc-rs, or install one")
    })
}

#[cfg(not(target_os = "android"))]
fn verifier(
    anchors: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let detail = if anchors.is_empty() {
        "the platform's trust store cannot be used, and no trust anchor is given"
    } else {
        "a trust anchor cannot be used"
    };
    match Verifier::new_with_extra_roots(anchors, provider) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => Err(config(detail).with_source(error.to_string())),
    }
}

/// Android's trust store takes no further anchors.
#[cfg(target_os = "android")]
fn verifier(
    anchors: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    if !anchors.is_empty() {
        return Err(config("trust anchors of one's own do not work on Android"));
    }
    match Verifier::new(provider) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => {
            Err(config("the platform's trust store cannot be used").with_source(error.to_string()))
        }
    }
}

fn config(detail: &str) -> Error {
    Error::new(ErrorKind::Config, detail)
}

/// Why there is not even a status. reqwest says "error sending request" to most
/// of it; which it was stands in the causes.
fn not_asked(error: reqwest::Error, host: &str, https: bool) -> Error {
    let error = error.without_url();
    let tls = causes(&error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    let (kind, detail) = if let Some(tls) = tls {
        (ErrorKind::Tls, tls_detail(tls, host))
    } else if error.is_connect() {
        not_connected(&error, host, https)
    } else {
        (ErrorKind::Http, format!("no HTTP answer from {host}"))
    };
    Error::new(kind, detail).with_source(story(&error))
}

fn not_connected(error: &reqwest::Error, host: &str, https: bool) -> (ErrorKind, String) {
    use io::ErrorKind as Io;

    // An I/O error inside an I/O error is how the handshake's come out; those
    // of TCP stand alone.
    let mut handshake = false;
    let mut kind = None;
    for cause in causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()) {
        handshake |= kind.is_some();
        kind = Some(cause.kind());
    }
    match kind {
        Some(_) if https && handshake => (
            ErrorKind::Tls,
            format!("{host} broke off the TLS handshake"),
        ),
        Some(Io::ConnectionRefused) => {
            (ErrorKind::Connect, format!("{host} refused the connection"))
        }
        Some(Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown) => {
            (ErrorKind::Connect, format!("{host} cannot be reached"))
        }
        // Without an I/O error it is reqwest's limit for all of it.
        Some(Io::TimedOut) | None if error.is_timeout() => (
            ErrorKind::Connect,
            format!("{host} let no connection come about in time"),
        ),
        _ => (ErrorKind::Connect, format!("no connection to {host}")),
    }
}

fn tls_detail(error: &rustls::Error, host: &str) -> String {
    use CertificateError as Cert;
    use rustls::Error as Tls;

    match error {
        Tls::InvalidCertificate(why) => {
            let what = match why {
                Cert::Expired | Cert::ExpiredContext { .. } => "has expired",
                Cert::NotValidYet | Cert::NotValidYetContext { .. } => "is not valid yet",
                Cert::NotValidForName | Cert::NotValidForNameContext { .. } => {
                    "is for another name"
                }
                Cert::UnknownIssuer => "comes from an unknown issuer",
                Cert::Revoked => "is revoked",
                _ => "is not acceptable",
            };
            format!("the TLS certificate of {host} {what}")
        }
        Tls::AlertReceived(_) => format!("{host} refused the TLS handshake"),
        Tls::InvalidMessage(_) => format!("{host} does not speak TLS"),
        _ => format!("the TLS handshake with {host} failed"),
    }
}

fn broken_off(error: reqwest::Error, host: &str) -> Error {
    Error::new(ErrorKind::Http, format!("the answer of {host} broke off"))
        .with_source(story(&error.without_url()))
}

/// An error and its causes, outermost first; also those that an I/O error wraps
/// and its `source` passes over.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

/// The causes as text: the types of reqwest and hyper are no part of this
/// crate's API, and their debug output shows addresses.
fn story(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = causes(error).map(ToString::to_string).collect();
    parts.dedup();
    parts.join(": ")
}
