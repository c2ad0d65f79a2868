use std::io::ErrorKind;

use testbed::{Fault, Testbed};
use tokio::net::TcpStream;

use crate::client::connect;

#[tokio::test]
async fn two_testbeds_share_nothing() {
    let (one, other) = (Testbed::start().await, Testbed::start().await);
    assert_ne!(one.dns_addr(), other.dns_addr());
    assert_ne!(one.vks_url(), other.vks_url());
    assert_ne!(one.ca_der(), other.ca_der());
    connect(&one, "host.example").await.unwrap();
    assert_eq!((one.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn the_ca_in_pem_is_the_ca_in_der() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let t = Testbed::start().await;
    let pem = CertificateDer::from_pem_slice(t.ca_pem().as_bytes()).unwrap();
    assert_eq!(*pem, *t.ca_der());
}

#[tokio::test]
async fn dropping_it_closes_every_port() {
    let t = Testbed::start().await;
    let vks = t.vks_url();
    let mut ports = vec![t.dns_addr(), ([127, 0, 0, 1], vks.port().unwrap()).into()];
    ports.extend(t.https_sockets());
    for fault in [Fault::Mute, Fault::NotTls, Fault::CloseAtAccept] {
        t.host("host.example").fault(fault);
        ports.push(t.host_addr("host.example"));
    }
    for port in &ports {
        TcpStream::connect(port).await.unwrap();
    }
    drop(t);
    for port in ports {
        // The tasks end as they next have their turn.
        while TcpStream::connect(port).await.is_ok() {
            tokio::task::yield_now().await;
        }
        let refused = TcpStream::connect(port).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
