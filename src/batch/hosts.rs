//! What is known of hosts, shared by the look-ups of a batch: which of them is
//! down, and how many requests each may have at a time.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::lock::lock;
use crate::transport::{HttpTransport, Request, Response};
use crate::{BoxFuture, Error, ErrorKind};

/// So many failures in a row, and a host is down; one where no connection comes
/// about counts for all of them, unless the caller named the host.
const FAILURES: u32 = 3;

/// How long it is left alone then.
const DOWN: Duration = Duration::from_secs(30);

/// A host that had less time for its answer than this, or than half of what there
/// was before the wait for a place, has not failed.
const ENOUGH: Duration = Duration::from_secs(1);

/// The others wait so long for what the first request brings, or for a quarter of
/// their time: a connection and an answer take less.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many hosts are kept in mind: more than are asked at once.
const HOSTS: usize = 4096;

/// A transport that sends a host its first request alone, for a while, so that the
/// others find a connection, and none to a host that is down.
///
/// Where the directory of another host redirects, it chooses what is asked for and
/// when: what never ends, say. That takes up and teaches something about what this
/// directory leads to, and nothing about the host as it is for the others.
#[derive(Debug)]
pub(super) struct Hosts {
    inner: Arc<dyn HttpTransport>,
    /// How many requests a host may have at a time.
    each: usize,
    hosts: Mutex<HashMap<Key, Arc<Host>>>,
    /// The host that all domains may end at.
    key_server: Option<String>,
    queue: Queue,
}

/// Those who wait for a place at the key server.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    length: Arc<AtomicUsize>,
    /// As many as it answers at once.
    long: usize,
}

/// One of them.
struct Waiting(Queue);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    is_named: bool,
    led_by: Option<String>,
}

#[derive(Debug)]
struct Host {
    /// One place until it is open.
    places: Semaphore,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// It has answered, or somebody's patience is at its end.
    is_open: bool,
    failures: u32,
    /// Since the last of which it is down: until when, and what it was.
    down: Option<(Instant, ErrorKind)>,
}

impl Hosts {
    pub(super) fn new(
        inner: Arc<dyn HttpTransport>,
        each: usize,
        key_server: Option<String>,
    ) -> Self {
        Self {
            inner,
            each,
            hosts: Mutex::default(),
            key_server,
            queue: Queue {
                length: Arc::default(),
                long: each,
            },
        }
    }

    /// The queue in front of the key server.
    pub(super) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    fn is_key_server(&self, request: &Request) -> bool {
        self.key_server.as_deref() == Some(request.peer.host())
    }

    fn host(&self, request: &Request) -> Arc<Host> {
        let peer = &request.peer;
        let key = Key {
            host: peer.host().to_owned(),
            is_named: peer.is_named(),
            led_by: peer.leader().map(str::to_owned),
        };
        let mut hosts = lock(&self.hosts);
        if hosts.len() >= HOSTS && !hosts.contains_key(&key) {
            // Those that somebody is waiting for stay.
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let host = hosts.entry(key).or_insert_with(|| {
            Arc::new(Host {
                places: Semaphore::new(1),
                known: Mutex::default(),
            })
        });
        Arc::clone(host)
    }
}

impl HttpTransport for Hosts {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        Box::pin(async move {
            let host = self.host(&request);
            host.is_up(&request)?;
            let deadline = Instant::from_std(request.deadline);
            let time = deadline.saturating_duration_since(Instant::now());
            let waiting = self.is_key_server(&request).then(|| self.queue.join());
            let place = host.place(PATIENCE.min(time / 4), self.each).await;
            drop(waiting);
            host.is_up(&request)?;
            let mut asked = Asked {
                host: &host,
                begin: Instant::now(),
                enough: ENOUGH.max(time / 2),
                deadline,
                is_over: false,
            };
            let is_named = request.peer.is_named();
            let answer = self.inner.send(request).await;
            asked.is_over = true;
            match &answer {
                Ok(_) => {
                    host.answers(self.each);
                    // So that whoever has the place next finds the connection idle.
                    yield_now().await;
                }
                Err(error) => asked.fails(error.kind(), is_named),
            }
            drop(place);
            answer
        })
    }
}

impl Queue {
    fn join(&self) -> Waiting {
        self.length.fetch_add(1, Ordering::Relaxed);
        Waiting(self.clone())
    }

    /// Whether whoever comes now has to wait for more than one answer to each.
    pub(super) fn is_long(&self) -> bool {
        self.length.load(Ordering::Relaxed) >= self.long
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.length.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request under way. Dropped at its deadline, it was one without an answer.
struct Asked<'a> {
    host: &'a Host,
    begin: Instant,
    enough: Duration,
    deadline: Instant,
    is_over: bool,
}

impl Asked<'_> {
    fn fails(&self, kind: ErrorKind, is_named: bool) {
        let had_time = self.begin.elapsed() >= self.enough;
        if had_time || kind != ErrorKind::Timeout {
            self.host.fails(kind, weight(kind, is_named));
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_over && Instant::now() >= self.deadline {
            // It weighs the same whoever named the host.
            self.fails(ErrorKind::Timeout, false);
        }
    }
}

impl Host {
    /// # Errors
    ///
    /// What it was down with.
    fn is_up(&self, request: &Request) -> Result<(), Error> {
        let down = lock(&self.known).down;
        match down.filter(|(until, _)| Instant::now() < *until) {
            None => Ok(()),
            Some((_, kind)) => {
                let host = request.peer.host();
                let why = format!("{host} was not asked: it has just failed others");
                Err(Error::new(kind, why))
            }
        }
    }

    /// Waits for a place. Where the first request gets no answer, that may be its own
    /// fault, and is not to be the others'.
    async fn place(&self, patience: Duration, each: usize) -> Option<SemaphorePermit<'_>> {
        // Once begun, so that nobody loses their turn.
        let mut place = pin!(self.places.acquire());
        let place = match timeout(patience, &mut place).await {
            Ok(place) => place,
            Err(_) => {
                lock(&self.known).open(&self.places, each);
                place.await
            }
        };
        // They are never closed.
        place.ok()
    }

    fn answers(&self, each: usize) {
        let mut known = lock(&self.known);
        known.failures = 0;
        known.down = None;
        known.open(&self.places, each);
    }

    fn fails(&self, kind: ErrorKind, weight: u32) {
        let mut known = lock(&self.known);
        known.failures = known.failures.saturating_add(weight);
        if weight > 0 && known.failures >= FAILURES {
            known.down = Some((Instant::now() + DOWN, kind));
            // Behind the pause, one more is enough.
            known.failures = FAILURES - 1;
        }
    }
}

impl Known {
    fn open(&mut self, places: &Semaphore, each: usize) {
        if !self.is_open {
            self.is_open = true;
            places.add_permits(each.saturating_sub(1));
        }
    }
}

/// How much a failure says of the host: what was refused says nothing of it.
fn weight(kind: ErrorKind, is_named: bool) -> u32 {
    match kind {
        ErrorKind::Connect | ErrorKind::Tls if !is_named => FAILURES,
        ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Timeout | ErrorKind::Http => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use futures_util::future::join_all;
    use http::{HeaderMap, StatusCode};
    use tokio::time::{advance, sleep, timeout_at};

    use super::*;
    use crate::dns::{DnsResolver, Peer};

    /// Fails so, or answers, after some time; counts all, and those at a time.
    #[derive(Debug)]
    struct Web {
        fails: Mutex<Option<ErrorKind>>,
        takes: Duration,
        is_silent: bool,
        /// How many of the first get no answer.
        silent_at_first: usize,
        asked: AtomicUsize,
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Default for Web {
        fn default() -> Self {
            Self {
                fails: Mutex::default(),
                takes: Duration::from_secs(1),
                is_silent: false,
                silent_at_first: 0,
                asked: AtomicUsize::default(),
                now: AtomicUsize::default(),
                most: AtomicUsize::default(),
            }
        }
    }

    impl HttpTransport for Web {
        fn send(&self, _: Request) -> BoxFuture<'_, Result<Response, Error>> {
            Box::pin(async move {
                let before = self.asked.fetch_add(1, SeqCst);
                let now = self.now.fetch_add(1, SeqCst) + 1;
                self.most.fetch_max(now, SeqCst);
                sleep(self.takes).await;
                if self.is_silent || before < self.silent_at_first {
                    std::future::pending::<()>().await;
                }
                self.now.fetch_sub(1, SeqCst);
                match *lock(&self.fails) {
                    Some(kind) => Err(Error::new(kind, "broken")),
                    None => Ok(Response::new(StatusCode::OK, HeaderMap::new(), "")),
                }
            })
        }
    }

    #[derive(Debug)]
    struct NoDns;

    impl DnsResolver for NoDns {
        fn addresses<'a>(
            &'a self,
            _: &'a str,
        ) -> BoxFuture<'a, Result<Vec<std::net::SocketAddr>, Error>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    fn request(host: &str, is_named: bool) -> Request {
        let mut peer = Peer::new(host, Arc::new(NoDns), Arc::default());
        if is_named {
            peer = peer.named();
        }
        let url = format!("https://{host}/").parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        Request::get(url, peer, 1024, deadline.into_std())
    }

    fn hosts(web: Web) -> (Hosts, Arc<Web>) {
        let web = Arc::new(web);
        (Hosts::new(web.clone(), 4, None), web)
    }

    #[tokio::test(start_paused = true)]
    async fn first_one_then_several() {
        let (hosts, web) = hosts(Web::default());
        let begin = Instant::now();
        let all = join_all((0..9).map(|_| hosts.send(request("a.example", false)))).await;
        assert!(all.iter().all(Result::is_ok));
        // One alone, and eight by fours; hosts do not wait for each other.
        assert_eq!(begin.elapsed().as_secs(), 3);
        assert_eq!(web.most.load(SeqCst), 4);
        let others = ["b.example", "c.example", "d.example"];
        join_all(others.map(|host| hosts.send(request(host, false)))).await;
        assert_eq!(begin.elapsed().as_secs(), 4);
    }

    /// The first may be the only one that gets no answer.
    #[tokio::test(start_paused = true)]
    async fn the_first_holds_up_nobody_for_long() {
        for (time, silent, ends) in [(20, 1, 4), (20, 3, 8), (4, 1, 3)] {
            let (hosts, web) = hosts(Web {
                silent_at_first: silent,
                ..Web::default()
            });
            let begin = Instant::now();
            let ask = || async {
                let mut request = request("a.example", false);
                let deadline = begin + Duration::from_secs(time);
                request.deadline = deadline.into_std();
                let answer = timeout_at(deadline, hosts.send(request)).await;
                answer.is_ok().then(|| begin.elapsed().as_secs())
            };
            let all = join_all((0..silent + 6).map(|_| ask())).await;
            let (none, answers) = all.split_at(silent);
            assert!(none.iter().all(Option::is_none));
            assert!(answers.iter().all(Option::is_some), "{all:?}");
            assert_eq!(answers.iter().max(), Some(&Some(ends)), "{all:?}");
            assert_eq!(web.most.load(SeqCst), 4);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_that_are_down_are_left_alone() {
        use ErrorKind::{Blocked, Connect, Http, Redirect, Tls};
        for (kind, is_named, enough) in [
            (Connect, false, 1),
            (Tls, false, 1),
            (Http, false, 3),
            (Connect, true, 3),
            (Blocked, false, usize::MAX),
            (Redirect, false, usize::MAX),
        ] {
            let (hosts, web) = hosts(Web {
                fails: Mutex::new(Some(kind)),
                ..Web::default()
            });
            let ask = || hosts.send(request("a.example", is_named));
            for n in 1..=5 {
                assert_eq!(ask().await.unwrap_err().kind(), kind);
                assert_eq!(web.asked.load(SeqCst), n.min(enough), "{kind:?}");
            }
            if enough == usize::MAX {
                continue;
            }
            // Another host, and the same one under the caller's own name, are others.
            hosts
                .send(request("b.example", is_named))
                .await
                .unwrap_err();
            hosts
                .send(request("a.example", !is_named))
                .await
                .unwrap_err();
            assert_eq!(web.asked.swap(0, SeqCst), enough + 2);
            advance(DOWN).await;
            ask().await.unwrap_err();
            ask().await.unwrap_err();
            assert_eq!(web.asked.swap(0, SeqCst), 1, "one more is enough");
            advance(DOWN).await;
            *lock(&web.fails) = None;
            for _ in 0..3 {
                ask().await.unwrap();
            }
            *lock(&web.fails) = Some(Http);
            ask().await.unwrap_err();
            ask().await.unwrap_err();
            assert_eq!(web.asked.load(SeqCst), 5, "an answer wipes the slate");
        }
    }

    /// Dropped at their deadlines, and never without a reason.
    #[tokio::test(start_paused = true)]
    async fn silence_is_a_failure() {
        let (hosts, web) = hosts(Web {
            is_silent: true,
            ..Web::default()
        });
        for n in 1..=5 {
            let request = request("a.example", false);
            let deadline = Instant::from_std(request.deadline);
            let answer = timeout_at(deadline, hosts.send(request)).await;
            assert_eq!(answer.is_err(), n <= 3);
        }
        assert_eq!(web.asked.swap(0, SeqCst), 3);
        for _ in 0..5 {
            let request = request("b.example", false);
            let soon = Instant::now() + Duration::from_millis(10);
            timeout_at(soon, hosts.send(request)).await.unwrap_err();
        }
        assert_eq!(web.asked.load(SeqCst), 5, "those gave up by themselves");
    }

    /// Both what fails and what takes up the first place.
    #[tokio::test(start_paused = true)]
    async fn what_others_lead_to_counts_for_them() {
        let (hosts, web) = hosts(Web {
            fails: Mutex::new(Some(ErrorKind::Connect)),
            ..Web::default()
        });
        let led = |first: &str| {
            let mut request = request("a.example", false);
            request.peer = request.peer.led_by(first);
            request
        };
        for (first, asked) in [
            ("b.example", 1),
            ("b.example", 1),
            ("c.example", 2),
            // By itself.
            ("a.example", 3),
            ("a.example", 3),
        ] {
            hosts.send(led(first)).await.unwrap_err();
            assert_eq!(web.asked.load(SeqCst), asked, "{first}");
        }
        *lock(&web.fails) = None;
        advance(DOWN).await;
        let begin = Instant::now();
        let all = ["a.example", "b.example", "c.example"].map(|first| hosts.send(led(first)));
        assert!(join_all(all).await.iter().all(Result::is_ok));
        assert_eq!(begin.elapsed().as_secs(), 1, "side by side");
    }

    /// Whether the transport says so, or is dropped.
    #[tokio::test(start_paused = true)]
    async fn no_time_is_no_failure() {
        for is_silent in [false, true] {
            for (time, enough) in [(900, 5), (1100, 3)] {
                let (hosts, web) = hosts(Web {
                    fails: Mutex::new(Some(ErrorKind::Timeout)),
                    takes: Duration::from_millis(time - 10),
                    is_silent,
                    ..Web::default()
                });
                for _ in 0..5 {
                    let mut request = request("a.example", false);
                    let deadline = Instant::now() + Duration::from_millis(time);
                    request.deadline = deadline.into_std();
                    let answer = timeout_at(deadline, hosts.send(request)).await;
                    assert!(!matches!(answer, Ok(Ok(_))));
                }
                assert_eq!(web.asked.load(SeqCst), enough, "{time} {is_silent}");
            }
        }
    }

    /// Whoever waited for a place for most of the time has not seen the host fail.
    #[tokio::test(start_paused = true)]
    async fn waiting_is_no_failure() {
        let (hosts, web) = hosts(Web {
            takes: Duration::from_secs(12),
            ..Web::default()
        });
        let ask = || async {
            let request = request("a.example", true);
            let deadline = Instant::from_std(request.deadline);
            timeout_at(deadline, hosts.send(request)).await
        };
        let all = join_all((0..8).map(|_| ask())).await;
        let (answers, none) = all.split_at(4);
        assert!(answers.iter().all(|a| a.as_ref().unwrap().is_ok()));
        assert!(none.iter().all(Result::is_err), "eight seconds or less");
        assert_eq!(web.asked.load(SeqCst), 8);
        assert!(ask().await.unwrap().is_ok(), "it is not down");
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_have_an_end() {
        let (hosts, _) = hosts(Web::default());
        for n in 0..HOSTS + 10 {
            hosts
                .send(request(&format!("h{n}.example"), false))
                .await
                .unwrap();
        }
        assert!(lock(&hosts.hosts).len() <= HOSTS);
    }
}
