//! `wkd_server`, asked as clients ask it.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use axum::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo};
use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::wkd::publish::Publisher;
use openpgp_discovery::wkd::{Layout, Url};
use openpgp_discovery::{EmailAddress, Lookup, Method, Status};
use rcgen::{CertificateParams, KeyPair};
use testbed::certs::{self, Recipe};
use testbed::{Testbed, certs::binary};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::{example, run, scratch, status, stdout};
use crate::{AMPLE, address};

/// A running server. It is killed where the test ends before it.
struct Server {
    child: Child,
    /// Kept open, so that it can write there.
    _stdout: BufReader<ChildStdout>,
    stderr: Receiver<String>,
    address: SocketAddr,
    scheme: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = example("wkd_server")
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = stderr.lines().map_while(Result::ok);
            lines.map(|line| sender.send(line)).all(|sent| sent.is_ok())
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("a line");
        let url = first.trim_end().strip_prefix("listening on ");
        let (scheme, address) = url.and_then(|url| url.split_once("://")).expect(&first);
        Self {
            address: address.parse().expect(address),
            scheme: scheme.to_owned(),
            child,
            _stdout: stdout,
            stderr: lines,
        }
    }

    fn get(&self, host: &str, target: &str) -> Reply {
        self.ask("GET", host, target, "")
    }

    fn ask(&self, method: &str, host: &str, target: &str, more: &str) -> Reply {
        let tcp = TcpStream::connect(self.address).expect("it listens");
        exchange(tcp, method, host, target, more)
    }

    /// The first line from now on that has this in it.
    fn says(&self, what: &str) -> String {
        let begin = Instant::now();
        loop {
            let left = AMPLE.saturating_sub(begin.elapsed());
            let line = self.stderr.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("nobody says {what:?}"));
            if line.contains(what) {
                return line;
            }
        }
    }

    #[cfg(unix)]
    fn signal(mut self, signal: &str) -> ExitStatus {
        let killed = std::process::Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find_map(|(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
    }

    /// All but the date.
    fn fields(&self) -> Vec<&str> {
        let fields = self.head.lines().skip(1);
        fields
            .filter(|field| !field.starts_with("date: "))
            .collect()
    }
}

/// One request of HTTP/1.1, written out.
fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    host: &str,
    target: &str,
    more: &str,
) -> Reply {
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it ends well");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let body = answer.split_off(end.expect("a head") + 4);
    let head = String::from_utf8(answer).expect("ASCII");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.expect(&head),
        head,
        body,
    }
}

/// A keyring with the secret keys, as somebody might give by mistake.
fn keyring(directory: &Path, name: &str, certs: &[&Cert]) -> PathBuf {
    let path = directory.join(name);
    let octets: Vec<u8> = certs.iter().flat_map(|cert| secret(cert)).collect();
    replace(&path, &octets);
    path
}

fn secret(cert: &Cert) -> Vec<u8> {
    use openpgp_discovery::openpgp::serialize::SerializeInto as _;

    cert.as_tsk().to_vec().expect("octets")
}

/// In one step.
fn replace(path: &Path, octets: &[u8]) {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, octets).expect("it can be written");
    fs::rename(unfinished, path).expect("it can be renamed");
}

fn domain(domain: &str, keyring: &Path) -> String {
    format!("{domain}={}", keyring.to_str().expect("UTF-8"))
}

fn advanced(of: &str) -> String {
    let of = address(of);
    let url = Url::new(&of).advanced().expect("short enough");
    format!("{}?{}", url.path(), url.query().expect("a local part"))
}

fn direct(of: &str) -> String {
    let of = address(of);
    let url = Url::new(&of).direct();
    format!("{}?{}", url.path(), url.query().expect("a local part"))
}

const ALICE: &str = "alice@example.org";
const HOST: &str = "openpgpkey.example.org";

#[test]
fn it_serves_what_would_be_written_by_both_methods_to_many_tenants() {
    let directory = scratch("server-tenants");
    let alice = certs::cert(&["Alice <Alice@example.org>", "Alice <alice@home.example>"]).cert;
    let bob = certs::cert(&["Bob <bob+list@example.org>", "Bob <bob@bücher.example>"]).cert;
    let (first, second) = (
        keyring(&directory, "first.pgp", &[&alice]),
        keyring(&directory, "second.pgp", &[&bob]),
    );
    let server = Server::start(&[
        "--domain",
        &domain("Example.ORG", &first),
        "--domain",
        &domain("example.org", &second),
        "--domain",
        &domain("bücher.example", &second),
    ]);
    assert_eq!(server.scheme, "http");

    let mut served = 0;
    for (name, certs) in [
        ("example.org", vec![&alice, &bob]),
        ("xn--bcher-kva.example", vec![&bob]),
    ] {
        let certs = certs.into_iter().cloned();
        let publisher = Publisher::new(name).expect("a domain");
        let publication = publisher.plan(certs, |_, _| true);
        for (layout, host) in [
            (Layout::Advanced, format!("openpgpkey.{name}")),
            (Layout::Advanced, "wkd.service.example:8443".to_owned()),
            (Layout::Direct, name.to_owned()),
        ] {
            for file in publication.files(layout) {
                let target = format!("/.well-known/openpgpkey/{}", file.path());
                let reply = server.get(&host, &target);
                assert_eq!(reply.status, 200, "{host} {target}");
                assert_eq!(reply.body, file.bytes(), "{host} {target}");
                served += 1;
            }
        }
    }
    assert_eq!(served, 3 * (2 + 1 + 1 + 1));

    let reply = server.get(HOST, &advanced(ALICE));
    assert_eq!(
        reply.field("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(reply.field("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(
        reply.field("content-length"),
        Some(&*reply.body.len().to_string())
    );
    let parsed: Vec<Cert> = CertParser::from_bytes(&reply.body)
        .and_then(Iterator::collect)
        .expect("certificates");
    let [cert] = &parsed[..] else {
        panic!("{} certificates", parsed.len());
    };
    assert_eq!(cert.fingerprint(), alice.fingerprint());
    assert!(!cert.is_tsk());
    let user_ids: Vec<_> = cert
        .userids()
        .map(|id| id.userid().value().to_vec())
        .collect();
    assert_eq!(user_ids, [b"Alice <Alice@example.org>"]);
    assert_eq!(server.get("example.org", &direct(ALICE)).body, reply.body);

    let head = server.ask("HEAD", HOST, &advanced(ALICE), "");
    assert_eq!(head.fields(), reply.fields());
    assert!(head.body.is_empty());
    let condition = format!("If-None-Match: {}\r\n", reply.field("etag").expect("a tag"));
    let unchanged = server.ask("GET", HOST, &advanced(ALICE), &condition);
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.field("etag"), reply.field("etag"));
    assert_ne!(unchanged.field("content-length"), Some("0"));
    let changed = server.ask(
        "GET",
        HOST,
        &advanced(ALICE),
        "If-None-Match: \"other\"\r\n",
    );
    assert_eq!((changed.status, changed.body), (200, reply.body));
}

#[test]
fn whatever_is_not_there_is_the_same_404() {
    let directory = scratch("server-404");
    let alice = certs::cert(&["Alice <alice@example.org>"]).cert;
    let first = keyring(&directory, "first.pgp", &[&alice]);
    let server = Server::start(&["--domain", &domain("example.org", &first)]);
    let missing = server.get(HOST, &advanced("nobody@example.org"));
    assert_eq!(missing.status, 404);
    let there = advanced(ALICE);
    let (path, _) = there.split_once('?').expect("a query");
    for (method, host, target) in [
        ("GET", HOST, advanced("alice@elsewhere.example")),
        ("GET", HOST, advanced("alice@home.example")),
        ("GET", HOST, format!("{path}?l=bob")),
        ("GET", HOST, format!("{path}/")),
        ("GET", HOST, format!("{path}/../x")),
        ("GET", HOST, path.replace("example.org", "example%2Eorg")),
        ("GET", HOST, path.replace("/hu/", "//hu/")),
        ("GET", HOST, "/.well-known/openpgpkey/".to_owned()),
        (
            "GET",
            HOST,
            "/.well-known/openpgpkey/example.org/hu/".to_owned(),
        ),
        ("GET", HOST, "/".to_owned()),
        ("GET", HOST, "/../../etc/passwd".to_owned()),
        ("GET", HOST, direct(ALICE)),
        ("GET", "elsewhere.example", direct(ALICE)),
        (
            "GET",
            "127.0.0.1",
            "/.well-known/openpgpkey/policy".to_owned(),
        ),
        ("POST", HOST, there.clone()),
        ("DELETE", HOST, there.clone()),
        ("OPTIONS", HOST, there.clone()),
        ("OPTIONS", HOST, "*".to_owned()),
        ("BREW", HOST, there.clone()),
    ] {
        let reply = server.ask(method, host, &target, "");
        assert_eq!(reply.status, 404, "{method} {host} {target}");
        assert_eq!(reply.fields(), missing.fields(), "{method} {host} {target}");
        assert_eq!(reply.body, missing.body, "{method} {host} {target}");
    }
}

#[test]
fn a_keyring_that_changes_is_read_again_and_a_worse_one_is_not_taken() {
    let directory = scratch("server-reload");
    let [alice, bob] = ["alice", "bob"].map(|name| {
        let user_id = format!("<{name}@example.org>");
        certs::cert(&[&user_id]).cert
    });
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let server = Server::start(&["--domain", &domain("example.org", &path)]);
    server.says("serving 1 address");
    let bobs = advanced("bob@example.org");
    assert_eq!(server.get(HOST, &bobs).status, 404);
    let tag = server.get(HOST, &advanced(ALICE));
    let tag = tag.field("etag").expect("a tag").to_owned();

    let both = [secret(&alice), secret(&bob)].concat();
    replace(&path, &both);
    server.says("serving 2 addresses");
    assert_eq!(server.get(HOST, &bobs).status, 200);
    // Of Alice nothing has changed.
    let same = server.get(HOST, &advanced(ALICE));
    assert_eq!(same.field("etag"), Some(&*tag));

    let cut_off = &both[..both.len() - 40];
    for worse in [&b""[..], b"no keyring", cut_off] {
        replace(&path, worse);
        let line = server.says("stays as it was");
        assert!(line.contains("example.org"), "{line}");
        assert_eq!(server.get(HOST, &bobs).status, 200);
    }
    fs::remove_file(&path).expect("it can be removed");
    server.says("stays as it was");
    assert_eq!(server.get(HOST, &bobs).status, 200);

    replace(&path, &secret(&bob));
    server.says("serving 1 address");
    assert_eq!(server.get(HOST, &bobs).status, 200);
    assert_eq!(server.get(HOST, &advanced(ALICE)).status, 404);
}

#[test]
fn what_is_published_is_the_operators_choice() {
    let directory = scratch("server-choice");
    let month = super::days_ago(30);
    let old = Recipe::new(&["<alice@example.org>"]).created(month).make();
    let (revoked, new) = (old.revoked(), certs::cert(&["<alice@example.org>"]).cert);
    let expired = Recipe::new(&["<bob@example.org>"])
        .created(month)
        .valid_for(super::DAY)
        .make()
        .cert;
    let claims = certs::cert(&["<alice@example.org>", "<carol@example.org>"]).cert;
    let path = keyring(
        &directory,
        "keyring.pgp",
        &[&revoked, &new, &expired, &claims],
    );
    let named = domain("example.org", &path);
    let allow = directory.join("allow");
    let lines = [
        format!(
            "# who has what\n\nALICE@example.org {}\n",
            new.fingerprint()
        ),
        format!("  alice@Example.org\t{}\n", revoked.fingerprint()),
        format!("bob@example.org {}\n", expired.fingerprint()),
    ];
    replace(&allow, lines.concat().as_bytes());
    let allow_name = allow.to_str().expect("UTF-8");
    let fingerprints = |server: &Server, of: &str| {
        let reply = server.get(HOST, &advanced(of));
        if reply.status == 404 {
            return Vec::new();
        }
        let certs = CertParser::from_bytes(&reply.body).expect("certificates");
        let mut fingerprints: Vec<_> = certs
            .map(|cert| cert.expect("a certificate").fingerprint())
            .collect();
        fingerprints.sort();
        fingerprints
    };
    let sorted = |certs: &[&Cert]| {
        let mut fingerprints: Vec<_> = certs.iter().map(|cert| cert.fingerprint()).collect();
        fingerprints.sort();
        fingerprints
    };

    let server = Server::start(&["--domain", &named]);
    server.says("claimed by several");
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new, &claims]));
    assert_eq!(fingerprints(&server, "bob@example.org"), []);
    assert_eq!(
        fingerprints(&server, "carol@example.org"),
        sorted(&[&claims])
    );

    let server = Server::start(&[
        "--domain",
        &named,
        "--include-revoked",
        "--include-expired",
        "--allow",
        allow_name,
    ]);
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new, &revoked]));
    assert_eq!(
        fingerprints(&server, "bob@example.org"),
        sorted(&[&expired])
    );
    assert_eq!(fingerprints(&server, "carol@example.org"), []);
    replace(&allow, b"alice@example.org nonsense\n");
    server.says("stays as it was");
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new, &revoked]));
    replace(&allow, lines[0].as_bytes());
    server.says("serving 1 address");
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new]));
}

#[test]
fn the_log_has_no_local_part_and_steers_no_terminal() {
    let directory = scratch("server-log");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let server = Server::start(&["-v", "--domain", &domain("example.org", &path)]);
    server.get(HOST, &advanced(ALICE));
    let of_alice = address(ALICE);
    let line = server.says(Url::new(&of_alice).hash());
    assert!(line.contains("200") && line.contains("GET"), "{line}");
    assert!(line.contains(HOST), "{line}");
    assert!(!line.contains("alice"), "{line}");
    assert!(!line.contains("127.0.0.1"), "{line}");
    let long = "x".repeat(5000);
    for target in ["/é\u{202e}\u{9b}31m".to_owned(), format!("/{long}")] {
        server.get("host", &target);
        let line = server.says("404");
        assert!(line.len() < 1000, "{line}");
        assert!(!line.contains(['\u{202e}', '\u{9b}']), "{line}");
    }
    // Nothing is logged without being asked for.
    let server = Server::start(&["--domain", &domain("example.org", &path)]);
    server.get(HOST, &advanced(ALICE));
    server.says("serving");
    assert!(server.stderr.try_recv().is_err());
}

#[test]
fn heads_have_an_end() {
    let directory = scratch("server-heads");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let server = Server::start(&["--domain", &domain("example.org", &path)]);
    for more in [
        format!("X: {}\r\n", "x".repeat(17 << 10)),
        "X: x\r\n".repeat(100),
    ] {
        let reply = server.ask("GET", HOST, &advanced(ALICE), &more);
        assert_eq!(reply.status, 431);
    }
    let reply = server.ask("GET", "a\u{1}b", &advanced(ALICE), "");
    assert_eq!(reply.status, 400);
    assert_eq!(server.get(HOST, &advanced(ALICE)).status, 200);
}

#[cfg(unix)]
#[test]
fn it_ends_when_it_is_told_to() {
    let directory = scratch("server-end");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    for (signal, code) in [("-INT", 130), ("-TERM", 0)] {
        let server = Server::start(&["--domain", &domain("example.org", &path)]);
        // One that says nothing does not hold it up.
        let idle = TcpStream::connect(server.address).expect("it listens");
        assert_eq!(server.signal(signal).code(), Some(code));
        drop(idle);
    }
}

#[test]
fn usage_errors_name_what_is_wrong() {
    let directory = scratch("server-usage");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let good = domain("example.org", &path);
    let (cert, key) = tls_files(&directory, "one", &new_tls(&[HOST]));
    let (_, other_key) = tls_files(&directory, "two", &new_tls(&[HOST]));
    let (cert, key, other_key) = (text(&cert), text(&key), text(&other_key));
    let here = ["--listen", "127.0.0.1:0"];
    for (arguments, named) in [
        (vec!["--domain", &good], "--listen"),
        (vec!["--listen", "localhost", "--domain", &good], "--listen"),
        ([&here[..], &[]].concat(), "--domain"),
        (
            [&here[..], &["--domain", "example.org"]].concat(),
            "DOMAIN=KEYRING",
        ),
        (
            [&here[..], &["--domain", "example.org="]].concat(),
            "keyring",
        ),
        (
            [&here[..], &["--domain", "example.org=-"]].concat(),
            "stdin",
        ),
        (
            [&here[..], &["--domain", "192.0.2.1=x"]].concat(),
            "192.0.2.1",
        ),
        (
            [&here[..], &["--domain", "example.org=no/such/file"]].concat(),
            "no/such/file",
        ),
        (
            [&here[..], &["--domain", "example.org=tests"]].concat(),
            "tests",
        ),
        (
            [&here[..], &["--domain", &good, "--allow", "no/such/file"]].concat(),
            "no/such/file",
        ),
        (
            [&here[..], &["--domain", &good, "--allow", "Cargo.toml"]].concat(),
            "line 1",
        ),
        (
            [&here[..], &["--domain", &good, "--cert", cert]].concat(),
            "--key",
        ),
        (
            [&here[..], &["--domain", &good, "--key", key]].concat(),
            "--cert",
        ),
        (
            [&here[..], &["--domain", &good, "--cert", key, "--key", key]].concat(),
            "cannot",
        ),
        (
            [
                &here[..],
                &["--domain", &good, "--cert", cert, "--key", other_key],
            ]
            .concat(),
            "cannot use",
        ),
    ] {
        let output = run("wkd_server", &arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    let output = run("wkd_server", &["--listen", &taken, "--domain", &good]);
    // It is free again by now, or not: nothing else is tried there.
    assert_ne!(status(&output), 0);
}

struct TlsPair {
    cert: rcgen::Certificate,
    key: KeyPair,
}

/// A self-signed certificate, which is its own anchor of trust.
fn new_tls(names: &[&str]) -> TlsPair {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(names).expect("names");
    let cert = params.self_signed(&key).expect("a certificate");
    TlsPair { cert, key }
}

fn tls_files(directory: &Path, name: &str, pair: &TlsPair) -> (PathBuf, PathBuf) {
    let cert = directory.join(format!("{name}.cert.pem"));
    let key = directory.join(format!("{name}.key.pem"));
    replace(&cert, pair.cert.pem().as_bytes());
    replace(&key, pair.key.serialize_pem().as_bytes());
    (cert, key)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crates_own_look_ups_find_what_it_serves() {
    let directory = scratch("server-locate");
    let sample = certs::cert(&["Alice <alice@example.org>", "<alice@elsewhere.example>"]);
    let bob = certs::cert(&["Bob <Bob.B@customer.example>"]);
    let path = keyring(&directory, "keyring.pgp", &[&sample.cert, &bob.cert]);
    let pair = new_tls(&[HOST, "customer.example"]);
    let (cert, key) = tls_files(&directory, "tls", &pair);
    let server = Server::start(&[
        "--cert",
        text(&cert),
        "--key",
        text(&key),
        "--domain",
        &domain("example.org", &path),
        "--domain",
        &domain("customer.example", &path),
    ]);
    assert_eq!(server.scheme, "https");
    let testbed = Testbed::start().await;
    for host in [HOST, "customer.example"] {
        testbed.host(host).points_at(server.address);
    }
    let locator = testbed
        .locator()
        .guard(testbed.guard().allow_socket(server.address))
        .trust_anchor(pair.cert.der().to_vec())
        .no_vks()
        .build()
        .expect("a locator");
    for (of, method, cert) in [
        (
            "alice@example.org",
            Some(Method::WkdAdvanced),
            Some(&sample.cert),
        ),
        (
            "ALICE@example.org",
            Some(Method::WkdAdvanced),
            Some(&sample.cert),
        ),
        (
            "bob.b@customer.example",
            Some(Method::WkdDirect),
            Some(&bob.cert),
        ),
        ("nobody@example.org", None, None),
    ] {
        let of: EmailAddress = address(of);
        let lookup: Lookup = locator.locate(&of).await;
        let expected = match cert {
            Some(_) => Status::Found,
            None => Status::NotFound,
        };
        assert_eq!(lookup.status(), expected, "{lookup:?}");
        for found in lookup.found() {
            assert_eq!(
                Some(found.cert().fingerprint()),
                cert.map(Cert::fingerprint)
            );
            assert_eq!(found.cert().userids().count(), 1);
        }
        let asked = lookup
            .attempts()
            .iter()
            .filter_map(|attempt| match attempt.step() {
                openpgp_discovery::Step::Ask(method) => Some(method),
                _ => None,
            });
        assert!(method.is_none() || asked.last() == method);
    }
}

#[test]
fn tls_in_both_versions_and_a_certificate_that_is_renewed() {
    let directory = scratch("server-tls");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let (old, new) = (new_tls(&[HOST]), new_tls(&[HOST]));
    let (cert, key) = tls_files(&directory, "tls", &old);
    let server = Server::start(&[
        "--cert",
        text(&cert),
        "--key",
        text(&key),
        "--domain",
        &domain("example.org", &path),
    ]);
    for version in [&TLS12, &TLS13] {
        for (offered, taken) in [
            (&[][..], None),
            (&["http/1.1"], Some("http/1.1")),
            (&["h2", "http/1.1"], Some("h2")),
        ] {
            let tls = connect(&server, &old.cert, version, offered).expect("it trusts");
            let alpn = tls.conn.alpn_protocol();
            assert_eq!(alpn, taken.map(str::as_bytes));
            if taken != Some("h2") {
                let reply = exchange(tls, "GET", HOST, &advanced(ALICE), "");
                assert_eq!(reply.status, 200);
                assert!(!reply.body.is_empty() && reply.body.len() < binary(&alice).len() + 100);
            }
        }
    }
    // Half of it is not enough, whoever is first.
    replace(&cert, new.cert.pem().as_bytes());
    server.says("stays as it was");
    assert!(connect(&server, &old.cert, &TLS13, &[]).is_ok());
    replace(&key, new.key.serialize_pem().as_bytes());
    server.says("read again");
    assert!(connect(&server, &old.cert, &TLS13, &[]).is_err());
    assert!(connect(&server, &new.cert, &TLS13, &[]).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_gives_the_same() {
    let directory = scratch("server-http2");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let pair = new_tls(&[HOST]);
    let (cert, key) = tls_files(&directory, "tls", &pair);
    let server = Server::start(&[
        "--cert",
        text(&cert),
        "--key",
        text(&key),
        "--domain",
        &domain("example.org", &path),
    ]);
    let tls = connect(&server, &pair.cert, &TLS13, &[]).expect("it trusts");
    let over_1 = exchange(tls, "GET", HOST, &advanced(ALICE), "");

    let config = client_config(&pair.cert, &TLS13, &["h2"]);
    let tcp = tokio::net::TcpStream::connect(server.address).await;
    let tls = TlsConnector::from(Arc::new(config))
        .connect(
            ServerName::try_from(HOST).expect("a name"),
            tcp.expect("it listens"),
        )
        .await
        .expect("it trusts");
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
            .await
            .expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let tag = over_1.field("etag").expect("a tag");
    for (method, target, condition, status) in [
        ("GET", advanced(ALICE), "", 200),
        ("HEAD", advanced(ALICE), "", 200),
        ("GET", advanced(ALICE), tag, 304),
        ("GET", advanced("bob@example.org"), "", 404),
        ("POST", advanced(ALICE), "", 404),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://{HOST}{target}"))
            .header("If-None-Match", condition)
            .body(Body::empty())
            .expect("a request");
        let answer = client.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), status, "{method} {target}");
        let length = answer.headers().get("content-length").cloned();
        let body = axum::body::to_bytes(Body::new(answer.into_body()), 1 << 20);
        let body = body.await.expect("it ends well");
        match (method, status) {
            ("GET", 200) => assert_eq!(body, over_1.body),
            ("HEAD", _) | (_, 304) => {
                assert!(body.is_empty());
                assert_eq!(length.expect("a length"), over_1.body.len().to_string());
            }
            _ => assert!(!body.is_empty()),
        }
    }
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A connection whose handshake is done.
fn connect(
    server: &Server,
    anchor: &rcgen::Certificate,
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> io::Result<TlsStream> {
    let config = client_config(anchor, version, protocols);
    let name = ServerName::try_from(HOST).expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut tcp = TcpStream::connect(server.address).expect("it listens");
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(tls, tcp))
}

fn client_config(
    anchor: &rcgen::Certificate,
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let anchor = CertificateDer::from(anchor.der().to_vec());
    roots.add(anchor).expect("an anchor");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("ring has it")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    config
}
