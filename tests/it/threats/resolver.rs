//! The resolver, and whoever answers in its place.

use std::net::Ipv4Addr;

use openpgp_discovery::{ErrorKind, Status};
use testbed::{Answer, Lie, Protocol, Testbed, Trouble, certs};

use super::{SLOW, assert_fails, look, look_with, plant};
use crate::{ADVANCED, AMPLE, address, trail};

const FOUND: [&str; 2] = ["dns-advanced: addresses", "advanced: found 1"];

async fn with_alice() -> Testbed {
    let testbed = Testbed::start().await;
    plant(
        &testbed,
        Answer::ok(certs::cert(&["alice@example.org"]).binary()),
    );
    testbed
}

/// What is cut off is asked for again over TCP, and says nothing before.
#[tokio::test]
async fn answers_that_are_cut_off_are_asked_for_over_tcp() {
    let testbed = with_alice().await;
    testbed.name(ADVANCED).trouble(Trouble::CutOff);
    assert_eq!(trail(&look(testbed.locator(), AMPLE).await), FOUND);
    let asked = testbed.queries_for(ADVANCED);
    assert!(asked.iter().any(|query| query.protocol == Protocol::Tcp));
}

/// Somebody who does not see the questions sends answers: with another ID, to
/// another question, in other letter case. The true one is waited for.
#[tokio::test]
async fn forged_answers_are_not_believed() {
    for lie in [Lie::Id, Lie::Question, Lie::Case] {
        let testbed = with_alice().await;
        // Believed, it would be "blocked".
        let inside = Ipv4Addr::new(10, 0, 0, 1);
        testbed.name(ADVANCED).forged(lie, inside);
        assert_eq!(
            trail(&look(testbed.locator(), AMPLE).await),
            FOUND,
            "{lie:?}"
        );
    }
}

/// With nothing true behind it, a lie is silence.
#[tokio::test]
async fn forged_answers_alone_are_a_failure() {
    for lie in [Lie::Id, Lie::Question] {
        let testbed = with_alice().await;
        testbed
            .name(ADVANCED)
            .trouble(Trouble::Mute)
            .forged(lie, Ipv4Addr::LOCALHOST);
        let lookup = look(testbed.locator(), SLOW).await;
        assert_fails(&lookup, ErrorKind::Timeout, &format!("{lie:?}"));
        assert!(testbed.requests().is_empty());
    }
}

/// An answer about one name says nothing of another: neither now nor later.
#[tokio::test]
async fn foreign_records_are_not_kept() {
    let testbed = with_alice().await;
    let inside = Ipv4Addr::new(10, 0, 0, 1);
    let hostile = "openpgpkey.example.net";
    testbed
        .name(hostile)
        .address(Ipv4Addr::LOCALHOST)
        .with_foreign(ADVANCED, inside);
    let locator = testbed.locator().build().expect("builds");
    let lookup = locator.locate(&address("mallory@example.net")).await;
    assert_eq!(lookup.status(), Status::NotFound);
    assert!(testbed.queries_for(hostile).len() >= 2);
    assert_eq!(trail(&look_with(&locator, AMPLE).await), FOUND);
    assert_eq!(
        testbed.queries_for(ADVANCED).len(),
        2,
        "asked for by itself"
    );
}

/// Silence costs no more than the deadline, and is neither "none" nor an address.
#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let testbed = with_alice().await;
    testbed.name(ADVANCED).trouble(Trouble::Mute);
    let lookup = look(testbed.locator(), SLOW).await;
    assert_fails(&lookup, ErrorKind::Timeout, "silence");
    assert!(testbed.requests().is_empty());
}
