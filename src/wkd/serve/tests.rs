//! What is answered, in tables: written from the protocol sheet and the contract of
//! `wkd_server`.

mod in_memory;

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST,
    IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::*;
use crate::wkd::Layout;

/// Of `Joe.Doe`, as in the draft.
const JOE: &str = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";
/// A hash that nobody has.
const NOBODY: &str = "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";

/// A directory that has Joe in two domains, and writes down what it is asked.
#[derive(Default)]
struct Sample {
    asked: Mutex<Vec<String>>,
    broken: bool,
}

impl Sample {
    fn ask(&self, what: String, found: Option<&'static str>) -> Reply<'_> {
        self.asked.lock().unwrap().push(what);
        let reply = match self.broken {
            true => Err("the database of joe.doe@example.org is down".into()),
            false => Ok(found.map(Content::new)),
        };
        Box::pin(std::future::ready(reply))
    }

    fn serves(domain: &str) -> bool {
        [
            "example.org",
            "xn--bcher-kva.example",
            "hu",
            "openpgpkey.org",
        ]
        .contains(&domain)
    }
}

impl Directory for Sample {
    fn certificates<'a>(&'a self, question: &'a Question<'_>) -> Reply<'a> {
        let what = format!(
            "{} {} {} {}",
            question.layout(),
            question.domain(),
            question.hash(),
            question.local_part().unwrap_or("-"),
        );
        let has = Self::serves(question.domain()) && question.hash() == JOE;
        self.ask(what, has.then_some("joe's certificate"))
    }

    fn policy<'a>(&'a self, domain: &'a str) -> Reply<'a> {
        self.ask(
            format!("policy {domain}"),
            Self::serves(domain).then_some("# policy\n"),
        )
    }
}

/// Nothing here has to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

fn ask(sample: &Sample, method: Method, host: Option<&str>, target: &str) -> Answer {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    now(answer(
        sample,
        &Request::new(&method, host, path).with_query(query),
    ))
}

fn get(host: &str, target: &str) -> Answer {
    ask(&Sample::default(), Method::GET, Some(host), target)
}

fn advanced(rest: &str) -> String {
    format!("/.well-known/openpgpkey/{rest}")
}

const HOST_A: &str = "openpgpkey.example.org";
const HOST_D: &str = "example.org";

#[test]
fn what_is_there_is_found_by_both_methods() {
    for (host, rest, asked) in [
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l=Joe.Doe"),
            "advanced example.org H Joe.Doe",
        ),
        (
            HOST_A,
            format!("example.org/hu/{JOE}"),
            "advanced example.org H -",
        ),
        // The local part as clients write it: in another case, encoded or not.
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l=joe.doe"),
            "advanced example.org H joe.doe",
        ),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l=%4aoe%2eDoe"),
            "advanced example.org H Joe.Doe",
        ),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?x=1&l=Joe.Doe&y"),
            "advanced example.org H Joe.Doe",
        ),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?"),
            "advanced example.org H -",
        ),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?L=other&ll=other&&"),
            "advanced example.org H -",
        ),
        // An alias or a redirect leads to the service by whatever name.
        (
            "wkd.service.example",
            format!("example.org/hu/{JOE}"),
            "advanced example.org H -",
        ),
        (
            HOST_D,
            format!("example.org/hu/{JOE}"),
            "advanced example.org H -",
        ),
        (
            "[::1]:8443",
            format!("example.org/hu/{JOE}"),
            "advanced example.org H -",
        ),
        (
            "",
            format!("example.org/hu/{JOE}"),
            "advanced example.org H -",
        ),
        (
            "not a host",
            format!("example.org/hu/{JOE}"),
            "advanced example.org H -",
        ),
        (
            HOST_A,
            format!("xn--bcher-kva.example/hu/{JOE}"),
            "advanced xn--bcher-kva.example H -",
        ),
        (HOST_A, format!("hu/hu/{JOE}"), "advanced hu H -"),
        (
            HOST_D,
            format!("hu/{JOE}?l=Joe.Doe"),
            "direct example.org H Joe.Doe",
        ),
        (
            "EXAMPLE.org:443",
            format!("hu/{JOE}"),
            "direct example.org H -",
        ),
        (
            "example.org.",
            format!("hu/{JOE}"),
            "direct example.org H -",
        ),
        (
            "example.org.:8443",
            format!("hu/{JOE}"),
            "direct example.org H -",
        ),
        (
            "example.org:",
            format!("hu/{JOE}"),
            "direct example.org H -",
        ),
        (
            "XN--bcher-kva.example",
            format!("hu/{JOE}"),
            "direct xn--bcher-kva.example H -",
        ),
        ("hu", format!("hu/{JOE}"), "direct hu H -"),
        // A domain of that name is one like any other.
        (
            "openpgpkey.org",
            format!("hu/{JOE}"),
            "direct openpgpkey.org H -",
        ),
        (
            HOST_A,
            "example.org/policy".to_owned(),
            "policy example.org",
        ),
        (
            HOST_A,
            "example.org/policy?l=whatever%ff&l=".to_owned(),
            "policy example.org",
        ),
        (HOST_D, "policy".to_owned(), "policy example.org"),
        (HOST_A, "hu/policy".to_owned(), "policy hu"),
    ] {
        let sample = Sample::default();
        let answer = ask(&sample, Method::GET, Some(host), &advanced(&rest));
        assert_eq!(answer.status, StatusCode::OK, "{host} {rest}");
        assert_eq!(
            *sample.asked.lock().unwrap(),
            [asked.replace('H', JOE)],
            "{host} {rest}"
        );
    }
}

#[test]
fn everything_else_is_the_same_404_and_most_of_it_asks_nobody() {
    let missing = get(HOST_A, &advanced(&format!("example.org/hu/{NOBODY}")));
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let upper = JOE.to_ascii_uppercase();
    let long_label = "d".repeat(64);
    let long_domain = ["d".repeat(63).as_str(); 4].join(".");
    let table = [
        // Nobody has it.
        (HOST_A, format!("example.org/hu/{NOBODY}?l=nobody"), false),
        (HOST_A, format!("elsewhere.example/hu/{JOE}"), true),
        (HOST_D, format!("hu/{NOBODY}"), true),
        ("elsewhere.example", format!("hu/{JOE}"), true),
        ("elsewhere.example", "policy".to_owned(), true),
        (HOST_A, "elsewhere.example/policy".to_owned(), true),
        // The host of the advanced method is no domain of the direct one.
        (HOST_A, format!("hu/{JOE}"), true),
        (HOST_A, "policy".to_owned(), true),
        // Not this local part.
        (HOST_A, format!("example.org/hu/{JOE}?l=joe"), false),
        (HOST_A, format!("example.org/hu/{JOE}?l="), false),
        (HOST_A, format!("example.org/hu/{JOE}?l"), false),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l=Joe.Doe&l=Joe.Doe"),
            false,
        ),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe&l"), false),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l=Joe.Doe%40example.org"),
            false,
        ),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe%"), false),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe%4"), false),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe%+1"), false),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe%zz"), false),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe%00"), false),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe%ff"), false),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l=Joe.Doe%c0%80"),
            false,
        ),
        (HOST_A, format!("example.org/hu/{JOE}?l=Joe.Doe+"), false),
        (
            HOST_A,
            format!("example.org/hu/{JOE}?l={}", "a".repeat(100_000)),
            false,
        ),
        // Not a hash.
        (HOST_A, format!("example.org/hu/{upper}"), false),
        (HOST_A, format!("example.org/hu/{}", &JOE[..31]), false),
        (HOST_A, format!("example.org/hu/{JOE}y"), false),
        (HOST_A, format!("example.org/hu/{}l", &JOE[..31]), false),
        (HOST_A, format!("example.org/hu/{}é", &JOE[..30]), false),
        (HOST_A, "example.org/hu/".to_owned(), false),
        (HOST_A, "example.org/hu".to_owned(), false),
        (HOST_A, "example.org/hu/policy".to_owned(), false),
        (HOST_D, "hu/".to_owned(), false),
        (HOST_D, "hu".to_owned(), false),
        // Not the path, octet for octet.
        (HOST_A, format!("example.org/hu/{JOE}/"), false),
        (HOST_A, format!("example.org//hu/{JOE}"), false),
        (HOST_A, format!("/example.org/hu/{JOE}"), false),
        (HOST_A, format!("example.org/./hu/{JOE}"), false),
        (HOST_A, format!("example.org/x/../hu/{JOE}"), false),
        (HOST_A, format!("../openpgpkey/example.org/hu/{JOE}"), false),
        (HOST_A, format!("example.org/h%75/{JOE}"), false),
        (HOST_A, format!("example%2Eorg/hu/{JOE}"), false),
        (HOST_A, format!("example.org%2Fhu%2F{JOE}"), false),
        (HOST_A, format!("example.org/HU/{JOE}"), false),
        (HOST_A, format!("example.org/hu/%69{}", &JOE[1..]), false),
        (HOST_A, format!("example.org\\hu\\{JOE}"), false),
        (HOST_A, format!("example.org/hu/{JOE}.asc"), false),
        (HOST_A, format!("example.org/hu/{JOE}\0"), false),
        (HOST_A, "example.org/policy/".to_owned(), false),
        (HOST_A, "example.org/POLICY".to_owned(), false),
        (HOST_A, "example.org/submission-address".to_owned(), false),
        (HOST_A, "example.org/".to_owned(), false),
        (HOST_A, "example.org".to_owned(), false),
        (HOST_A, String::new(), false),
        // Not a domain as the URL has it: A-labels, lower case.
        (HOST_A, format!("Example.org/hu/{JOE}"), false),
        (HOST_A, format!("example.org./hu/{JOE}"), false),
        (HOST_A, format!("bücher.example/hu/{JOE}"), false),
        (HOST_A, format!("b%C3%BCcher.example/hu/{JOE}"), false),
        (HOST_A, format!("xn--a/hu/{JOE}"), false),
        (HOST_A, format!("../hu/{JOE}"), false),
        (HOST_A, format!("192.0.2.1/hu/{JOE}"), false),
        (HOST_A, format!("x@example.org/hu/{JOE}"), false),
        (HOST_A, format!("{long_label}.example/hu/{JOE}"), false),
        (HOST_A, format!("{long_domain}/hu/{JOE}"), false),
        // Not a host that a domain could have.
        ("", format!("hu/{JOE}"), false),
        (".", format!("hu/{JOE}"), false),
        (":443", format!("hu/{JOE}"), false),
        ("example.org..", format!("hu/{JOE}"), false),
        ("example.org:44x", format!("hu/{JOE}"), false),
        ("example.org:1:2", format!("hu/{JOE}"), false),
        ("joe@example.org", format!("hu/{JOE}"), false),
        ("bücher.example", format!("hu/{JOE}"), false),
        ("127.0.0.1:8080", format!("hu/{JOE}"), false),
        ("[::1]", format!("hu/{JOE}"), false),
        ("exam\u{0}ple.org", "policy".to_owned(), false),
    ];
    for (host, rest, asks) in table {
        let sample = Sample::default();
        let answer = ask(&sample, Method::GET, Some(host), &advanced(&rest));
        assert_same(&answer, &missing, &format!("{host} {rest}"));
        let asked = !sample.asked.lock().unwrap().is_empty();
        assert_eq!(asked, asks, "{host} {rest}");
    }
    for path in [
        "",
        "/",
        "*",
        "/.well-known/openpgpkey",
        "/.WELL-KNOWN/openpgpkey/policy",
        "//.well-known/openpgpkey/policy",
        "/x/.well-known/openpgpkey/policy",
        ".well-known/openpgpkey/policy",
        "/.well-known/openpgpkeypolicy",
        "https://example.org/.well-known/openpgpkey/policy",
    ] {
        assert_same(&get(HOST_D, path), &missing, path);
    }
    for method in [
        "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get",
    ] {
        let sample = Sample::default();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let target = advanced(&format!("example.org/hu/{JOE}"));
        let answer = ask(&sample, method.clone(), Some(HOST_A), &target);
        assert_same(&answer, &missing, method.as_str());
        assert!(sample.asked.lock().unwrap().is_empty(), "{method}");
    }
    // The direct method goes by the host, and there is none.
    let target = advanced(&format!("hu/{JOE}"));
    let hostless = ask(&Sample::default(), Method::GET, None, &target);
    assert_same(&hostless, &missing, "no host");
}

fn assert_same(answer: &Answer, missing: &Answer, of: &str) {
    assert_eq!(answer.status, missing.status, "{of}");
    assert_eq!(answer.headers, missing.headers, "{of}");
    assert_eq!(answer.body, missing.body, "{of}");
}

#[test]
fn the_header_fields() {
    let certificates = get(HOST_A, &advanced(&format!("example.org/hu/{JOE}")));
    let policy = get(HOST_D, &advanced("policy"));
    let missing = get(HOST_D, "/");
    for (answer, content_type, has_tag) in [
        (&certificates, "application/octet-stream", true),
        (&policy, "text/plain; charset=utf-8", true),
        (&missing, "text/plain; charset=utf-8", false),
    ] {
        assert_eq!(answer.headers[CONTENT_TYPE], content_type);
        assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(answer.headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-cache");
        assert_eq!(
            answer.headers[CONTENT_LENGTH],
            answer.body.len().to_string()
        );
        assert_eq!(answer.headers.contains_key(ETAG), has_tag);
        assert!(answer.error.is_none());
    }
    let tag = certificates.headers[ETAG].to_str().unwrap();
    assert!(
        tag.starts_with('"') && tag.ends_with('"') && tag.len() > 30,
        "strong: {tag}"
    );
    assert_ne!(certificates.headers[ETAG], policy.headers[ETAG]);
}

#[test]
fn head_is_get_without_the_body() {
    for (host, rest) in [
        (HOST_A, format!("example.org/hu/{JOE}")),
        (HOST_D, format!("hu/{JOE}?l=joe.doe")),
        (HOST_D, "policy".to_owned()),
        (HOST_D, format!("hu/{NOBODY}")),
        (HOST_D, "nothing".to_owned()),
    ] {
        let target = advanced(&rest);
        let get = get(host, &target);
        let head = ask(&Sample::default(), Method::HEAD, Some(host), &target);
        assert_eq!(head.status, get.status, "{rest}");
        assert_eq!(head.headers, get.headers, "{rest}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{rest}");
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let target = advanced(&format!("example.org/hu/{JOE}"));
    let whole = get(HOST_A, &target);
    let tag = whole.headers[ETAG].to_str().unwrap();
    let table: Vec<(Vec<String>, bool)> = vec![
        (vec![], false),
        (vec![tag.to_owned()], true),
        (vec![format!("W/{tag}")], true),
        (vec!["*".to_owned()], true),
        (vec![" * ".to_owned()], true),
        (vec![format!("\"a\", {tag}")], true),
        (vec![format!("\"a\",{tag},\"b\"")], true),
        (vec![format!(" , W/\"a,b\" ,\t{tag} ,")], true),
        (vec!["\"a\"".to_owned(), tag.to_owned()], true),
        (vec!["\"a\"".to_owned()], false),
        (vec![tag.trim_matches('"').to_owned()], false),
        (vec![tag.trim_end_matches('"').to_owned()], false),
        (vec![format!("w/{tag}")], false),
        (vec![format!("W/ {tag}")], false),
        (
            vec![tag.to_ascii_uppercase()],
            tag == tag.to_ascii_uppercase(),
        ),
        (vec![String::new()], false),
        (vec!["\"".to_owned()], false),
        (vec!["W/".to_owned()], false),
        // What stands in another tag is none.
        (vec![format!("\"a{tag}")], false),
        // What cannot be read ends the list.
        (vec![format!("a, {tag}")], false),
        (vec![format!("{tag}a")], false),
        (vec![format!("\"a\" {tag}")], false),
        (vec![format!("*, {tag}")], false),
    ];
    for (fields, matches) in table {
        for method in [Method::GET, Method::HEAD] {
            let mut headers = HeaderMap::new();
            for field in &fields {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(field).unwrap());
            }
            let request = Request::new(&method, None, &target).with_headers(&headers);
            let answer = now(answer(&Sample::default(), &request));
            let expected = match matches {
                true => StatusCode::NOT_MODIFIED,
                false => StatusCode::OK,
            };
            assert_eq!(answer.status, expected, "{fields:?}");
            assert_eq!(answer.headers[ETAG], tag);
            assert_eq!(answer.headers[CACHE_CONTROL], "no-cache");
            assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
            // Of the file, or none at all: another one is not allowed (RFC 9110 §8.6).
            assert_eq!(answer.headers[CONTENT_LENGTH], whole.body.len().to_string());
            assert_eq!(answer.body.is_empty(), matches || method == Method::HEAD);
        }
    }
    // What is not there does not match `*`.
    let mut headers = HeaderMap::new();
    headers.append(IF_NONE_MATCH, HeaderValue::from_static("*"));
    let target = advanced(&format!("example.org/hu/{NOBODY}"));
    let request = Request::new(&Method::GET, None, &target).with_headers(&headers);
    assert_same(
        &now(answer(&Sample::default(), &request)),
        &get(HOST_A, &target),
        "a condition on nothing",
    );
}

#[test]
fn who_cannot_tell_says_so_without_details() {
    let sample = Sample {
        broken: true,
        ..Sample::default()
    };
    for rest in [
        format!("example.org/hu/{JOE}"),
        format!("example.org/hu/{NOBODY}"),
        "example.org/policy".to_owned(),
    ] {
        let answer = ask(&sample, Method::GET, Some(HOST_A), &advanced(&rest));
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!answer.body.windows(3).any(|octets| octets == b"joe"));
        let error = answer.error.expect("for the operator").to_string();
        assert!(error.contains("down"), "{error}");
    }
}

#[test]
fn a_tag_of_the_callers_own() {
    for (tag, expected) in [
        ("v1", Some("\"v1\"")),
        ("", Some("\"\"")),
        ("a'b,c/!~", Some("\"a'b,c/!~\"")),
        ("a b", None),
        ("a\"b", None),
        ("\"v1\"", None),
        ("a\r\nSet-Cookie: b", None),
        ("ä", None),
        ("\u{7f}", None),
    ] {
        let content = Content::with_etag("octets", tag);
        let etag = content
            .as_ref()
            .ok()
            .map(|content| content.etag().to_str().unwrap());
        assert_eq!(etag, expected, "{tag:?}");
    }
    let same = [Content::new("a"), Content::new("a"), Content::new("b")];
    assert_eq!(same[0].etag(), same[1].etag());
    assert_ne!(same[0].etag(), same[2].etag());
}

#[test]
fn of_a_request_the_authority_is_the_host() {
    let target = advanced(&format!("hu/{JOE}?l=Joe.Doe"));
    for (authority, hosts, found) in [
        // HTTP/1.1, and HTTP/2.
        ("", &["example.org"][..], true),
        ("https://example.org:8443", &[], true),
        ("https://example.org", &["elsewhere.example"], true),
        ("https://elsewhere.example", &["example.org"], false),
        ("", &[], false),
        // Whoever sends two wants to fool somebody.
        ("", &["example.org", "example.org"], false),
        ("", &["example.org, example.org"], false),
    ] {
        let mut request = http::Request::get(format!("{authority}{target}"));
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let sample = Sample::default();
        let answer = now(answer(&sample, &Request::from(&parts)));
        assert_eq!(
            answer.status == StatusCode::OK,
            found,
            "{authority} {hosts:?}"
        );
        if found {
            let asked = format!("{} example.org {JOE} Joe.Doe", Layout::Direct);
            assert_eq!(*sample.asked.lock().unwrap(), [asked]);
        }
    }
}

#[test]
fn whatever_comes_is_no_panic() {
    // Every way to cut the target, and each octet in it replaced by something odd.
    let target = advanced(&format!("example.org/hu/{JOE}?l=Joe%2EDoe&x"));
    for at in 0..=target.len() {
        let (head, tail) = target.split_at(at);
        get(HOST_A, head);
        get(head, tail);
        for odd in ["%", "é", "\0", "//", "=", "&l=", "?", "\u{202e}", "%C3"] {
            get(
                HOST_D,
                &format!("{head}{odd}{}", tail.get(1..).unwrap_or_default()),
            );
            get(HOST_D, &format!("{head}{odd}{tail}"));
        }
    }
}
