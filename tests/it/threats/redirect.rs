//! Redirects: where the web server of a domain sends a client on to.

use std::net::{IpAddr, Ipv4Addr};

use openpgp_discovery::ErrorKind;
use testbed::{Answer, Canary, Fault, Testbed, certs};

use super::{assert_fails, look, plant, said};
use crate::{ADVANCED, AMPLE, trail};

/// Two hosts that send to each other, and one that sends to ever new places.
#[tokio::test]
async fn loops_of_redirects_end() {
    let testbed = Testbed::start().await;
    let there = "https://there.example.net/x".to_owned();
    let back = format!("https://{ADVANCED}{}", super::path());
    testbed
        .host("there.example.net")
        .serve("/x", Answer::redirect(308, &back));
    for to in [&there, "?again", "//there.example.net/x", "x/../"] {
        testbed.host(ADVANCED).serve_all(Answer::redirect(301, to));
        plant(&testbed, Answer::redirect(301, to));
        testbed.forget_log();
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Redirect, to);
        assert_eq!(testbed.requests().len(), 4, "{to}: one and three redirects");
    }
}

/// One step over plain HTTP, and whoever sits on the line chooses the answer.
#[tokio::test]
async fn redirects_never_leave_https() {
    let testbed = Testbed::start().await;
    let canary = testbed.canary(Ipv4Addr::LOCALHOST).expect("loopback");
    testbed.host("plain.example.net").points_at(canary.addr());
    for to in [
        "http://plain.example.net/",
        "HTTP://plain.example.net/",
        "http:/plain.example.net",
        "ws://plain.example.net/",
        "wss://plain.example.net/",
        "ftp://plain.example.net/",
    ] {
        for hops in [0, 1] {
            // At once, and behind a step that is fine.
            let answer = Answer::redirect(302, to);
            match hops {
                0 => plant(&testbed, answer),
                _ => {
                    plant(&testbed, Answer::redirect(302, "/next"));
                    testbed.host(ADVANCED).serve("/next", answer);
                }
            }
            let lookup = look(testbed.locator(), AMPLE).await;
            assert_fails(&lookup, ErrorKind::Redirect, to);
        }
    }
    assert_eq!(canary.connections(), 0);
    assert!(testbed.queries_for("plain.example.net").is_empty());
}

/// A hop to another host is a new question: its name, its certificate and its
/// addresses are judged like the first one's.
#[tokio::test]
async fn each_hop_is_judged_like_the_first() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]).binary();
    testbed
        .host("other.example.net")
        .serve("/x", Answer::ok(&sample));
    plant(
        &testbed,
        Answer::redirect(302, "https://other.example.net/x"),
    );
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
    for (fault, kind) in [
        (Fault::WrongName, ErrorKind::Tls),
        (Fault::SelfSigned, ErrorKind::Tls),
        (Fault::Expired, ErrorKind::Tls),
        (Fault::NotTls, ErrorKind::Tls),
        (Fault::Refused, ErrorKind::Connect),
    ] {
        testbed.host("other.example.net").fault(fault);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, kind, &format!("{fault:?}"));
    }
}

/// Every spelling of loopback that a URL parser or a C library might know.
#[tokio::test]
async fn numbers_as_host_names_are_no_way_in() {
    let testbed = Testbed::start().await;
    let ips: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), [0; 4].into()];
    let canaries: Vec<Canary> = ips.iter().flat_map(|ip| testbed.canary(*ip)).collect();
    for host in [
        // Decimal, octal, hex; short and mixed; with digits of another script.
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7F.1",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "0177.0.0.0x1",
        "00000177.1",
        "127.0.0.1.",
        "0",
        "0x0",
        "127%2e0%2e0%2e1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        // IPv6: mapped, compatible, NAT64, 6to4, Teredo, with a zone.
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[::1%25lo]",
        "[fec0::1]",
        "[fd00::1]",
    ] {
        for canary in &canaries {
            let port = canary.addr().port();
            for to in [
                format!("https://{host}/"),
                format!("https://{host}:{port}/"),
            ] {
                plant(&testbed, Answer::redirect(302, &to));
                let lookup = look(testbed.locator(), AMPLE).await;
                // A zone is no URL, and a header field is ASCII.
                let kind = match crate::failure(&lookup) {
                    Some(ErrorKind::Redirect) if to.contains('%') || !to.is_ascii() => {
                        ErrorKind::Redirect
                    }
                    _ => ErrorKind::Blocked,
                };
                assert_fails(&lookup, kind, &to);
                assert_eq!(canary.connections(), 0, "{to}");
            }
        }
    }
}

/// A server must not choose how much is logged, shown or sent on.
#[tokio::test]
async fn long_targets_are_refused_in_few_words() {
    let testbed = Testbed::start().await;
    let long = "a".repeat(100_000);
    let labels = "a.".repeat(2_000);
    for to in [
        format!("https://{long}.example.net/"),
        format!("https://{labels}example.net/"),
        format!("https://{}example.net/", &labels[..300]),
        format!("https://{ADVANCED}/{long}"),
        format!("/{long}"),
        format!("http://{long}/"),
    ] {
        testbed.forget_log();
        plant(&testbed, Answer::redirect(302, &to));
        let lookup = look(testbed.locator(), AMPLE).await;
        let start = &to[..30];
        assert_fails(&lookup, ErrorKind::Redirect, start);
        for said in said(&lookup) {
            assert!(said.len() < 500, "{start}: {} octets", said.len());
        }
        assert_eq!(testbed.requests().len(), 1, "{start}: nothing is sent on");
    }
}
