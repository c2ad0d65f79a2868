//! Verifies signatures by the fresh status of their signers.
//!
//! ```sh
//! cargo run --release --example verify -- --sender alice@example.org letter.sig letter.pdf
//! cargo run --release --example verify -- message.asc -o message.txt
//! ```

use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};
use openpgp_discovery::verify::{Freshness, Verification};
use openpgp_discovery::{EmailAddress, KeyLocator};

mod answer;
mod content;
mod draw;
mod moment;
mod source;

#[path = "../common"]
mod common {
    pub(crate) mod blocking;
    pub(crate) mod calendar;
    pub(crate) mod exit;
    pub(crate) mod input;
    pub(crate) mod json;
    pub(crate) mod log;
    pub(crate) mod names;
    pub(crate) mod options;
    pub(crate) mod output;
    pub(crate) mod page;
    pub(crate) mod paint;
    pub(crate) mod pipe;
    pub(crate) mod print;
    pub(crate) mod progress;
    pub(crate) mod run;
    pub(crate) mod sanitize;
    pub(crate) mod tally;
    pub(crate) mod trail;
}
use answer::Answer;
use common::input::Input;
use common::options::NetworkOptions;
use common::output::OutputFile;
use common::paint::Paint;
use common::pipe::is_closed_pipe;
use common::progress::Progress;
use common::run::{interrupt, run, usage_error};
use common::sanitize::clean;
use common::tally::{Tally, Verdict};
use common::{blocking, exit, json, log, trail};
use source::Sources;

/// Verifies signatures by the fresh status of their signers
///
/// With FILE, SIGNATURE is a detached signature over it; without, a message that
/// carries its signatures: inline-signed or cleartext. Signers come from --cert and,
/// if unknown, from the key server; each is refreshed there before it is judged.
///
/// "Good" says that this key made this signature, and could be relied on at that
/// time. It does not say who holds the key: for that, give --sender.
///
/// Exit status: 0 every signature is good; 1 at least one is bad, or nobody has its
/// signer; 3 for at least one it could not be told, or there is nothing to verify, or
/// a file of --cert is empty or could not be read as a whole; 2 usage error; 130 after
/// Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "verify")]
struct Args {
    /// The detached signature, or the signed message; `-` reads stdin
    #[arg(value_name = "SIGNATURE", value_parser = PathBufValueParser::new().try_map(Input::new))]
    signature: Input,

    /// What a detached signature is over; `-` reads stdin
    #[arg(value_name = "FILE", value_parser = PathBufValueParser::new().try_map(Input::new))]
    file: Option<Input>,

    /// Certificates that may have signed, several in a file, and revocations of them;
    /// may be repeated
    #[arg(
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(Input::new),
    )]
    cert: Vec<Input>,

    /// Write the signed content of a message, once every signature is good
    #[arg(
        short,
        long,
        value_name = "FILE",
        conflicts_with = "file",
        value_parser = PathBufValueParser::new().try_map(OutputFile::new),
    )]
    output: Option<OutputFile>,

    /// The signer's certificate must have named this address when it signed
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<EmailAddress>,

    /// When it was received, as in 2026-01-31T12:00:00Z: what claims to be signed
    /// later is bad
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    received: Option<SystemTime>,

    /// Where the key server cannot be asked: say that one could not tell, or judge by
    /// what is at hand
    #[arg(long, value_enum, default_value = "strict")]
    freshness: FreshnessName,

    /// A file of --cert that was written so recently counts as fresh, and is not
    /// refreshed again: for what `refresh -o` wrote, which dates a file back where
    /// something failed or was left out
    #[arg(long, value_name = "SECONDS", requires = "cert", value_parser = age)]
    max_age: Option<Duration>,

    #[command(flatten)]
    network: NetworkOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FreshnessName {
    Strict,
    Lenient,
}

fn main() -> ExitCode {
    let args = Args::parse();
    args.check();
    log::start(args.network.verbose);
    run("verify", attended(args))
}

async fn attended(args: Args) -> ExitCode {
    let mut interrupt = pin!(interrupt());
    let progress = Progress::new(None, args.network.verbose);
    let locator = args.locator(progress.clone());
    let args = Arc::new(args);
    let done = work(&args, &locator, &progress, interrupt.as_mut()).await;
    progress.finish();
    match done {
        Ok(Some(tally)) => tally.code(),
        Ok(None) => ExitCode::from(exit::INTERRUPTED),
        Err(error) => {
            eprintln!("verify: {}", clean(&format!("{error:#}")));
            ExitCode::from(exit::UNDETERMINED)
        }
    }
}

/// Verifies, prints, writes. `None` after Ctrl-C.
async fn work(
    args: &Arc<Args>,
    locator: &KeyLocator,
    progress: &Progress,
    mut interrupt: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<Option<Tally>> {
    let (verification, mut tally) = tokio::select! {
        biased;
        () = &mut interrupt => return Ok(None),
        verified = verify(args, locator, progress) => verified?,
    };
    let mut text = String::new();
    for verdict in verification.signatures() {
        tally.add(answer::verdict(verdict));
        progress.advance();
        text.push_str(&match args.network.json {
            true => json::line(&Answer::of(verdict))?,
            false => draw::verdict(verdict, args.sender.as_ref(), Paint::for_stdout()),
        });
    }
    if let Err(error) = progress.print(&text) {
        let error = anyhow::Error::from(error);
        if !is_closed_pipe(&error) {
            return Err(error);
        }
    }
    let Some(output) = &args.output else {
        return Ok(Some(tally));
    };
    if !verification.is_good() {
        let name = clean(&output.path().to_string_lossy()).into_owned();
        progress.aside(|| eprintln!("verify: not every signature is good; {name} is not written"));
        return Ok(Some(tally));
    }
    let written = content::write(verification, output.clone(), interrupt).await?;
    Ok(written.then_some(tally))
}

/// The verdicts, and a tally that knows already of what could not be read.
async fn verify(
    args: &Arc<Args>,
    locator: &KeyLocator,
    progress: &Progress,
) -> anyhow::Result<(Verification, Tally)> {
    let reader = args.clone();
    let sources = blocking::aside(move || Sources::open(&reader)).await??;
    let mut tally = Tally::default();
    for why in &sources.broken {
        progress.aside(|| eprintln!("verify: {why}"));
        tally.add(Verdict::Undetermined);
    }
    let mut verify = locator.verify().freshness(match args.freshness {
        FreshnessName::Strict => Freshness::Strict,
        FreshnessName::Lenient => Freshness::Lenient,
    });
    for (cert, written) in sources.certs {
        verify = match written {
            Some(at) => verify.refreshed(cert, at),
            None => verify.cert(cert),
        };
    }
    if let Some(address) = &args.sender {
        verify = verify.sender(address);
    }
    if let Some(time) = args.received {
        verify = verify.received(time);
    }
    if let Some(age) = args.max_age {
        verify = verify.max_age(age);
    }
    let verification = match sources.content {
        source::Content::Detached { signature, data } => verify.detached(signature, data).await?,
        source::Content::Message(file) => verify.message(file).await?,
    };
    Ok((verification, tally))
}

impl Args {
    /// A locator with every option set. What it refuses is a usage error.
    fn locator(&self, progress: Progress) -> KeyLocator {
        self.network
            .configure(KeyLocator::builder())
            .no_wkd()
            .on_event(trail::watch(self.network.verbose, progress))
            .build()
            .unwrap_or_else(|error| usage_error::<Self>(&error.to_string()))
    }

    /// What clap cannot tell: stdin can be read just once.
    fn check(&self) {
        let inputs = [&self.signature].into_iter();
        let inputs = inputs.chain(&self.file).chain(&self.cert);
        let stdin = inputs.filter(|input| matches!(input, Input::Stdin));
        if stdin.count() > 1 {
            let why = "stdin can be read just once: more than one `-`";
            Self::command()
                .error(ErrorKind::ArgumentConflict, why)
                .exit();
        }
    }
}

fn age(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    let age = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    age.ok_or_else(|| "expected a number of seconds".to_owned())
}
