//! Tells what is right and what is wrong with a Web Key Directory.
//!
//! ```sh
//! cargo run --release --example wkd_check -- alice@example.org
//! cargo run --release --example wkd_check -- --json example.org example.net
//! ```

use std::pin::pin;
use std::process::ExitCode;

use clap::Parser;
use futures_util::{StreamExt as _, stream};
use openpgp_discovery::wkd::check::{Level, Report, Subject};
use openpgp_discovery::{AddressError, KeyLocator};

mod answer;
mod draw;
mod summary;

#[path = "../common"]
mod common {
    pub(crate) mod exit;
    pub(crate) mod json;
    pub(crate) mod log;
    pub(crate) mod options;
    pub(crate) mod page;
    pub(crate) mod paint;
    pub(crate) mod pipe;
    pub(crate) mod print;
    pub(crate) mod progress;
    pub(crate) mod run;
    pub(crate) mod sanitize;
    pub(crate) mod tally;
}
use common::options::NetworkOptions;
use common::paint::Paint;
use common::pipe::is_closed_pipe;
use common::progress::Progress;
use common::run::{interrupt, run, usage_error};
use common::sanitize::clean;
use common::tally::Verdict;
use common::{exit, json, log};
use summary::Counts;

/// Tells what is right and what is wrong with a Web Key Directory
///
/// Looks at the directory of each address or domain as clients do, by the method that
/// DNS says (advanced or direct), and prints findings: what was looked at, how it is,
/// and what to do where it is not as it should be. For an address its certificate is
/// looked into; a domain is checked without asking for any address of it. No key
/// server is asked.
///
/// Exit status: 0 no finding is an error (there may be warnings); 1 at least one is: a
/// host that cannot be reached, a certificate that cannot be looked into, and an
/// argument that is neither an address nor a domain are errors like any other; 2 usage
/// error, with nothing checked; 3 the program could not finish; 130 after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "wkd_check")]
#[command(mut_arg("json", |json| json.help("Print JSON Lines: one object per finding")))]
struct Args {
    /// E-mail addresses, without a name or angle brackets, or domains
    #[arg(value_name = "ADDRESS|DOMAIN", required = true)]
    subjects: Vec<String>,

    #[command(flatten)]
    network: NetworkOptions,
}

/// A subject as typed, and what came of it.
enum Checked {
    Report(String, Box<Report>),
    NotOne(String, AddressError),
}

fn main() -> ExitCode {
    let args = Args::parse();
    log::start(args.network.verbose);
    run("wkd_check", work(args))
}

async fn work(args: Args) -> ExitCode {
    let total = u64::try_from(args.subjects.len()).ok();
    let progress = Progress::new(total, args.network.verbose);
    let mut counts = Counts::default();
    let end = tokio::select! {
        biased;
        () = interrupt() => None,
        end = check(&args, &progress, &mut counts) => Some(end),
    };
    progress.finish();
    match end {
        None => ExitCode::from(exit::INTERRUPTED),
        Some(Err(error)) if !is_closed_pipe(&error) => {
            eprintln!("wkd_check: {error:#}");
            counts.ends.add(Verdict::Undetermined);
            counts.ends.code()
        }
        // A reader that has gone has what it wanted.
        Some(_) => counts.ends.code(),
    }
}

/// Checks every subject, several at once, and prints the reports in the order given.
async fn check(args: &Args, progress: &Progress, counts: &mut Counts) -> anyhow::Result<()> {
    let locator = args
        .network
        .configure(KeyLocator::builder())
        .build()
        .unwrap_or_else(|error| usage_error::<Args>(&error.to_string()));
    let paint = Paint::for_stdout();
    let checks = stream::iter(&args.subjects).map(|text| {
        let (locator, progress) = (&locator, progress);
        async move {
            match text.parse::<Subject>() {
                Err(error) => Checked::NotOne(text.clone(), error),
                Ok(subject) => {
                    progress.say(clean(text).into_owned());
                    Checked::Report(text.clone(), Box::new(locator.check_wkd(&subject).await))
                }
            }
        }
    });
    let mut checks = pin!(checks.buffered(args.network.jobs.get()));
    while let Some(checked) = checks.next().await {
        let text = match &checked {
            Checked::Report(subject, report) => {
                counts.add(report.worst());
                if args.network.verbose > 0 {
                    progress.aside(|| trail(report));
                }
                match args.network.json {
                    true => answer::lines(subject, report)?,
                    false => draw::report(subject, report, paint),
                }
            }
            Checked::NotOne(subject, error) => {
                counts.add(Level::Error);
                match args.network.json {
                    true => json::line(&answer::not_one(subject, error))?,
                    false => summary::not_one(subject, error, paint),
                }
            }
        };
        progress.advance();
        progress.print(&text)?;
    }
    if !args.network.json {
        progress.print(&summary::summary(counts, paint))?;
    }
    Ok(())
}

/// What was asked, and what came of it, on stderr.
fn trail(report: &Report) {
    for asked in report.asked() {
        let ms = asked.elapsed().as_secs_f64() * 1000.0;
        let line = format!("{}: {} ({ms:.1} ms)", asked.what(), asked.outcome());
        eprintln!("{}", clean(&line));
    }
}
