//! Asks the key server for news about certificates that are held.
//!
//! ```sh
//! cargo run --release --example refresh -- keyring.asc -o keyring.asc
//! gpg --export | cargo run --release --example refresh -- --json - >news.jsonl
//! ```

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Parser, ValueEnum};
use futures_util::{StreamExt as _, stream};
use openpgp_discovery::KeyLocator;
use openpgp_discovery::openpgp::Cert;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

mod answer;
mod draw;
mod gather;
mod session;
mod skip;

#[path = "../common"]
mod common {
    pub(crate) mod calendar;
    pub(crate) mod cert_file;
    pub(crate) mod certs;
    pub(crate) mod exit;
    pub(crate) mod input;
    pub(crate) mod json;
    pub(crate) mod keyring;
    pub(crate) mod log;
    pub(crate) mod names;
    pub(crate) mod options;
    pub(crate) mod output;
    pub(crate) mod page;
    pub(crate) mod paint;
    pub(crate) mod print;
    pub(crate) mod progress;
    pub(crate) mod run;
    pub(crate) mod sanitize;
    pub(crate) mod trail;
}
use common::cert_file::CertFile;
use common::input::Input;
use common::options::NetworkOptions;
use common::progress::Progress;
use common::run::{interrupt, is_closed_pipe, usage_error};
use common::{exit, log, trail};
use gather::Gathered;
use session::Session;
use skip::Done;

/// Asks a key server for news about certificates
///
/// Reads certificates, asks the validating key server for each by its fingerprint (no
/// address is sent, and no Web Key Directory is asked), and merges what is new:
/// revocations, other expiration dates, subkeys. Nothing that a certificate has is
/// ever lost.
///
/// Exit status: 0 the key server has each, and what was new is merged; 1 it does not
/// have at least one; 3 for at least one it could not be told, or an input could not
/// be read as a whole; 2 usage error; 130 after Ctrl-C, with the file of -o written.
#[derive(Debug, Parser)]
#[command(name = "refresh")]
struct Args {
    /// Files of certificates, armored or binary, several in each; `-` reads stdin
    #[arg(
        value_name = "FILE",
        required = true,
        value_parser = PathBufValueParser::new().try_map(Input::new),
    )]
    files: Vec<Input>,

    /// Write every certificate that was read, with the news merged in; armored,
    /// unless the name ends in .pgp or .gpg; never secret keys
    #[arg(
        short,
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(CertFile::new),
    )]
    output: Option<CertFile>,

    /// Which User IDs of an answer may come in: those that the file has, or all
    #[arg(long, value_enum, default_value = "held")]
    user_ids: UserIds,

    /// Leave out what an earlier run has done: its JSON Lines. What failed is asked
    /// again; what the file of -o has from that run is kept. May be repeated
    #[arg(
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(skip::read),
    )]
    skip: Vec<Done>,

    #[command(flatten)]
    network: NetworkOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UserIds {
    Held,
    All,
}

/// How the program came to its end.
enum End {
    Done,
    Interrupted,
}

fn main() -> ExitCode {
    let args = Args::parse();
    log::start(args.network.verbose);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("refresh: {error}");
            return ExitCode::from(exit::UNDETERMINED);
        }
    };
    let code = runtime.block_on(run(args));
    runtime.shutdown_background();
    code
}

async fn run(args: Args) -> ExitCode {
    let mut interrupt = pin!(interrupt());
    let args = Arc::new(args);
    let gathered = tokio::select! {
        biased;
        () = &mut interrupt => return ExitCode::from(exit::INTERRUPTED),
        gathered = gather(args.clone()) => gathered,
    };
    let gathered = match gathered {
        Ok(gathered) => gathered,
        Err(error) => {
            eprintln!("refresh: {error}");
            return ExitCode::from(exit::UNDETERMINED);
        }
    };
    let certs = gathered.certs.clone();
    let count = u64::try_from(certs.len()).ok();
    let progress = Progress::new(count, args.network.verbose);
    let locator = args.locator(progress.clone());
    let mut session = Session::new(&args, progress.clone(), gathered);
    let end = tokio::select! {
        biased;
        () = &mut interrupt => Ok(End::Interrupted),
        end = refresh(&locator, certs, &mut session) => end,
    };
    progress.finish();
    finish(end, &session)
}

/// Reading blocks, and stdin perhaps for ever: a thread is not waited for when the
/// program ends.
async fn gather(args: Arc<Args>) -> anyhow::Result<Gathered> {
    let (sender, gathered) = oneshot::channel();
    // Nobody listens any more where the program ends already.
    thread::spawn(move || sender.send(gather::gather(&args)).ok());
    Ok(gathered.await?)
}

/// Refreshes every certificate and prints what came of each when it is there.
async fn refresh(
    locator: &KeyLocator,
    certs: Vec<Cert>,
    session: &mut Session,
) -> anyhow::Result<End> {
    let mut refreshes = pin!(locator.refresh_all(stream::iter(certs)));
    while let Some(refresh) = refreshes.next().await {
        session.refreshed(refresh)?;
    }
    session.summary()?;
    Ok(End::Done)
}

/// Writes what there is to write, and says how it went.
fn finish(end: anyhow::Result<End>, session: &Session) -> ExitCode {
    let saved = session.save();
    if let Err(error) = &saved {
        eprintln!("refresh: {error:#}");
    }
    match end {
        Ok(End::Interrupted) => ExitCode::from(exit::INTERRUPTED),
        Err(error) if !is_closed_pipe(&error) => {
            eprintln!("refresh: {error:#}");
            ExitCode::from(exit::UNDETERMINED)
        }
        _ if saved.is_err() => ExitCode::from(exit::UNDETERMINED),
        // The reader of stdout has gone, but the file is not what was asked for.
        Err(_) if session.has_output() => {
            eprintln!("refresh: stdout is closed: not all were asked for");
            ExitCode::from(exit::UNDETERMINED)
        }
        Ok(End::Done) | Err(_) => session.tally().code(),
    }
}

impl Args {
    /// A locator with every option set. What it refuses is a usage error.
    fn locator(&self, progress: Progress) -> KeyLocator {
        let mut builder = self
            .network
            .configure(KeyLocator::builder())
            .no_wkd()
            .on_event(trail::watch(self.network.verbose, progress));
        if let UserIds::All = self.user_ids {
            builder = builder.refresh_user_ids(|_| true);
        }
        builder
            .build()
            .unwrap_or_else(|error| usage_error::<Self>(&error.to_string()))
    }
}
