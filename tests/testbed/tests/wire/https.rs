use std::io::ErrorKind;
use std::time::Duration;

use hyper::Version;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use testbed::{Answer, Fault, Testbed};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{connect, connect_to, get, get_raw};

const HOST: &str = "openpgpkey.example.org";

#[tokio::test]
async fn a_planted_answer_arrives_and_is_logged() {
    let t = Testbed::start().await;
    t.host(HOST)
        .serve("/found", Answer::ok("body").header("x-test", "yes"));
    let response = get(&t, HOST, "/found?l=Joe.Doe").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "application/octet-stream"
    );
    assert_eq!(response.headers()["x-test"], "yes");
    assert_eq!(response.content_length(), Some(4));
    assert_eq!(response.text().await.unwrap(), "body");
    assert_eq!(get(&t, HOST, "/other").await.unwrap().status(), 404);
    assert_eq!(
        get(&t, "elsewhere.example", "/found")
            .await
            .unwrap()
            .status(),
        404
    );

    let log = t.requests_to(HOST);
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].method, "GET");
    assert_eq!(log[0].target, "/found?l=Joe.Doe");
    assert_eq!(
        (log[0].path(), log[0].query()),
        ("/found", Some("l=Joe.Doe"))
    );
    assert_eq!(log[0].headers["accept"], "*/*");
    assert_eq!(log[0].version, Version::HTTP_2);
    assert_eq!((log[1].path(), log[1].query()), ("/other", None));
    assert_eq!(t.requests().len(), 3);
    assert_eq!(t.connections(), 3);
    assert_eq!(t.hellos(), [HOST, HOST, "elsewhere.example"]);
}

#[tokio::test]
async fn http_1_1_where_http_2_is_not_offered() {
    let t = Testbed::start().await;
    t.host(HOST).without_http2().serve_all(Answer::ok("x"));
    assert_eq!(
        get(&t, HOST, "/").await.unwrap().version(),
        Version::HTTP_11
    );
    assert_eq!(t.requests()[0].version, Version::HTTP_11);
    assert_eq!(t.requests_to(HOST).len(), 1);
}

#[tokio::test]
async fn answers_in_order_and_the_nearest_plan() {
    let t = Testbed::start().await;
    t.host(HOST)
        .serve_all(Answer::status(410))
        .serve("/p", Answer::ok("fine"))
        .serve("/p?q", Answer::ok("with query"))
        .serve_first(1, "/p", Answer::status(503))
        .serve_first(1, "/once", Answer::redirect(302, "//elsewhere.example/x"));
    let mut statuses = Vec::new();
    for path in ["/p", "/p", "/p?q", "/once", "/once", "/any"] {
        statuses.push(get(&t, HOST, path).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [503, 200, 200, 302, 410, 410]);
    t.host(HOST)
        .serve("/p?q", Answer::redirect(307, "http://127.0.0.1:1/"));
    let redirect = get(&t, HOST, "/p?q").await.unwrap();
    assert_eq!(redirect.headers()["location"], "http://127.0.0.1:1/");
}

/// Each fault, as an ordinary TLS client sees it.
#[tokio::test]
async fn every_fault_of_a_host() {
    let t = Testbed::start().await;
    for fault in Fault::ALL {
        t.forget_log();
        t.host(HOST).fault(fault);
        let before = t.connections_with(fault);
        let seen = match fault {
            Fault::Mute | Fault::StallHandshake => None,
            _ => Some(connect(&t, HOST).await.expect_err("a fault")),
        };
        let tls = seen
            .as_ref()
            .and_then(|e| e.get_ref()?.downcast_ref::<TlsError>());
        let as_planned = match fault {
            Fault::Expired => matches!(
                tls,
                Some(TlsError::InvalidCertificate(
                    CertificateError::Expired | CertificateError::ExpiredContext { .. },
                ))
            ),
            Fault::NotYetValid => matches!(
                tls,
                Some(TlsError::InvalidCertificate(
                    CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
                ))
            ),
            Fault::WrongName => matches!(
                tls,
                Some(TlsError::InvalidCertificate(
                    CertificateError::NotValidForName
                        | CertificateError::NotValidForNameContext { .. },
                ))
            ),
            Fault::SelfSigned => matches!(
                tls,
                Some(TlsError::InvalidCertificate(
                    CertificateError::UnknownIssuer,
                ))
            ),
            Fault::UnknownCa => matches!(
                tls,
                Some(TlsError::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::BadSignature,
                ))
            ),
            Fault::Alert => matches!(
                tls,
                Some(TlsError::AlertReceived(AlertDescription::HandshakeFailure,))
            ),
            Fault::NotTls => matches!(tls, Some(TlsError::InvalidMessage(_))),
            Fault::Refused => seen
                .as_ref()
                .is_some_and(|e| e.kind() == ErrorKind::ConnectionRefused),
            Fault::CloseAtAccept | Fault::CutHandshake => seen.as_ref().is_some_and(|e| {
                [
                    ErrorKind::UnexpectedEof,
                    ErrorKind::ConnectionReset,
                    ErrorKind::BrokenPipe,
                ]
                .contains(&e.kind())
            }),
            Fault::Mute | Fault::StallHandshake => {
                let attempt = connect(&t, HOST);
                tokio::time::timeout(Duration::from_millis(100), attempt)
                    .await
                    .is_err()
            }
            _ => false,
        };
        assert!(as_planned, "{fault:?}: {seen:?}");
        let accepted = t.connections_with(fault) - before;
        assert_eq!(accepted, usize::from(fault != Fault::Refused), "{fault:?}");
        assert!(t.requests().is_empty());
    }
}

#[tokio::test]
async fn a_host_without_fault_is_trusted_beside_a_broken_one() {
    let t = Testbed::start().await;
    t.host("broken.example").fault(Fault::Expired);
    assert!(connect(&t, "broken.example").await.is_err());
    assert!(connect(&t, "sound.example").await.is_ok());
    assert_eq!(t.hellos(), ["broken.example", "sound.example"]);
}

#[tokio::test]
async fn ipv6_has_the_same_listener() {
    let t = Testbed::start().await;
    let sockets = t.https_sockets();
    for socket in sockets {
        connect_to(&t, HOST, socket).await.unwrap();
    }
}

#[tokio::test]
async fn bodies_that_do_not_end_well() {
    let t = Testbed::start().await;
    t.host(HOST)
        .serve("/endless", Answer::endless("0123456789"))
        .serve("/stall", Answer::stall("begun"))
        .serve("/chunked", Answer::chunked(["one", "two"]))
        .serve("/gzip", Answer::gzip(b"plain"))
        .serve("/silent", Answer::silent())
        .serve("/hang-up", Answer::hang_up())
        .serve("/html", Answer::html("<!doctype html>"));

    for http2 in [true, false] {
        if !http2 {
            t.host(HOST).without_http2();
        }
        let mut endless = get(&t, HOST, "/endless").await.unwrap();
        let mut seen = 0;
        while seen < 1_000_000 {
            seen += endless.chunk().await.unwrap().unwrap().len();
        }
        drop(endless);

        let mut stalled = get(&t, HOST, "/stall").await.unwrap();
        assert_eq!(stalled.chunk().await.unwrap().unwrap(), "begun");
        assert!(stays_pending(stalled.chunk()).await);

        let chunked = get(&t, HOST, "/chunked").await.unwrap();
        assert_eq!(chunked.content_length(), None);
        assert_eq!(chunked.text().await.unwrap(), "onetwo");

        assert!(stays_pending(get(&t, HOST, "/silent")).await);
        assert!(get(&t, HOST, "/hang-up").await.is_err());

        let html = get(&t, HOST, "/html").await.unwrap();
        assert_eq!(html.headers()["content-type"], "text/html; charset=utf-8");

        let gzip = get(&t, HOST, "/gzip").await.unwrap();
        assert_eq!(gzip.headers()["content-encoding"], "gzip");
        let body = gzip.bytes().await.unwrap();
        // As `gzip --decompress` wants it: magic, one stored block, CRC-32, length.
        assert_eq!(body[..4], [0x1f, 0x8b, 8, 0]);
        assert_eq!(body[10..20], *b"\x01\x05\x00\xfa\xffplain");
        assert_eq!(body[20..], [0xcf, 0x62, 0x20, 0x19, 5, 0, 0, 0]);
    }
}

#[tokio::test]
async fn one_octet_a_second() {
    let t = Testbed::start().await;
    t.host(HOST).serve("/drip", Answer::drip("abc"));
    let mut drip = get(&t, HOST, "/drip").await.unwrap();
    // From here the clock jumps whenever everybody waits for it.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let mut pieces = Vec::new();
    while let Some(piece) = drip.chunk().await.unwrap() {
        pieces.push(piece);
    }
    assert_eq!(pieces, ["a", "b", "c"]);
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn raw_octets_instead_of_http() {
    let t = Testbed::start().await;
    t.host(HOST)
        .serve("/garbage", Answer::raw("\0\0 not HTTP"))
        .serve("/too-little", Answer::lying_length(10, b"four"))
        .serve("/too-much", Answer::lying_length(2, b"four"))
        .serve("/fine", Answer::ok("fine"));
    for (path, want) in [
        ("/garbage", "\0\0 not HTTP"),
        (
            "/too-little",
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfour",
        ),
        (
            "/too-much",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nfour",
        ),
    ] {
        let mut seen = String::new();
        let mut tls = get_raw(&t, HOST, path).await;
        tls.read_to_string(&mut seen).await.unwrap();
        assert_eq!(seen, want);
    }
    assert!(get(&t, HOST, "/garbage").await.is_err());
    assert!(
        get(&t, HOST, "/too-little")
            .await
            .unwrap()
            .bytes()
            .await
            .is_err()
    );
    // The other paths of that host are still served, each on its own connection.
    let fine = get(&t, HOST, "/fine").await.unwrap();
    assert_eq!(
        (fine.version(), fine.text().await.unwrap()),
        (Version::HTTP_11, "fine".into())
    );
    let paths: Vec<_> = t
        .requests_to(HOST)
        .iter()
        .map(|r| r.path().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "/garbage",
            "/too-little",
            "/too-much",
            "/garbage",
            "/too-little",
            "/fine"
        ]
    );
}

/// What comes behind raw octets, up to where the client has seen enough.
#[tokio::test]
async fn raw_octets_and_their_ends() {
    let t = Testbed::start().await;
    t.host(HOST)
        .serve("/cut", Answer::raw_cut("ab"))
        .serve("/stall", Answer::raw_stall("ab"))
        .serve("/endless", Answer::raw_endless("ab", "cd"))
        .serve("/slow", Answer::raw_slow("ab", Duration::from_millis(1)));
    let mut seen = Vec::new();
    let mut tls = get_raw(&t, HOST, "/cut").await;
    let error = tls.read_to_end(&mut seen).await.expect_err("no goodbye");
    assert_eq!(
        (error.kind(), &seen[..]),
        (ErrorKind::UnexpectedEof, &b"ab"[..])
    );
    seen.clear();
    let mut tls = get_raw(&t, HOST, "/slow").await;
    tls.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"ab");
    let mut two = [0; 2];
    let mut tls = get_raw(&t, HOST, "/stall").await;
    tls.read_exact(&mut two).await.unwrap();
    assert!(stays_pending(tls.read_u8()).await);
    let mut tls = get_raw(&t, HOST, "/endless").await;
    tls.read_exact(&mut two).await.unwrap();
    for _ in 0..20_000 {
        tls.read_exact(&mut two).await.unwrap();
        assert_eq!(two, *b"cd");
    }
}

#[tokio::test]
async fn a_canary_counts_and_a_host_can_lead_to_it() {
    let t = Testbed::start().await;
    let canary = t.canary([127, 0, 0, 1]).unwrap();
    assert_eq!(canary.connections(), 0);
    t.host("trap.example").points_at(canary.addr());
    assert_eq!(t.host_addr("trap.example"), canary.addr());
    let _first = TcpStream::connect(canary.addr()).await.unwrap();
    let _second = TcpStream::connect(canary.addr()).await.unwrap();
    assert_eq!(canary.connections(), 2);
    assert_eq!(canary.connections(), 2);
}

/// Whether nothing comes of it for a moment. That would only hide a fault of
/// the testbed on a machine that stands still; it cannot fail by chance.
async fn stays_pending<F: Future>(future: F) -> bool {
    tokio::time::timeout(Duration::from_millis(50), future)
        .await
        .is_err()
}
