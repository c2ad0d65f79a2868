//! What is told to whom: log events, errors, and what goes over the network.

mod hello;
mod reveals;
mod said;

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};

use openpgp_discovery::wkd;
use testbed::{Answer, Testbed, certs};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::{ADVANCED, address};

thread_local! {
    /// What this crate logs on this thread, where somebody wants to know.
    static LOG: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// One for the whole process: those that come and go with a test race for the
/// call sites' cached interest.
struct Capture;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes all");
    }
}

impl Capture {
    fn write(metadata: &Metadata<'_>, fields: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{} {}", metadata.level(), metadata.name()));
        fields(&mut line);
        LOG.with_borrow_mut(|log| log.as_mut().expect("enabled").push(line.0));
    }
}

impl Subscriber for Capture {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("openpgp_discovery") && LOG.with_borrow(Option::is_some)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        Self::write(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        Self::write(event.metadata(), |line| event.record(line));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
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
    // Another test of this process may have set it before.
    let _ = tracing::subscriber::set_global_default(Capture);
    for switched_on in [false, true] {
        LOG.set(Some(Vec::new()));
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
        let log = LOG.take().expect("logged");
        let tells = |what: &str| log.iter().any(|line| line.contains(what));
        assert!(tells("locate") && tells("step ended"), "{log:#?}");
        assert_eq!(tells("very.private"), switched_on, "{log:#?}");
        assert!(!tells(wkd::Url::new(&person).hash()), "{log:#?}");
    }
}
