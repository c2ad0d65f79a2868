//! What the benches share; before all a way to measure that yields ratios of one run.
//!
//! Absolute times say little about another machine, and on a busy or throttled
//! one little about the next minute. So all cases of a [`Bench`] take turns, a
//! few hundred rounds of about a millisecond each, and what is printed is the
//! median over the rounds of what the cases took *relative to each other in the
//! same round*.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench wkd_url            # measure
//! cargo bench -p openpgp-discovery-benches --bench wkd_url -- --test  # one sample: does it run?
//! ```

pub mod apart;
pub mod hostile;
pub mod peer;
pub mod process;

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What cannot be measured ends a bench.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// How long one case should run in one round, so that reading the clock does not count.
const SAMPLE: Duration = Duration::from_micros(500);

/// How often each case has its turn; fewer where one call takes longer than a sample.
const ROUNDS: u32 = 301;
const MIN_ROUNDS: u32 = 11;

/// How long all rounds of one case may take, where that leaves enough of them.
const BUDGET: Duration = Duration::from_secs(2);

/// Whether it is only asked whether everything runs: with `--test` or `--quick` on the
/// command line, and in a run of the tests, where cargo does not say `--bench`.
pub fn is_quick() -> bool {
    let is_said = |wanted: &[&str]| std::env::args().any(|said| wanted.contains(&said.as_str()));
    is_said(&["--test", "--quick"]) || !is_said(&["--bench"])
}

/// Cases that are measured against each other.
///
/// ```no_run
/// use openpgp_discovery_benches::Bench;
///
/// Bench::new("sum of 1000")
///     .case("by formula", || 1000 * 1001 / 2)
///     .case("one by one", || (1..=1000).sum::<u64>())
///     .floor("by formula")
///     .run();
/// ```
#[must_use = "it measures when `run` is called"]
#[derive(Debug)]
pub struct Bench<'a> {
    title: &'a str,
    cases: Vec<Case<'a>>,
    references: Vec<(&'static str, &'a str)>,
}

/// A name, and what runs it so many times.
struct Case<'a> {
    name: &'a str,
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

impl<'a> Bench<'a> {
    /// Nothing yet, under this heading.
    pub fn new(title: &'a str) -> Self {
        Self {
            title,
            cases: Vec::new(),
            references: Vec::new(),
        }
    }

    /// One more case. Dropping what it returns is part of what is measured; what
    /// it takes in should come out of a [`black_box`], so that the compiler
    /// cannot do the work beforehand.
    pub fn case<T>(mut self, name: &'a str, mut run: impl FnMut() -> T + 'a) -> Self {
        let run = move |times| {
            let begin = Instant::now();
            for _ in 0..times {
                black_box(run());
            }
            begin.elapsed()
        };
        self.cases.push(Case {
            name,
            run: Box::new(run),
        });
        self
    }

    /// One more case, which says itself how long it took: where only a part of what
    /// it does counts, or what another process does.
    pub fn timed_case(mut self, name: &'a str, mut run: impl FnMut() -> Duration + 'a) -> Self {
        self.cases.push(Case {
            name,
            run: Box::new(move |times| (0..times).map(|_| run()).sum()),
        });
        self
    }

    /// The case below which none can go: a column shows the others as multiples of it.
    pub fn floor(self, name: &'a str) -> Self {
        self.reference("floor", name)
    }

    /// The case of somebody else's that ours are compared with: a column shows
    /// each as a multiple of it.
    pub fn peer(self, name: &'a str) -> Self {
        self.reference("peer", name)
    }

    fn reference(mut self, role: &'static str, name: &'a str) -> Self {
        self.references.push((role, name));
        self
    }

    /// Measures and prints a table; where that [is asked for](is_quick), each case
    /// runs once instead, and no figures are printed.
    ///
    /// # Panics
    ///
    /// Where [`floor`](Self::floor) or [`peer`](Self::peer) names no case.
    pub fn run(mut self) {
        let references: Vec<_> = self
            .references
            .iter()
            .map(|&(role, name)| {
                let case = self.cases.iter().position(|case| case.name == name);
                (
                    role,
                    case.unwrap_or_else(|| panic!("no case is called {name:?}")),
                )
            })
            .collect();
        if is_quick() {
            for case in &mut self.cases {
                (case.run)(1);
                println!("{}: {}: runs", self.title, case.name);
            }
            return;
        }
        let rounds = measure(&mut self.cases);
        print!("{}", table(self.title, &self.cases, &references, &rounds));
    }
}

/// Nanoseconds a call, by round and case.
fn measure(cases: &mut [Case<'_>]) -> Vec<Vec<f64>> {
    let times: Vec<u32> = cases.iter_mut().map(calls_in_a_sample).collect();
    let begin = Instant::now();
    let count = u32::try_from(cases.len()).expect("a handful of cases");
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        if round >= MIN_ROUNDS && begin.elapsed() > BUDGET * count {
            break;
        }
        let round = cases.iter_mut().zip(&times).map(|(case, &times)| {
            let elapsed = (case.run)(times);
            elapsed.as_secs_f64() * 1e9 / f64::from(times)
        });
        rounds.push(round.collect());
    }
    rounds
}

/// How many calls fill a sample; finding out warms the case up.
fn calls_in_a_sample(case: &mut Case<'_>) -> u32 {
    let mut times = 1;
    while (case.run)(times) < SAMPLE && times < u32::MAX / 2 {
        times *= 2;
    }
    times
}

fn table(
    title: &str,
    cases: &[Case<'_>],
    references: &[(&str, usize)],
    rounds: &[Vec<f64>],
) -> String {
    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    let mut table = format!(
        "{title} ({} rounds)\n  {:width$} {:>12}",
        rounds.len(),
        "",
        "a call"
    );
    for (role, _) in references {
        let _ = write!(table, " {:>9}", format!("× {role}"));
    }
    table.push('\n');
    for (index, case) in cases.iter().enumerate() {
        let time = median(rounds.iter().map(|round| round[index]));
        let _ = write!(table, "  {:width$} {:>12}", case.name, human(time));
        for &(_, reference) in references {
            let ratio = median(rounds.iter().map(|round| round[index] / round[reference]));
            let _ = write!(table, " {ratio:>9.2}");
        }
        table.push('\n');
    }
    table.push('\n');
    table
}

/// The one in the middle; of nothing, no number.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    quantile(figures, 0.5)
}

/// The smallest figure that this share of all is not above; of nothing, no number.
pub fn quantile(figures: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let rank = (share * figures.len() as f64).ceil() as usize;
    let figure = figures.get(rank.saturating_sub(1));
    figure.copied().unwrap_or(f64::NAN)
}

/// A time, for people.
pub fn human(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.0} ns"),
        ..1e6 => format!("{:.2} µs", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}
