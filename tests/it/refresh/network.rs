//! The key server as it is met: statuses, retries, and what it gets to see.

use openpgp_discovery::{Absence, ErrorKind, Event, Method, Outcome, Step};
use testbed::{Answer, Testbed};

use super::*;
use crate::{AMPLE, SHORT};

async fn at(testbed: &Testbed, cert: &Cert, deadline: Duration) -> Refresh {
    let locator = testbed.locator().deadline(deadline);
    let refresh = locator.build().expect("builds").refresh(cert).await;
    assert_nothing_lost(cert, &refresh);
    refresh
}

#[tokio::test]
async fn statuses() {
    use RefreshOutcome::{Failed, NotFound, Updated};
    let cert = cert(&[ALICE]);
    let news = Answer::armored(&add(&cert, [hard(&cert)]));
    let later = |status| Answer::status(status).header("retry-after", "0");
    for (name, first, then, deadline, wanted, kind, requests) in [
        ("404", None, Answer::status(404), AMPLE, NotFound, None, 1),
        (
            "429 then 200",
            Some(later(429)),
            news.clone(),
            AMPLE,
            Updated,
            None,
            2,
        ),
        (
            "500 then 200",
            Some(later(500)),
            news.clone(),
            AMPLE,
            Updated,
            None,
            2,
        ),
        (
            "429",
            None,
            Answer::status(429),
            AMPLE,
            Failed,
            Some(ErrorKind::RateLimited),
            1,
        ),
        (
            "500",
            None,
            Answer::status(500),
            AMPLE,
            Failed,
            Some(ErrorKind::Http),
            2,
        ),
        (
            "204",
            None,
            Answer::status(204),
            AMPLE,
            Failed,
            Some(ErrorKind::Http),
            1,
        ),
        (
            "400",
            None,
            Answer::status(400),
            AMPLE,
            Failed,
            Some(ErrorKind::Http),
            1,
        ),
        (
            "elsewhere",
            None,
            Answer::redirect(302, "https://example.org/"),
            AMPLE,
            Failed,
            Some(ErrorKind::Redirect),
            1,
        ),
        (
            "stalled",
            None,
            Answer::stall(&bytes(&cert)[..50]),
            SHORT,
            Failed,
            Some(ErrorKind::Timeout),
            1,
        ),
        (
            "endless",
            None,
            Answer::endless(bytes(&cert)),
            AMPLE,
            Failed,
            Some(ErrorKind::BadAnswer),
            1,
        ),
    ] {
        let testbed = Testbed::start().await;
        testbed.vks().plant_all(then);
        if let Some(first) = first {
            testbed.vks().plant_all_first(1, first);
        }
        let refresh = at(&testbed, &cert, deadline).await;
        assert_eq!(refresh.outcome(), wanted, "{name}: {refresh:?}");
        assert_eq!(refresh.error().map(|e| e.kind()), kind, "{name}");
        assert_eq!(testbed.vks().requests().len(), requests, "{name}");
        assert_eq!(testbed.queries(), [], "{name}: nothing is resolved");
        for request in testbed.vks().requests() {
            let path = format!("/vks/v1/by-fingerprint/{:X}", cert.fingerprint());
            assert_eq!(request.target, path, "{name}");
            assert!(!format!("{request:?}").contains("alice"), "{name}");
        }
    }
}

/// Of a revoked certificate a key server gives out no User ID.
#[tokio::test]
async fn revoked_and_published_without_user_ids() {
    let testbed = Testbed::start().await;
    let cert = cert(&[ALICE, OTHER]);
    let alice = crate::alice();
    testbed.vks().confirm(&alice, &cert);
    let refreshed = at(&testbed, &cert, AMPLE).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Unchanged);

    testbed.vks().upload(&add(&cert, [soft(&cert, day(-3))]));
    let published = testbed.vks().published(&cert.fingerprint()).expect("there");
    assert_eq!(published.userids().count(), 0);
    let refreshed = at(&testbed, &cert, AMPLE).await;
    assert_eq!(kinds(&refreshed), [ChangeKind::Revoked]);
    assert_eq!(refreshed.cert().userids().count(), 2);

    testbed.vks().upload(&add(&cert, [hard(&cert)]));
    let refreshed = at(&testbed, refreshed.cert(), AMPLE).await;
    assert_eq!(kinds(&refreshed), [ChangeKind::Revoked]);
    assert_eq!(testbed.queries(), [], "no directory");
}

#[tokio::test]
async fn splits_over_the_network() {
    let cert = cert(&[ALICE, OTHER]);
    let whole = add(
        &cert,
        [
            bind(&cert, ALICE, day(-8), Some(60 * DAY)),
            revoke_user_id(&cert, OTHER, day(-5)),
            revoke_subkey(&cert, 0, day(-3)),
            soft(&cert, day(-2)),
        ],
    );
    for part in [whole.clone(), whole.clone().retain_subkeys(|_| false)] {
        let testbed = Testbed::start().await;
        testbed.vks().plant_all(Answer::armored(&part));
        let once = at(&testbed, &cert, AMPLE).await;
        let twice = at(&testbed, once.cert(), AMPLE).await;
        assert_eq!(twice.outcome(), RefreshOutcome::Unchanged);
        testbed.vks().plant_all(Answer::armored(&whole));
        let all = at(&testbed, twice.cert(), AMPLE).await;
        assert_eq!(packets_of(all.cert()), packets_of(&whole));
        assert_eq!(*all.after(), status(&whole));
    }
}

#[tokio::test]
async fn version_6_on_a_server_that_knows_version_4_only() {
    let cert = made(&[ALICE], Profile::RFC9580, None);
    for status in [400, 404] {
        let testbed = Testbed::start().await;
        testbed.vks().plant_all(Answer::status(status));
        let refresh = at(&testbed, &cert, AMPLE).await;
        assert_eq!(refresh.outcome(), RefreshOutcome::NotFound);
        let outcome = refresh.attempt().outcome();
        assert!(
            matches!(outcome, Outcome::Absent(Absence::PerhapsUnsupported)),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn without_a_key_server_nothing_is_known() {
    let testbed = Testbed::start().await;
    let cert = cert(&[ALICE]);
    let locator = testbed.locator().no_vks().build().expect("builds");
    let refresh = locator.refresh(&cert).await;
    assert_eq!(refresh.outcome(), RefreshOutcome::Failed);
    assert_eq!(refresh.error().map(|e| e.kind()), Some(ErrorKind::Config));
    assert!(testbed.requests().is_empty() && testbed.queries().is_empty());
}

#[tokio::test]
async fn the_trail_and_the_events() {
    let testbed = Testbed::start().await;
    let cert = cert(&[ALICE]);
    testbed
        .vks()
        .plant_all(Answer::armored(&without_user_ids(&cert)));
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let locator = testbed.locator().on_event(move |event| {
        sink.lock().expect("lock").push(match event {
            Event::KeyAsked { step, .. } => format!("> {step}"),
            Event::KeyAnswered { attempt, .. } => {
                format!("< {}: {}", attempt.step(), attempt.outcome())
            }
            _ => panic!("{event:?}"),
        });
    });
    let refresh = locator.build().expect("builds").refresh(&cert).await;
    assert_eq!(refresh.outcome(), RefreshOutcome::Unchanged);
    let attempt = refresh.attempt();
    assert_eq!(attempt.step(), Step::Ask(Method::VksByFingerprint));
    let url = attempt.url().expect("a URL").as_str();
    assert!(url.ends_with(&cert.fingerprint().to_hex()), "{url}");
    assert_eq!(
        *told.lock().expect("lock"),
        [
            "> VKS by fingerprint",
            "< VKS by fingerprint: one certificate"
        ]
    );
}
