//! What is told to whom: log events.

use std::io;
use std::sync::{Arc, Mutex};

use openpgp_discovery::wkd;
use testbed::{Answer, Testbed, certs};

use crate::{ADVANCED, address};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lock").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No event of this crate holds an address, whatever happens, unless the caller
/// wants it.
#[tokio::test]
async fn events_hold_addresses_only_where_that_is_switched_on() {
    let testbed = Testbed::start().await;
    let person = address("very.private@example.org");
    let url = wkd::Url::new(&person).advanced().expect("a short domain");
    let sample = certs::cert(&["very.private@example.org"]);
    testbed.vks().confirm(&person, &sample.cert);
    for switched_on in [false, true] {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let locator = testbed
            .locator()
            .log_addresses(switched_on)
            .build()
            .expect("builds");
        for answer in [
            Answer::status(404),
            Answer::status(500),
            Answer::ok("garbage"),
            Answer::ok(sample.binary()),
        ] {
            testbed.host(ADVANCED).serve(url.path(), answer);
            locator.locate(&person).await;
        }
        drop(guard);
        let text = String::from_utf8(log.0.lock().expect("lock").clone()).expect("UTF-8");
        let ours: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("openpgp_discovery"))
            .collect();
        assert!(ours.len() >= 8, "there are events: {text}");
        assert_eq!(
            ours.iter().any(|line| line.contains("very.private")),
            switched_on
        );
        assert!(
            !ours
                .iter()
                .any(|line| line.contains(wkd::Url::new(&person).hash()))
        );
    }
}
