use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::wkd::check::seen::{Failure, Families, Over, Tls};
use crate::{Error, ErrorKind};

pub(in crate::wkd::check) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
        redirects: Vec::new(),
    }
}

fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    answer
        .headers
        .insert(name, HeaderValue::from_str(value).unwrap());
    answer
}

/// What a perfect server gives.
fn entry() -> Answer {
    let answer = with(
        answer(200, "cert"),
        CONTENT_TYPE,
        "application/octet-stream",
    );
    with(answer, ACCESS_CONTROL_ALLOW_ORIGIN, "*")
}

pub(in crate::wkd::check) fn directory() -> Directory {
    Directory {
        host: "openpgpkey.example.org".to_owned(),
        first: Ok(entry()),
        families: Families {
            v6: false,
            v4: true,
        },
        tls: Tls::Unseen,
        rest: Some(Rest {
            policy: Some(Ok(answer(200, ""))),
            head: Ok(answer(200, "")),
            random: Ok(answer(404, "")),
            listing: Ok(answer(404, "")),
            submission: Ok(answer(404, "")),
            over: Over { v6: None, v4: None },
        }),
    }
}

fn failure() -> Seen {
    Err(Failure {
        error: Error::new(ErrorKind::Connect, "refused"),
        by_redirect: None,
        no_route: false,
    })
}

fn graver(findings: &Findings) -> Vec<(Check, Level)> {
    let list = findings.list.iter();
    list.filter(|finding| finding.level() > Level::Info)
        .map(|finding| (finding.check(), finding.level()))
        .collect()
}

#[test]
fn each_fault_of_an_entry_and_no_other() {
    use Check as C;
    use Level::{Error, Warning};
    type Plant = fn(&mut Directory, &mut Rest);
    type Row = (Plant, bool, &'static [(Check, Level)]);
    let table: &[Row] = &[
        (|_, _| {}, true, &[]),
        (
            |d, _| d.first = Ok(answer(404, "")),
            false,
            &[(C::Status, Error)],
        ),
        (
            |d, _| d.first = Ok(answer(410, "")),
            false,
            &[(C::Status, Error)],
        ),
        (
            |d, _| d.first = Ok(answer(401, "")),
            false,
            &[(C::Status, Error)],
        ),
        (
            |d, _| d.first = Ok(answer(403, "")),
            false,
            &[(C::Status, Error)],
        ),
        (
            |d, _| d.first = Ok(answer(204, "")),
            false,
            &[(C::Status, Error)],
        ),
        (
            // The whole host is broken: that is said once.
            |d, r| {
                d.first = Ok(answer(500, ""));
                r.random = Ok(answer(500, ""));
                r.listing = Ok(answer(500, ""));
            },
            false,
            &[(C::Status, Error)],
        ),
        (
            |_, r| r.random = Ok(answer(403, "")),
            true,
            &[(C::Status, Warning)],
        ),
        (
            |_, r| r.random = failure(),
            true,
            &[(C::Connection, Warning)],
        ),
        (
            |_, r| r.random = Ok(answer(200, "x")),
            true,
            &[(C::Soft404, Warning)],
        ),
        (
            |d, r| {
                d.first = Ok(answer(200, "<html>any</html>"));
                r.random = Ok(answer(200, "<html>other</html>"));
                r.listing = Ok(answer(200, "<html>third</html>"));
            },
            false,
            &[(C::Soft404, Error)],
        ),
        (
            |_, r| r.listing = Ok(answer(200, "<a href=iy9q119eutrkn8s1mk4r39qejnbu3n5q>")),
            true,
            &[(C::Listing, Warning)],
        ),
        (
            |_, r| r.listing = Ok(answer(200, "<h1>Index of /hu/</h1>")),
            true,
            &[(C::Listing, Warning)],
        ),
        (
            |_, r| r.listing = Ok(answer(200, "")),
            true,
            &[(C::Listing, Warning)],
        ),
        (|_, r| r.listing = failure(), true, &[(C::Listing, Warning)]),
        (
            |_, r| r.head = Ok(answer(405, "")),
            true,
            &[(C::Head, Warning)],
        ),
        (|_, r| r.head = failure(), true, &[(C::Head, Warning)]),
        (
            |_, r| r.head = Ok(with(answer(200, ""), CONTENT_LENGTH, "3")),
            true,
            &[(C::Head, Warning)],
        ),
        (
            |_, r| r.head = Ok(with(answer(200, ""), CONTENT_LENGTH, "4")),
            true,
            &[],
        ),
        (
            |d, _| d.first = Ok(with(entry(), CONTENT_TYPE, "text/html; charset=utf-8")),
            true,
            &[(C::ContentType, Warning)],
        ),
        (
            |d, _| d.first = Ok(with(entry(), CONTENT_TYPE, "Application/Octet-Stream;x")),
            true,
            &[],
        ),
        (
            |d, _| {
                d.first = Ok(with(
                    entry(),
                    ACCESS_CONTROL_ALLOW_ORIGIN,
                    "https://a.example",
                ))
            },
            true,
            &[(C::Cors, Warning)],
        ),
        (
            |d, _| d.first = Ok(with(entry(), ACCESS_CONTROL_ALLOW_ORIGIN, "*, *")),
            true,
            &[(C::Cors, Warning)],
        ),
        (
            |d, _| {
                let mut twice = entry();
                let any = HeaderValue::from_static("*");
                twice.headers.append(ACCESS_CONTROL_ALLOW_ORIGIN, any);
                d.first = Ok(twice);
            },
            true,
            &[(C::Cors, Warning)],
        ),
        (
            |d, _| d.first = Ok(with(entry(), http::header::CONTENT_ENCODING, "gzip")),
            false,
            &[(C::Other, Error)],
        ),
        (
            |d, _| {
                d.first = Ok(Answer {
                    truncated: true,
                    ..entry()
                })
            },
            false,
            &[(C::Size, Error)],
        ),
    ];
    for (row, (plant, is_judged, expected)) in table.iter().enumerate() {
        let mut seen = directory();
        let mut rest = seen.rest.take().unwrap();
        plant(&mut seen, &mut rest);
        seen.rest = Some(rest);
        let mut findings = Findings::of(None);
        let entry = judge_entry(&seen, &mut findings);
        assert_eq!(graver(&findings), *expected, "row {row}");
        assert_eq!(entry.is_some(), *is_judged, "row {row}");
        for finding in &findings.list {
            let is_bad = finding.level() >= Warning;
            assert_eq!(finding.remedy().is_some(), is_bad, "{finding:?}");
        }
    }
}

#[test]
fn what_servers_say_is_shown_without_control_characters() {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_bytes(b"a\xc2\x9b31m\xff").unwrap(),
    );
    let mut findings = Findings::of(None);
    judge_content_type(&Answer { headers, ..entry() }, &mut findings);
    let detail = findings.list[0].detail();
    assert!(!detail.chars().any(char::is_control), "{detail:?}");
}

/// What could not be told is said, and is no fault.
#[test]
fn listings_of_which_nothing_can_be_told() {
    let elsewhere = Failure {
        error: Error::new(ErrorKind::Redirect, "elsewhere"),
        by_redirect: None,
        no_route: false,
    };
    for (random, listing, level) in [
        (answer(404, ""), Ok(answer(404, "")), Level::Ok),
        (answer(200, "x"), Ok(answer(200, "a page")), Level::Info),
        (answer(404, ""), Err(elsewhere), Level::Info),
    ] {
        let mut seen = directory();
        seen.rest.as_mut().unwrap().random = Ok(random);
        let mut findings = Findings::of(None);
        judge_listing(&seen, &listing, &mut findings);
        let [finding] = &findings.list[..] else {
            panic!("{listing:?}: {findings:?}");
        };
        assert_eq!((finding.check(), finding.level()), (Check::Listing, level));
    }
}
