//! A directory is checked: what is right is ok, and each fault is named by itself.

use futures_util::future::join_all;
use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::check::{Check, Finding, Level, Report, Subject};
use openpgp_discovery::{EmailAddress, KeyLocator, wkd};
use testbed::certs::{self, Sample};
use testbed::{Answer, Testbed};

use super::{AMPLE, address};

mod causes;
mod faults;
mod hostile;
mod network;
mod report;

/// Where one domain's directory is.
struct Site {
    layout: Layout,
    domain: String,
    host: String,
    address: EmailAddress,
    /// The path of the directory, with a slash at its end.
    base: String,
    /// The path of the address's certificate.
    entry: String,
    user_id: String,
    sample: Sample,
}

impl Site {
    /// A directory as it should be.
    fn perfect(t: &Testbed, layout: Layout, domain: &str) -> Self {
        let address = address(&format!("alice@{domain}"));
        let user_id = format!("Alice <{address}>");
        let sample = certs::cert(&[&user_id]);
        let places = wkd::Url::new(&address);
        let url = match layout {
            Layout::Advanced => places.advanced().expect("a short domain"),
            _ => places.direct(),
        };
        let entry = url.path().to_owned();
        let (base, _) = entry.split_once("hu/").expect("a directory");
        let site = Self {
            layout,
            domain: domain.to_owned(),
            host: url.host_str().expect("a host").to_owned(),
            address,
            base: base.to_owned(),
            entry: entry.clone(),
            user_id,
            sample,
        };
        t.host(&site.host)
            .serve(&site.file("policy"), with_cors(Answer::ok("")));
        site.publish(t, site.sample.binary());
        site
    }

    fn file(&self, name: &str) -> String {
        [&self.base, name].concat()
    }

    /// Puts these octets in the place of the certificate.
    fn publish(&self, t: &Testbed, body: impl AsRef<[u8]>) {
        self.answer(t, with_cors(Answer::ok(body)));
    }

    fn answer(&self, t: &Testbed, answer: Answer) {
        t.host(&self.host).serve(&self.entry, answer);
    }
}

fn with_cors(answer: Answer) -> Answer {
    answer.header("access-control-allow-origin", "*")
}

fn locator(t: &Testbed) -> KeyLocator {
    t.locator().deadline(AMPLE).build().expect("a locator")
}

async fn check(locator: &KeyLocator, subject: &str) -> Report {
    let subject: Subject = subject.parse().expect("a subject");
    locator.check_wkd(&subject).await
}

fn at(report: &Report, level: Level) -> Vec<&Finding> {
    let findings = report.findings().iter();
    findings
        .filter(|finding| finding.level() == level)
        .collect()
}

fn named(report: &Report, check: Check) -> Vec<&Finding> {
    let findings = report.findings().iter();
    findings
        .filter(|finding| finding.check() == check)
        .collect()
}

/// Every warning and error says what to do, and nothing can steer a terminal.
fn assert_sentences(report: &Report) {
    for finding in report.findings() {
        let is_bad = finding.level() >= Level::Warning;
        assert_eq!(finding.remedy().is_some(), is_bad, "{finding:?}");
        for text in [Some(finding.detail()), finding.remedy()]
            .into_iter()
            .flatten()
        {
            assert!(!text.chars().any(char::is_control), "{finding:?}");
            assert!(text.ends_with(['.', '?', ')']), "a sentence: {finding:?}");
        }
    }
}

#[tokio::test]
async fn a_perfect_directory_is_all_right_by_each_method() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    for (layout, domain) in [
        (Layout::Advanced, "advanced.example"),
        (Layout::Direct, "direct.example"),
    ] {
        let site = Site::perfect(&t, layout, domain);
        for subject in [site.address.to_string(), site.domain.clone()] {
            let report = check(&locator, &subject).await;
            assert!(report.worst() <= Level::Info, "{report:#?}");
            assert_eq!(report.applies(), Some(layout));
            assert_sentences(&report);
        }
        let report = check(&locator, &site.address.to_string()).await;
        for check in [
            Check::Dns,
            Check::Wildcard,
            Check::AddressGuard,
            Check::Connection,
            Check::Tls,
            Check::TlsExpiry,
            Check::Redirect,
            Check::Policy,
            Check::Status,
            Check::ContentType,
            Check::Cors,
            Check::Soft404,
            Check::Listing,
            Check::Head,
            Check::Armor,
            Check::Malformed,
            Check::SecretKey,
            Check::Address,
            Check::OtherUserIds,
            Check::Expired,
            Check::ExpiresSoon,
            Check::Revoked,
            Check::Algorithm,
            Check::EncryptionKey,
            Check::Size,
            Check::SubmissionAddress,
        ] {
            let findings = named(&report, check);
            let is_ok = findings.iter().any(|finding| finding.level() == Level::Ok);
            assert!(is_ok, "{check}: {findings:?}");
        }
    }
}

#[tokio::test]
async fn both_methods_beside_each_other_are_all_right() {
    let t = Testbed::start().await;
    let advanced = Site::perfect(&t, Layout::Advanced, "both.example");
    let direct = Site::perfect(&t, Layout::Direct, "both.example");
    direct.publish(&t, advanced.sample.binary());
    let locator = locator(&t);
    for subject in ["alice@both.example", "both.example"] {
        let report = check(&locator, subject).await;
        assert!(report.worst() <= Level::Info, "{report:#?}");
        let [agree] = named(&report, Check::MethodsAgree)[..] else {
            panic!("{report:?}")
        };
        assert_eq!(agree.level(), Level::Ok);
        assert_eq!(agree.method(), Some(Layout::Direct));
    }
}

#[tokio::test]
async fn what_is_no_fault_is_none() {
    use openpgp_discovery::openpgp::types::ReasonForRevocation;
    type Plant = fn(&Testbed, &Site);
    let table: &[(&str, Plant)] = &[
        ("a revoked predecessor beside", |t, site| {
            let old = certs::cert(&[&site.user_id]).revoked();
            site.publish(t, [certs::binary(&old), site.sample.binary()].concat());
        }),
        ("one that was retired, and an expired one", |t, site| {
            let now = std::time::SystemTime::now();
            let year = std::time::Duration::from_secs(365 * 24 * 3600);
            let old = certs::Recipe::new(&[&site.user_id]).created(now - year);
            let expired = old.clone().valid_for(year / 2).make();
            let retired = certs::with_revocation(
                &old.make().cert,
                ReasonForRevocation::KeySuperseded,
                now - year / 2,
            );
            let all = [
                certs::binary(&retired),
                expired.binary(),
                site.sample.binary(),
            ];
            site.publish(t, all.concat());
        }),
        ("a redirect to the same host", |t, site| {
            let to = site.file("elsewhere");
            site.answer(t, Answer::redirect(302, &to));
            t.host(&site.host)
                .serve(&to, with_cors(Answer::ok(site.sample.binary())));
        }),
        ("a policy with something in it", |t, site| {
            let policy = "# of this directory\r\nprotocol-version: 13\nauth-submit\n\n";
            t.host(&site.host)
                .serve(&site.file("policy"), Answer::ok(policy));
        }),
        ("a submission address that both name", |t, site| {
            let address = format!("keys@{}", site.domain);
            t.host(&site.host)
                .serve(
                    &site.file("policy"),
                    Answer::ok(format!("submission-address: {address}\n")),
                )
                .serve(
                    &site.file("submission-address"),
                    Answer::ok(format!("{address}\n")),
                );
        }),
        ("both families", |t, site| {
            if t.https_sockets().iter().any(|socket| socket.is_ipv6()) {
                t.name(&site.host).address(std::net::Ipv6Addr::LOCALHOST);
            }
        }),
        ("a wildcard that the directory is kept out of", |t, site| {
            t.name(&format!("*.{}", site.domain))
                .address([127, 0, 0, 7]);
            if site.layout == Layout::Direct {
                let host = format!("openpgpkey.{}", site.domain);
                t.name(&host).txt("");
            }
        }),
        ("a wildcard that leads to the directory", |t, site| {
            if site.layout == Layout::Advanced {
                t.name(&format!("*.{}", site.domain))
                    .address([127, 0, 0, 1]);
            }
        }),
    ];
    let t = Testbed::start().await;
    let locator = locator(&t);
    let checks = table
        .iter()
        .enumerate()
        .flat_map(|(number, (name, plant))| {
            [Layout::Advanced, Layout::Direct].map(|layout| {
                let site = Site::perfect(&t, layout, &format!("{layout}-{number}.example"));
                plant(&t, &site);
                let locator = &locator;
                async move { (*name, check(locator, &site.address.to_string()).await) }
            })
        });
    for (name, report) in join_all(checks).await {
        assert!(report.worst() <= Level::Info, "{name}: {report:#?}");
        assert_sentences(&report);
    }
}
