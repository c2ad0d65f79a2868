//! What DNS said, shared by the look-ups of a batch.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::dns::DnsResolver;
use crate::lock::lock;
use crate::{BoxFuture, Error};

/// How long an answer holds. The resolver below knows how long it may; that is no
/// part of the seam, so this is less than most records' time.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a failure holds: one that passes shall not cost a domain the batch.
const FAILURE: Duration = Duration::from_secs(10);

/// How many names are kept, and of how many addresses each: a few megabytes.
const NAMES: usize = 4096;
const ADDRESSES: usize = 64;

/// A resolver that asks for a name once, for all who want to know.
#[derive(Debug)]
pub(super) struct Names {
    inner: Arc<dyn DnsResolver>,
    names: Mutex<HashMap<String, Arc<Name>>>,
}

/// Whoever holds the lock is the one who asks.
type Name = tokio::sync::Mutex<Option<Answer>>;

#[derive(Debug)]
struct Answer {
    until: Instant,
    addresses: Result<Vec<SocketAddr>, Error>,
}

impl Names {
    pub(super) fn new(inner: Arc<dyn DnsResolver>) -> Self {
        Self {
            inner,
            names: Mutex::default(),
        }
    }

    fn name(&self, host: &str) -> Arc<Name> {
        let mut names = lock(&self.names);
        if let Some(name) = names.get(host) {
            return Arc::clone(name);
        }
        if names.len() >= NAMES {
            let now = Instant::now();
            names.retain(|_, name| {
                let answer = name.try_lock();
                answer.is_ok_and(|answer| answer.as_ref().is_some_and(|a| now < a.until))
            });
        }
        if names.len() >= NAMES {
            // All of them are fresh: begin anew rather than choose.
            names.clear();
        }
        Arc::clone(names.entry(host.to_owned()).or_default())
    }
}

impl DnsResolver for Names {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            let name = self.name(host);
            let mut answer = name.lock().await;
            if let Some(known) = &*answer
                && Instant::now() < known.until
            {
                return known.addresses.clone();
            }
            let addresses = self.inner.addresses(host).await;
            let time = match &addresses {
                Ok(addresses) if addresses.len() > ADDRESSES => None,
                Ok(_) => Some(ANSWER),
                Err(_) => Some(FAILURE),
            };
            *answer = time.map(|time| Answer {
                until: Instant::now() + time,
                addresses: addresses.clone(),
            });
            addresses
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use futures_util::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;
    use crate::ErrorKind;

    /// Answers after a second, and counts.
    #[derive(Debug, Default)]
    struct Dns(AtomicUsize);

    impl DnsResolver for Dns {
        fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
            Box::pin(async move {
                self.0.fetch_add(1, SeqCst);
                sleep(Duration::from_secs(1)).await;
                let count = match host {
                    "fails" => return Err(Error::new(ErrorKind::Dns, "broken")),
                    "none" => 0,
                    "many" => ADDRESSES + 1,
                    _ => 2,
                };
                Ok(vec![([192, 0, 2, 1], 0).into(); count])
            })
        }
    }

    fn names() -> (Names, Arc<Dns>) {
        let dns = Arc::new(Dns::default());
        (Names::new(dns.clone()), dns)
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_asked_for_once_and_for_some_time() {
        for (host, holds) in [("some", 60), ("none", 60), ("fails", 10), ("many", 0)] {
            let (names, dns) = names();
            let all = join_all((0..5).map(|_| names.addresses(host))).await;
            let together = if holds == 0 { 5 } else { 1 };
            assert_eq!(dns.0.swap(0, SeqCst), together, "{host}");
            let kinds = all
                .iter()
                .map(|answer| answer.clone().map_err(|e| e.kind()));
            assert!(
                kinds.clone().all(|kind| Some(kind) == kinds.clone().next()),
                "{host}"
            );
            if holds == 0 {
                continue;
            }
            advance(Duration::from_secs(holds - 1)).await;
            let _ = names.addresses(host).await;
            assert_eq!(dns.0.load(SeqCst), 0, "{host}");
            advance(Duration::from_secs(2)).await;
            let _ = names.addresses(host).await;
            assert_eq!(dns.0.load(SeqCst), 1, "{host}");
        }
    }

    /// Whoever asks may be dropped: the next one asks.
    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_dropped_leaves_no_gap() {
        let (names, dns) = names();
        let half = tokio::time::timeout(Duration::from_millis(500), names.addresses("some"));
        half.await.unwrap_err();
        assert_eq!(names.addresses("some").await.unwrap().len(), 2);
        assert_eq!(dns.0.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn names_have_an_end() {
        let (names, _) = names();
        let hosts: Vec<_> = (0..NAMES + 10).map(|n| format!("host{n}")).collect();
        let all = hosts.iter().map(|host| names.addresses(host));
        join_all(all).await;
        let count = names.names.lock().unwrap().len();
        assert!(count <= NAMES, "{count}");
    }
}
