//! Who is asked, in which order, and who is not: held against the request logs.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use openpgp_discovery::dns::{AddressGuard, DnsResolver};
use openpgp_discovery::plan::Fallback;
use openpgp_discovery::{BoxFuture, Error, ErrorKind, Method, Source, Status, UserIdFilter, wkd};
use testbed::{Answer, Fault, RecordType, Testbed, Trouble, certs};
use tokio::sync::Notify;

use crate::{ADVANCED, AMPLE, DIRECT, SHORT, address, alice, failure, locate, reasons, trail};

/// The path of Alice's certificate by the advanced method.
fn advanced_path() -> String {
    let url = wkd::Url::new(&alice()).advanced().expect("a short domain");
    url.path().to_owned()
}

fn sample() -> certs::Sample {
    certs::cert(&["Alice <alice@example.org>", "Alice <alice@home.example>"])
}

/// Alice is everywhere, so that each test shows who was asked by who answers.
async fn everywhere() -> (Testbed, certs::Sample) {
    let testbed = Testbed::start().await;
    let sample = sample();
    testbed.wkd_advanced(&alice(), sample.binary());
    testbed.wkd_direct(&alice(), sample.binary());
    testbed.vks().confirm(&alice(), &sample.cert);
    (testbed, sample)
}

#[tokio::test]
async fn advanced_hit_leaves_all_others_alone() {
    let (testbed, sample) = everywhere().await;
    let lookup = locate(&testbed.locator().build().expect("builds")).await;

    assert_eq!(lookup.status(), Status::Found);
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
    let found = lookup.usable().expect("usable");
    assert_eq!(found.cert().fingerprint(), sample.cert.fingerprint());
    assert_eq!(
        found.cert().userids().count(),
        1,
        "the other User ID is dropped"
    );
    let provenance = found.provenance();
    assert_eq!(provenance.source(), Source::Wkd);
    assert_eq!(provenance.method(), Method::WkdAdvanced);
    assert_eq!(found.user_ids_dropped(), 1);
    assert_eq!(
        Some(provenance.url().as_str()),
        wkd::Url::new(&alice()).advanced_text().as_deref()
    );

    let requests = testbed.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].host, ADVANCED);
    assert_eq!(requests[0].target, format!("{}?l=alice", advanced_path()));
    assert!(testbed.vks().requests().is_empty());
    for name in [ADVANCED, DIRECT] {
        let asked = testbed.queries_for(name).len();
        assert_eq!(asked, 2, "{name}: A and AAAA, once each");
    }
    assert_eq!(testbed.queries().len(), 4);
}

/// Says that there is no advanced host, once it has been asked for the direct one.
#[derive(Debug, Default)]
struct Patient(Notify);

impl DnsResolver for Patient {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            match host == ADVANCED {
                true => self.0.notified().await,
                false => self.0.notify_one(),
            }
            Ok(Vec::new())
        })
    }
}

/// No round trip is spent on the second name.
#[tokio::test]
async fn both_names_are_asked_side_by_side() {
    let testbed = Testbed::start().await;
    let locator = testbed.locator().no_vks().resolver(Patient::default());
    let lookup = locate(&locator.build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: no address", "dns-direct: no address"]
    );
    assert_eq!(lookup.status(), Status::NotFound);
}

#[tokio::test]
async fn direct_where_the_advanced_host_has_no_address() {
    type Plant = fn(&Testbed);
    let plants: [(&str, Plant); 4] = [
        ("the name does not exist", |t| {
            t.name(ADVANCED).forget();
        }),
        ("a TXT record keeps it out of a wildcard", |t| {
            t.name("*.example.org").address(Ipv4Addr::LOCALHOST);
            t.name(ADVANCED).txt("");
        }),
        ("an alias to nowhere", |t| {
            t.name(ADVANCED).cname("nowhere.example.net");
        }),
        ("an alias to a name without an address", |t| {
            t.name(ADVANCED).cname("text.example.net");
            t.name("text.example.net").txt("x");
        }),
    ];
    for (what, plant) in plants {
        let testbed = Testbed::start().await;
        let sample = sample();
        testbed.wkd_direct(&alice(), sample.binary());
        testbed.vks().confirm(&alice(), &sample.cert);
        plant(&testbed);
        let lookup = locate(&testbed.locator().build().expect("builds")).await;
        assert_eq!(
            trail(&lookup),
            [
                "dns-advanced: no address",
                "dns-direct: addresses",
                "direct: found 1"
            ],
            "{what}"
        );
        assert!(testbed.vks().requests().is_empty(), "{what}");
        assert_eq!(testbed.requests_to(DIRECT).len(), 1, "{what}");
    }
}

#[tokio::test]
async fn key_server_where_the_domain_has_no_host() {
    let testbed = Testbed::start().await;
    let sample = sample();
    testbed.vks().confirm(&alice(), &sample.cert);
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        [
            "dns-advanced: no address",
            "dns-direct: no address",
            "vks: found 1"
        ]
    );
    let found = lookup.usable().expect("usable");
    assert_eq!(found.provenance().source(), Source::Vks);
    assert_eq!(found.cert().userids().count(), 1);
    assert_eq!(
        testbed.vks().requests()[0].target,
        "/vks/v1/by-email/alice%40example.org"
    );
    assert!(testbed.requests().is_empty());
}

#[tokio::test]
async fn nowhere_is_not_found() {
    let testbed = Testbed::start().await;
    testbed.host(DIRECT);
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(lookup.status(), Status::NotFound);
    assert_eq!(
        trail(&lookup),
        [
            "dns-advanced: no address",
            "dns-direct: addresses",
            "direct: absent",
            "vks: absent"
        ]
    );
    assert!(lookup.into_result().expect("an answer").is_none());
}

/// Where `openpgpkey.` has an address, the direct method stays silent, whatever
/// is broken; the key server is asked all the same.
#[tokio::test]
async fn broken_advanced_host_leaves_the_direct_one_silent() {
    let path = advanced_path();
    let faults = [
        (Fault::Refused, ErrorKind::Connect),
        (Fault::Mute, ErrorKind::Timeout),
        (Fault::Expired, ErrorKind::Tls),
        (Fault::WrongName, ErrorKind::Tls),
        (Fault::UnknownCa, ErrorKind::Tls),
        (Fault::SelfSigned, ErrorKind::Tls),
        (Fault::NotTls, ErrorKind::Tls),
    ];
    let answers = [
        (Answer::status(404), None),
        (Answer::status(410), None),
        (Answer::status(500), Some(ErrorKind::Http)),
        (Answer::status(401), Some(ErrorKind::Http)),
        (Answer::status(204), Some(ErrorKind::Http)),
        (
            Answer::html("<!DOCTYPE html><title>Welcome</title>"),
            Some(ErrorKind::BadAnswer),
        ),
        (Answer::ok("garbage"), Some(ErrorKind::BadAnswer)),
        (Answer::ok(""), Some(ErrorKind::BadAnswer)),
    ];
    type Plant = Box<dyn Fn(&Testbed)>;
    let faults = faults.into_iter().map(|(fault, kind)| {
        let plant: Plant = Box::new(move |t| {
            t.host(ADVANCED).fault(fault);
        });
        (format!("{fault:?}"), plant, Some(kind))
    });
    let answers = answers.into_iter().map(|(answer, kind)| {
        let (what, path) = (format!("{answer:?}"), path.clone());
        let plant: Plant = Box::new(move |t| {
            t.host(ADVANCED).serve(&path, answer.clone());
        });
        (what, plant, kind)
    });
    for (what, plant, kind) in faults.chain(answers) {
        let (testbed, sample) = everywhere().await;
        plant(&testbed);
        let deadline = if kind == Some(ErrorKind::Timeout) {
            SHORT
        } else {
            AMPLE
        };
        let locator = testbed.locator().deadline(deadline);
        let lookup = locate(&locator.clone().build().expect("builds")).await;
        let outcome = kind.map_or_else(|| "absent".to_owned(), |kind| format!("{kind:?}"));
        assert_eq!(
            trail(&lookup),
            [
                "dns-advanced: addresses".to_owned(),
                format!("advanced: {outcome}"),
                "vks: found 1".to_owned()
            ],
            "{what}: {:?}",
            lookup.error()
        );
        assert_eq!(lookup.status(), Status::Found, "{what}");
        assert_eq!(
            lookup.found()[0].cert().fingerprint(),
            sample.cert.fingerprint()
        );
        assert!(testbed.requests_to(DIRECT).is_empty(), "{what}");
        assert!(!testbed.hellos().contains(&DIRECT.to_owned()), "{what}");

        // The same without a key server that knows: a failure stays one.
        testbed.vks().plant_all(Answer::status(404));
        let lookup = locate(&locator.build().expect("builds")).await;
        let status = if kind.is_some() {
            Status::Failed
        } else {
            Status::NotFound
        };
        assert_eq!(lookup.status(), status, "{what}");
        assert_eq!(failure(&lookup), kind, "{what}");
        assert!(testbed.requests_to(DIRECT).is_empty(), "{what}");
    }
}

/// Where DNS cannot tell, no directory is asked at all.
#[tokio::test]
async fn undetermined_dns_asks_no_directory() {
    use RecordType::{A, AAAA};
    use Trouble::{Mute, NoData, NxDomain, Refused, ServFail};
    for (a, aaaa) in [
        (ServFail, ServFail),
        (Refused, Refused),
        (NoData, ServFail),
        (ServFail, NoData),
        (NxDomain, ServFail),
        (NoData, Refused),
        (NoData, Mute),
        (Mute, Mute),
    ] {
        let (testbed, _) = everywhere().await;
        testbed.name(ADVANCED).forget();
        testbed
            .name(ADVANCED)
            .trouble_with(A, a)
            .trouble_with(AAAA, aaaa);
        let silent = a == Mute || aaaa == Mute;
        let locator = testbed
            .locator()
            .deadline(if silent { SHORT } else { AMPLE });
        let lookup = locate(&locator.build().expect("builds")).await;
        let kind = if silent { "Timeout" } else { "Dns" };
        assert_eq!(
            trail(&lookup),
            [format!("dns-advanced: {kind}"), "vks: found 1".to_owned()],
            "{a:?} {aaaa:?}"
        );
        assert!(
            testbed.requests().is_empty() && testbed.hellos().is_empty(),
            "{a:?} {aaaa:?}"
        );
        testbed.vks().plant_all(Answer::status(404));
        let locator = testbed
            .locator()
            .deadline(if silent { SHORT } else { AMPLE });
        let lookup = locate(&locator.build().expect("builds")).await;
        assert_eq!(lookup.status(), Status::Failed, "{a:?} {aaaa:?}");
    }
}

/// One family that answers is enough, whatever the other does.
#[tokio::test]
async fn one_family_is_enough() {
    for trouble in [Trouble::ServFail, Trouble::Mute, Trouble::NoData] {
        let (testbed, _) = everywhere().await;
        testbed
            .name(ADVANCED)
            .trouble_with(RecordType::AAAA, trouble);
        let lookup = locate(&testbed.locator().build().expect("builds")).await;
        assert_eq!(
            trail(&lookup),
            ["dns-advanced: addresses", "advanced: found 1"]
        );
    }
}

#[tokio::test]
async fn lenient_tries_the_direct_method_too() {
    type Plant = fn(&Testbed);
    let cases: [(&str, Plant, &[&str]); 3] = [
        (
            "a broken host",
            |t| {
                t.host(ADVANCED).fault(Fault::Refused);
            },
            &[
                "dns-advanced: addresses",
                "advanced: Connect",
                "dns-direct: addresses",
                "direct: found 1",
            ],
        ),
        (
            "a 404",
            |t| {
                t.host(ADVANCED)
                    .serve(&advanced_path(), Answer::status(404));
            },
            &[
                "dns-advanced: addresses",
                "advanced: absent",
                "dns-direct: addresses",
                "direct: found 1",
            ],
        ),
        (
            "undetermined DNS",
            |t| {
                t.name(ADVANCED).trouble(Trouble::ServFail);
            },
            &[
                "dns-advanced: Dns",
                "dns-direct: addresses",
                "direct: found 1",
            ],
        ),
    ];
    for (what, plant, wanted) in cases {
        let (testbed, _) = everywhere().await;
        plant(&testbed);
        let locator = testbed
            .locator()
            .fallback(Fallback::Lenient)
            .build()
            .expect("builds");
        assert_eq!(trail(&locate(&locator).await), wanted, "{what}");
    }
    // Not after a certificate that was rejected, and not after the guard.
    let (testbed, _) = everywhere().await;
    testbed.wkd_advanced(&alice(), certs::cert(&["bob@example.org"]).binary());
    let locator = testbed
        .locator()
        .fallback(Fallback::Lenient)
        .build()
        .expect("builds");
    assert_eq!(
        trail(&locate(&locator).await),
        [
            "dns-advanced: addresses",
            "advanced: rejected",
            "vks: found 1"
        ]
    );
    let locator = testbed
        .locator()
        .fallback(Fallback::Lenient)
        .guard(AddressGuard::new());
    assert_eq!(
        trail(&locate(&locator.build().expect("builds")).await),
        [
            "dns-advanced: addresses",
            "advanced: Blocked",
            "vks: found 1"
        ]
    );
}

#[tokio::test]
async fn what_is_rejected_is_listed_and_is_an_answer() {
    let (testbed, _) = everywhere().await;
    let bob = certs::cert(&["bob@example.org"]);
    testbed.wkd_advanced(&alice(), bob.binary());
    testbed.vks().plant_all(Answer::status(404));
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(lookup.status(), Status::NotFound);
    assert_eq!(
        reasons(&lookup),
        [openpgp_discovery::Reason::AddressNotCertified]
    );
    assert_eq!(
        lookup.rejected()[0].fingerprint(),
        Some(&bob.cert.fingerprint())
    );

    // A secret key is refused, not stripped.
    let sample = sample();
    testbed.wkd_advanced(&alice(), sample.secret());
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(lookup.status(), Status::NotFound);
    assert_eq!(reasons(&lookup), [openpgp_discovery::Reason::SecretKey]);
    assert_eq!(
        lookup.rejected()[0].fingerprint(),
        Some(&sample.cert.fingerprint())
    );
}

#[tokio::test]
async fn sources_can_be_switched_off() {
    let (testbed, _) = everywhere().await;
    let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
    assert_eq!(trail(&lookup), ["vks: found 1"]);
    assert!(testbed.queries().is_empty() && testbed.requests().is_empty());

    let testbed = Testbed::start().await;
    let lookup = locate(&testbed.locator().no_vks().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: no address", "dns-direct: no address"]
    );
    assert_eq!(lookup.status(), Status::NotFound);

    let error = testbed
        .locator()
        .no_vks()
        .no_wkd()
        .build()
        .expect_err("nobody left");
    assert_eq!(error.kind(), ErrorKind::Config);
}

/// A domain too long for `openpgpkey.` goes to the direct method at once.
#[tokio::test]
async fn too_long_for_the_advanced_method() {
    let testbed = Testbed::start().await;
    let label = "d".repeat(63);
    let domain = format!("{label}.{label}.{label}.{}.example.org", "e".repeat(40));
    let long = address(&format!("a@{domain}"));
    let sample = certs::cert(&[&format!("a@{domain}")]);
    testbed.wkd_direct(&long, sample.binary());
    let lookup = testbed
        .locator()
        .build()
        .expect("builds")
        .locate(&long)
        .await;
    assert_eq!(trail(&lookup), ["dns-direct: addresses", "direct: found 1"]);
}

#[tokio::test]
async fn names_are_asked_as_they_are() {
    let testbed = Testbed::start().await;
    let lookup = testbed
        .locator()
        .build()
        .expect("builds")
        .locate(&address("joe@bücher.example"))
        .await;
    assert_eq!(lookup.status(), Status::NotFound);
    let mut names: Vec<String> = testbed
        .queries()
        .into_iter()
        .map(|query| query.name)
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(
        names,
        ["openpgpkey.xn--bcher-kva.example", "xn--bcher-kva.example"]
    );
    assert_eq!(
        testbed.vks().requests()[0].target,
        "/vks/v1/by-email/joe%40xn--bcher-kva.example"
    );
}

#[tokio::test]
async fn ipv6_only() {
    let testbed = Testbed::start().await;
    if testbed.canary(Ipv6Addr::LOCALHOST).is_err() {
        eprintln!("this machine has no IPv6 loopback");
        return;
    }
    testbed.name(ADVANCED).address(Ipv6Addr::LOCALHOST);
    testbed.wkd_advanced(&alice(), sample().binary());
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
}

#[tokio::test]
async fn all_user_ids_where_the_caller_wants_them() {
    let (testbed, _) = everywhere().await;
    let locator = testbed
        .locator()
        .user_ids(UserIdFilter::All)
        .build()
        .expect("builds");
    let lookup = locate(&locator).await;
    assert_eq!(lookup.found()[0].cert().userids().count(), 2);
}

#[tokio::test]
async fn unusable_is_found_and_said() {
    let testbed = Testbed::start().await;
    testbed.wkd_advanced(&alice(), certs::binary(&sample().revoked()));
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(lookup.status(), Status::Found);
    assert!(lookup.usable().is_none());
    let error = lookup.into_result().expect_err("revoked");
    assert_eq!(error.kind(), ErrorKind::Unusable);
    assert!(error.to_string().contains("revoked"), "{error}");
}

#[tokio::test]
async fn connections_are_kept() {
    let (testbed, _) = everywhere().await;
    let locator = testbed.locator().build().expect("builds");
    for _ in 0..3 {
        assert_eq!(locate(&locator.clone()).await.status(), Status::Found);
    }
    assert_eq!(testbed.connections(), 1);
    assert_eq!(testbed.requests().len(), 3);
}
