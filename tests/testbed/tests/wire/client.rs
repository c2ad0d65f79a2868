//! Plain clients: a DNS message over a socket, TLS by itself, and HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hickory_server::proto::op::{Message, MessageType, OpCode, Query};
use hickory_server::proto::rr::{Name, RecordType};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use testbed::Testbed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn question(id: u16, name: &str, record_type: RecordType) -> Vec<u8> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let name = Name::from_ascii(format!("{name}.")).unwrap();
    message.add_query(Query::query(name, record_type));
    message.to_vec().unwrap()
}

/// Asks over UDP. Where the first question is met with silence, the answer is
/// the one to a second question, whose number is 2.
pub(crate) async fn ask(t: &Testbed, name: &str, record_type: RecordType) -> Message {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(t.dns_addr()).await.unwrap();
    let mut answer = [0; 4096];
    socket.send(&question(1, name, record_type)).await.unwrap();
    while t.queries_for(&name.to_ascii_lowercase()).is_empty() {
        tokio::task::yield_now().await;
    }
    if socket_is_silent(&socket).await {
        let after = question(2, "nothing-was-planted.example", RecordType::A);
        socket.send(&after).await.unwrap();
    }
    let len = socket.recv(&mut answer).await.unwrap();
    Message::from_vec(&answer[..len]).unwrap()
}

/// Whether nothing comes while every other task has its turn.
async fn socket_is_silent(socket: &UdpSocket) -> bool {
    for _ in 0..100 {
        if socket.try_peek(&mut [0; 1]).is_ok() {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

/// Asks over TCP.
pub(crate) async fn ask_tcp(t: &Testbed, name: &str, record_type: RecordType) -> Message {
    let mut stream = TcpStream::connect(t.dns_addr()).await.unwrap();
    let question = question(1, name, record_type);
    let len = u16::try_from(question.len()).unwrap();
    stream.write_all(&len.to_be_bytes()).await.unwrap();
    stream.write_all(&question).await.unwrap();
    let len = stream.read_u16().await.unwrap();
    let mut answer = vec![0; usize::from(len)];
    stream.read_exact(&mut answer).await.unwrap();
    Message::from_vec(&answer).unwrap()
}

/// Trusts the testbed's CA and no other.
pub(crate) fn tls_config(t: &Testbed, alpn: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(t.ca_der())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    config
}

/// Connects to where the testbed serves this host.
pub(crate) async fn connect(t: &Testbed, host: &str) -> std::io::Result<TlsStream<TcpStream>> {
    connect_to(t, host, t.host_addr(host)).await
}

pub(crate) async fn connect_to(
    t: &Testbed,
    host: &str,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(tls_config(t, &["http/1.1"])));
    connector.connect(name, tcp).await
}

/// Sends a GET over HTTP/1.1 and gives the connection, to read what comes.
pub(crate) async fn get_raw(t: &Testbed, host: &str, path: &str) -> TlsStream<TcpStream> {
    let mut tls = connect(t, host).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    tls.write_all(head.as_bytes()).await.unwrap();
    tls
}

/// A client that speaks HTTP/2 where it is offered, and follows nothing.
pub(crate) fn http(t: &Testbed) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(t, &["h2", "http/1.1"]))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// Sends a GET to where the testbed serves this host.
pub(crate) async fn get(t: &Testbed, host: &str, path: &str) -> reqwest::Result<reqwest::Response> {
    let client = http(t).resolve(host, t.host_addr(host)).build()?;
    client.get(format!("https://{host}{path}")).send().await
}
