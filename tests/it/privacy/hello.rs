//! A tap on the way to the testbed's web hosts: it sees what anybody on the
//! network sees of a TLS handshake, the client's first message.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use testbed::Testbed;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What stands in a ClientHello (RFC 8446, section 4.1.2).
#[derive(Clone, Debug)]
pub(super) struct Hello {
    /// Of no meaning in TLS 1.3, but it could be recognised.
    pub(super) session_id: Vec<u8>,
    /// Number and content, in order of their numbers.
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// Of one TLS record, which it fills.
    fn parse(record: &[u8]) -> Option<Self> {
        // Record, handshake header, version and random.
        let rest = record.get(5 + 4 + 2 + 32..)?;
        let (session_id, rest) = split(rest, 1)?;
        let (_cipher_suites, rest) = split(rest, 2)?;
        let (_compression, rest) = split(rest, 1)?;
        let (mut all, _) = split(rest, 2)?;
        let mut extensions = Vec::new();
        while let Some((number, rest)) = all.split_first_chunk() {
            let (content, rest) = split(rest, 2)?;
            extensions.push((u16::from_be_bytes(*number), content.to_vec()));
            all = rest;
        }
        extensions.sort();
        Some(Self {
            session_id: session_id.to_vec(),
            extensions,
        })
    }

    fn extension(&self, number: u16) -> Option<&[u8]> {
        let mut all = self.extensions.iter();
        let (_, content) = all.find(|(known, _)| *known == number)?;
        Some(content)
    }

    /// The name of the server that is wanted (RFC 6066, section 3).
    pub(super) fn server_name(&self) -> Option<String> {
        let (list, _) = split(self.extension(0)?, 2)?;
        let (name, _) = split(list.strip_prefix(&[0])?, 2)?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// The protocols that are offered for behind the handshake (RFC 7301).
    pub(super) fn protocols(&self) -> Vec<String> {
        let list = self.extension(16).and_then(|content| split(content, 2));
        let (mut list, _) = list.unwrap_or_default();
        let mut protocols = Vec::new();
        while let Some((protocol, rest)) = split(list, 1) {
            protocols.push(String::from_utf8_lossy(protocol).into_owned());
            list = rest;
        }
        protocols
    }
}

/// What has its length in front, in so many octets; and what stands behind it.
fn split(octets: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_at_checked(length)?;
    let length = length
        .iter()
        .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
    rest.split_at_checked(length)
}

/// The running tap; it ends when it is dropped.
pub(super) struct Tap {
    pub(super) socket: SocketAddr,
    hellos: Arc<Mutex<Vec<Hello>>>,
    _tasks: JoinSet<()>,
}

impl Tap {
    pub(super) async fn start(testbed: &Testbed) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let socket = listener.local_addr().expect("bound");
        let behind = testbed.https_sockets()[0];
        let hellos = Arc::<Mutex<Vec<Hello>>>::default();
        let log = hellos.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                open.spawn(pass(client, behind, log.clone()));
            }
        });
        Self {
            socket,
            hellos,
            _tasks: tasks,
        }
    }

    /// What has been seen since the last time.
    pub(super) fn take(&self) -> Vec<Hello> {
        std::mem::take(&mut *self.hellos.lock().expect("a lock"))
    }
}

async fn pass(mut client: TcpStream, behind: SocketAddr, log: Arc<Mutex<Vec<Hello>>>) {
    let mut record = vec![0; 5];
    client.read_exact(&mut record).await.expect("a record");
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    client.read_exact(&mut record[5..]).await.expect("a record");
    let hello = Hello::parse(&record).expect("a ClientHello");
    log.lock().expect("a lock").push(hello);
    let mut server = TcpStream::connect(behind).await.expect("the testbed");
    server.write_all(&record).await.expect("the testbed");
    // How they part is their own business.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
