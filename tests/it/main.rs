//! All integration tests in one binary: one link step, shared helpers.

mod batch;
mod check;
mod cli;
mod deciding;
mod faults;
mod filter;
mod filter_by_key;
mod filter_strays;
mod hostile;
mod hostile_answers;
mod hostile_keys_in_hand;
mod hostile_publishing;
mod hostile_revocations;
mod order;
mod privacy;
mod publish;
mod refresh;
mod threats;
mod threats_data;
mod vectors;
mod verify;
mod vks;
mod vks_protocol;

use std::time::Duration;

use openpgp_discovery::{
    Absence, EmailAddress, ErrorKind, KeyLocator, Lookup, Method, Outcome, Reason, Step,
};

/// An address that must be one.
fn address(text: &str) -> EmailAddress {
    text.parse().expect(text)
}

fn alice() -> EmailAddress {
    address("alice@example.org")
}

/// The hosts of Alice's two directories.
const ADVANCED: &str = "openpgpkey.example.org";
const DIRECT: &str = "example.org";

/// A deadline for what must end by itself, and one for what must be ended.
const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(700);

/// The trail in short: step and outcome.
fn trail(lookup: &Lookup) -> Vec<String> {
    let steps = lookup.attempts().iter().map(|attempt| {
        let step = match attempt.step() {
            Step::Resolve(Method::WkdAdvanced) => "dns-advanced",
            Step::Resolve(_) => "dns-direct",
            Step::Ask(Method::WkdAdvanced) => "advanced",
            Step::Ask(Method::WkdDirect) => "direct",
            Step::Ask(Method::VksByEmail) => "vks",
            step => panic!("{step:?}"),
        };
        let outcome = match attempt.outcome() {
            Outcome::Addresses => "addresses".to_owned(),
            Outcome::Found(count) => format!("found {count}"),
            Outcome::Absent(Absence::NoAddress) => "no address".to_owned(),
            Outcome::Absent(_) => "absent".to_owned(),
            Outcome::Rejected => "rejected".to_owned(),
            Outcome::Failed(error) => format!("{:?}", error.kind()),
            outcome => panic!("{outcome:?}"),
        };
        format!("{step}: {outcome}")
    });
    steps.collect()
}

/// The first failure's kind.
fn failure(lookup: &Lookup) -> Option<ErrorKind> {
    lookup.error().map(|error| error.kind())
}

fn reasons(lookup: &Lookup) -> Vec<Reason> {
    lookup.rejected().iter().map(|r| r.reason()).collect()
}

/// Looks Alice up.
async fn locate(locator: &KeyLocator) -> Lookup {
    locator.locate(&alice()).await
}
