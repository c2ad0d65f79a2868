//! How long everything takes where a round trip is set. The lower bounds are the
//! claims; the upper ones are far away, for machines that are busy.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use openpgp_discovery::dns::DnsResolver;
use testbed::{Answer, Fault, RecordType, Testbed};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{ask, ask_tcp, connect, get, get_raw, http};

const HOST: &str = "openpgpkey.example.org";
const ROUND_TRIP: Duration = Duration::from_millis(20);
/// What everything may take besides.
const BUSY: Duration = Duration::from_secs(5);

async fn far_away() -> Testbed {
    let t = Testbed::start().await;
    t.host(HOST).serve("/found", Answer::ok("body"));
    t.set_round_trip(ROUND_TRIP);
    t
}

async fn takes<T>(what: &str, round_trips: u32, future: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    let result = future.await;
    let (took, least) = (begin.elapsed(), round_trips * ROUND_TRIP);
    assert!(took >= least, "{what}: {took:?}");
    assert!(took <= least + BUSY, "{what}: {took:?}");
    result
}

#[tokio::test]
async fn dns_takes_one_round_trip() {
    let t = far_away().await;
    t.name(HOST).txt("whatever");
    let udp = takes("UDP", 1, ask(&t, HOST, RecordType::A)).await;
    let tcp = takes("TCP", 1, ask_tcp(&t, HOST, RecordType::A)).await;
    assert_eq!((udp.answers.len(), tcp.answers.len()), (1, 1));
    takes("no such name", 1, ask(&t, "no.example", RecordType::A)).await;
    // Side by side, both families wait for the same round trip.
    let dns = t.dns();
    let addresses = takes("both families", 1, dns.addresses(HOST)).await;
    assert_eq!(addresses.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_connection_takes_three_and_an_open_one_one() {
    let t = far_away().await;
    for http2 in [true, false] {
        if !http2 {
            t.host(HOST).without_http2();
        }
        let client = http(&t).resolve(HOST, t.host_addr(HOST)).build().unwrap();
        let url = format!("https://{HOST}/found");
        for (what, round_trips) in [("new", 3), ("open", 1), ("still open", 1)] {
            let exchange = async { client.get(&url).send().await.unwrap().text().await };
            let body = takes(what, round_trips, exchange).await;
            assert_eq!(body.unwrap(), "body", "{what}");
        }
    }
    let mut tls = takes("TCP and TLS", 2, connect(&t, HOST)).await.unwrap();
    takes("silence", 0, async {
        // What is under way is not there yet.
        assert!(tls.get_mut().0.try_read(&mut [0; 1]).is_err());
    })
    .await;
}

#[tokio::test]
async fn the_key_server_is_as_far_by_either_way() {
    let t = far_away().await;
    let client = http(&t)
        .resolve("keys.openpgp.org", t.host_addr("keys.openpgp.org"))
        .build()
        .unwrap();
    for (base, new) in [
        (t.vks_url().to_string(), 2),
        ("https://keys.openpgp.org/".to_owned(), 3),
    ] {
        let url = format!("{base}vks/v1/by-email/nobody%40example.org");
        for (what, round_trips) in [("new", new), ("open", 1)] {
            let answer = takes(what, round_trips, client.get(&url).send()).await;
            assert_eq!(answer.unwrap().status(), 404, "{what}: {base}");
        }
    }
    assert_eq!(t.vks().requests().len(), 4);
}

/// The ends of connections travel too, and nobody answers who is not there yet.
#[tokio::test]
async fn a_server_that_speaks_first_is_heard_after_two() {
    let t = far_away().await;
    for fault in [Fault::CloseAtAccept, Fault::NotTls] {
        t.host(HOST).fault(fault);
        let mut tcp = TcpStream::connect(t.host_addr(HOST)).await.unwrap();
        let mut heard = Vec::new();
        let what = format!("{fault:?}");
        takes(&what, 2, tcp.read_to_end(&mut heard)).await.unwrap();
        assert_eq!(heard.is_empty(), fault == Fault::CloseAtAccept);
    }
    t.host(HOST).fault(Fault::Alert);
    let refused = takes("an alert", 2, connect(&t, HOST)).await;
    refused.expect_err("an alert");
}

#[tokio::test]
async fn the_end_of_an_answer_arrives_with_it() {
    let t = far_away().await;
    t.host(HOST).serve("/cut", Answer::raw_cut("ab"));
    let mut seen = Vec::new();
    takes("cut", 3, async {
        let mut tls = get_raw(&t, HOST, "/cut").await;
        tls.read_to_end(&mut seen).await.expect_err("no goodbye");
    })
    .await;
    assert_eq!(seen, b"ab");
}

/// A long way is no narrow one: one chunk after another would take far too long.
#[tokio::test]
async fn what_is_under_way_does_not_wait_for_what_was_before() {
    let t = far_away().await;
    let body: Vec<u8> = (0..8_u32 << 20).map(|i| (i % 251) as u8).collect();
    t.host(HOST).serve("/large", Answer::ok(&body));
    t.set_round_trip(10 * ROUND_TRIP);
    let large = takes("8 MiB", 30, async {
        get(&t, HOST, "/large").await.unwrap().bytes().await
    });
    assert!(large.await.unwrap() == body);
}

#[tokio::test]
async fn nothing_is_set_at_first_and_all_can_be_taken_back() {
    let t = far_away().await;
    let far = Duration::from_secs(3600);
    t.set_round_trip(far);
    t.set_round_trip(Duration::ZERO);
    let answer = tokio::time::timeout(BUSY, get(&t, HOST, "/found")).await;
    assert_eq!(answer.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn a_black_hole_is_never_connected_to() {
    let t = Testbed::start().await;
    t.name(HOST)
        .address(Ipv4Addr::LOCALHOST)
        .address(Ipv6Addr::LOCALHOST);
    let fault = Fault::BlackHole;
    t.host(HOST).fault(fault);
    assert_ne!(t.host_addr(HOST), t.https_sockets()[0]);
    if !t.has_black_hole() {
        return;
    }
    for address in t.dns().addresses(HOST).await.unwrap() {
        // Twice: the first one must not fill what was not full.
        for _ in 0..2 {
            assert!(is_dead(address).await, "{address}");
        }
    }
    assert_eq!(t.connections_with(fault), 0);
}

#[tokio::test]
async fn ipv6_alone_can_be_dead() {
    let t = Testbed::start().await;
    t.name(HOST)
        .address(Ipv4Addr::LOCALHOST)
        .address(Ipv6Addr::LOCALHOST);
    t.host(HOST)
        .ipv6_is_dead()
        .serve("/found", Answer::ok("body"));
    let mut addresses = t.dns().addresses(HOST).await.unwrap();
    addresses.sort();
    if !t.has_black_hole() || t.https_sockets().len() < 2 {
        return;
    }
    let [four, six] = addresses[..] else {
        panic!("{addresses:?}");
    };
    assert_eq!(four, t.https_sockets()[0]);
    assert!(is_dead(six).await);
    let client = http(&t).resolve_to_addrs(HOST, &[six, four]);
    let answer = client.build().unwrap().get(format!("https://{HOST}/found"));
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

/// Whether connecting comes to nothing for a moment; it cannot fail by chance.
async fn is_dead(address: SocketAddr) -> bool {
    let connect = async {
        match TcpStream::connect(address).await {
            Ok(_) => (),
            Err(error) => panic!("{address}: {error}"),
        }
    };
    tokio::time::timeout(Duration::from_millis(50), connect)
        .await
        .is_err()
}
