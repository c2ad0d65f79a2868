//! The key server: statuses told apart, retries, and the budget.

use std::time::{Duration, Instant};

use openpgp_discovery::vks::Budget;
use openpgp_discovery::{ErrorKind, Status};
use testbed::{Answer, Testbed, certs};

use crate::{SHORT, address, alice, failure, locate, trail};

async fn testbed() -> Testbed {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["Alice <alice@example.org>"]);
    testbed.vks().confirm(&alice(), &sample.cert);
    testbed
}

#[tokio::test]
async fn statuses_of_look_ups() {
    for (status, label, wanted, asked) in [
        (404, "text/html", "vks: absent", 1),
        (404, "text/plain", "vks: absent", 1),
        (410, "text/plain", "vks: Http", 1),
        (400, "text/html", "vks: Http", 1),
        (401, "text/html", "vks: Http", 1),
        (204, "text/plain", "vks: Http", 1),
        (429, "text/html", "vks: RateLimited", 1),
        (500, "text/html", "vks: Http", 2),
        (503, "text/html", "vks: Http", 2),
    ] {
        let testbed = testbed().await;
        testbed.vks().plant_all(
            Answer::status(status)
                .header("content-type", label)
                .body("a sentence"),
        );
        let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
        assert_eq!(trail(&lookup), [wanted], "{status}");
        assert_eq!(testbed.vks().requests().len(), asked, "{status}");
    }
}

#[tokio::test]
async fn a_server_error_is_tried_once_more() {
    let testbed = testbed().await;
    testbed.vks().plant_all_first(1, Answer::status(503));
    let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
    assert_eq!(trail(&lookup), ["vks: found 1"]);
    assert_eq!(testbed.vks().requests().len(), 2);
}

#[tokio::test]
async fn rate_limit_with_a_time_that_fits() {
    let testbed = testbed().await;
    testbed
        .vks()
        .plant_all_first(1, Answer::status(429).header("retry-after", "1"));
    let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
    assert_eq!(trail(&lookup), ["vks: found 1"]);

    // One that does not fit is said, and not waited for.
    testbed
        .vks()
        .plant_all(Answer::status(429).header("retry-after", "3600"));
    let start = Instant::now();
    let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
    assert!(start.elapsed() < Duration::from_secs(10));
    let error = lookup.error().expect("a failure");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn an_answer_for_somebody_else_is_rejected() {
    let testbed = testbed().await;
    testbed
        .vks()
        .plant_all(Answer::armored(&certs::cert(&["mallory@example.org"]).cert));
    let lookup = locate(&testbed.locator().no_wkd().build().expect("builds")).await;
    assert_eq!(trail(&lookup), ["vks: rejected"]);
    assert_eq!(lookup.status(), Status::NotFound);
    assert_eq!(lookup.rejected().len(), 1);
}

/// Over the budget is "could not tell, try again after …", never "not found".
#[tokio::test]
async fn the_budget_is_shared_by_clones_and_not_by_tenants() {
    let testbed = testbed().await;
    let budget = Budget::new(2, 0.001).expect("a budget");
    let locator = testbed
        .locator()
        .no_wkd()
        .vks_budget(budget)
        .build()
        .expect("builds");
    for _ in 0..2 {
        assert_eq!(locate(&locator.clone()).await.status(), Status::Found);
    }
    let start = Instant::now();
    let lookup = locate(&locator.clone()).await;
    assert!(start.elapsed() < Duration::from_secs(5), "said at once");
    assert_eq!(lookup.status(), Status::Failed);
    let error = lookup.error().expect("a failure");
    assert_eq!(error.kind(), ErrorKind::BudgetSpent);
    assert!(error.retry_after() > Some(Duration::from_secs(900)));
    assert!(error.to_string().contains("try again after"), "{error}");
    assert_eq!(
        testbed.vks().requests().len(),
        2,
        "the server was not asked"
    );

    let tenant = locator.with_vks_budget(Budget::new(1, 0.001).expect("a budget"));
    assert_eq!(locate(&tenant).await.status(), Status::Found);
    assert_eq!(
        failure(&locate(&tenant).await),
        Some(ErrorKind::BudgetSpent)
    );
}

#[tokio::test]
async fn a_wait_inside_the_deadline_is_waited() {
    let testbed = testbed().await;
    let budget = Budget::new(1, 20.0).expect("a budget");
    let locator = testbed
        .locator()
        .no_wkd()
        .vks_budget(budget)
        .build()
        .expect("builds");
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(locate(&locator).await.status(), Status::Found);
    }
    assert!(start.elapsed() >= Duration::from_millis(90));
}

#[tokio::test]
async fn a_mute_server_is_a_timeout() {
    let testbed = testbed().await;
    testbed.vks().plant_all(Answer::silent());
    let lookup = locate(
        &testbed
            .locator()
            .no_wkd()
            .deadline(SHORT)
            .build()
            .expect("builds"),
    )
    .await;
    assert_eq!(trail(&lookup), ["vks: Timeout"]);
}

#[tokio::test]
async fn the_default_server_is_asked_over_https() {
    let testbed = testbed().await;
    let locator = openpgp_discovery::KeyLocator::builder()
        .resolver(testbed.dns())
        .guard(testbed.guard())
        .trust_anchor(testbed.ca_der())
        .build()
        .expect("builds");
    assert_eq!(locate(&locator).await.status(), Status::Found);
    let asked = testbed.requests_to("keys.openpgp.org");
    assert_eq!(asked[0].target, "/vks/v1/by-email/alice%40example.org");
    // The local part goes as written: the server decides what is the same.
    let lookup = locator.locate(&address("Alice@Example.ORG")).await;
    assert_eq!(lookup.status(), Status::Found);
    let asked = testbed.requests_to("keys.openpgp.org");
    assert_eq!(asked[1].target, "/vks/v1/by-email/Alice%40example.org");
}

/// Where the budget is spent by the first try, what the server said stands: it was
/// asked.
#[tokio::test]
async fn a_second_try_beyond_the_budget_hides_no_answer() {
    for (answer, kind) in [
        (Answer::status(503), ErrorKind::Http),
        (
            Answer::status(429).header("retry-after", "0"),
            ErrorKind::RateLimited,
        ),
    ] {
        let testbed = testbed().await;
        testbed.vks().plant_all(answer);
        let budget = Budget::new(1, 0.001).expect("a budget");
        let locator = testbed.locator().no_wkd().vks_budget(budget);
        let lookup = locate(&locator.build().expect("builds")).await;
        assert_eq!(failure(&lookup), Some(kind));
        assert_eq!(testbed.vks().requests().len(), 1);
    }
}
