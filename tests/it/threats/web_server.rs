//! The web server of the domain, and whoever sits on the line to it.

use std::time::Duration;

use openpgp_discovery::ErrorKind::{self, BadAnswer, Connect, Http, Timeout, Tls};
use testbed::{Answer, Fault, Testbed, certs};

use super::{SLOW, assert_fails, look, look_with, plant};
use crate::{ADVANCED, AMPLE, alice, trail};

/// A head that leaves the length open: the body ends where the connection does.
const OPEN_END: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A certificate of Alice's behind a head, in one chunk or plain, as far as it goes.
fn after(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), body].concat()
}

async fn each_fails(rows: Vec<(&str, Answer, ErrorKind)>, deadline: Duration) {
    let testbed = Testbed::start().await;
    for (what, answer, kind) in rows {
        plant(&testbed, answer);
        let lookup = look(testbed.locator(), deadline).await;
        assert_fails(&lookup, kind, what);
    }
}

#[tokio::test]
async fn garbage_instead_of_chunks_is_a_failure() {
    let sample = certs::cert(&["alice@example.org"]).binary();
    let size = format!("{:x}", sample.len());
    let chunk = [size.as_bytes(), b"\r\n", &sample, b"\r\n"].concat();
    let raw = |rest: &[&[u8]]| Answer::raw(after(CHUNKED, &rest.concat()));
    each_fails(
        vec![
            ("no hex", raw(&[b"xyz\r\n", &sample]), Http),
            ("a sign", raw(&[b"-1\r\n", &sample]), Http),
            ("no size", raw(&[b"\r\n", &chunk]), Http),
            (
                "larger than any number",
                raw(&[b"fffffffffffffffff\r\n", &sample]),
                Http,
            ),
            (
                "the largest number",
                raw(&[b"ffffffffffffffff\r\n", &sample]),
                Http,
            ),
            (
                "no end of the chunk",
                raw(&[size.as_bytes(), b"\r\n", &sample, b"0\r\n\r\n"]),
                Http,
            ),
            ("no last chunk", raw(&[&chunk]), Http),
            ("half a last chunk", raw(&[&chunk, b"0\r\n"]), Http),
            (
                "endless extensions",
                Answer::raw_endless(after(CHUNKED, b"1;a"), "=b;a"),
                Http,
            ),
            (
                "endless trailers",
                Answer::raw_endless(after(CHUNKED, &[&chunk[..], b"0\r\n"].concat()), "x: y\r\n"),
                Http,
            ),
            (
                "endless small chunks",
                Answer::raw_endless(CHUNKED, "10\r\n\u{1}23456789abcdef0\r\n"),
                BadAnswer,
            ),
        ],
        AMPLE,
    )
    .await;
}

#[tokio::test]
async fn header_fields_have_an_end() {
    let head = "HTTP/1.1 200 OK\r\n";
    let sample = certs::cert(&["alice@example.org"]).binary();
    let one_too_many = [head, &"x-a: b\r\n".repeat(101), "\r\n"].concat();
    each_fails(
        vec![
            (
                "one too many",
                Answer::raw(after(&one_too_many, &sample)),
                Http,
            ),
            ("many", Answer::raw_endless(head, "x-a: b\r\n"), Http),
            ("one", Answer::raw_endless(after(head, b"x-a: "), "b"), Http),
            ("a name", Answer::raw_endless(head, "x-a"), Http),
            (
                "a status line",
                Answer::raw_endless("HTTP/1.1 200 ", "OK"),
                Http,
            ),
        ],
        AMPLE,
    )
    .await;
}

/// Interim answers may come in any number: what ends them is the deadline.
#[tokio::test]
async fn interim_answers_end_at_the_deadline() {
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    each_fails(
        vec![
            ("hints", Answer::raw_endless("", hint), Timeout),
            (
                "continue",
                Answer::raw_endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
                Timeout,
            ),
        ],
        SLOW,
    )
    .await;
}

/// Slowness never lasts longer than the deadline, in whatever part it is.
#[tokio::test]
async fn slowness_ends_at_the_deadline() {
    let sample = certs::cert(&["alice@example.org"]).binary();
    let whole = after(OPEN_END, &sample);
    let pause = Duration::from_millis(20);
    each_fails(
        vec![
            ("a slow head", Answer::raw_slow(&whole, pause), Timeout),
            ("no head", Answer::raw_stall(""), Timeout),
            ("half a head", Answer::raw_stall(&whole[..20]), Timeout),
            ("no body", Answer::raw_stall(OPEN_END), Timeout),
            (
                "half a body",
                Answer::raw_stall(&whole[..whole.len() - 20]),
                Timeout,
            ),
            // All of it is there, but who could know?
            ("no end", Answer::raw_stall(&whole), Timeout),
            ("no first chunk", Answer::raw_stall(CHUNKED), Timeout),
        ],
        SLOW,
    )
    .await;
}

#[tokio::test]
async fn handshakes_that_stall_end_at_the_deadline() {
    for fault in [Fault::Mute, Fault::StallHandshake] {
        let testbed = Testbed::start().await;
        testbed.host(ADVANCED).fault(fault);
        let lookup = look(testbed.locator(), SLOW).await;
        assert_fails(&lookup, Timeout, &format!("{fault:?}"));
        assert!(testbed.requests().is_empty());
    }
}

/// However long the deadline is: a connection has to come about within 8 seconds.
#[tokio::test]
async fn a_stalled_handshake_does_not_use_up_a_long_deadline() {
    let testbed = Testbed::start().await;
    testbed.host(ADVANCED).fault(Fault::StallHandshake);
    let start = std::time::Instant::now();
    let lookup = look(testbed.locator(), 3 * AMPLE).await;
    assert_fails(&lookup, Connect, "stalled");
    assert!(start.elapsed() < AMPLE);
}

/// The line is cut in each phase. A part is never taken for the whole: it may
/// lack the revocation that stood at the end.
#[tokio::test]
async fn what_breaks_off_is_no_answer() {
    for (fault, kind) in [
        (Fault::Refused, Connect),
        (Fault::CloseAtAccept, Tls),
        (Fault::CutHandshake, Tls),
    ] {
        let testbed = Testbed::start().await;
        testbed.host(ADVANCED).fault(fault);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, kind, &format!("{fault:?}"));
    }
    let sample = certs::cert(&["alice@example.org"]);
    let revoked = [sample.binary(), certs::binary(&sample.revoked())].concat();
    let part = &revoked[..sample.binary().len()];
    let length = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        revoked.len()
    );
    let size = format!("{:x}\r\n", part.len());
    let chunk = [size.as_bytes(), part, b"\r\n"].concat();
    let in_order = |octets: Vec<u8>| Answer::raw(octets);
    let cut = |octets: Vec<u8>| Answer::raw_cut(octets);
    for ends in [in_order as fn(Vec<u8>) -> Answer, cut] {
        each_fails(
            vec![
                ("no head", ends(Vec::new()), Http),
                (
                    "in the head",
                    ends(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
                    Http,
                ),
                ("in the body", ends(after(&length, part)), Http),
                (
                    "in a chunk",
                    ends(after(CHUNKED, &chunk[..chunk.len() - 9])),
                    Http,
                ),
                ("before the last chunk", ends(after(CHUNKED, &chunk)), Http),
            ],
            AMPLE,
        )
        .await;
    }
}

/// Where the end of the connection is the end of the body, TLS has to say so:
/// else anybody on the line could cut a revocation off.
#[tokio::test]
async fn a_body_cut_by_the_network_is_no_answer() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]).binary();
    let whole = after(OPEN_END, &sample);
    plant(&testbed, Answer::raw(&whole));
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"],
        "the server itself says that this is all"
    );
    plant(&testbed, Answer::raw_cut(&whole));
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_fails(&lookup, Http, "cut");
}

/// A challenge is met with nothing, and says nothing about a certificate.
#[tokio::test]
async fn challenges_get_no_credentials_and_are_no_absence() {
    let testbed = Testbed::start().await;
    let locator = testbed.locator().build().expect("builds");
    for scheme in [
        "Basic realm=\"x\"",
        "Negotiate",
        "Digest realm=\"x\", nonce=\"y\"",
    ] {
        for (status, field) in [(401, "www-authenticate"), (407, "proxy-authenticate")] {
            testbed.forget_log();
            plant(&testbed, Answer::status(status).header(field, scheme));
            let lookup = look_with(&locator, AMPLE).await;
            assert_fails(&lookup, Http, scheme);
            let requests = testbed.requests();
            assert_eq!(requests.len(), 1, "no second try");
            for name in ["authorization", "proxy-authorization"] {
                assert!(!requests[0].headers.contains_key(name), "{name}");
            }
        }
    }
}

/// Cookies would tell that it is the same person again: over redirects, in the
/// next look-up, on the same connection.
#[tokio::test]
async fn cookies_never_come_back() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]).binary();
    let cookie = |answer: Answer| answer.header("set-cookie", "id=7; Path=/; Secure");
    plant(&testbed, cookie(Answer::redirect(302, "/moved")));
    testbed
        .host(ADVANCED)
        .serve("/moved", cookie(Answer::ok(sample)));
    let locator = testbed.locator().build().expect("builds");
    for _ in 0..2 {
        let lookup = look_with(&locator, AMPLE).await;
        assert_eq!(lookup.found().len(), 1);
    }
    let requests = testbed.requests();
    assert_eq!((requests.len(), testbed.connections()), (4, 1));
    for request in requests {
        assert!(!request.headers.contains_key("cookie"));
        assert!(!request.headers.contains_key("referer"));
    }
}

/// A directory can go on serving what it had before a revocation, and a look-up
/// cannot know. A refresh does not ask the directory.
#[tokio::test]
async fn an_old_copy_is_found_out_by_a_refresh() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]);
    plant(&testbed, Answer::ok(sample.binary()));
    testbed.vks().confirm(&alice(), &sample.revoked());
    let locator = testbed.locator().build().expect("builds");
    let lookup = look_with(&locator, AMPLE).await;
    let [found] = lookup.found() else {
        panic!("{:?}", trail(&lookup));
    };
    assert!(found.status().is_valid(), "the old copy");
    let asked = testbed.requests().len();
    let refresh = locator.refresh(found.cert()).await;
    assert!(refresh.after().is_revoked(), "{refresh:?}");
    assert_eq!(testbed.requests().len(), asked, "no directory is asked");
}
