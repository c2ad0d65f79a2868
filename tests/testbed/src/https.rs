//! The web hosts: TLS by server name, HTTP/1.1 and HTTP/2, any answer.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, Cursor};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_rustls::LazyConfigAcceptor;

use crate::Fault;
use crate::answer::{Answer, End, Flow, Manner, Plan};
use crate::ca::Authority;
use crate::door::Door;
use crate::line::Wire;
use crate::log::{Log, Request, lock};
use crate::vks::Vks;

/// A web host; see [`Testbed::host`](crate::Testbed::host). Each method plants at once.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    web: &'a Web,
    name: &'a str,
}

impl Host<'_> {
    /// Answers this path (or this path and query) so from now on.
    pub fn serve(self, path: &str, answer: Answer) -> Self {
        self.edit(|site| {
            site.had_raw |= answer.is_raw();
            site.plan(path).always(answer);
        })
    }

    /// Answers this path so the next times, and then as planted before.
    pub fn serve_first(self, times: usize, path: &str, answer: Answer) -> Self {
        self.edit(|site| {
            site.had_raw |= answer.is_raw();
            site.plan(path).first(times, answer);
        })
    }

    /// Answers every path so for which nothing else is planted, instead of 404.
    pub fn serve_all(self, answer: Answer) -> Self {
        self.edit(|site| {
            site.had_raw |= answer.is_raw();
            site.elsewhere.always(answer);
        })
    }

    /// Breaks the host.
    pub fn fault(self, fault: Fault) -> Self {
        self.edit(|site| {
            site.fault = Some(fault);
            site.port = None;
        })
    }

    /// Leads to this port instead of the testbed's own: to a
    /// [`Canary`](crate::Canary), or another server.
    pub fn points_at(self, socket: SocketAddr) -> Self {
        self.edit(|site| site.port = Some(socket.port()))
    }

    /// Answers HEAD so, whatever the path, and not as GET.
    pub fn answer_head(self, answer: Answer) -> Self {
        self.edit(|site| site.head.always(answer))
    }

    /// Refuses connections over IPv6: an address of that family leads nowhere.
    pub fn without_ipv6(self) -> Self {
        self.edit(|site| site.ipv6 = Some(Door::Refused))
    }

    /// Never answers over IPv6: an address of that family leads into a black hole,
    /// as [`Fault::BlackHole`] is one.
    pub fn ipv6_is_dead(self) -> Self {
        self.edit(|site| site.ipv6 = Some(Door::BlackHole))
    }

    /// Offers HTTP/1.1 only.
    pub fn without_http2(self) -> Self {
        self.edit(|site| site.no_http2 = true)
    }

    pub(crate) fn serve_vks(self) -> Self {
        self.edit(|site| site.is_vks = true)
    }

    fn edit(self, edit: impl FnOnce(&mut Site)) -> Self {
        edit(
            lock(&self.web.sites)
                .entry(self.name.to_ascii_lowercase())
                .or_default(),
        );
        self
    }
}

/// All web hosts.
#[derive(Debug)]
pub(crate) struct Web {
    sites: Mutex<HashMap<String, Site>>,
    /// Addresses that lead to a listener of their own, whatever the name.
    traps: Mutex<HashMap<IpAddr, u16>>,
    pub(crate) authority: Authority,
    pub(crate) vks: Arc<Vks>,
    pub(crate) log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Site {
    fault: Option<Fault>,
    port: Option<u16>,
    no_http2: bool,
    /// Where IPv6 leads, if elsewhere than IPv4.
    ipv6: Option<Door>,
    is_vks: bool,
    /// Whether any answer was ever raw: with a directory of thousands of files, each
    /// connection would else look through all of them.
    had_raw: bool,
    head: Plan,
    paths: HashMap<String, Plan>,
    elsewhere: Plan,
}

impl Site {
    fn plan(&mut self, path: &str) -> &mut Plan {
        self.paths.entry(path.to_owned()).or_default()
    }

    /// The plan for what was asked: the nearest that has anything planned.
    fn plan_for(&mut self, request: &Request) -> &mut Plan {
        if request.method == Method::HEAD && self.head.peek().is_some() {
            return &mut self.head;
        }
        let planned = |key: &str| {
            self.paths
                .get(key)
                .is_some_and(|plan| plan.peek().is_some())
        };
        let key = [&request.target[..], request.path()]
            .into_iter()
            .find(|key| planned(key));
        match key.and_then(|key| self.paths.get_mut(key)) {
            Some(plan) => plan,
            None => &mut self.elsewhere,
        }
    }

    fn has_raw(&self) -> bool {
        let mut plans = self.paths.values().chain([&self.elsewhere]);
        self.had_raw && plans.any(|plan| plan.any(Answer::is_raw))
    }
}

impl Web {
    pub(crate) fn new(vks: Arc<Vks>, log: Arc<Log>) -> Self {
        Self {
            sites: Mutex::default(),
            traps: Mutex::default(),
            authority: Authority::new(),
            vks,
            log,
        }
    }

    pub(crate) fn host<'a>(&'a self, name: &'a str) -> Host<'a> {
        Host { web: self, name }
    }

    pub(crate) fn set_trap(&self, socket: SocketAddr) {
        lock(&self.traps).insert(socket.ip(), socket.port());
    }

    /// The port of the trap at this address; as IPv4-mapped, it is the same one.
    pub(crate) fn trap(&self, ip: IpAddr) -> Option<u16> {
        lock(&self.traps).get(&ip.to_canonical()).copied()
    }

    /// Which listener serves this host, or which other port.
    pub(crate) fn door(&self, host: &str) -> Result<Door, u16> {
        match lock(&self.sites).get(host) {
            Some(Site {
                port: Some(port), ..
            }) => Err(*port),
            Some(Site {
                fault: Some(fault), ..
            }) => Ok(fault.door()),
            _ => Ok(Door::Https),
        }
    }

    /// Which listener serves this host over IPv6, where that is another one.
    pub(crate) fn ipv6_door(&self, host: &str) -> Option<Door> {
        lock(&self.sites).get(host)?.ipv6
    }

    /// Serves one connection at the door where TLS is spoken.
    pub(crate) async fn serve_tls(self: Arc<Self>, wire: Wire) {
        self.log.connection(Door::Https);
        let Ok(hello) = LazyConfigAcceptor::new(Acceptor::default(), wire).await else {
            return;
        };
        // A client sends no server name for an address literal.
        let name = hello
            .client_hello()
            .server_name()
            .unwrap_or("127.0.0.1")
            .to_owned();
        self.log.hello(&name);
        let (fault, http2, raw) = match lock(&self.sites).get(&name) {
            Some(site) => (
                site.fault,
                !site.no_http2 && !site.has_raw(),
                site.has_raw(),
            ),
            None => (None, true, false),
        };
        if let Some(Fault::StallHandshake | Fault::CutHandshake) = fault {
            let mut wire = hello.io;
            let _ = wire.write_all(&UNFINISHED).await;
            if fault == Some(Fault::StallHandshake) {
                std::future::pending().await
            }
            return;
        }
        let Some(config) = self.authority.config(&name, fault, http2) else {
            refuse_handshake(hello.io).await;
            return;
        };
        let Ok(mut tls) = hello.into_stream(config).await else {
            return;
        };
        if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.serve_http(tls, Version::HTTP_2, true).await;
        } else if raw {
            if self.serve_raw(&mut tls).await {
                // Whoever reads to the end shall find one that TLS vouches for.
                let _ = tls.shutdown().await;
            }
        } else {
            self.serve_http(tls, Version::HTTP_11, true).await;
        }
    }

    /// Serves HTTP on an open connection.
    pub(crate) async fn serve_http<S>(
        self: Arc<Self>,
        stream: S,
        version: Version,
        keep_alive: bool,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let hang_up = Arc::new(Notify::new());
        let service = service_fn(|request| self.clone().respond(request, hang_up.clone()));
        let io = TokioIo::new(stream);
        // How the client ends the connection is its own business.
        if version == Version::HTTP_2 {
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::select! {
                _ = http2.serve_connection(io, service) => {}
                () = hang_up.notified() => {}
            }
        } else {
            let mut http1 = hyper::server::conn::http1::Builder::new();
            http1.keep_alive(keep_alive);
            tokio::select! {
                _ = http1.serve_connection(io, service) => {}
                () = hang_up.notified() => {}
            }
        }
    }

    /// Serves one request of a host that has raw answers. Whether the
    /// connection is then to end in order.
    async fn serve_raw<S>(self: &Arc<Self>, stream: &mut S) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Some(head) = read_head(stream).await else {
            return true;
        };
        let request = parse_head(&head);
        let raw = {
            let mut sites = lock(&self.sites);
            let plan = sites
                .get_mut(&request.host)
                .map(|site| site.plan_for(&request));
            plan.filter(|plan| plan.peek().is_some_and(Answer::is_raw))
                .and_then(Plan::next)
        };
        let Some(Answer {
            manner: Manner::Raw(octets, end),
            ..
        }) = raw
        else {
            // An ordinary answer after all. One request only: the next could be
            // for a raw one.
            let (rest, out) = tokio::io::split(stream);
            let whole = tokio::io::join(Cursor::new(head).chain(rest), out);
            let web = self.clone();
            web.serve_http(whole, Version::HTTP_11, false).await;
            return true;
        };
        self.log.request(request);
        // The client may have had enough before the end.
        let _ = write_raw(stream, &octets, &end).await;
        !matches!(end, End::Cut)
    }

    async fn respond(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        hang_up: Arc<Notify>,
    ) -> Result<Response<Flow>, std::convert::Infallible> {
        let request = seen(request).await;
        self.log.request(request.clone());
        let answer = self.answer(&request);
        if let Some(response) = answer.respond().await {
            return Ok(response);
        }
        hang_up.notify_one();
        // Whoever serves the connection drops this future with it.
        std::future::pending().await
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut sites = lock(&self.sites);
        let Some(site) = sites.get_mut(&request.host) else {
            return Answer::missing();
        };
        match site.plan_for(request).next() {
            Some(answer) => answer,
            None if site.is_vks => self.vks.answer(request),
            None => Answer::missing(),
        }
    }
}

async fn write_raw<S>(stream: &mut S, octets: &[u8], end: &End) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    if let End::Slow(pause) = end {
        for octet in octets {
            tokio::time::sleep(*pause).await;
            stream.write_all(&[*octet]).await?;
            stream.flush().await?;
        }
        return Ok(());
    }
    stream.write_all(octets).await?;
    stream.flush().await?;
    match end {
        End::Endless(piece) => loop {
            stream.write_all(piece).await?;
        },
        End::Stall => std::future::pending().await,
        End::Close | End::Cut | End::Slow(_) => Ok(()),
    }
}

/// What the log keeps of a request.
pub(crate) async fn seen(request: hyper::Request<Incoming>) -> Request {
    let (head, body) = request.into_parts();
    let authority = head.uri.authority().map(|a| a.as_str());
    let host = authority.or_else(|| head.headers.get(HOST)?.to_str().ok());
    Request {
        host: host_of(host.unwrap_or_default()),
        method: head.method,
        target: head
            .uri
            .path_and_query()
            .map_or_else(|| head.uri.path(), |target| target.as_str())
            .to_owned(),
        headers: head.headers,
        version: head.version,
        body: read_body(body).await,
    }
}

/// As far as it comes, and as the log keeps it.
async fn read_body(mut body: Incoming) -> Bytes {
    const MOST: usize = 8 << 20;
    let mut whole = BytesMut::new();
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data[..data.len().min(MOST - whole.len())]);
        }
    }
    whole.freeze()
}

/// An authority without its port.
fn host_of(authority: &str) -> String {
    let end = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => colon,
        _ => authority.len(),
    };
    authority[..end].to_ascii_lowercase()
}

/// The start of a TLS record of the handshake that is to hold 1,024 octets.
const UNFINISHED: [u8; 9] = [22, 3, 3, 4, 0, 2, 0, 3, 252];

/// A fatal alert (handshake_failure) in a TLS 1.2 record, which every version reads.
async fn refuse_handshake(mut wire: Wire) {
    let _ = wire.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
    let _ = wire.shutdown().await;
}

/// Reads up to the empty line. `None` where the client is done before.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        if head.len() > 65_536 || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Reads what a client of this project sends; anything else just misses its plan.
fn parse_head(head: &[u8]) -> Request {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first
        .next()
        .and_then(|m| m.parse().ok())
        .unwrap_or_default();
    let target = first.next().unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.trim());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).map(host_of);
    Request {
        host: host.unwrap_or_default(),
        method,
        target,
        headers,
        version: Version::HTTP_11,
        body: Bytes::new(),
    }
}
