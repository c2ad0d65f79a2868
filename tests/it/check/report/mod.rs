//! The report of the example program, as an administrator reads it.

use openpgp_discovery::openpgp::serialize::SerializeInto as _;

use super::*;
use common::paint::Paint;

/// What the program is made of.
#[path = "../../../../examples/common"]
mod common {
    pub(crate) mod page;
    pub(crate) mod paint;
    pub(crate) use crate::cli::sanitize;
}
#[path = "../../../../examples/wkd_check/draw.rs"]
mod draw;

async fn drawn(plant: impl Fn(&Testbed, &Site)) -> String {
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Advanced, "example.org");
    plant(&t, &site);
    let report = check(&locator(&t), "alice@example.org").await;
    draw::report("alice@example.org", &report, Paint::for_stdout())
}

#[tokio::test]
async fn what_is_right_is_said_in_short() {
    let text = drawn(|_, _| ()).await;
    let first = text.lines().next().expect("a headline");
    assert_eq!(first, "✔ alice@example.org  all is right, advanced method");
    assert!(
        text.contains("advanced method, which clients use"),
        "{text}"
    );
    assert!(text.contains("tls_expiry, redirect"), "{text}");
    assert!(text.contains("nothing to do"), "{text}");
    assert!(text.lines().count() < 16, "{text}");
}

#[tokio::test]
async fn the_worst_comes_first_and_with_what_to_do() {
    let text = drawn(|t, site| {
        let cert = certs::cert(&[&site.user_id, "Alice <private@alice.example>"]);
        site.answer(
            t,
            Answer::ok(cert.revoked().armored().to_vec().expect("octets")),
        );
    })
    .await;
    let first = text.lines().next().expect("a headline");
    assert!(
        first.starts_with("✘ alice@example.org  1 error and "),
        "{text}"
    );
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("✘ revoked") < place("! cors"), "{text}");
    assert!(place("! cors") < place("✔ right"), "{text}");
    assert!(text.contains("→ Publish the successor"), "{text}");
    assert!(text.contains("mend what is marked ✘ first"), "{text}");
}

/// What could not be looked into is not said to work.
#[tokio::test]
async fn what_was_not_looked_into_is_no_success() {
    // Keys of a version to come.
    let text = drawn(|t, site| site.publish(t, b"\xc6\x02\x09\x00")).await;
    let first = text.lines().next().expect("a headline");
    assert_eq!(first, "✘ alice@example.org  1 error, advanced method");
    assert!(text.contains("could not be looked into"), "{text}");
    assert!(!text.contains("look-ups work"), "{text}");
    assert!(text.contains("cannot be seen to work"), "{text}");
}
