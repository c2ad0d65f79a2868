//! What a check asks of the network, and what it does not.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn nobody_is_asked_for_but_the_subject_and_no_key_server() {
    let t = Testbed::start().await;
    Site::perfect(&t, Layout::Advanced, "example.org");
    Site::perfect(&t, Layout::Direct, "example.org");
    let locator = locator(&t);
    for subject in ["alice@example.org", "example.org"] {
        t.forget_log();
        let report = check(&locator, subject).await;
        assert!(t.vks().requests().is_empty());
        let asked: HashSet<String> = t
            .requests()
            .iter()
            .filter_map(|request| request.query().map(str::to_owned))
            .collect();
        for query in &asked {
            let is_random = query.starts_with("l=wkd-check-");
            assert!(
                is_random || query == "l=alice" && subject.contains('@'),
                "{query}"
            );
        }
        let hosts: HashSet<String> = t.requests().into_iter().map(|r| r.host).collect();
        for host in hosts {
            assert!(
                ["example.org", "openpgpkey.example.org"].contains(&&host[..]),
                "{host}"
            );
        }
        for query in t.queries() {
            let name = &query.name;
            let random = name.strip_suffix(".example.org");
            let is_random = random.is_some_and(|label| label.starts_with("wkd-check-"));
            let is_known = ["example.org", "openpgpkey.example.org"].contains(&&name[..]);
            assert!(is_random || is_known, "{name}");
        }
        // What the report lists is what was asked.
        let listed = report.asked().iter();
        let listed = listed.filter(|asked| !asked.what().starts_with("DNS"));
        assert_eq!(listed.count(), t.requests().len());
    }
}

#[tokio::test]
async fn the_number_of_requests_is_bounded() {
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Direct, "example.org");
    let locator = locator(&t);
    // The most: a wildcard in the place of the advanced method, which takes two
    // directories, and both families.
    t.name("*.example.org").address(Ipv4Addr::LOCALHOST);
    for host in ["openpgpkey.example.org", "example.org", "*.example.org"] {
        t.name(host)
            .address(Ipv4Addr::LOCALHOST)
            .address(std::net::Ipv6Addr::LOCALHOST);
    }
    t.host("openpgpkey.example.org")
        .serve_all(Answer::status(404));
    check(&locator, &site.address.to_string()).await;
    assert!(t.requests().len() <= 16, "{:#?}", t.requests());

    // Each with three redirects.
    t.forget_log();
    t.host("example.org").serve_all(Answer::redirect(302, "/x"));
    for file in [&site.entry, &site.file("policy")] {
        t.host("example.org")
            .serve(file, Answer::redirect(302, "/x"));
    }
    check(&locator, &site.address.to_string()).await;
    assert!(t.requests().len() <= 4 * 16, "{}", t.requests().len());
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own() {
    let t = Testbed::start().await;
    Site::perfect(&t, Layout::Advanced, "example.org");
    let locator = locator(&t);
    // Of this one, nothing is used.
    locator.locate(&address("alice@example.org")).await;
    let before = (t.connections(), t.requests().len());
    check(&locator, "alice@example.org").await;
    let requests = t.requests().len() - before.1;
    assert!(requests >= 6, "{requests}");
    assert!(t.connections() - before.0 >= requests);
}

#[tokio::test]
async fn the_guard_holds_also_behind_redirects() {
    let t = Testbed::start().await;
    let canary = t.canary(Ipv4Addr::LOCALHOST).expect("a port");
    let locator = locator(&t);
    for (domain, to) in [
        ("name.example", "https://inner.example/x".to_owned()),
        (
            "port.example",
            format!("https://127.0.0.1:{}/x", canary.addr().port()),
        ),
        ("special.example", "https://printer.local/x".to_owned()),
    ] {
        let site = Site::perfect(&t, Layout::Advanced, domain);
        t.host("inner.example").points_at(canary.addr());
        site.answer(&t, Answer::redirect(302, &to));
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::redirect(302, &to))
            .serve_all(Answer::redirect(302, &to));
        let report = check(&locator, &site.address.to_string()).await;
        assert_eq!(report.worst(), Level::Error, "{report:?}");
    }
    // Addresses that DNS gives are guarded too.
    Site::perfect(&t, Layout::Direct, "inner.example");
    t.host("inner.example").points_at(canary.addr());
    let report = check(&locator, "alice@inner.example").await;
    let [error] = at(&report, Level::Error)[..] else {
        panic!("{report:?}")
    };
    assert_eq!(error.check(), Check::AddressGuard);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn special_names_are_not_even_resolved() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    let report = check(&locator, "alice@printer.local").await;
    let [error] = at(&report, Level::Error)[..] else {
        panic!("{report:?}")
    };
    assert_eq!(error.check(), Check::AddressGuard);
    assert!(t.queries().is_empty());
}

#[tokio::test]
async fn the_deadline_holds_for_all_of_it() {
    let t = Testbed::start().await;
    let deadline = Duration::from_millis(900);
    let locator = t.locator().deadline(deadline).build().expect("a locator");
    let site = Site::perfect(&t, Layout::Advanced, "example.org");
    Site::perfect(&t, Layout::Direct, "example.org");
    // The certificate is there; everything else is never answered.
    for host in ["example.org", &site.host] {
        t.host(host)
            .serve(&site.file("policy"), Answer::silent())
            .serve("/.well-known/openpgpkey/policy", Answer::silent())
            .serve_all(Answer::silent());
    }
    let start = Instant::now();
    let report = check(&locator, "alice@example.org").await;
    assert!(start.elapsed() < deadline + Duration::from_millis(500));
    assert!(at(&report, Level::Error).is_empty(), "{report:#?}");
    let policy = named(&report, Check::Policy);
    assert_eq!(policy[0].level(), Level::Warning);
}

/// A server has many of them on its stacks.
#[tokio::test]
async fn a_check_is_small_before_it_runs() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    let subject: Subject = "example.org".parse().expect("a domain");
    let future = locator.check_wkd(&subject);
    assert!(size_of_val(&future) < 2048, "{}", size_of_val(&future));
}
