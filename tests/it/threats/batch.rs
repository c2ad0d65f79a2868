//! Domains of a batch that are after the other domains in it. Time is paused: what
//! takes seconds here takes none.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use openpgp_discovery::dns::{AddressGuard, DnsResolver};
use openpgp_discovery::transport::{HttpTransport, Request, Response};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{
    BoxFuture, EmailAddress, Error, ErrorKind, KeyLocator, KeyLocatorBuilder, Lookup, Status,
};
use tokio::time::{Instant, sleep};

use crate::address;

/// The hosts, by the first label of the domain: `late` redirects when its time is
/// nearly up, `evil` at once, both to what never ends at the good domain; `prompt` to
/// what does. All others say that they have nothing.
#[derive(Clone, Debug, Default)]
struct Net {
    asked: Arc<Mutex<Vec<String>>>,
}

const GOOD: &str = "good.example";

impl Net {
    fn locator(&self) -> KeyLocatorBuilder {
        KeyLocator::builder()
            .transport(self.clone())
            .resolver(self.clone())
    }

    fn asked_for(&self, name: &str) -> usize {
        let asked = self.asked.lock().expect("lock");
        asked.iter().filter(|asked| *asked == name).count()
    }
}

impl DnsResolver for Net {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            self.asked.lock().expect("lock").push(host.to_owned());
            match host {
                "openpgpkey.broken.example" => {
                    sleep(Duration::from_millis(10)).await;
                    return Err(Error::new(ErrorKind::Dns, "broken"));
                }
                "broken.example" => sleep(Duration::from_secs(1)).await,
                _ => sleep(Duration::from_millis(1)).await,
            }
            Ok(vec![(Ipv4Addr::new(9, 9, 9, 9), 0).into()])
        })
    }
}

impl HttpTransport for Net {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        Box::pin(async move {
            request.peer.addresses().await?;
            let to = |path: &str| {
                let to = format!("https://openpgpkey.{GOOD}/{path}");
                let to = HeaderValue::from_str(&to).expect("a value");
                let headers = HeaderMap::from_iter([(LOCATION, to)]);
                Ok(Response::new(StatusCode::FOUND, headers, ""))
            };
            if request.url.path() == "/never" {
                std::future::pending::<()>().await;
            }
            let host = request.peer.host();
            let host = host.strip_prefix("openpgpkey.").unwrap_or(host);
            match host.split('-').next().unwrap_or_default() {
                "late" => {
                    let deadline = Instant::from_std(request.deadline);
                    tokio::time::sleep_until(deadline - Duration::from_millis(100)).await;
                    to("never")
                }
                "evil" => to("never"),
                "prompt" => to("at-once"),
                "beside" => {
                    let to = HeaderValue::from_static("https://broken.example/x");
                    let headers = HeaderMap::from_iter([(LOCATION, to)]);
                    Ok(Response::new(StatusCode::FOUND, headers, ""))
                }
                // The key server: for the one of each domain that is missing.
                "keys.openpgp.org" if request.url.path().contains("/slow") => {
                    sleep(Duration::from_secs(2)).await;
                    Ok(Response::new(StatusCode::NOT_FOUND, HeaderMap::new(), ""))
                }
                "keys.openpgp.org" => std::future::pending().await,
                _ => Ok(Response::new(StatusCode::NOT_FOUND, HeaderMap::new(), "")),
            }
        })
    }
}

/// Those of them that are about the good domain, each with how long it took.
async fn good_ones(
    locator: &KeyLocator,
    first: Vec<EmailAddress>,
    pause: Duration,
    then: Vec<EmailAddress>,
) -> Vec<(Lookup, Duration)> {
    let late = stream::once(sleep(pause)).flat_map(move |()| stream::iter(then.clone()));
    let addresses = stream::iter(first).chain(late);
    let begin = Instant::now();
    let lookups = locator.locate_all(addresses);
    lookups
        .map(|lookup| (lookup, begin.elapsed().saturating_sub(pause)))
        .filter(|(lookup, _)| std::future::ready(lookup.address().domain() == GOOD))
        .collect()
        .await
}

fn many(name: &str, count: usize) -> Vec<EmailAddress> {
    let one = |n| address(&format!("a@{name}-{n}.example"));
    (0..count).map(one).collect()
}

fn assert_prompt(good: &[(Lookup, Duration)]) {
    assert_eq!(good.len(), 5);
    for (lookup, took) in good {
        assert_eq!(lookup.status(), Status::NotFound, "{:?}", lookup.error());
        assert!(*took < Duration::from_secs(1), "{took:?}");
    }
}

fn good() -> Vec<EmailAddress> {
    let one = |n| address(&format!("a{n}@{GOOD}"));
    (0..5).map(one).collect()
}

/// Whoever redirects chooses what is asked for and when, so that it fails.
#[tokio::test(start_paused = true)]
async fn redirects_bring_no_host_down() {
    for name in ["late", "evil"] {
        let locator = Net::default().locator().no_vks().build().expect("builds");
        let mut first = many("prompt", 1);
        first.extend(many(name, 10));
        let good = good_ones(&locator, first, Duration::from_secs(21), good()).await;
        assert_prompt(&good);
    }
}

/// The first request goes alone, and of the others only so many: those that a
/// stranger leads there take no place of those whose directory it is.
#[tokio::test(start_paused = true)]
async fn redirects_take_no_places() {
    let locator = Net::default().locator().no_vks().build().expect("builds");
    for prompt in [0, 1] {
        let mut first = many("prompt", prompt);
        first.extend(many("evil", 40));
        let good = good_ones(&locator, first, Duration::from_secs(1), good()).await;
        assert_prompt(&good);
    }
}

/// A key server that takes its time, and that all domains end at: nobody's time runs
/// out in its queue.
#[tokio::test(start_paused = true)]
async fn a_slow_key_server_is_not_overrun() {
    let budget = Budget::unlimited();
    let locator = Net::default().locator().vks_budget(budget);
    let locator = locator.build().expect("builds");
    let one = |n| address(&format!("slow@d{n}.example"));
    let begin = Instant::now();
    let lookups = locator.locate_all(stream::iter((0..500).map(one)));
    let lookups: Vec<_> = lookups.collect().await;
    let failed = lookups.iter().filter_map(Lookup::error);
    assert_eq!(failed.map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(lookups.len(), 500);
    // And it is kept busy: 16 at a time, but for the first.
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(70), "{took:?}");
}

/// A question that nobody goes on with: of a look-up that is at the key server by
/// now.
#[tokio::test(start_paused = true)]
async fn questions_left_behind_hold_up_nobody() {
    let net = Net::default();
    let locator = net.locator().build().expect("builds");
    let mut first = vec![address("a@broken.example")];
    first.extend(many("beside", 1));
    let lookups: Vec<_> = locator.locate_all(stream::iter(first)).collect().await;
    let beside = lookups
        .iter()
        .find(|l| l.address().domain() != "broken.example");
    let attempts = beside.expect("one of two").attempts();
    let asked = attempts
        .iter()
        .find(|a| a.target().starts_with("openpgpkey.") && a.url().is_some());
    let took = asked.expect("WKD was asked").elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(net.asked_for("broken.example"), 2);
}

/// The guard lets the advanced method's host be asked for, and not the domain.
#[tokio::test(start_paused = true)]
async fn names_that_the_guard_refuses_are_not_asked_ahead() {
    let net = Net::default();
    let guard = AddressGuard::new().allow_name_suffix("openpgpkey.corp.internal");
    let locator = net.locator().no_vks().guard(guard).build().expect("builds");
    let lookup = locator.locate(&address("a@corp.internal")).await;
    assert_eq!(lookup.status(), Status::NotFound, "{:?}", lookup.error());
    assert_eq!(net.asked_for("openpgpkey.corp.internal"), 1);
    assert_eq!(net.asked_for("corp.internal"), 0);
}

/// Dropped half-way, a batch leaves nothing behind that the next one would miss.
#[tokio::test(start_paused = true)]
async fn a_batch_dropped_half_way_takes_nothing_along() {
    let locator = Net::default().locator().no_vks().build().expect("builds");
    for _ in 0..5 {
        let mut batch = Box::pin(locator.locate_all(stream::iter(many("evil", 300))));
        let some = tokio::time::timeout(Duration::from_secs(5), batch.next()).await;
        assert!(some.is_err(), "they never end");
        drop(batch);
        assert_prompt(&good_ones(&locator, Vec::new(), Duration::ZERO, good()).await);
    }
}
