//! What a run of a client yields.

use std::fmt;
use std::time::{Duration, Instant};

use openpgp_discovery_benches::{median, quantile};

use crate::Result;

/// How the batch went, as it is counted on the way.
#[derive(Debug)]
pub(crate) struct Tally {
    /// How long each address took that was found, in milliseconds.
    latencies: Vec<f64>,
    pub(crate) missed: usize,
    /// When the last one was found.
    last: Instant,
}

impl Tally {
    /// With room for so many, so that the peak of the memory is not its own.
    pub(crate) fn new(expected: usize) -> Self {
        let mut latencies = vec![1.0; expected];
        latencies.clear();
        Self {
            latencies,
            missed: 0,
            last: Instant::now(),
        }
    }

    pub(crate) fn found(&mut self, elapsed: Duration) {
        self.latencies.push(elapsed.as_secs_f64() * 1e3);
        self.last = Instant::now();
    }

    pub(crate) fn count(&self) -> (usize, usize) {
        (self.latencies.len(), self.missed)
    }
}

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// How many addresses (or certificates) there were.
    pub(crate) count: f64,
    /// How long the batch took.
    pub(crate) seconds: f64,
    /// When the last one that can be found was there, in seconds from the beginning.
    pub(crate) last: f64,
    /// What the client used of the processors, in seconds.
    pub(crate) processor: f64,
    /// Memory before, and the most of it above that, in MiB.
    pub(crate) before: f64,
    pub(crate) above: f64,
    /// How long an address took that was found, in milliseconds.
    pub(crate) median: f64,
    pub(crate) p99: f64,
    /// Of the servers' process meanwhile: processors, connections, queries, requests.
    pub(crate) servers: f64,
    pub(crate) connections: f64,
    pub(crate) queries: f64,
    pub(crate) requests: f64,
}

impl Run {
    pub(crate) fn of(tally: Tally, begin: Instant) -> Self {
        let (found, missed) = tally.count();
        Self {
            count: (found + missed) as f64,
            seconds: begin.elapsed().as_secs_f64(),
            last: tally.last.duration_since(begin).as_secs_f64(),
            median: median(tally.latencies.iter().copied()),
            p99: quantile(tally.latencies, 0.99),
            ..Self::default()
        }
    }

    /// So many a second.
    pub(crate) fn rate(&self) -> f64 {
        self.count / self.seconds
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn read(line: &str) -> Result<Self> {
        let figures: std::result::Result<Vec<f64>, _> =
            line.split_whitespace().map(str::parse).collect();
        match figures?[..] {
            [count, seconds, last, processor, before, above, median, p99] => Ok(Self {
                count,
                seconds,
                last,
                processor,
                before,
                above,
                median,
                p99,
                ..Self::default()
            }),
            _ => Err(format!("a client says {line:?}").into()),
        }
    }
}

/// What the client knows of it.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {} {} {} {}",
            self.count,
            self.seconds,
            self.last,
            self.processor,
            self.before,
            self.above,
            self.median,
            self.p99
        )
    }
}
