//! What is said of calls that go wrong, to the caller and to the log: no address,
//! and not where a name leads.

use std::error::Error as StdError;
use std::io::Cursor;

use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::{EmailAddress, Error, KeyLocator, wkd};
use testbed::{Answer, Fault, Testbed, Trouble, certs};

use super::{Capture, LOG};
use crate::faults::{TEXT, signed};
use crate::{ADVANCED, SHORT, address};

const WHO: &str = "very.private@example.org";
const KEY_SERVER: &str = "keys.openpgp.org";

/// All that an error says, its causes too.
fn story(error: &Error) -> String {
    let mut said = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        said += &format!(" {error} {error:?}");
        cause = error.source();
    }
    said
}

/// What names the person.
fn names() -> [String; 3] {
    let person = address(WHO);
    let hash = wkd::Url::new(&person).hash().to_owned();
    ["very.private".to_owned(), "very%2eprivate".to_owned(), hash]
}

fn assert_silent(said: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!said.contains(secret), "{secret:?} in {said}");
    }
}

type Plant = Box<dyn Fn(&Testbed, &str)>;

/// Everything that can go wrong with a host.
fn plants() -> Vec<(String, Plant)> {
    let mut plants: Vec<(String, Plant)> = Vec::new();
    for fault in Fault::ALL {
        let plant = move |testbed: &Testbed, host: &str| {
            testbed.host(host).fault(fault);
        };
        plants.push((format!("{fault:?}"), Box::new(plant)));
    }
    let bob = certs::cert(&["Very Private <very.private@example.net>"]);
    for answer in [
        Answer::status(500),
        Answer::status(404),
        Answer::redirect(302, "https://198.51.100.7/very.private"),
        Answer::redirect(302, "https://inner.example.net/very.private"),
        Answer::redirect(302, "http://very.private@example.net/"),
        Answer::html("<!DOCTYPE html><title>very.private</title>"),
        Answer::ok("very.private@example.org"),
        Answer::ok(bob.binary()),
        Answer::ok(certs::cert(&[WHO]).secret()),
        Answer::gzip(&bob.binary()),
        Answer::hang_up(),
        Answer::stall("begins"),
    ] {
        let name = format!("{answer:?}");
        let plant = move |testbed: &Testbed, host: &str| {
            testbed.host(host).serve_all(answer.clone());
        };
        plants.push((name, Box::new(plant)));
    }
    let inner = |testbed: &Testbed, host: &str| {
        testbed.name(host).forget();
        testbed.name(host).address([10, 1, 2, 3]);
    };
    plants.push(("inner".to_owned(), Box::new(inner)));
    for trouble in [Trouble::ServFail, Trouble::Refused, Trouble::NoData] {
        let plant = move |testbed: &Testbed, host: &str| {
            testbed.name(host).trouble(trouble);
        };
        plants.push((format!("{trouble:?}"), Box::new(plant)));
    }
    plants
}

/// The testbed with its key server under a name, so that no URL holds the address
/// that it is reached at.
fn locator(testbed: &Testbed) -> KeyLocator {
    testbed.name("inner.example.net").address([192, 168, 77, 1]);
    let builder = KeyLocator::builder()
        .resolver(testbed.dns())
        .guard(testbed.guard())
        .trust_anchor(testbed.ca_der())
        .deadline(SHORT);
    builder.build().expect("builds")
}

/// What names led to.
fn places(testbed: &Testbed, host: &str) -> Vec<String> {
    let mut places = ["127.0.0.1", "10.1.2.3", "192.168.77.1"]
        .map(String::from)
        .to_vec();
    places.push("::1".to_owned());
    let mut sockets = testbed.https_sockets();
    sockets.push(testbed.host_addr(host));
    places.extend(sockets.iter().map(|socket| format!("{:?}", socket.port())));
    places
}

#[tokio::test]
async fn of_lookups() {
    let person = address(WHO);
    for (what, plant) in plants() {
        let testbed = Testbed::start().await;
        testbed.host(ADVANCED);
        plant(&testbed, ADVANCED);
        testbed.host(KEY_SERVER).serve_all(Answer::status(503));
        let lookup = locator(&testbed).locate(&person).await;
        let mut said = String::new();
        for attempt in lookup.attempts() {
            said += &format!("{attempt} {}", attempt.outcome());
            said += &attempt.error().map(story).unwrap_or_default();
        }
        for rejection in lookup.rejected() {
            said += &format!("{rejection} {rejection:?}");
        }
        said += &lookup.error().map(story).unwrap_or_default();
        let places = places(&testbed, ADVANCED);
        let debug = format!("{:?}", lookup.attempts());
        // The elapsed times and URLs in it can hold any digits.
        let without_ports: Vec<_> = places
            .iter()
            .filter(|p| p.contains(['.', ':']))
            .cloned()
            .collect();
        assert_silent(&format!("{lookup:?} {debug}"), &without_ports);
        said += &lookup
            .into_result()
            .err()
            .as_ref()
            .map(story)
            .unwrap_or_default();
        assert!(said.contains(ADVANCED), "{what}: {said}");
        assert_silent(&said, &names());
        assert_silent(&said, &places);
    }
}

#[tokio::test]
async fn of_refreshes_and_verifications() {
    let person = address(WHO);
    let sample = certs::cert(&[WHO]);
    for (what, plant) in plants() {
        let testbed = Testbed::start().await;
        plant(&testbed, KEY_SERVER);
        let locator = locator(&testbed);
        let refresh = locator.refresh(&sample.cert).await;
        let mut said = format!("{} {}", refresh.attempt(), refresh.outcome());
        said += &refresh.error().map(story).unwrap_or_default();
        said += &format!("{:?} {:?}", refresh.rejected(), refresh.notes());
        for change in refresh.changes() {
            said += &change.to_string();
        }
        assert!(said.contains(KEY_SERVER), "{what}: {said}");

        let verify = locator.verify().cert(sample.cert.clone()).sender(&person);
        let signature = Cursor::new(signed(&sample.cert));
        let verification = verify.detached(signature, Cursor::new(TEXT)).await;
        for verdict in verification.expect("a signature").signatures() {
            said += verdict.reason().unwrap_or_default();
        }
        let client = locator.vks().expect("a key server");
        let upload = client.upload(&sample.cert, &[address(WHO)]).await;
        said += &upload.err().as_ref().map(story).unwrap_or_default();
        let of = sample.cert.fingerprint();
        let lookup = client.by_fingerprint(&of).await;
        said += &format!("{} {:?}", lookup.attempt(), lookup.rejected());
        said += &lookup.error().map(story).unwrap_or_default();
        assert_silent(&said, &names());
        // A fingerprint holds any digits.
        let said = said
            .replace(&of.to_hex(), "")
            .replace(&sample.cert.keyid().to_hex(), "");
        assert_silent(&said, &places(&testbed, KEY_SERVER));
        assert_silent(
            &format!("{:?}", refresh.attempt()),
            &["127.0.0.1".to_owned()],
        );
    }
}

/// The text of what is no address, or is one, is in no error.
#[test]
fn of_addresses() {
    for text in [
        "very.private",
        "very.private@",
        "very.private@example..org",
        "very.private@@example.org",
        "very private@example.org",
        "very.private@localhost_",
        "very.private@[127.0.0.1]",
        "very\u{202e}private@example.org",
    ] {
        let error = text.parse::<EmailAddress>().expect_err(text);
        let said = format!("{error} {error:?} {}", story(&error.clone().into()));
        assert_silent(&said, &["very".to_owned(), "private".to_owned()]);
    }
}

/// No event tells an address, ever, of calls that are about keys; nor whose key
/// it is, unless the caller wants that.
#[tokio::test]
async fn events_of_calls_about_keys() {
    let sample = certs::cert(&[WHO]);
    let person = address(WHO);
    // Another test of this process may have set it before.
    let _ = tracing::subscriber::set_global_default(Capture);
    for switched_on in [false, true] {
        LOG.set(Some(Vec::new()));
        let testbed = Testbed::start().await;
        let builder = testbed.locator().log_addresses(switched_on);
        let locator = builder.build().expect("builds");
        for answer in [
            Answer::status(404),
            Answer::status(500),
            Answer::ok("garbage"),
            Answer::ok(sample.binary()),
            Answer::ok(sample.revoked().to_vec().expect("octets")),
        ] {
            testbed.vks().plant_all(answer);
            locator.refresh(&sample.cert).await;
            let signature = Cursor::new(signed(&sample.cert));
            let verify = locator.verify().sender(&person);
            let verification = verify.detached(signature, Cursor::new(TEXT)).await;
            verification.expect("a signature");
            let client = locator.vks().expect("a key server");
            // Whether it is taken is not what this is about.
            let _ = client.upload(&sample.cert, &[address(WHO)]).await;
        }
        let log = LOG.take().expect("logged");
        let tells = |what: &str| log.iter().any(|line| line.contains(what));
        assert!(tells("refresh") && tells("step ended"), "{log:#?}");
        assert_silent(&format!("{log:?}"), &names());
        let fingerprint = sample.cert.fingerprint().to_hex();
        assert_eq!(tells(&fingerprint), switched_on, "{log:#?}");
    }
}
