//! What the command line says.

use std::time::Duration;

use openpgp_discovery_benches::is_quick;

use crate::Result;

pub(crate) const PARTS: [&str; 5] = ["throughput", "dead", "one", "refresh", "memory"];

/// How big everything is.
#[derive(Debug)]
pub(crate) struct Options {
    /// The parts to measure; all where none is named.
    parts: Vec<String>,
    /// Whether only to see that everything runs.
    pub(crate) quick: bool,
    pub(crate) round_trip: Duration,
    /// How long DNS answers may be kept, in seconds.
    pub(crate) ttl: usize,
    pub(crate) domains: usize,
    pub(crate) per_domain: usize,
    pub(crate) deadline: Option<Duration>,
    pub(crate) concurrency: Option<usize>,
    runs: Option<usize>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let quick = is_quick();
        let mut options = match quick {
            true => Self {
                round_trip: Duration::from_millis(2),
                domains: 4,
                per_domain: 10,
                deadline: Some(Duration::from_secs(2)),
                runs: Some(1),
                ..Self::full()
            },
            false => Self::full(),
        };
        options.quick = quick;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let number = arguments.next().and_then(|number| number.parse().ok());
                number.ok_or_else(|| format!("{argument} needs a number"))
            };
            match &argument[..] {
                "--bench" | "--test" | "--quick" => {}
                "--round-trip" => options.round_trip = milliseconds(number()?)?,
                "--deadline" => options.deadline = Some(milliseconds(number()?)?),
                "--ttl" => options.ttl = number()?,
                "--domains" => options.domains = number()?,
                "--per-domain" => options.per_domain = number()?,
                "--concurrency" => options.concurrency = Some(number()?),
                "--runs" => options.runs = Some(number()?.max(1)),
                part if PARTS.contains(&part) => options.parts.push(part.to_owned()),
                other => return Err(format!("what is {other}?").into()),
            }
        }
        Ok(options)
    }

    fn full() -> Self {
        Self {
            parts: Vec::new(),
            quick: false,
            round_trip: Duration::from_millis(50),
            ttl: 300,
            domains: 500,
            per_domain: 20,
            deadline: None,
            concurrency: None,
            runs: None,
        }
    }

    pub(crate) fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|named| named == part)
    }

    /// How often each of what is compared has its turn.
    pub(crate) fn runs(&self, by_default: usize) -> usize {
        self.runs.unwrap_or(by_default)
    }
}

fn milliseconds(number: usize) -> Result<Duration> {
    Ok(Duration::from_millis(number.try_into()?))
}
