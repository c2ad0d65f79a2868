//! TLS and HTTP/2.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use axum::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo};
use testbed::certs::{self, binary};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::super::scratch;
use super::{
    ALICE, HOST, Server, advanced, domain, exchange, keyring, new_tls, replace, text, tls_files,
};

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
