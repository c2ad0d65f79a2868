use std::net::TcpListener as StdListener;
use std::process::Command;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderValue, Method, StatusCode};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::dns::{AddressGuard, DnsResolver};

const HOST: &str = "openpgpkey.example.org";
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A web server on a free port of loopback that says the same to everybody.
struct Web {
    address: SocketAddr,
    /// The head of each request, by connection.
    seen: Arc<Mutex<Vec<Vec<String>>>>,
    /// Each connection that stands has a clone.
    open: Arc<()>,
}

impl Web {
    async fn plain(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(None, answer).await
    }

    async fn tls(config: rustls::ServerConfig, answer: impl Into<Vec<u8>>) -> Self {
        Self::start(Some(Arc::new(config).into()), answer).await
    }

    async fn start(tls: Option<TlsAcceptor>, answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            open: Arc::default(),
        };
        let (seen, open) = (web.seen.clone(), web.open.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let (seen, answer, tls) = (seen.clone(), answer.clone(), tls.clone());
                let open = open.clone();
                tokio::spawn(async move {
                    let _open = open;
                    let log = |head| seen.lock().unwrap()[connection].push(head);
                    match tls {
                        None => serve(stream, &answer, log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &answer, log).await;
                            }
                        }
                    }
                });
            }
        });
        web
    }

    fn connections(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// How many of them stand: the listener has a clone too.
    fn open(&self) -> usize {
        Arc::strong_count(&self.open) - 2
    }

    /// The heads of all requests.
    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().concat()
    }
}

/// Answers until the other side has enough; an answer that says so is the last.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &[u8],
    log: impl Fn(String),
) {
    let last = String::from_utf8_lossy(answer).contains("Connection: close");
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(octet) => head.push(octet),
                Err(_) => return,
            }
        }
        log(String::from_utf8(head).unwrap());
        if stream.write_all(answer).await.is_err() {
            return;
        }
        if last {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// A resolver with one answer for everything.
#[derive(Debug)]
struct Says(Result<Vec<SocketAddr>, ErrorKind>);

impl DnsResolver for Says {
    fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        let answer = self.0.clone().map_err(|kind| Error::new(kind, "told so"));
        Box::pin(async { answer })
    }
}

fn peer(host: &str, addresses: &[SocketAddr], guard: AddressGuard) -> Peer {
    let dns = Arc::new(Says(Ok(addresses.to_vec())));
    Peer::new(host, dns, Arc::new(guard))
}

fn request(url: &str, peer: Peer) -> Request {
    let deadline = Instant::now() + Duration::from_secs(20);
    Request::get(url.parse().unwrap(), peer, 1024, deadline)
}

/// A request for a server that the caller named.
fn named(web: &Web) -> Request {
    let peer = peer(HOST, &[web.address], AddressGuard::new()).named();
    request(&format!("http://{HOST}/vks/v1/by-email/alice"), peer)
}

/// A request that the guard holds for; it allows this server.
fn guarded(web: &Web) -> Request {
    let guard = AddressGuard::new().allow_socket(web.address);
    let peer = peer(HOST, &[web.address], guard);
    request(&format!("https://{HOST}/.well-known/x?l=alice"), peer)
}

/// The same, for one of many hosts of this server.
fn numbered(web: &Web, n: usize) -> Request {
    let host = format!("h{n}.example.org");
    let guard = AddressGuard::new().allow_socket(web.address);
    let peer = peer(&host, &[web.address], guard);
    request(&format!("https://{host}/"), peer)
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Issuers are told apart by name.
        let name = format!("{:x?}", &key.public_key_raw()[1..9]);
        let kind = rcgen::DnType::CommonName;
        params.distinguished_name.push(kind, name);
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn builder(&self) -> ReqwestTransportBuilder {
        ReqwestTransport::builder().trust_anchor(self.0.der().to_vec())
    }

    fn transport(&self) -> ReqwestTransport {
        self.builder().build().unwrap()
    }

    /// A server's configuration with a certificate for these years.
    fn server(&self, name: &str, years: std::ops::Range<i32>) -> rustls::ServerConfig {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap()
    }
}

/// A transport that needs no trust store, so that the tests run anywhere.
fn transport() -> ReqwestTransport {
    Authority::new().transport()
}

/// Neither the sentence nor the causes may tell whose key was looked for, or
/// what the name resolved to.
fn assert_discreet(error: &Error) {
    let told = format!("{error} {error:?}");
    for secret in ["alice", "127.0.0.1", "/vks/", "well-known"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(error.to_string().contains(HOST), "{error}");
}

#[tokio::test]
async fn a_request_carries_only_what_is_given() {
    let web = Web::plain(HELLO).await;
    let mut request = named(&web);
    request
        .headers
        .insert("x-given", HeaderValue::from_static("1"));
    let answer = transport().send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "hello");
    assert!(!answer.truncated);
    let mut lines: Vec<_> = web.requests()[0]
        .trim_end()
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.remove(0), "GET /vks/v1/by-email/alice HTTP/1.1");
    lines.sort();
    let agent = format!(
        "user-agent: openpgp-discovery/{}",
        env!("CARGO_PKG_VERSION")
    );
    let host = format!("host: {HOST}");
    assert_eq!(lines, ["accept: */*", &host, &agent, "x-given: 1"]);
}

#[tokio::test]
async fn a_body_and_a_user_agent_are_sent() {
    let web = Web::plain(HELLO).await;
    let transport = ReqwestTransport::builder()
        .trust_anchor(Authority::new().0.der().to_vec())
        .user_agent("example")
        .build()
        .unwrap();
    let mut request = named(&web);
    request.method = Method::POST;
    request.body = Bytes::from_static(b"{}");
    transport.send(request).await.unwrap();
    let head = &web.requests()[0];
    assert!(head.starts_with("POST /"), "{head}");
    assert!(head.contains("user-agent: example\r\n"), "{head}");
    assert!(head.contains("content-length: 2\r\n"), "{head}");
}

#[tokio::test]
async fn any_status_is_an_answer_and_nothing_follows_it() {
    for (status, field) in [
        (StatusCode::FOUND, "Location: /elsewhere"),
        (
            StatusCode::PERMANENT_REDIRECT,
            "Location: https://other.example/",
        ),
        (
            StatusCode::UNAUTHORIZED,
            "WWW-Authenticate: Basic realm=\"a\"",
        ),
        (
            StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            "Proxy-Authenticate: Basic",
        ),
        (StatusCode::NOT_FOUND, "Set-Cookie: a=b"),
        (StatusCode::TOO_MANY_REQUESTS, "Retry-After: 0"),
        (StatusCode::SERVICE_UNAVAILABLE, "Retry-After: 0"),
        (StatusCode::INTERNAL_SERVER_ERROR, "X: y"),
    ] {
        let web = Web::plain(format!(
            "HTTP/1.1 {status}\r\n{field}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        let transport = transport();
        for _ in 0..2 {
            let answer = transport.send(named(&web)).await.unwrap();
            assert_eq!(answer.status, status);
            let (name, value) = field.split_once(": ").unwrap();
            assert_eq!(answer.headers[name], value);
        }
        let requests = web.requests();
        assert_eq!(requests.len(), 2, "{status}");
        for head in requests {
            let head = head.to_ascii_lowercase();
            for field in ["cookie", "authorization", "referer", "accept-encoding"] {
                assert!(!head.contains(field), "{head}");
            }
        }
    }
}

#[tokio::test]
async fn an_encoded_body_stays_encoded() {
    // gzip of nothing at all: any decoder would make it empty.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n".to_vec();
    answer.extend(gzip);
    let web = Web::plain(answer).await;
    let answer = transport().send(named(&web)).await.unwrap();
    assert_eq!(answer.body, gzip[..]);
    assert_eq!(answer.headers[CONTENT_ENCODING], "gzip");
}

#[tokio::test]
async fn the_body_is_read_up_to_the_limit() {
    let sized = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}",
            "a".repeat(length)
        )
    };
    let chunked = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            format!("10\r\n{}\r\n", "a".repeat(16)).repeat(length / 16)
        )
    };
    let until_closed = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
            "a".repeat(length)
        )
    };
    // The limit is 1024. A longer body that is announced is not read at all.
    for (what, answer, read, truncated) in [
        ("sized, empty", sized(0), 0, false),
        ("sized, at the limit", sized(1024), 1024, false),
        ("sized, over it", sized(1025), 0, true),
        ("chunked, at the limit", chunked(1024), 1024, false),
        ("chunked, over it", chunked(1040), 1024, true),
        (
            "until closed, at the limit",
            until_closed(1024),
            1024,
            false,
        ),
        ("until closed, over it", until_closed(100_000), 1024, true),
    ] {
        let web = Web::plain(answer).await;
        let answer = transport().send(named(&web)).await.unwrap();
        assert_eq!(answer.body.len(), read, "{what}");
        assert_eq!(answer.truncated, truncated, "{what}");
    }
}

#[tokio::test]
async fn a_limit_of_nothing_reads_nothing() {
    for (answer, truncated) in [(HELLO, true), ("HTTP/1.1 204 No Content\r\n\r\n", false)] {
        let web = Web::plain(answer).await;
        let mut request = named(&web);
        request.max_body = 0;
        let answer = transport().send(request).await.unwrap();
        assert!(answer.body.is_empty());
        assert_eq!(answer.truncated, truncated);
    }
}

/// The announced length belongs to a body that a `HEAD` does not get.
#[tokio::test]
async fn head_has_no_body() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let web = Web::plain(answer).await;
    let mut request = named(&web);
    request.method = Method::HEAD;
    let answer = transport().send(request).await.unwrap();
    assert!(answer.body.is_empty() && !answer.truncated);
}

#[tokio::test]
async fn broken_http_is_an_error() {
    let huge_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(1_000_000));
    let many_fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    for answer in [
        // Ends before the announced length.
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nhello",
        // Ends before the last chunk.
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n",
        "Connection: close",
        "220 mail.example.org ESMTP\r\n\r\n",
        "\r\n\r\nConnection: close",
        &huge_head,
        &many_fields,
    ] {
        let web = Web::plain(answer).await;
        let error = transport().send(named(&web)).await.unwrap_err();
        let start = &answer[..answer.len().min(60)];
        assert_eq!(error.kind(), ErrorKind::Http, "{start:?}: {error}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn the_deadline_holds() {
    // Answers to nothing; and one that stops in the middle.
    let mute = StdListener::bind("127.0.0.1:0").unwrap();
    let slow = Web::plain("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    for address in [mute.local_addr().unwrap(), slow.address] {
        let peer = peer(HOST, &[address], AddressGuard::new()).named();
        let mut request = request(&format!("http://{HOST}/alice"), peer);
        request.deadline = Instant::now() + Duration::from_millis(200);
        let start = Instant::now();
        let error = transport().send(request.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_discreet(&error);
        assert!(start.elapsed() < Duration::from_secs(5));
        // It has passed now.
        let connections = slow.connections();
        let error = transport().send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(slow.connections(), connections);
    }
}

#[tokio::test]
async fn tls_with_an_anchor_of_ones_own() {
    let authority = Authority::new();
    let web = Web::tls(authority.server(HOST, 2000..4000), HELLO).await;
    let pem = ReqwestTransport::builder()
        .trust_anchors_pem(authority.0.pem())
        .build()
        .unwrap();
    for transport in [authority.transport(), pem] {
        let answer = transport.send(guarded(&web)).await.unwrap();
        assert_eq!(answer.body, "hello");
    }
}

#[tokio::test]
async fn tls_that_is_not_to_be_trusted() {
    let authority = Authority::new();
    for (config, says) in [
        (authority.server(HOST, 2000..2001), "has expired"),
        (authority.server(HOST, 4000..4001), "is not valid yet"),
        (authority.server("example.org", 2000..4000), "another name"),
        (Authority::new().server(HOST, 2000..4000), "unknown issuer"),
    ] {
        let web = Web::tls(config, HELLO).await;
        let error = authority.transport().send(guarded(&web)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{says}");
        assert!(error.to_string().contains(says), "{error}");
        assert_discreet(&error);
        assert!(web.requests().is_empty(), "{says}");
    }
}

#[tokio::test]
async fn tls_that_comes_to_nothing() {
    let authority = Authority::new();
    // One speaks HTTP where TLS is due, one has nothing to say.
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closes = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [
        (plain.local_addr().unwrap(), "does not speak TLS"),
        (closes.local_addr().unwrap(), "broke off the TLS handshake"),
    ];
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = plain.accept().await.unwrap();
            stream.write_all(HELLO.as_bytes()).await.unwrap();
            // Read what is there, or closing would reset the connection.
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = closes.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    for (address, says) in addresses {
        let guard = AddressGuard::new().allow_socket(address);
        let request = request(
            &format!("https://{HOST}/alice"),
            peer(HOST, &[address], guard),
        );
        let error = authority.transport().send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
        assert_discreet(&error);
    }
}

/// An address where nobody listens.
fn refusing() -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_refused_connection() {
    for scheme in ["http", "https"] {
        let peer = peer(HOST, &[refusing()], AddressGuard::new()).named();
        let request = request(&format!("{scheme}://{HOST}/alice"), peer);
        let error = transport().send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
        assert!(error.to_string().contains("refused"), "{error}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let web = Web::plain(HELLO).await;
    let peer = peer(HOST, &[refusing(), web.address], AddressGuard::new()).named();
    let request = request(&format!("http://{HOST}/"), peer);
    assert_eq!(transport().send(request).await.unwrap().body, "hello");
}

#[tokio::test]
async fn the_resolvers_error_comes_through() {
    for kind in [ErrorKind::Dns, ErrorKind::Timeout] {
        let dns = Arc::new(Says(Err(kind)));
        let peer = Peer::new(HOST, dns, Arc::new(AddressGuard::new()));
        let request = request(&format!("https://{HOST}/alice"), peer);
        let error = transport().send(request).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("told so"), "{error}");
    }
}

#[tokio::test]
async fn what_the_guard_refuses_is_not_connected_to() {
    let authority = Authority::new();
    let canary = Web::tls(authority.server(HOST, 2000..4000), HELLO).await;
    let transport = authority.transport();
    // By what the name resolves to.
    let blocked = peer(HOST, &[canary.address], AddressGuard::new());
    // By the URL, past the resolver.
    let fine = || {
        let guard = AddressGuard::new().allow_socket(canary.address);
        peer(HOST, &[canary.address], guard)
    };
    let port = canary.address.port();
    for (url, peer) in [
        (format!("https://{HOST}/"), blocked),
        (format!("https://127.0.0.1:{port}/"), fine()),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), fine()),
        (format!("https://2130706433:{port}/"), fine()),
        (format!("https://{HOST}:{port}/"), fine()),
        (format!("http://{HOST}:{port}/"), fine()),
        (format!("http://{HOST}/"), fine()),
        ("https://other.example/".to_owned(), fine()),
        (format!("https://{HOST}./"), fine()),
        (format!("https://user@{HOST}/"), fine()),
        (format!("https://:secret@{HOST}/"), fine()),
        ("data:text/plain,hello".to_owned(), fine().named()),
        (format!("ftp://{HOST}/"), fine().named()),
    ] {
        let error = transport.send(request(&url, peer)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked, "{url}: {error}");
    }
    assert_eq!(canary.connections(), 0);
    // The canary sings if it is let.
    let request = request(&format!("https://{HOST}/"), fine());
    assert_eq!(transport.send(request).await.unwrap().body, "hello");
    assert_eq!(canary.connections(), 1);
}

#[tokio::test]
async fn mixed_answers_lose_what_is_refused() {
    let authority = Authority::new();
    let web = Web::tls(authority.server(HOST, 2000..4000), HELLO).await;
    let canary = Web::plain(HELLO).await;
    let guard = AddressGuard::new().allow_socket(web.address);
    let peer = peer(HOST, &[canary.address, web.address], guard);
    let request = request(&format!("https://{HOST}/"), peer);
    authority.transport().send(request).await.unwrap();
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_named_origin_may_have_a_port_or_be_a_literal() {
    let web = Web::plain(HELLO).await;
    let port = web.address.port();
    // The URL's port wins over the resolver's.
    let wrong = SocketAddr::new(web.address.ip(), 1);
    for (url, host) in [
        (format!("http://{HOST}:{port}/"), HOST),
        (format!("http://127.0.0.1:{port}/"), "127.0.0.1"),
    ] {
        let peer = peer(host, &[wrong], AddressGuard::new()).named();
        transport().send(request(&url, peer)).await.unwrap();
    }
    assert_eq!(web.connections(), 2);
}

#[tokio::test]
async fn connections_are_reused_but_not_across_the_guard() {
    let authority = Authority::new();
    let web = Web::tls(authority.server(HOST, 2000..4000), HELLO).await;
    let transport = authority.transport();
    for _ in 0..3 {
        transport.clone().send(guarded(&web)).await.unwrap();
    }
    assert_eq!(web.connections(), 1);
    let peer = peer(HOST, &[web.address], AddressGuard::new()).named();
    let named = request(&format!("https://{HOST}/"), peer);
    transport.send(named).await.unwrap();
    assert_eq!(web.connections(), 2);
    assert_eq!(web.requests().len(), 4);
}

#[tokio::test]
async fn a_connection_of_ones_own_is_used_once_and_tells_the_certificate() {
    let authority = Authority::new();
    let web = Web::tls(authority.server(HOST, 2000..4000), HELLO).await;
    let transport = authority.transport();
    let usual = transport.send(guarded(&web)).await.unwrap();
    assert_eq!(usual.peer_certificate, None);
    for connections in 2..5 {
        let mut request = guarded(&web);
        request.own_connection = true;
        let answer = transport.send(request).await.unwrap();
        assert_eq!(web.connections(), connections);
        let der = answer.peer_certificate.expect("a certificate");
        // Its own, in which its name stands.
        let name = HOST.as_bytes();
        assert!(der.windows(name.len()).any(|part| part == name));
    }
    // The others go on over theirs.
    transport.send(guarded(&web)).await.unwrap();
    assert_eq!(web.connections(), 4);
}

/// Whoever asks many hosts keeps few connections, and not those of the first.
#[tokio::test]
async fn idle_connections_have_an_end() {
    let authority = Authority::new();
    let web = Web::tls(authority.server("*.example.org", 2000..4000), HELLO).await;
    for (most, kept) in [(8, 8), (2, 2), (1, 1), (0, 0)] {
        let transport = authority.builder().idle_connections(most).build().unwrap();
        let before = web.connections();
        for n in 0..40 {
            transport.send(numbered(&web, n)).await.unwrap();
        }
        assert_eq!(web.connections() - before, 40);
        // The server notices at some time.
        let few = async {
            while web.open() > kept {
                tokio::task::yield_now().await;
            }
        };
        timeout_at((Instant::now() + Duration::from_secs(20)).into(), few)
            .await
            .unwrap_or_else(|_| panic!("{} stand, for {most}", web.open()));
        assert_eq!(web.open(), kept, "for {most}");
        // The last ones are used again, however often.
        for n in (40 - kept..40).chain(40 - kept..40) {
            transport.send(numbered(&web, n)).await.unwrap();
            // Until the connection is at rest.
            tokio::task::yield_now().await;
        }
        assert_eq!(web.connections() - before, 40, "{most}");
    }
}

/// One that never ends its answer keeps its own connection, and nobody else's; where it
/// has all the room, the others have none.
#[tokio::test]
async fn a_request_that_hangs_keeps_no_idle_connections() {
    let authority = Authority::new();
    let config = || authority.server("*.example.org", 2000..4000);
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    let (web, slow) = (
        Web::tls(config(), HELLO).await,
        Web::tls(config(), half).await,
    );
    for most in [4, 1] {
        let transport = authority.builder().idle_connections(most).build().unwrap();
        let before = slow.requests().len();
        let mut hangs = Box::pin(transport.send(numbered(&slow, 99)));
        while slow.requests().len() == before {
            tokio::select! {
                _ = &mut hangs => panic!("it ended"),
                () = tokio::task::yield_now() => {}
            }
        }
        for n in 0..20 {
            transport.send(numbered(&web, n)).await.unwrap();
        }
        let few = async {
            while web.open() > most - 1 {
                tokio::task::yield_now().await;
            }
        };
        timeout_at((Instant::now() + Duration::from_secs(20)).into(), few)
            .await
            .unwrap_or_else(|_| panic!("{} stand, for {most}", web.open()));
    }
}

/// Many at once: hyper's pool lets connections of one request serve another.
#[tokio::test]
async fn concurrent_requests_each_find_their_addresses() {
    let web = Web::plain(HELLO).await;
    let transport = transport();
    let requests = (0..20).map(|_| transport.send(named(&web)));
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer.unwrap().body, "hello");
    }
    assert_eq!(web.requests().len(), 20);
}

#[tokio::test]
async fn a_dropped_request_is_given_up() {
    let web = Web::plain("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    let transport = transport();
    let mut send = Box::pin(transport.send(named(&web)));
    while web.requests().is_empty() {
        tokio::select! {
            answer = &mut send => panic!("{answer:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(send);
    // The next one does not get the half-read connection.
    let error = tokio::time::timeout(Duration::from_millis(100), transport.send(named(&web)));
    assert!(error.await.is_err());
    assert_eq!(web.connections(), 2);
}

#[test]
fn configuration_errors() {
    let builder = ReqwestTransport::builder;
    let anchor = || builder().trust_anchor(Authority::new().0.der().to_vec());
    for (what, builder) in [
        ("no certificate", builder().trust_anchor(b"junk".to_vec())),
        ("an empty file", anchor().trust_anchors_pem("")),
        ("no PEM", anchor().trust_anchors_pem("junk")),
        (
            "another kind of PEM",
            anchor().trust_anchors_pem(KeyPair::generate().unwrap().serialize_pem()),
        ),
        (
            "broken PEM",
            anchor()
                .trust_anchors_pem("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
        ),
        (
            "no certificate in PEM",
            anchor().trust_anchors_pem(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            ),
        ),
        (
            "a user agent of two lines",
            anchor().user_agent("a\r\nb: c"),
        ),
    ] {
        let error = builder.build().map(|_| what).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{what}");
    }
}

#[test]
fn a_machine_without_trust_store() {
    // The variables hold for a whole process, so it needs one of its own.
    if std::env::var_os(CHILD).is_some() {
        let error = ReqwestTransport::builder().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("trust store"), "{error}");
        transport();
    } else if cfg!(all(
        unix,
        not(target_vendor = "apple"),
        not(target_os = "android")
    )) {
        let nowhere = std::env::temp_dir().join("openpgp-discovery-no-such-directory");
        again(
            "a_machine_without_trust_store",
            &["SSL_CERT_FILE", "SSL_CERT_DIR"],
            nowhere.as_os_str(),
        );
    }
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    if std::env::var_os(CHILD).is_some() {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let authority = Authority::new();
                let secure = Web::tls(authority.server(HOST, 2000..4000), HELLO).await;
                let plain = Web::plain(HELLO).await;
                let transport = authority.transport();
                transport.send(guarded(&secure)).await.unwrap();
                transport.send(named(&plain)).await.unwrap();
            });
    } else {
        // A proxy would have to be reached first, and nobody is there.
        let proxy = format!("http://{}", refusing());
        let names = [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ];
        again(
            "proxies_of_the_environment_are_not_used",
            &names,
            proxy.as_ref(),
        );
    }
}

const CHILD: &str = "OPENPGP_DISCOVERY_TEST_CHILD";

/// Runs a test of this file in a process of its own, with variables set.
fn again(test: &str, names: &[&str], value: &std::ffi::OsStr) {
    let path = format!("transport::reqwest::tests::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &path])
        .envs(names.iter().map(|name| (name, value)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("1 passed"), "{stdout}");
}

#[test]
fn few_addresses_of_each_family() {
    let six = (0..9).map(|n| format!("[2001:db8::{n}]:0"));
    let four = (0..9).map(|n| format!("192.0.2.{n}:0"));
    let all: Vec<_> = six.chain(four).map(|text| text.parse().unwrap()).collect();
    let few = few(all.clone());
    assert_eq!(few, [&all[..4], &all[9..13]].concat());
}

/// With HTTP/2 a server could flood the client behind its answer; where the guard
/// holds, it is not offered unless the caller wants it.
#[tokio::test]
async fn strangers_are_not_offered_http2() {
    let authority = Authority::new();
    let mut config = authority.server(HOST, 2020..2090);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls: TlsAcceptor = Arc::new(config).into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut chosen = Vec::new();
        for _ in 0..3 {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = tls.accept(stream).await.unwrap();
            chosen.push(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
        }
        chosen
    });
    let transport = authority.transport();
    let guard = AddressGuard::new().allow_socket(address);
    let strangers = peer(HOST, &[address], guard);
    let _ = transport
        .send(request(&format!("https://{HOST}/x"), strangers.clone()))
        .await;
    let _ = transport
        .send(request(
            &format!("https://{HOST}/x"),
            strangers.clone().named(),
        ))
        .await;
    let trusting = authority.builder().http2(true).build().unwrap();
    let _ = trusting
        .send(request(&format!("https://{HOST}/x"), strangers))
        .await;
    let chosen = server.await.unwrap();
    let names = ["http/1.1", "h2", "h2"].map(|name| Some(name.as_bytes().to_vec()));
    assert_eq!(chosen, names);
}

/// IPv6 leads nowhere: that is found out once, and not for each host.
#[tokio::test]
async fn a_family_that_lost_comes_second() {
    let web = Web::plain(HELLO).await;
    // Nobody listens there, and where there is no IPv6, nobody can.
    let six = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9));
    let both = [six, web.address];
    let transport = transport();
    let peer = peer(HOST, &both, AddressGuard::new()).named();
    let answer = transport.send(request(&format!("http://{HOST}/x"), peer));
    assert_eq!(answer.await.unwrap().status, StatusCode::OK);
    let mut order = both;
    transport.families.arrange(&mut order);
    assert_eq!(order, [web.address, six]);
}
