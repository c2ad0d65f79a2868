//! `wkd_server`, asked as clients ask it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::wkd::Url;
use rcgen::{CertificateParams, KeyPair};

use super::example;
use crate::{AMPLE, address};

mod running;
mod served;
mod tls;

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
