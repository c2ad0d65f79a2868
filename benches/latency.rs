//! How long good look-ups take, and how late timers fire, while one tenant keeps asking
//! for an address whose directory serves certificates that were made to cost much: up
//! to 1 MiB, for which the filter does all the arithmetic that it allows for an answer.
//!
//! The good ones begin at a steady pace, whether those before have ended or not. Runs
//! alone and beside the flood take turns; ratios are those of one round, the median
//! over all rounds. In a third sort of run no tenant floods, and as many threads as
//! there are places for judging an answer are busy with nothing: what that costs is the
//! machine's doing, and not the crate's.
//!
//! The servers run in a process of their own, so that on the two async threads here
//! there is nothing but look-ups, and what makes a timer late is theirs. They share the
//! processors with it all the same: where there are two, a good look-up has to wait for
//! its server too, which is part of what is shown. All tenants share one locator.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench latency
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use openpgp_discovery::{EmailAddress, KeyLocator, Status};
use openpgp_discovery_benches::apart::{World, serves};
use openpgp_discovery_benches::hostile::{DEAREST, answer};
use openpgp_discovery_benches::{human, is_quick, median, quantile};
use testbed::{Testbed, certs};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How many domains the good look-ups are about.
const DOMAINS: usize = 8;
/// How far apart they begin, how many there are in a run, and how many rounds of runs.
const PACE: Duration = Duration::from_millis(10);
const LOOKUPS: u32 = 300;
const ROUNDS: u32 = 7;
/// How many look-ups the flood has on the way at any time.
const FLOOD: usize = 16;
/// How far ahead timers are set.
const TIMER: Duration = Duration::from_millis(2);

const FLOODED: &str = "alice@flood.example.org";

/// What happens beside the good look-ups.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    Flood,
    BusyThreads,
}

const ALL: [(Beside, &str); 3] = [
    (Beside::Nothing, "alone"),
    (Beside::Flood, "beside the flood"),
    (Beside::BusyThreads, "beside busy threads"),
];

/// What was measured in a run, in nanoseconds.
#[derive(Default)]
struct Run {
    lookups: Vec<f64>,
    timers: Vec<f64>,
    /// How many answers to the flood were judged.
    judged: usize,
}

fn main() {
    if serves(set_up) {
        return;
    }
    let (rounds, lookups) = if is_quick() {
        (1, 4)
    } else {
        (ROUNDS, LOOKUPS)
    };
    let world = World::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let locator = world.locator(|options| options);
    let one = runtime.block_on(warm_up(&locator));
    let rounds: Vec<[Run; 3]> = (0..rounds)
        .map(|_| ALL.map(|(beside, _)| runtime.block_on(run(&locator, beside, lookups))))
        .collect();
    if is_quick() {
        println!("latency: runs");
        return;
    }
    print(&rounds, one);
}

/// In the other process.
fn set_up(testbed: &Testbed) -> Vec<String> {
    for address in (0..DOMAINS).map(good) {
        let whose = address.to_string();
        testbed.wkd_advanced(&address, certs::cert(&[&whose]).binary());
    }
    let flooded: EmailAddress = FLOODED.parse().expect("an address");
    let host = format!("openpgpkey.{}", flooded.domain());
    testbed.host(&host).serve_all(answer(DEAREST, FLOODED));
    Vec::new()
}

fn good(n: usize) -> EmailAddress {
    let address = format!("alice@good{n}.example.org");
    address.parse().expect("an address")
}

/// Connects to all, and makes sure of what they answer; how long the flood's answer
/// takes where nobody else is there.
async fn warm_up(locator: &KeyLocator) -> Duration {
    for address in (0..DOMAINS).map(good) {
        let lookup = locator.locate(&address).await;
        assert_eq!(lookup.status(), Status::Found, "{lookup:?}");
    }
    let begin = Instant::now();
    let lookup = locator.locate(&FLOODED.parse().expect("an address")).await;
    assert_eq!(lookup.status(), Status::Failed, "{lookup:?}");
    begin.elapsed()
}

async fn run(locator: &KeyLocator, beside: Beside, lookups: u32) -> Run {
    let judged = Arc::new(AtomicUsize::new(0));
    let mut flood = JoinSet::new();
    let busy = Busy::default();
    match beside {
        Beside::Nothing => {}
        Beside::Flood => {
            let first = Arc::new(tokio::sync::Notify::new());
            for _ in 0..FLOOD {
                let (locator, judged, first) = (locator.clone(), judged.clone(), first.clone());
                flood.spawn(async move {
                    let address = FLOODED.parse().expect("an address");
                    loop {
                        let lookup = locator.locate(&address).await;
                        assert_eq!(lookup.status(), Status::Failed, "{lookup:?}");
                        judged.fetch_add(1, Ordering::Relaxed);
                        first.notify_one();
                    }
                });
            }
            // It has begun.
            first.notified().await;
        }
        Beside::BusyThreads => busy.start(),
    }
    let timers = tokio::spawn(timers(lookups));
    let lookups = good_ones(locator, lookups).await;
    let run = Run {
        lookups,
        timers: timers.await.expect("no panic"),
        judged: judged.load(Ordering::Relaxed),
    };
    assert!(flood.try_join_next().is_none(), "the flood has ended");
    flood.shutdown().await;
    run
}

/// How long each took, begun at a steady pace.
async fn good_ones(locator: &KeyLocator, count: u32) -> Vec<f64> {
    let addresses: Vec<EmailAddress> = (0..DOMAINS).map(good).collect();
    let start = Instant::now();
    let mut lookups = JoinSet::new();
    for (n, address) in (1..=count).zip(addresses.into_iter().cycle()) {
        sleep_until(start + PACE * n).await;
        let locator = locator.clone();
        lookups.spawn(async move {
            let begin = Instant::now();
            let lookup = locator.locate(&address).await;
            assert_eq!(lookup.status(), Status::Found, "{lookup:?}");
            nanoseconds(begin.elapsed())
        });
    }
    lookups.join_all().await
}

/// How late timers fire, as long as the good look-ups begin.
async fn timers(lookups: u32) -> Vec<f64> {
    let end = Instant::now() + PACE * lookups;
    let mut late = Vec::new();
    while Instant::now() < end {
        let due = Instant::now() + TIMER;
        sleep_until(due).await;
        late.push(nanoseconds(due.elapsed()));
    }
    late
}

/// Threads that keep the processors busy until this is dropped: as many as judge
/// answers at most.
#[derive(Default)]
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start(&self) {
        let threads = available_parallelism().map_or(2, |count| count.get().max(2));
        for _ in 0..threads {
            let stop = self.0.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn print(rounds: &[[Run; 3]], one: Duration) {
    println!(
        "good look-ups, one each {PACE:?}, and timers of {TIMER:?} ({} rounds)",
        rounds.len()
    );
    println!(
        "  {:20} {:>10} {:>10} {:>8} {:>8} {:>14} {:>10} {:>10}",
        "", "median", "99th %", "× alone", "× alone", "timers late", "99th %", "worst"
    );
    for (at, (_, name)) in ALL.into_iter().enumerate() {
        let over = |figure: &dyn Fn(&[Run; 3]) -> f64| median(rounds.iter().map(figure));
        let of = |figures: &[f64], share: f64| quantile(figures.iter().copied(), share);
        let lookups = |share: f64| over(&|round| of(&round[at].lookups, share));
        let times = |share: f64| {
            over(&|round| of(&round[at].lookups, share) / of(&round[0].lookups, share))
        };
        let timers = |share: f64| over(&|round| of(&round[at].timers, share));
        println!(
            "  {name:20} {:>10} {:>10} {:>8.2} {:>8.2} {:>14} {:>10} {:>10}",
            human(lookups(0.5)),
            human(lookups(0.99)),
            times(0.5),
            times(0.99),
            human(timers(0.5)),
            human(timers(0.99)),
            human(timers(1.0)),
        );
    }
    let judged: usize = rounds.iter().flatten().map(|run| run.judged).sum();
    println!(
        "  the flood: {FLOOD} look-ups at once, {judged} were answered in all; one alone takes {one:.0?}\n"
    );
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
