//! What is measured and printed.

use std::fs;
use std::thread::available_parallelism;

use openpgp_discovery_benches::median;

use crate::Result;
use crate::client;
use crate::options::Options;
use crate::run::Run;
use crate::servers::Servers;
use crate::table::table;
use crate::task::{Order, Task, Tenth, Who, Work};

/// How often each has its turn.
const RUNS: usize = 3;
const RUNS_WITH_DEAD: usize = 7;

/// Measures the parts that are asked for.
pub(crate) fn measure(options: &Options) -> Result<()> {
    println!(
        "round trip {} ms, {} processors, {} addresses a domain",
        options.round_trip.as_millis(),
        available_parallelism().map_or(1, usize::from),
        options.per_domain,
    );
    println!();
    if ["throughput", "dead", "memory"]
        .iter()
        .any(|part| options.has(part))
    {
        let mut servers = start(options, Work::Locate, options.domains, options.per_domain)?;
        if options.has("throughput") {
            throughput(options, &mut servers)?;
        }
        if options.has("dead") {
            dead(options, &mut servers)?;
        }
        if options.has("memory") {
            memory(options, &mut servers)?;
        }
    }
    let all = options.domains * options.per_domain;
    if options.has("one") {
        one(options, &mut start(options, Work::Locate, 1, all)?, all)?;
    }
    if options.has("refresh") {
        refresh(options, &mut start(options, Work::Refresh, 1, all)?, all)?;
    }
    Ok(())
}

fn start(options: &Options, work: Work, domains: usize, per_domain: usize) -> Result<Servers> {
    Servers::start(work, domains, per_domain, options)
}

/// Many domains, in both orders.
fn throughput(options: &Options, servers: &mut Servers) -> Result<()> {
    for order in [Order::Interleaved, Order::ByDomain] {
        let cases = [Who::SequoiaNet, Who::Ours].map(|who| {
            let task = Task {
                who,
                order,
                ..task(options)
            };
            (name(who), task)
        });
        let title = match order {
            Order::Interleaved => "a look-up of each domain, then the next",
            Order::ByDomain => "domain by domain",
        };
        let title = format!("{} domains, {title}", options.domains);
        compare(&title, servers, options.runs(RUNS), &cases)?;
    }
    Ok(())
}

/// One domain.
fn one(options: &Options, servers: &mut Servers, addresses: usize) -> Result<()> {
    let cases = [Who::SequoiaNet, Who::Ours, Who::OursHttp2].map(|who| {
        let task = Task {
            who,
            domains: 1,
            per_domain: addresses,
            ..task(options)
        };
        (name(who), task)
    });
    compare("one domain", servers, options.runs(RUNS), &cases)
}

/// Certificates that the key server has, and nothing new of.
fn refresh(options: &Options, servers: &mut Servers, certs: usize) -> Result<()> {
    let cases = [(Who::Ours, "HTTP/1.1"), (Who::OursHttp2, "HTTP/2")].map(|(who, name)| {
        let task = Task {
            who,
            work: Work::Refresh,
            domains: 1,
            per_domain: certs,
            ..task(options)
        };
        (name, task)
    });
    compare("refreshes over TLS", servers, options.runs(RUNS), &cases)?;
    Ok(fs::remove_file(client::keyring())?)
}

/// Whether the memory grows with the batch.
fn memory(options: &Options, servers: &mut Servers) -> Result<()> {
    let mut rows = Vec::new();
    for who in [Who::SequoiaNet, Who::Ours] {
        for per_domain in [options.per_domain.div_ceil(10), options.per_domain] {
            let task = Task {
                who,
                per_domain,
                ..task(options)
            };
            let runs = take_turns(servers, options.runs(1), &[task])?;
            let name = format!("{}, {} addresses", name(who), options.domains * per_domain);
            rows.push((
                name,
                vec![
                    format!("{:.1} MiB", of(&runs, 0, |run| run.before)),
                    format!("{:.1} MiB", of(&runs, 0, |run| run.above)),
                ],
            ));
        }
    }
    table("memory", &["before", "above it"], &rows);
    Ok(())
}

/// How the good ones fare with dead ones among them.
fn dead(options: &Options, servers: &mut Servers) -> Result<()> {
    let tasks = [Tenth::LeftOut, Tenth::Dead].map(|tenth| Task {
        tenth,
        ..task(options)
    });
    let runs = take_turns(servers, options.runs(RUNS_WITH_DEAD), &tasks)?;
    let names = ["without dead domains", "with a tenth of them"];
    let rows: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(case, name)| {
            let cells = vec![
                format!("{:.1} ms", of(&runs, case, |run| run.median)),
                format!("{:.1} ms", of(&runs, case, |run| run.p99)),
                format!("{:.2} s", of(&runs, case, |run| run.last)),
                format!("{:.2} s", of(&runs, case, |run| run.seconds)),
                format!("{:.1} MiB", of(&runs, case, |run| run.above)),
                format!("{:.0}", of(&runs, case, |run| run.connections)),
            ];
            ((*name).to_owned(), cells)
        })
        .collect();
    table(
        &format!(
            "the good ones of {} domains ({} runs)",
            options.domains,
            runs.len()
        ),
        &[
            "median",
            "99th percentile",
            "the last of them",
            "the batch",
            "above",
            "connections",
        ],
        &rows,
    );
    for (what, figure) in [
        ("median", (|run| run.median) as fn(&Run) -> f64),
        ("99th percentile", |run| run.p99),
    ] {
        let (without, with) = (of(&runs, 0, figure), of(&runs, 1, figure));
        println!(
            "  the {what} moves by {:+.1} %, {:+.1} ms",
            (with / without - 1.0) * 100.0,
            with - without
        );
    }
    println!();
    Ok(())
}

/// What all runs have in common.
fn task(options: &Options) -> Task {
    Task {
        who: Who::Ours,
        work: Work::Locate,
        order: Order::Interleaved,
        tenth: Tenth::Alive,
        domains: options.domains,
        per_domain: options.per_domain,
        deadline: options.deadline,
        concurrency: options.concurrency,
    }
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Ours => "openpgp-discovery",
        Who::OursHttp2 => "openpgp-discovery, HTTP/2",
        Who::SequoiaNet => "sequoia-net",
    }
}

/// Measures these in turns and prints a table; the first is what the others are held
/// against.
fn compare(title: &str, servers: &mut Servers, runs: usize, cases: &[(&str, Task)]) -> Result<()> {
    let tasks: Vec<Task> = cases.iter().map(|(_, task)| *task).collect();
    let runs = take_turns(servers, runs, &tasks)?;
    let rows: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(case, (name, _))| {
            let each = |figure: fn(&Run) -> f64| of(&runs, case, |run| figure(run) / run.count);
            let ratio = median(runs.iter().map(|turn| turn[case].rate() / turn[0].rate()));
            let cells = vec![
                format!("{:.2} s", of(&runs, case, |run| run.seconds)),
                format!("{:.0}", of(&runs, case, Run::rate)),
                format!("{ratio:.2}"),
                format!("{:.1} ms", of(&runs, case, |run| run.p99)),
                format!("{:.1} MiB", of(&runs, case, |run| run.above)),
                format!("{:.2} ms", each(|run| run.processor) * 1e3),
                format!("{:.2} ms", each(|run| run.servers) * 1e3),
                format!("{:.0}", of(&runs, case, |run| run.connections)),
                format!("{:.2}", each(|run| run.queries)),
                format!("{:.2}", each(|run| run.requests)),
            ];
            ((*name).to_owned(), cells)
        })
        .collect();
    let count = of(&runs, 0, |run| run.count);
    table(
        &format!("{title}: {count} in all ({} runs)", runs.len()),
        &[
            "time",
            "a second",
            "× first",
            "p99",
            "above",
            "CPU each",
            "servers'",
            "connections",
            "DNS each",
            "HTTP each",
        ],
        &rows,
    );
    Ok(())
}

/// So many turns of these, each with a run of every one.
fn take_turns(servers: &mut Servers, runs: usize, tasks: &[Task]) -> Result<Vec<Vec<Run>>> {
    let mut turns = Vec::new();
    for _ in 0..runs {
        let mut turn = Vec::new();
        for task in tasks {
            turn.push(servers.watch(|world| client::run(world, *task))?);
        }
        turns.push(turn);
    }
    Ok(turns)
}

/// The median of a figure of one case.
fn of(turns: &[Vec<Run>], case: usize, figure: impl Fn(&Run) -> f64) -> f64 {
    median(turns.iter().map(|turn| figure(&turn[case])))
}
