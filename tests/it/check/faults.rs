//! One fault a host: it is named as an error or a warning, and nothing else is an
//! error.

use std::net::Ipv6Addr;
use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::Packet;
use openpgp_discovery::openpgp::cert::CertBuilder;
use openpgp_discovery::openpgp::packet::UserID;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;
use openpgp_discovery::openpgp::types::{HashAlgorithm, KeyFlags, SignatureType};
use testbed::certs::Recipe;
use testbed::{Fault, Trouble};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HTML: &str = "<!DOCTYPE html><html><body>Welcome</body></html>";

type Plant = fn(&Testbed, &Site);

/// A fault, the check that names it, how it is planted.
const FAULTS: &[(&str, Check, Plant)] = &[
    ("SERVFAIL", Check::Dns, |t, site| {
        t.name(&site.host).trouble(Trouble::ServFail);
    }),
    ("REFUSED", Check::Dns, |t, site| {
        t.name(&site.host).trouble(Trouble::Refused);
    }),
    (
        "special-purpose addresses alone",
        Check::AddressGuard,
        |t, site| {
            t.name(&site.host).forget().address([10, 0, 0, 1]);
        },
    ),
    (
        "some special-purpose addresses",
        Check::AddressGuard,
        |t, site| {
            t.name(&site.host).address([10, 0, 0, 1]);
        },
    ),
    ("refused", Check::Connection, |t, site| {
        t.host(&site.host).fault(Fault::Refused);
    }),
    ("closed without an answer", Check::Connection, |t, site| {
        t.host(&site.host).serve_all(Answer::hang_up());
        site.answer(t, Answer::hang_up());
    }),
    ("no IPv6", Check::Ipv6, |t, site| {
        t.name(&site.host).address(Ipv6Addr::LOCALHOST);
        t.host(&site.host).without_ipv6();
    }),
    ("expired TLS", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::Expired);
    }),
    ("TLS not valid yet", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::NotYetValid);
    }),
    ("TLS for another name", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::WrongName);
    }),
    ("TLS signed by itself", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::SelfSigned);
    }),
    ("TLS by an unknown CA", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::UnknownCa);
    }),
    ("TLS alert", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::Alert);
    }),
    ("no TLS", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::NotTls);
    }),
    ("closed at once", Check::Tls, |t, site| {
        t.host(&site.host).fault(Fault::CloseAtAccept);
    }),
    ("TLS expires in five days", Check::TlsExpiry, |t, site| {
        t.host(&site.host).fault(Fault::ExpiresSoon);
    }),
    ("redirect to http", Check::Redirect, |t, site| {
        let to = format!("http://{}{}", site.host, site.entry);
        site.answer(t, Answer::redirect(301, &to));
    }),
    ("redirect to an IP address", Check::Redirect, |t, site| {
        site.answer(t, Answer::redirect(302, "https://127.0.0.1/x"));
    }),
    ("redirect to a port", Check::Redirect, |t, site| {
        let to = format!("https://{}:8443/x", site.host);
        site.answer(t, Answer::redirect(302, &to));
    }),
    ("redirect without end", Check::Redirect, |t, site| {
        site.answer(t, Answer::redirect(302, &site.entry));
    }),
    ("redirect without Location", Check::Redirect, |t, site| {
        site.answer(t, Answer::status(302));
    }),
    ("redirect with 308", Check::Redirect, |t, site| {
        let to = site.file("elsewhere");
        site.answer(t, Answer::redirect(308, &to));
        t.host(&site.host)
            .serve(&to, with_cors(Answer::ok(site.sample.binary())));
    }),
    ("no policy", Check::Policy, |t, site| {
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::status(404));
    }),
    ("policy fails", Check::Policy, |t, site| {
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::status(500));
    }),
    ("policy is a web page", Check::Policy, |t, site| {
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::html(HTML));
    }),
    ("policy malformed", Check::Policy, |t, site| {
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::ok("Not A Keyword\n"));
    }),
    ("policy wants bare addresses", Check::Policy, |t, site| {
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::ok("mailbox-only\n"));
    }),
    ("no certificate", Check::Status, |t, site| {
        site.answer(t, Answer::status(404));
    }),
    ("login", Check::Status, |t, site| {
        site.answer(t, Answer::status(401).header("www-authenticate", "Basic"));
    }),
    ("forbidden", Check::Status, |t, site| {
        site.answer(t, Answer::status(403));
    }),
    ("server failure", Check::Status, |t, site| {
        site.answer(t, Answer::status(500));
    }),
    ("server failure everywhere", Check::Status, |t, site| {
        site.answer(t, Answer::status(503));
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::status(503))
            .serve_all(Answer::status(503));
    }),
    ("nothing there at all", Check::Status, |t, site| {
        site.answer(t, Answer::status(404));
        t.host(&site.host)
            .serve(&site.file("policy"), Answer::status(404));
    }),
    ("403 for what is not there", Check::Status, |t, site| {
        t.host(&site.host).serve_all(Answer::status(403));
    }),
    ("content type", Check::ContentType, |t, site| {
        let answer = with_cors(Answer::ok(site.sample.binary()));
        site.answer(t, answer.header("content-type", "text/plain"));
    }),
    (
        "content type of a web page",
        Check::ContentType,
        |t, site| {
            let answer = with_cors(Answer::ok(site.sample.binary()));
            site.answer(t, answer.header("content-type", "text/html"));
        },
    ),
    ("no CORS", Check::Cors, |t, site| {
        site.answer(t, Answer::ok(site.sample.binary()));
    }),
    ("soft 404", Check::Soft404, |t, site| {
        t.host(&site.host).serve_all(Answer::html(HTML));
    }),
    (
        "soft 404 without a certificate",
        Check::Soft404,
        |t, site| {
            site.answer(t, Answer::html(HTML));
            t.host(&site.host).serve_all(Answer::html(HTML));
        },
    ),
    ("soft 404, empty", Check::Soft404, |t, site| {
        t.host(&site.host).serve_all(Answer::ok(""));
    }),
    ("listing", Check::Listing, |t, site| {
        let (_, name) = site.entry.rsplit_once('/').expect("a path");
        t.host(&site.host).serve(
            &site.file("hu/"),
            Answer::html(&format!("<html><a href=\"{name}\">{name}</a></html>")),
        );
    }),
    ("HEAD not allowed", Check::Head, |t, site| {
        t.host(&site.host).answer_head(Answer::status(405));
    }),
    ("armor", Check::Armor, |t, site| {
        site.publish(t, site.sample.armored());
    }),
    ("random octets", Check::Malformed, |t, site| {
        site.publish(t, [0xc6, 0xff, 0x01, 0x02, 0x03]);
    }),
    ("text", Check::Malformed, |t, site| {
        site.publish(t, "no certificate here");
    }),
    ("nothing in the file", Check::Malformed, |t, site| {
        site.publish(t, "");
    }),
    (
        "a web page in the place of the certificate",
        Check::Malformed,
        |t, site| {
            site.publish(t, HTML);
        },
    ),
    ("cut off", Check::Malformed, |t, site| {
        let whole = site.sample.binary();
        site.publish(t, &whole[..40]);
    }),
    ("secret key", Check::SecretKey, |t, site| {
        site.publish(t, site.sample.secret());
    }),
    ("secret key beside", Check::SecretKey, |t, site| {
        let other = certs::cert(&[&site.user_id]);
        site.publish(t, [site.sample.binary(), other.secret()].concat());
    }),
    ("another's certificate", Check::Address, |t, site| {
        site.publish(t, certs::cert(&["Bob <bob@bob.example>"]).binary());
    }),
    ("no User ID", Check::Address, |t, site| {
        let cert = certs::without_user_ids(&site.sample.cert);
        site.publish(t, certs::binary(&cert));
    }),
    ("User ID revoked", Check::Address, |t, site| {
        let now = SystemTime::now();
        let old = Recipe::new(&[&site.user_id]).created(now - 9 * DAY).make();
        let revoked = certs::with_user_id_revoked(&old.cert, &site.user_id, now - DAY);
        site.publish(t, certs::binary(&revoked));
    }),
    ("other User IDs", Check::OtherUserIds, |t, site| {
        let cert = certs::cert(&[&site.user_id, "Alice <private@alice.example>"]);
        site.publish(t, cert.binary());
    }),
    ("expired", Check::Expired, |t, site| {
        let then = SystemTime::now() - 90 * DAY;
        let recipe = Recipe::new(&[&site.user_id]).created(then);
        site.publish(t, recipe.valid_for(60 * DAY).make().binary());
    }),
    ("expires soon", Check::ExpiresSoon, |t, site| {
        let recipe = Recipe::new(&[&site.user_id]);
        site.publish(t, recipe.valid_for(10 * DAY).make().binary());
    }),
    ("revoked", Check::Revoked, |t, site| {
        site.publish(t, certs::binary(&site.sample.revoked()));
    }),
    ("retired", Check::Revoked, |t, site| {
        site.publish(t, certs::binary(&site.sample.retired()));
    }),
    ("bound over SHA-1", Check::Algorithm, |t, site| {
        let other = certs::cert(&[]).cert;
        let user_id = UserID::from(&site.user_id[..]);
        let mut signer = other
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .and_then(|key| key.into_keypair())
            .expect("a secret key");
        let binding = SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_hash_algo(HashAlgorithm::SHA1)
            .set_key_flags(KeyFlags::empty().set_certification())
            .and_then(|binding| user_id.bind(&mut signer, &other, binding))
            .expect("a binding");
        let packets = [Packet::from(user_id), binding.into()];
        let (cert, _) = other.insert_packets(packets).expect("they fit");
        site.publish(t, certs::binary(&cert));
    }),
    ("no key for encryption", Check::EncryptionKey, |t, site| {
        let (cert, _) = CertBuilder::new()
            .add_userid(&site.user_id[..])
            .add_signing_subkey()
            .generate()
            .expect("a certificate");
        site.publish(t, cert.to_vec().expect("octets"));
    }),
    (
        "key for encryption revoked",
        Check::EncryptionKey,
        |t, site| {
            let now = SystemTime::now();
            let cert = Recipe::new(&[&site.user_id])
                .created(now - 9 * DAY)
                .make()
                .cert;
            let subkey = certs::subkey(&cert, false);
            let reason = openpgp_discovery::openpgp::types::ReasonForRevocation::KeyRetired;
            let cert = certs::with_subkey_revoked(&cert, &subkey, reason, now - DAY);
            site.publish(t, certs::binary(&cert));
        },
    ),
    ("larger than GnuPG reads", Check::Size, |t, site| {
        let one = site.sample.binary();
        site.publish(t, one.repeat((300 << 10) / one.len()));
    }),
    ("larger than anybody reads", Check::Size, |t, site| {
        let one = site.sample.binary();
        site.publish(t, one.repeat((2 << 20) / one.len()));
    }),
    ("compressed", Check::Other, |t, site| {
        site.answer(t, with_cors(Answer::gzip(&site.sample.binary())));
    }),
    (
        "submission address of two lines",
        Check::SubmissionAddress,
        |t, site| {
            t.host(&site.host).serve(
                &site.file("submission-address"),
                Answer::ok("a@example.org\nb@example.org\n"),
            );
        },
    ),
    (
        "submission address that is none",
        Check::SubmissionAddress,
        |t, site| {
            t.host(&site.host)
                .serve(&site.file("submission-address"), Answer::ok("nobody\n"));
        },
    ),
    (
        "submission address and policy differ",
        Check::SubmissionAddress,
        |t, site| {
            t.host(&site.host)
                .serve(
                    &site.file("submission-address"),
                    Answer::ok("keys@example.org\n"),
                )
                .serve(
                    &site.file("policy"),
                    Answer::ok("submission-address: other@example.org\n"),
                );
        },
    ),
];

/// What can be wrong with both methods beside each other, or with the names of the
/// domain: the layout that is perfect before.
const OF_THE_DOMAIN: &[(&str, Check, Layout, Plant)] = &[
    (
        "no address at all",
        Check::Dns,
        Layout::Direct,
        |t, site| {
            t.name(&site.host).forget();
        },
    ),
    (
        "a wildcard over the direct method",
        Check::Wildcard,
        Layout::Direct,
        |t, site| {
            t.name(&format!("*.{}", site.domain))
                .address([127, 0, 0, 1]);
        },
    ),
    (
        "such a wildcard, with broken TLS",
        Check::Wildcard,
        Layout::Direct,
        |t, site| {
            t.name(&format!("*.{}", site.domain))
                .address([127, 0, 0, 1]);
            let host = format!("openpgpkey.{}", site.domain);
            t.name(&host).address([127, 0, 0, 1]);
            t.host(&host).fault(Fault::WrongName);
        },
    ),
    (
        "such a wildcard, refusing",
        Check::Wildcard,
        Layout::Direct,
        |t, site| {
            t.name(&format!("*.{}", site.domain))
                .address([127, 0, 0, 1]);
            let host = format!("openpgpkey.{}", site.domain);
            t.name(&host).address([127, 0, 0, 1]);
            t.host(&host).fault(Fault::Refused);
        },
    ),
    (
        "such a wildcard, with a page for all",
        Check::Wildcard,
        Layout::Direct,
        |t, site| {
            t.name(&format!("*.{}", site.domain))
                .address([127, 0, 0, 1]);
            let host = format!("openpgpkey.{}", site.domain);
            t.name(&host).address([127, 0, 0, 1]);
            t.host(&host).serve_all(Answer::html(HTML));
        },
    ),
    (
        "the label in other hands",
        Check::ReservedLabel,
        Layout::Direct,
        |t, site| {
            elsewhere(t, &format!("openpgpkey.{}", site.domain));
        },
    ),
    (
        "the label in hands with a page for all",
        Check::ReservedLabel,
        Layout::Direct,
        |t, site| {
            let host = format!("openpgpkey.{}", site.domain);
            elsewhere(t, &host);
            t.host(&host).serve_all(Answer::html(HTML));
        },
    ),
    (
        "another certificate",
        Check::MethodsAgree,
        Layout::Advanced,
        |t, site| {
            Site::perfect(t, Layout::Direct, &site.domain);
        },
    ),
    (
        "no certificate by direct",
        Check::MethodsAgree,
        Layout::Advanced,
        |t, site| {
            let direct = Site::perfect(t, Layout::Direct, &site.domain);
            direct.answer(t, Answer::status(404));
        },
    ),
    (
        "another policy by direct",
        Check::MethodsAgree,
        Layout::Advanced,
        |t, site| {
            let direct = Site::perfect(t, Layout::Direct, &site.domain);
            direct.publish(t, site.sample.binary());
            t.host(&direct.host)
                .serve(&direct.file("policy"), Answer::ok("auth-submit\n"));
        },
    ),
    (
        "a fault by direct alone",
        Check::Expired,
        Layout::Advanced,
        |t, site| {
            let direct = Site::perfect(t, Layout::Direct, &site.domain);
            let then = SystemTime::now() - 90 * DAY;
            let recipe = Recipe::new(&[&site.user_id]).created(then);
            direct.publish(t, recipe.valid_for(60 * DAY).make().binary());
        },
    ),
];

/// Gives a host addresses that no other has.
fn elsewhere(t: &Testbed, host: &str) {
    t.name(host).address(Ipv6Addr::LOCALHOST);
    t.host(host);
}

/// Names the fault, and nothing else as an error.
fn assert_named(fault: &str, check: Check, report: &Report) {
    let worst = named(report, check).iter().map(|f| f.level()).max();
    let all: Vec<_> = report
        .findings()
        .iter()
        .filter(|finding| finding.level() > Level::Ok)
        .collect();
    assert!(worst >= Some(Level::Warning), "{fault}: {check}: {all:#?}");
    for error in at(report, Level::Error) {
        assert_eq!(error.check(), check, "{fault}: {all:#?}");
    }
    assert!(at(report, Level::Error).len() <= 1, "{fault}: {all:#?}");
    assert_sentences(report);
}

#[tokio::test]
async fn each_fault_is_named_and_no_other_by_each_method() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    let has_ipv6 = t.https_sockets().iter().any(|socket| socket.is_ipv6());
    let rows = FAULTS.iter().enumerate();
    let checks = rows
        .filter(|(_, (_, check, _))| has_ipv6 || *check != Check::Ipv6)
        .flat_map(|(number, (fault, named, plant))| {
            [Layout::Advanced, Layout::Direct].map(|layout| {
                let site = Site::perfect(&t, layout, &format!("{layout}-{number}.example"));
                plant(&t, &site);
                let locator = &locator;
                let fault = format!("{fault}, {layout}");
                async move {
                    let report = check(locator, &site.address.to_string()).await;
                    (fault, *named, report)
                }
            })
        });
    for (fault, check, report) in join_all(checks).await {
        assert_named(&fault, check, &report);
    }
}

#[tokio::test]
async fn faults_of_names_and_of_both_methods() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    let has_ipv6 = t.https_sockets().iter().any(|socket| socket.is_ipv6());
    let rows = OF_THE_DOMAIN
        .iter()
        .filter(|(_, check, ..)| has_ipv6 || *check != Check::ReservedLabel)
        .enumerate();
    let checks = rows.map(|(number, (fault, named, layout, plant))| {
        let site = Site::perfect(&t, *layout, &format!("domain-{number}.example"));
        plant(&t, &site);
        let locator = &locator;
        async move {
            let report = check(locator, &site.address.to_string()).await;
            (*fault, *named, report)
        }
    });
    for (fault, check, report) in join_all(checks).await {
        assert_named(fault, check, &report);
    }
}

/// Without an address there is less to see, and what can be seen is named the same.
#[tokio::test]
async fn faults_of_a_domain() {
    let names = [
        Check::Dns,
        Check::AddressGuard,
        Check::Ipv6,
        Check::Tls,
        Check::TlsExpiry,
        Check::Listing,
        Check::Head,
        Check::SubmissionAddress,
    ];
    let with_first = [
        "no policy",
        "policy fails",
        "policy is a web page",
        "policy malformed",
        "server failure everywhere",
        "soft 404",
        "refused",
    ];
    let t = Testbed::start().await;
    let locator = locator(&t);
    let has_ipv6 = t.https_sockets().iter().any(|socket| socket.is_ipv6());
    let rows = FAULTS.iter().enumerate().filter(|(_, (fault, check, _))| {
        (names.contains(check) || with_first.contains(fault)) && (has_ipv6 || *check != Check::Ipv6)
    });
    let checks = rows.flat_map(|(number, (fault, named, plant))| {
        [Layout::Advanced, Layout::Direct].map(|layout| {
            let site = Site::perfect(&t, layout, &format!("{layout}-{number}.example"));
            plant(&t, &site);
            let locator = &locator;
            let fault = format!("{fault}, {layout}");
            async move { (fault, *named, check(locator, &site.domain).await) }
        })
    });
    for (fault, check, report) in join_all(checks).await {
        assert_named(&fault, check, &report);
    }
}

#[tokio::test]
async fn faults_of_names_without_an_address() {
    let t = Testbed::start().await;
    let locator = locator(&t);
    let has_ipv6 = t.https_sockets().iter().any(|socket| socket.is_ipv6());
    for (fault, check_of, layout, plant) in OF_THE_DOMAIN {
        let of_names = [Check::Dns, Check::Wildcard, Check::ReservedLabel];
        let has_room = has_ipv6 || *check_of != Check::ReservedLabel;
        if !of_names.contains(check_of) || !has_room {
            continue;
        }
        let domain = format!("{}.example", fault.replace([' ', ','], ""));
        let site = Site::perfect(&t, *layout, &domain);
        plant(&t, &site);
        let report = check(&locator, &site.domain).await;
        assert_named(fault, *check_of, &report);
    }
}

#[tokio::test]
async fn a_domain_in_the_place_of_a_directory() {
    let t = Testbed::start().await;
    Site::perfect(&t, Layout::Direct, "openpgpkey.example.org");
    let report = check(&locator(&t), "alice@openpgpkey.example.org").await;
    assert_named("its name", Check::ReservedLabel, &report);
    assert_eq!(at(&report, Level::Error).len(), 0);
}

#[tokio::test]
async fn a_host_that_says_nothing() {
    let t = Testbed::start().await;
    let locator = t
        .locator()
        .deadline(Duration::from_millis(800))
        .build()
        .expect("a locator");
    let site = Site::perfect(&t, Layout::Advanced, "mute.example");
    t.host(&site.host).fault(Fault::Mute);
    let report = check(&locator, "alice@mute.example").await;
    assert_named("mute", Check::Connection, &report);
    let site = Site::perfect(&t, Layout::Direct, "silent.example");
    site.answer(&t, Answer::silent());
    let report = check(&locator, "alice@silent.example").await;
    assert_named("silent", Check::Connection, &report);
    let site = Site::perfect(&t, Layout::Direct, "mute-dns.example");
    t.name(&site.host).trouble(Trouble::Mute);
    let report = check(&locator, "alice@mute-dns.example").await;
    assert_named("mute DNS", Check::Dns, &report);
}
