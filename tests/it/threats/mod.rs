//! The attacks of SECURITY.md, over real sockets: one test a row.

mod batch;
mod dns_zone;
mod redirect;
mod resolver;
mod table;
mod tenant;
mod web_server;

use std::error::Error as _;
use std::time::{Duration, Instant};

use openpgp_discovery::{ErrorKind, KeyLocator, KeyLocatorBuilder, Lookup, Status, wkd};
use testbed::{Answer, Canary, Testbed};

use crate::{ADVANCED, alice, failure, locate, trail};

/// A deadline for what never ends by itself. The key server has 40 % of it.
const SLOW: Duration = Duration::from_millis(1500);

/// The path of Alice's certificate in her domain's directory.
fn path() -> String {
    let url = wkd::Url::new(&alice()).advanced().expect("a short domain");
    url.path().to_owned()
}

/// Plants this answer where Alice's certificate should be.
fn plant(testbed: &Testbed, answer: Answer) {
    testbed.host(ADVANCED).serve(&path(), answer);
}

/// Looks Alice up with a fresh client. It has to end by its deadline: with some
/// time on top, for machines that do other things besides.
async fn look(locator: KeyLocatorBuilder, deadline: Duration) -> Lookup {
    look_with(
        &locator.deadline(deadline).build().expect("builds"),
        deadline,
    )
    .await
}

async fn look_with(locator: &KeyLocator, deadline: Duration) -> Lookup {
    let start = Instant::now();
    let lookup = locate(locator).await;
    let took = start.elapsed();
    assert!(took < deadline + Duration::from_secs(2), "{took:?}");
    lookup
}

/// A listener at an inner address, which nobody may connect to. Only Linux has
/// all of 127.0.0.0/8 without being told; `None` on other systems alone.
fn trap(testbed: &Testbed, ip: [u8; 4]) -> Option<Canary> {
    match testbed.trap(ip) {
        Ok(trap) => Some(trap),
        Err(error) if cfg!(target_os = "linux") => panic!("{ip:?}: {error}"),
        Err(_) => None,
    }
}

/// An attack ends as this failure: nothing is found, and nobody may take it for
/// "there is no certificate", though the key server says that it has none.
fn assert_fails(lookup: &Lookup, kind: ErrorKind, what: &str) {
    let trail = trail(lookup);
    assert_eq!(failure(lookup), Some(kind), "{what}: {:?}", lookup.error());
    assert_eq!(lookup.status(), Status::Failed, "{what}: {trail:?}");
    assert!(lookup.found().is_empty(), "{what}: {trail:?}");
    assert_eq!(
        trail.last().map(String::as_str),
        Some("vks: absent"),
        "{what}"
    );
}

/// All that an attempt says, causes included.
fn said(lookup: &Lookup) -> Vec<String> {
    let attempts = lookup.attempts().iter().map(|attempt| {
        let mut said = attempt.to_string();
        let mut cause = attempt.error().and_then(|error| error.source());
        while let Some(error) = cause {
            said = format!("{said} / {error}");
            cause = error.source();
        }
        said
    });
    attempts.collect()
}
