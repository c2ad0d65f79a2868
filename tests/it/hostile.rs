//! Servers and zones that want a look-up to go where it must not, or to never end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use openpgp_discovery::dns::AddressGuard;
use openpgp_discovery::{ErrorKind, KeyLocator, Lookup, Reason, Status, wkd};
use testbed::{Answer, Canary, Testbed, certs};

use crate::{ADVANCED, AMPLE, SHORT, address, alice, failure, locate, reasons, trail};

fn path() -> String {
    let url = wkd::Url::new(&alice()).advanced().expect("a short domain");
    url.path().to_owned()
}

/// Plants one answer at Alice's advanced URL and looks her up, without a key server.
async fn look(testbed: &Testbed, answer: Answer, deadline: Duration) -> Lookup {
    testbed.host(ADVANCED).serve(&path(), answer);
    let locator = testbed.locator().no_vks().deadline(deadline).build();
    let start = Instant::now();
    let lookup = locate(&locator.expect("builds")).await;
    assert!(
        start.elapsed() < deadline + Duration::from_secs(2),
        "it ends"
    );
    assert!(lookup.found().is_empty());
    lookup
}

/// Listeners at every loopback address that the machine has.
fn canaries(testbed: &Testbed) -> Vec<Canary> {
    let ips: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    ips.into_iter()
        .filter_map(|ip| testbed.canary(ip).ok())
        .collect()
}

/// The places that a hostile zone or server would like to reach.
const INSIDE: [&str; 6] = [
    "127.0.0.1",
    "::1",
    "169.254.169.254",
    "10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
];

#[tokio::test]
async fn names_that_lead_inside_are_blocked() {
    let testbed = Testbed::start().await;
    for inside in INSIDE {
        let ip: IpAddr = inside.parse().expect("an address");
        for canary in canaries(&testbed) {
            testbed.host(ADVANCED).points_at(canary.addr());
            testbed.name(ADVANCED).forget();
            testbed.name(ADVANCED).address(ip);
            let locator = testbed.locator().no_vks().build().expect("builds");
            let lookup = locate(&locator).await;
            assert_eq!(
                trail(&lookup),
                ["dns-advanced: addresses", "advanced: Blocked"],
                "{inside}"
            );
            assert_eq!(lookup.status(), Status::Failed);
            assert_eq!(canary.connections(), 0, "{inside}");
            // What a name resolved to is in no answer.
            let said = format!("{:?}", lookup.attempts());
            assert!(!said.contains(inside), "{said}");
        }
    }
}

/// Where some addresses are allowed and some are not, the allowed ones are used.
#[tokio::test]
async fn mixed_answers_use_what_is_allowed() {
    let testbed = Testbed::start().await;
    testbed.wkd_advanced(&alice(), certs::cert(&["alice@example.org"]).binary());
    testbed.name(ADVANCED).address(Ipv4Addr::new(10, 0, 0, 1));
    testbed.name(ADVANCED).address(Ipv4Addr::LOCALHOST);
    let lookup = locate(&testbed.locator().no_vks().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
}

#[tokio::test]
async fn redirects_that_lead_inside_are_refused() {
    let testbed = Testbed::start().await;
    let canaries = canaries(&testbed);
    for canary in &canaries {
        let socket = canary.addr();
        testbed.host("trap.example.net").points_at(socket);
        testbed.name("trap.example.net").forget();
        testbed.name("trap.example.net").address(socket.ip());
        testbed
            .name("metadata.example.net")
            .address(Ipv4Addr::new(169, 254, 169, 254));
        let port = socket.port();
        for (to, kind) in [
            (format!("http://{ADVANCED}/"), ErrorKind::Redirect),
            (format!("http://{socket}/"), ErrorKind::Blocked),
            ("https://127.0.0.1/".to_owned(), ErrorKind::Blocked),
            (format!("https://127.0.0.1:{port}/"), ErrorKind::Blocked),
            ("https://[::1]/".to_owned(), ErrorKind::Blocked),
            (format!("https://[::1]:{port}/"), ErrorKind::Blocked),
            (
                "https://169.254.169.254/latest/meta-data/".to_owned(),
                ErrorKind::Blocked,
            ),
            ("https://10.0.0.1/".to_owned(), ErrorKind::Blocked),
            (
                format!("https://[::ffff:127.0.0.1]:{port}/"),
                ErrorKind::Blocked,
            ),
            (
                format!("https://[64:ff9b::7f00:1]:{port}/"),
                ErrorKind::Blocked,
            ),
            (format!("https://2130706433:{port}/"), ErrorKind::Blocked),
            (format!("https://0x7f000001:{port}/"), ErrorKind::Blocked),
            (format!("https://0177.0.0.1:{port}/"), ErrorKind::Blocked),
            (format!("https://127.1:{port}/"), ErrorKind::Blocked),
            ("https://trap.example.net/".to_owned(), ErrorKind::Blocked),
            (
                format!("https://trap.example.net:{port}/"),
                ErrorKind::Blocked,
            ),
            (
                "https://metadata.example.net/".to_owned(),
                ErrorKind::Blocked,
            ),
            ("https://localhost/".to_owned(), ErrorKind::Blocked),
            ("https://db.internal/".to_owned(), ErrorKind::Blocked),
            (format!("https://user@{ADVANCED}/"), ErrorKind::Redirect),
            ("https://nowhere.example.net/".to_owned(), ErrorKind::Dns),
            ("file:///etc/passwd".to_owned(), ErrorKind::Blocked),
        ] {
            let lookup = look(&testbed, Answer::redirect(302, &to), AMPLE).await;
            assert_eq!(failure(&lookup), Some(kind), "{to}: {:?}", lookup.error());
            assert_eq!(canary.connections(), 0, "{to}");
        }
    }
    assert!(testbed.queries_for("db.internal").is_empty());
    assert!(testbed.queries_for("localhost").is_empty());
}

#[tokio::test]
async fn literals_are_no_mail_domains() {
    let testbed = Testbed::start().await;
    for inside in [
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
    ] {
        let text = format!("alice@{inside}");
        text.parse::<openpgp_discovery::EmailAddress>()
            .expect_err(&text);
    }
    for domain in [
        "localhost",
        "db.internal",
        "printer.local",
        "x.test",
        "x.home.arpa",
    ] {
        let locator = testbed.locator().no_vks().build().expect("builds");
        let lookup = locator.locate(&address(&format!("alice@{domain}"))).await;
        assert_eq!(trail(&lookup), ["dns-advanced: Blocked"], "{domain}");
    }
    assert!(
        testbed.queries().is_empty(),
        "special-purpose names are not asked for"
    );
}

#[tokio::test]
async fn redirects_are_counted() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]);
    let hop = |n: usize| format!("https://hop{n}.example.net/{n}");
    for n in 1..4 {
        testbed
            .host(&format!("hop{n}.example.net"))
            .serve(&format!("/{n}"), Answer::redirect(307, &hop(n + 1)));
    }
    testbed
        .host("hop3.example.net")
        .serve("/3", Answer::ok(sample.binary()));
    testbed
        .host(ADVANCED)
        .serve(&path(), Answer::redirect(301, &hop(1)));
    let locator = testbed.locator().no_vks();
    let lookup = locate(&locator.clone().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        ["dns-advanced: addresses", "advanced: found 1"]
    );
    assert_eq!(lookup.found()[0].provenance().url().as_str(), hop(3));

    let lookup = locate(&locator.max_redirects(2).build().expect("builds")).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::Redirect));

    let itself = format!("https://{ADVANCED}{}", path());
    testbed.forget_log();
    let lookup = look(&testbed, Answer::redirect(302, &itself), AMPLE).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::Redirect), "a loop");
    assert_eq!(
        testbed.requests().len(),
        4,
        "the question and three redirects"
    );
}

#[tokio::test]
async fn bodies_have_an_end() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]);
    let bytes = sample.binary();

    let lookup = look(&testbed, Answer::endless([0xcd; 4096]), AMPLE).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::BadAnswer));
    assert_eq!(reasons(&lookup), [Reason::TooLarge]);

    let lookup = look(&testbed, Answer::drip(&bytes), SHORT).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::Timeout));
    let lookup = look(&testbed, Answer::stall(&bytes[..40]), SHORT).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::Timeout));
    let lookup = look(&testbed, Answer::silent(), SHORT).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::Timeout));
    let lookup = look(&testbed, Answer::hang_up(), AMPLE).await;
    assert_eq!(failure(&lookup), Some(ErrorKind::Http));

    let lookup = look(&testbed, Answer::gzip(&bytes), AMPLE).await;
    assert_eq!(reasons(&lookup), [Reason::ContentEncoding]);
}

/// What HTTP says of the length is checked, so a part is never taken for the whole.
#[tokio::test]
async fn lengths_that_lie() {
    let sample = certs::cert(&["alice@example.org"]);
    let bytes = sample.binary();
    let claims = [
        (bytes.len() as u64 + 100, ErrorKind::Http),
        (1 << 40, ErrorKind::BadAnswer),
    ];
    for (claimed, kind) in claims {
        // Raw answers have to be planted before a client connects.
        let testbed = Testbed::start().await;
        let lookup = look(&testbed, Answer::lying_length(claimed, &bytes), AMPLE).await;
        assert_eq!(
            failure(&lookup),
            Some(kind),
            "{claimed}: {:?}",
            lookup.error()
        );
    }
}

/// What the caller named for the key server holds for the key server alone.
#[tokio::test]
async fn the_named_key_server_is_no_way_in() {
    let testbed = Testbed::start().await;
    let vks = testbed.vks_url();
    let sample = certs::cert(&["alice@example.org"]);
    testbed.vks().confirm(&alice(), &sample.cert);
    testbed
        .host(ADVANCED)
        .serve(&path(), Answer::redirect(302, vks.as_str()));
    let lookup = locate(&testbed.locator().build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        [
            "dns-advanced: addresses",
            "advanced: Blocked",
            "vks: found 1"
        ]
    );
    // An https key server at an inner address: reached as such, not by redirect.
    testbed
        .host("keys.example.net")
        .serve_all(Answer::armored(&sample.cert));
    testbed
        .host(ADVANCED)
        .serve(&path(), Answer::redirect(302, "https://keys.example.net/x"));
    let locator = KeyLocator::builder()
        .resolver(testbed.dns())
        .trust_anchor(testbed.ca_der())
        .guard(AddressGuard::new().allow_socket(testbed.host_addr(ADVANCED)))
        .vks("https://keys.example.net".parse().expect("a URL"))
        .build()
        .expect("builds");
    let lookup = locate(&locator).await;
    assert_eq!(
        trail(&lookup),
        [
            "dns-advanced: addresses",
            "advanced: Redirect",
            "vks: found 1"
        ]
    );
}

#[tokio::test]
async fn the_key_server_may_not_redirect() {
    let testbed = Testbed::start().await;
    let canary = testbed.canary(Ipv4Addr::LOCALHOST).expect("loopback");
    for to in [
        format!("http://{}/", canary.addr()),
        "https://keys.openpgp.org/".to_owned(),
    ] {
        testbed.vks().plant_all(Answer::redirect(302, &to));
        let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
        assert_eq!(trail(&lookup), ["vks: Redirect"]);
    }
    assert_eq!(canary.connections(), 0);
}

/// What a server sees of a client: no more than it needs.
#[tokio::test]
async fn requests_say_little() {
    let testbed = Testbed::start().await;
    let answer = Answer::status(401)
        .header("www-authenticate", "Basic realm=\"x\"")
        .header("set-cookie", "a=b");
    testbed.host(ADVANCED).serve(&path(), answer);
    let locator = testbed.locator().no_vks().build().expect("builds");
    for _ in 0..2 {
        assert_eq!(failure(&locate(&locator).await), Some(ErrorKind::Http));
    }
    let requests = testbed.requests();
    assert_eq!(requests.len(), 2, "no second try with a password");
    for request in requests {
        let mut names: Vec<&str> = request.headers.keys().map(|name| name.as_str()).collect();
        names.retain(|name| !matches!(*name, "host" | "accept" | "user-agent"));
        assert!(names.is_empty(), "{names:?}");
        assert!(!request.headers.contains_key("referer"));
    }
}

/// WKD gets 60 % of the time where the key server is still to be asked.
#[tokio::test]
async fn no_step_uses_up_the_deadline() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]);
    testbed.vks().confirm(&alice(), &sample.cert);
    testbed.host(ADVANCED).serve(&path(), Answer::silent());
    let start = Instant::now();
    let lookup = locate(&testbed.locator().deadline(SHORT).build().expect("builds")).await;
    assert_eq!(
        trail(&lookup),
        [
            "dns-advanced: addresses",
            "advanced: Timeout",
            "vks: found 1"
        ]
    );
    assert!(start.elapsed() >= SHORT.mul_f64(0.59) && start.elapsed() < SHORT * 3);
}

/// No sentence of this crate holds the local part.
#[tokio::test]
async fn errors_do_not_name_the_person() {
    let testbed = Testbed::start().await;
    let person = address("very.private@example.org");
    let url = wkd::Url::new(&person).advanced().expect("a short domain");
    for answer in [
        Answer::status(500),
        Answer::hang_up(),
        Answer::redirect(302, "https://10.0.0.1/?l=very.private"),
        Answer::ok("garbage"),
        Answer::gzip(b"x"),
    ] {
        testbed.host(ADVANCED).serve(url.path(), answer.clone());
        testbed.vks().plant_all(answer);
        let lookup = testbed
            .locator()
            .build()
            .expect("builds")
            .locate(&person)
            .await;
        assert_eq!(lookup.status(), Status::Failed);
        for attempt in lookup.attempts() {
            let mut said = attempt.to_string();
            let mut cause: Option<&dyn std::error::Error> = attempt.error().map(|e| e as _);
            while let Some(error) = cause {
                said = format!("{said} / {error} / {error:?}");
                cause = error.source();
            }
            assert!(!said.contains("very.private"), "{said}");
            assert!(!said.contains(wkd::Url::new(&person).hash()), "{said}");
        }
    }
}

/// A tenant's domain must not be able to spend, past the budget, what the key
/// server lets this client ask.
#[tokio::test]
async fn no_redirect_leads_to_the_key_server() {
    let testbed = Testbed::start().await;
    let to = "https://keys.openpgp.org/vks/v1/by-email/victim%40example.com";
    testbed
        .host(ADVANCED)
        .serve(&path(), Answer::redirect(302, to));
    let locator = KeyLocator::builder()
        .resolver(testbed.dns())
        .guard(testbed.guard())
        .trust_anchor(testbed.ca_der())
        .build()
        .expect("builds");
    let lookup = locate(&locator).await;
    assert_eq!(
        trail(&lookup),
        [
            "dns-advanced: addresses",
            "advanced: Redirect",
            "vks: absent"
        ]
    );
    assert_eq!(testbed.requests_to("keys.openpgp.org").len(), 1);
}
