//! A client of HTTP/1.1 that costs as little as it can: it shares the processors with
//! what it measures.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::servers::Tls;

/// Longer than every head and every file.
const BUFFER: usize = 64 << 10;

/// A request, written out, and what has to come.
pub(crate) struct Expected {
    host: String,
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Expected {
    pub(crate) fn new(host: &str, path: &str, body: &[u8]) -> Self {
        let target = format!("/.well-known/openpgpkey/{path}");
        Self {
            host: host.to_owned(),
            request: format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes(),
            body: body.to_vec(),
        }
    }
}

/// For one server.
pub(crate) struct Client<'a> {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    expected: &'a [Expected],
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl<'a> Client<'a> {
    pub(crate) fn new(address: SocketAddr, tls: Option<&Tls>, expected: &'a [Expected]) -> Self {
        Self {
            address,
            tls: tls.map(|tls| Arc::new(config(tls.der()))),
            expected,
        }
    }

    /// Asks for each file once, and looks at every octet.
    pub(crate) fn check(&self) -> io::Result<()> {
        let mut stream = self.connect()?;
        let mut buffer = vec![0; BUFFER];
        for expected in self.expected {
            let body = exchange(&mut *stream, expected, &mut buffer)?;
            assert!(body == expected.body, "another body");
        }
        Ok(())
    }

    /// So many requests on each of so many connections, all at once: how long it takes.
    pub(crate) fn round(&self, connections: usize, requests: usize) -> io::Result<Duration> {
        let start = Barrier::new(connections + 1);
        let streams: Vec<_> = (0..connections)
            .map(|_| self.connect())
            .collect::<io::Result<_>>()?;
        thread::scope(|scope| {
            let workers: Vec<_> = streams
                .into_iter()
                .enumerate()
                .map(|(number, mut stream)| {
                    let start = &start;
                    scope.spawn(move || {
                        let mut buffer = vec![0; BUFFER];
                        start.wait();
                        // Each begins at another file.
                        let files = self.expected.iter().cycle().skip(number * 7);
                        for expected in files.take(requests) {
                            exchange(&mut *stream, expected, &mut buffer)?;
                        }
                        Ok::<_, io::Error>(())
                    })
                })
                .collect();
            start.wait();
            let begin = Instant::now();
            for worker in workers {
                worker.join().expect("no panic")?;
            }
            Ok(begin.elapsed())
        })
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let mut tcp = TcpStream::connect(self.address)?;
        tcp.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let host = self.expected.first().map_or("", |first| &first.host);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Box::new(StreamOwned::new(tls, tcp)))
    }
}

fn config(anchor: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let anchor = CertificateDer::from(anchor.to_vec());
    roots.add(anchor).expect("it was made here");
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// One request and its answer, which is 200 and of the right length.
fn exchange<'b>(
    stream: &mut dyn Stream,
    expected: &Expected,
    buffer: &'b mut [u8],
) -> io::Result<&'b [u8]> {
    stream.write_all(&expected.request)?;
    let (mut filled, mut whole) = (0, None);
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if whole.is_none() {
            let mut heads = buffer[..filled].windows(4);
            let head = heads.position(|window| window == b"\r\n\r\n");
            whole = head.map(|head| (head + 4, head + 4 + expected.body.len()));
        }
        match whole {
            Some((begin, end)) if filled >= end => {
                let is_right = filled == end && buffer.starts_with(b"HTTP/1.1 200 ");
                return match is_right {
                    true => Ok(&buffer[begin..end]),
                    false => Err(io::Error::other("another answer than expected")),
                };
            }
            _ => {}
        }
    }
}
