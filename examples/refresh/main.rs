//! Asks the key server for news about certificates that are held.
//!
//! ```sh
//! cargo run --release --example refresh -- keyring.asc -o keyring.asc
//! gpg --export | cargo run --release --example refresh -- --json - >news.jsonl
//! ```

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Parser, ValueEnum};
use futures_util::{StreamExt as _, stream};
use openpgp_discovery::KeyLocator;
use openpgp_discovery::openpgp::Cert;

mod answer;
mod draw;
mod gather;
mod session;
mod skip;

#[path = "../common"]
mod common {
    pub(crate) mod blocking;
    pub(crate) mod calendar;
    pub(crate) mod cert_file;
    pub(crate) mod certs;
    pub(crate) mod exit;
    pub(crate) mod finish;
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
use common::cert_file::CertFile;
use common::finish::finish;
use common::input::Input;
use common::options::NetworkOptions;
use common::progress::Progress;
use common::run::{interrupt, run, usage_error};
use common::{blocking, exit, log, trail};
use gather::gather;
use session::Session;
use skip::Done;

/// Asks a key server for news about certificates
///
/// Reads certificates, asks the validating key server for each by its fingerprint (no
/// address is sent, and no Web Key Directory is asked), and merges what is new:
/// revocations, other expiration dates, subkeys. Nothing that a certificate has is
/// ever lost. A revocation that stands by itself in a file counts for the certificate
/// that made it, in whichever file that is.
///
/// Exit status: 0 the key server has each, and what was new is merged; 1 it does not
/// have at least one; 3 for at least one it could not be told, or an input is empty or
/// could not be read as a whole; 2 usage error; 130 after Ctrl-C, with the file of -o
/// written. What --skip leaves out does not count, also where the key server did not
/// have it then.
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
    /// unless the name ends in .pgp or .gpg; never secret keys, and never over an input
    /// that could not be read as a whole. Unless each one in it was asked for and
    /// answered in this run, the file is dated 1970: it is not fresh
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

    /// Leave out what an earlier run has done: its JSON Lines. What the file of -o has
    /// from that run is kept. Asked again is what failed, what does not stand in these
    /// files as that run says, and what it brought other news of than a revocation. The
    /// summary counts what is left out by itself. May be repeated
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

fn main() -> ExitCode {
    let args = Args::parse();
    log::start(args.network.verbose);
    run("refresh", work(args))
}

async fn work(args: Args) -> ExitCode {
    let mut interrupt = pin!(interrupt());
    let args = Arc::new(args);
    let reader = args.clone();
    let gathered = tokio::select! {
        biased;
        () = &mut interrupt => return ExitCode::from(exit::INTERRUPTED),
        gathered = blocking::aside(move || gather(&reader)) => gathered,
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
        () = &mut interrupt => Ok(None),
        end = refresh(&locator, certs, &mut session) => end.map(Some),
    };
    progress.finish();
    finish("refresh", end, session.save(), || session.closed())
}

/// Refreshes every certificate and prints what came of each when it is there.
async fn refresh(
    locator: &KeyLocator,
    certs: Vec<Cert>,
    session: &mut Session,
) -> anyhow::Result<ExitCode> {
    let mut refreshes = pin!(locator.refresh_all(stream::iter(certs)));
    while let Some(refresh) = refreshes.next().await {
        session.refreshed(refresh)?;
    }
    session.summary()?;
    Ok(session.code())
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
