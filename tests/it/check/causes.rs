//! A fault is told as what it is: by its cause, and with what helps against it.

use std::net::Ipv6Addr;
use std::time::{Duration, Instant, SystemTime};

use testbed::Fault;
use testbed::certs::Recipe;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
const PARKED: &str = "<!DOCTYPE html><html><body>For sale</body></html>";

/// The one error that there is.
fn error(report: &Report) -> &Finding {
    let [error] = at(report, Level::Error)[..] else {
        panic!("{report:#?}");
    };
    assert_sentences(report);
    error
}

fn levels(report: &Report, check: Check) -> Vec<Level> {
    named(report, check).iter().map(|f| f.level()).collect()
}

fn remedy(finding: &Finding) -> &str {
    finding.remedy().expect("what to do")
}

/// Whatever else hangs: what has come is looked into.
#[tokio::test]
async fn a_certificate_is_judged_whatever_else_hangs() {
    type Publish = fn(&Testbed, &Site);
    type Hang = fn(&Testbed, &Site);
    let publish: [(Check, Publish); 2] = [
        (Check::SecretKey, |t, site| {
            site.publish(t, site.sample.secret());
        }),
        (Check::Expired, |t, site| {
            let then = SystemTime::now() - 90 * DAY;
            let recipe = Recipe::new(&[&site.user_id]).created(then);
            site.publish(t, recipe.valid_for(60 * DAY).make().binary());
        }),
    ];
    let hang: [(Check, Hang); 4] = [
        (Check::Policy, |t, site| {
            t.host(&site.host)
                .serve(&site.file("policy"), Answer::silent());
        }),
        (Check::SubmissionAddress, |t, site| {
            t.host(&site.host)
                .serve(&site.file("submission-address"), Answer::silent());
        }),
        (Check::Listing, |t, site| {
            t.host(&site.host)
                .serve(&site.file("hu/"), Answer::silent());
        }),
        (Check::Head, |t, site| {
            t.host(&site.host).answer_head(Answer::silent());
        }),
    ];
    let t = Testbed::start().await;
    let deadline = Duration::from_secs(4);
    let locator = t.locator().deadline(deadline).build().expect("a locator");
    let start = Instant::now();
    let mut checks = Vec::new();
    for (fault, publish) in publish {
        for (hangs, hang) in hang {
            let domain = format!("{fault}-{hangs}.example").replace('_', "");
            let site = Site::perfect(&t, Layout::Advanced, &domain);
            publish(&t, &site);
            hang(&t, &site);
            let locator = &locator;
            checks.push(async move {
                let report = check(locator, &site.address.to_string()).await;
                (fault, hangs, report)
            });
        }
    }
    for (fault, hangs, report) in join_all(checks).await {
        assert_eq!(error(&report).check(), fault, "{hangs}: {report:#?}");
        assert_eq!(levels(&report, hangs), [Level::Warning], "{report:#?}");
        let detail = named(&report, hangs)[0].detail();
        assert!(detail.contains("timed out"), "{detail}");
    }
    assert!(start.elapsed() < deadline + Duration::from_secs(4));
}

/// Nobody has seen whether clients can use it: that is no "works".
#[tokio::test]
async fn what_this_program_cannot_compute_is_not_said_to_work() {
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Advanced, "example.org");
    // Keys of a version to come.
    site.publish(&t, b"\xc6\x02\x09\x00");
    let report = check(&locator(&t), "alice@example.org").await;
    let error = error(&report);
    assert_eq!(error.check(), Check::Algorithm);
    assert!(error.detail().contains("could not be looked into"));
}

#[tokio::test]
async fn origins_allowed_twice_are_not_allowed() {
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Advanced, "list.example");
    let body = site.sample.binary();
    site.answer(
        &t,
        Answer::ok(&body).header("access-control-allow-origin", "*, *"),
    );
    let twice = Site::perfect(&t, Layout::Advanced, "twice.example");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\
         access-control-allow-origin: *\r\naccess-control-allow-origin: *\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    twice.answer(&t, Answer::raw([head.as_bytes(), &body].concat()));
    let locator = locator(&t);
    for site in [site, twice] {
        let report = check(&locator, &site.address.to_string()).await;
        assert_eq!(
            levels(&report, Check::Cors),
            [Level::Warning],
            "{report:#?}"
        );
    }
}

/// Of a host that nobody has asked for, it is said why it was asked.
#[tokio::test]
async fn a_redirect_to_a_host_that_fails_is_the_redirects_fault() {
    type Plant = fn(&Testbed);
    let plants: [Plant; 6] = [
        |_| (),
        |t| {
            t.name("target.example").address([10, 0, 0, 1]);
        },
        |t| {
            t.host("target.example").fault(Fault::Refused);
        },
        |t| {
            t.host("target.example").fault(Fault::WrongName);
        },
        |t| {
            t.host("target.example").fault(Fault::NotTls);
        },
        |t| {
            t.host("target.example").serve_all(Answer::hang_up());
        },
    ];
    for (row, plant) in plants.into_iter().enumerate() {
        let t = Testbed::start().await;
        plant(&t);
        let site = Site::perfect(&t, Layout::Advanced, "example.org");
        let to = format!("https://target.example{}", site.entry);
        site.answer(&t, Answer::redirect(302, &to));
        let report = check(&locator(&t), "alice@example.org").await;
        let error = error(&report);
        assert_eq!(error.check(), Check::Redirect, "row {row}: {report:#?}");
        let because = "openpgpkey.example.org redirects to target.example";
        assert!(error.detail().contains(because), "{}", error.detail());
        assert!(remedy(error).contains("a host that answers"), "{error:?}");
    }
}

/// In one's own hands, it is the directory that is missing.
#[tokio::test]
async fn a_host_beside_the_domains_own_without_the_directory() {
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Direct, "example.org");
    t.host("openpgpkey.example.org");
    let locator = locator(&t);
    for (subject, check_of) in [
        (site.address.to_string(), Check::Status),
        (site.domain.clone(), Check::Policy),
    ] {
        let report = check(&locator, &subject).await;
        let error = error(&report);
        assert_eq!(error.check(), check_of, "{report:#?}");
        assert_eq!(error.method(), Some(Layout::Advanced));
        let remedy = remedy(error);
        assert!(remedy.contains("openpgpkey.example.org"), "{remedy}");
        assert!(remedy.contains("DNS"), "{remedy}");
        let label = named(&report, Check::ReservedLabel);
        assert!(label.iter().all(|f| f.level() <= Level::Info), "{label:?}");
    }
}

/// Elsewhere, it may be in others' hands.
#[tokio::test]
async fn a_host_elsewhere_without_the_directory() {
    let t = Testbed::start().await;
    if !t.https_sockets().iter().any(|socket| socket.is_ipv6()) {
        return;
    }
    let site = Site::perfect(&t, Layout::Direct, "example.org");
    let host = "openpgpkey.example.org";
    t.name(host).address(Ipv6Addr::LOCALHOST);
    t.host(host);
    let locator = locator(&t);
    for subject in [site.address.to_string(), site.domain.clone()] {
        let report = check(&locator, &subject).await;
        let error = error(&report);
        assert_eq!(error.check(), Check::ReservedLabel, "{report:#?}");
        assert!(remedy(error).contains("serve the directory"), "{error:?}");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_not_said_to_be_missing() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    for (status, helps) in [
        (401, "authentication off"),
        (403, "Let the web server read"),
        (500, "log"),
        (502, "log"),
    ] {
        let site = Site::perfect(&t, Layout::Advanced, &format!("s{status}.example"));
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::status(status));
        let of_address = check(&locator, &site.address.to_string()).await;
        assert_eq!(levels(&of_address, Check::Policy), [Level::Warning]);
        let of_domain = check(&locator, &site.domain).await;
        assert_eq!(error(&of_domain).check(), Check::Policy);
        for report in [of_address, of_domain] {
            let policy = named(&report, Check::Policy)[0];
            let detail = policy.detail();
            assert!(detail.contains(&format!("status {status}")), "{detail}");
            assert!(!detail.contains("There is no policy file"), "{detail}");
            assert!(remedy(policy).contains(helps), "{policy:?}");
        }
    }
}

#[tokio::test]
async fn tls_that_fails_before_any_certificate_needs_no_other_certificate() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    for (fault, is_of_certificate) in [
        (Fault::Expired, true),
        (Fault::NotYetValid, true),
        (Fault::WrongName, true),
        (Fault::SelfSigned, true),
        (Fault::UnknownCa, true),
        (Fault::Alert, false),
        (Fault::NotTls, false),
        (Fault::CloseAtAccept, false),
        (Fault::CutHandshake, false),
    ] {
        let domain = format!("{fault:?}.example").to_lowercase();
        let site = Site::perfect(&t, Layout::Advanced, &domain);
        t.host(&site.host).fault(fault);
        let report = check(&locator, &site.domain).await;
        let error = error(&report);
        assert_eq!(error.check(), Check::Tls, "{fault:?}");
        let remedy = remedy(error);
        assert_eq!(remedy.contains("public CA"), is_of_certificate, "{fault:?}");
        assert_ne!(remedy.contains("TLS 1.2"), is_of_certificate, "{fault:?}");
    }
}

#[tokio::test]
async fn a_host_with_ipv6_alone_is_worth_a_word() {
    let t = Testbed::start().await;
    if !t.https_sockets().iter().any(|socket| socket.is_ipv6()) {
        return;
    }
    t.name("openpgpkey.example.org")
        .address(Ipv6Addr::LOCALHOST);
    Site::perfect(&t, Layout::Advanced, "example.org");
    let report = check(&locator(&t), "alice@example.org").await;
    assert_eq!(report.worst(), Level::Info);
    assert_eq!(levels(&report, Check::Ipv6), [Level::Info], "{report:#?}");
}

/// Without a directory anywhere, a wildcard that is answered is the cause; one
/// whose host is broken may not be.
#[tokio::test]
async fn a_wildcard_and_no_directory_anywhere() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    for (number, parked) in [Answer::status(404), Answer::html(PARKED)]
        .into_iter()
        .enumerate()
    {
        let domain = format!("parked-{number}.example");
        t.name(&format!("*.{domain}")).address([127, 0, 0, 1]);
        t.host(&domain).serve_all(parked.clone());
        let host = format!("openpgpkey.{domain}");
        t.host(&host).serve_all(parked);
        for subject in [format!("alice@{domain}"), domain.clone()] {
            let report = check(&locator, &subject).await;
            let error = error(&report);
            assert_eq!(error.check(), Check::Wildcard, "{report:#?}");
            assert!(remedy(error).contains("TXT"), "{error:?}");
        }
        t.host(&domain).fault(Fault::WrongName);
        t.host(&host).fault(Fault::WrongName);
        let report = check(&locator, &format!("alice@{domain}")).await;
        assert_eq!(error(&report).check(), Check::Tls, "{report:#?}");
        assert_eq!(levels(&report, Check::Wildcard), [Level::Warning]);
    }
}

#[tokio::test]
async fn two_certificates_are_both_named() {
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Advanced, "example.org");
    let other = certs::cert(&[&site.user_id]);
    site.publish(&t, [site.sample.binary(), other.binary()].concat());
    let report = check(&locator(&t), "alice@example.org").await;
    assert_eq!(report.worst(), Level::Info, "{report:#?}");
    let both = named(&report, Check::Address).into_iter().find(|finding| {
        let has = |sample: &Sample| {
            let fingerprint = sample.cert.fingerprint().to_string();
            finding.detail().contains(&fingerprint)
        };
        finding.level() == Level::Info && has(&site.sample) && has(&other)
    });
    assert!(both.is_some(), "{report:#?}");
}
