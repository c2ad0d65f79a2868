//! How long a look-up takes, in round trips: what a client waits for on any network,
//! however long its ways are.
//!
//! Client and servers are in this process, with the testbed's set round trip between
//! them: DNS takes one, TCP one, TLS one, HTTP one. Each scenario runs several times,
//! this crate and sequoia-net in turns over the same servers and the same resolver;
//! what is printed is the median, in round trips, beside the floor: the fewest that
//! the protocols allow. Where this crate is above it, the steps of the median run
//! are shown, and the reason.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench lookup            # 50 ms a round trip
//! cargo bench -p openpgp-discovery-benches --bench lookup -- 100     # 100 ms
//! cargo bench -p openpgp-discovery-benches --bench lookup -- --test  # each scenario once
//! ```
//!
//! With a longer round trip, what the machine itself takes (cryptography, timers)
//! counts for less.

use std::time::{Duration, Instant};

mod ours;
mod peer;
mod scenarios;
mod world;

use openpgp_discovery_benches::{Result, is_quick};
use scenarios::{SCENARIOS, Scenario};
use world::World;

/// How often each scenario is run, and how long all its runs may take where that
/// leaves one.
const RUNS: usize = 9;
const BUDGET: Duration = Duration::from_secs(12);

/// By how much a scenario may be above its floor: what the machine takes.
const SLACK: f64 = 0.2;

/// One run: how long it took, and what it did.
pub(crate) struct Run {
    took: Duration,
    steps: Vec<(String, Duration)>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let milliseconds = match arguments.find(|argument| !argument.starts_with("--")) {
        Some(milliseconds) => milliseconds.parse()?,
        None => 50,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let world = World::start().await?;
        match is_quick() {
            true => try_all(&world).await,
            false => measure_all(&world, Duration::from_millis(milliseconds)).await,
        }
    })
}

/// Does it run?
async fn try_all(world: &World) -> Result<()> {
    world.set_round_trip(Duration::from_millis(5));
    for scenario in SCENARIOS {
        let hurried = scenario.waits().then_some(Duration::from_secs(3));
        ours::run(world, scenario, hurried).await?;
        if scenario.peer {
            peer::run(world, scenario).await?;
        }
        println!("{}: runs", scenario.name);
    }
    Ok(())
}

async fn measure_all(world: &World, round_trip: Duration) -> Result<()> {
    // The servers make a certificate for each name when it is first asked for.
    for scenario in SCENARIOS.iter().filter(|scenario| !scenario.waits()) {
        ours::run(world, scenario, None).await?;
    }
    world.set_round_trip(round_trip);
    println!("round trips of {round_trip:?}, the median of up to {RUNS} runs");
    let width = SCENARIOS.iter().map(|s| s.name.len()).max().unwrap_or(0);
    println!(
        "  {:width$} {:>7} {:>7} {:>12}",
        "", "floor", "ours", "sequoia-net"
    );
    for scenario in SCENARIOS {
        let (ours, peers) = measure(world, scenario).await?;
        let unit = |took: Duration| took.as_secs_f64() / round_trip.as_secs_f64();
        let figure =
            |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |f| format!("{f:.2}"));
        let ours_took = unit(ours.took);
        println!(
            "  {:width$} {:>7} {ours_took:>7.2} {:>12}",
            scenario.name,
            figure(scenario.floor),
            figure(peers.map(|run| unit(run.took))),
        );
        if scenario.floor.is_none_or(|floor| ours_took > floor + SLACK) {
            let steps = ours.steps.iter();
            let steps = steps.map(|(step, took)| format!("{step} {:.2}", unit(*took)));
            println!("      {}", steps.collect::<Vec<_>>().join("; "));
            if !scenario.reason.is_empty() {
                println!("      {}", scenario.reason);
            }
        }
    }
    Ok(())
}

/// The median runs, of ours and of the peer's.
async fn measure(world: &World, scenario: &Scenario) -> Result<(Run, Option<Run>)> {
    let begin = Instant::now();
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    while ours.len() < RUNS && (ours.is_empty() || begin.elapsed() < BUDGET) {
        ours.push(ours::run(world, scenario, None).await?);
        if scenario.peer {
            peers.push(peer::run(world, scenario).await?);
        }
    }
    let ours = median(ours).ok_or("no run")?;
    Ok((ours, median(peers)))
}

fn median(mut runs: Vec<Run>) -> Option<Run> {
    runs.sort_by_key(|run| run.took);
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle)
}
