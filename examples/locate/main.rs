//! Finds the OpenPGP certificates of e-mail addresses.
//!
//! ```sh
//! cargo run --release --example locate                      # a demonstration, offline
//! cargo run --release --example locate -- alice@example.org
//! cargo run --release --example locate -- --json - <addresses.txt
//! ```

use std::pin::pin;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Parser, ValueEnum};
use futures_util::{StreamExt as _, stream};
use openpgp_discovery::plan::Fallback;
use openpgp_discovery::{KeyLocator, KeyLocatorBuilder, UserIdFilter};

mod answer;
mod demo;
mod draw;
mod input;
mod session;

#[path = "../common"]
mod common {
    pub(crate) mod cert_file;
    pub(crate) mod certs;
    pub(crate) mod exit;
    pub(crate) mod finish;
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
use common::options::NetworkOptions;
use common::progress::Progress;
use common::run::{interrupt, run, usage_error};
use common::{log, trail};
use session::Session;

/// Finds the OpenPGP certificates of e-mail addresses
///
/// Asks the domain's Web Key Directory (advanced method, then direct), then a
/// validating key server. Without an address it shows itself on a small network of
/// its own, which needs no connection to the Internet.
///
/// Exit status: 0 found for each; 1 there is none for at least one, or it is not an
/// address; 3 for at least one it could not be told; 2 usage error; 130 after Ctrl-C.
/// The demonstration: 0 where each look-up ends as planned, else 1.
#[derive(Debug, Parser)]
#[command(name = "locate")]
struct Args {
    /// E-mail addresses, without a name or angle brackets; `-` reads them from stdin,
    /// one a line
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,

    /// Do not ask Web Key Directories
    #[arg(long, conflicts_with = "no_vks")]
    no_wkd: bool,

    /// Do not ask a key server
    #[arg(long, conflicts_with_all = ["vks", "vks_rate"])]
    no_vks: bool,

    /// When to try WKD's direct method: only where the host of the advanced one has no
    /// address, or also after a failure
    #[arg(long, value_enum, default_value = "strict")]
    fallback: FallbackName,

    /// Which User IDs of a certificate to keep
    #[arg(long, value_enum, default_value = "matching")]
    user_ids: UserIds,

    /// Write what was found; armored, unless the name ends in .pgp or .gpg
    #[arg(
        short,
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(CertFile::new),
    )]
    output: Option<CertFile>,

    #[command(flatten)]
    network: NetworkOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FallbackName {
    Strict,
    Lenient,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UserIds {
    Matching,
    All,
}

fn main() -> ExitCode {
    let args = Args::parse();
    log::start(args.network.verbose);
    run("locate", work(args))
}

async fn work(args: Args) -> ExitCode {
    let progress = Progress::new(input::count(&args.addresses), args.network.verbose);
    let mut session = Session::new(&args, progress.clone());
    let work = async {
        if args.addresses.is_empty() {
            demo::run(&args, &mut session).await
        } else {
            locate(&args, &mut session).await
        }
    };
    let end = tokio::select! {
        biased;
        () = interrupt() => Ok(None),
        end = work => end.map(Some),
    };
    progress.finish();
    // A reader that has gone has what it wanted.
    finish("locate", end, session.save(), || session.tally().code())
}

/// Looks every address up and prints each answer when it is there.
async fn locate(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let locator = args.locator(KeyLocator::builder(), session.progress());
    let (addresses, refused) = input::read(args.addresses.clone(), session.typed());
    let lookups = locator
        .locate_all(addresses)
        .map(|lookup| Item::Lookup(Box::new(lookup)));
    let mut items = pin!(stream::select(lookups, refused.map(Item::Refused)));
    while let Some(item) = items.next().await {
        match item {
            Item::Lookup(lookup) => session.lookup(&lookup)?,
            Item::Refused(refused) => session.refused(&refused)?,
        }
    }
    session.summary()?;
    Ok(session.tally().code())
}

enum Item {
    Lookup(Box<openpgp_discovery::Lookup>),
    Refused(input::Refused),
}

impl Args {
    /// A locator with every option set. What it refuses is a usage error.
    fn locator(&self, builder: KeyLocatorBuilder, progress: Progress) -> KeyLocator {
        let mut builder = self
            .network
            .configure(builder)
            .fallback(match self.fallback {
                FallbackName::Strict => Fallback::Strict,
                FallbackName::Lenient => Fallback::Lenient,
            })
            .user_ids(match self.user_ids {
                UserIds::Matching => UserIdFilter::Matching,
                UserIds::All => UserIdFilter::All,
            })
            .on_event(trail::watch(self.network.verbose, progress));
        if self.no_wkd {
            builder = builder.no_wkd();
        }
        if self.no_vks {
            builder = builder.no_vks();
        }
        builder
            .build()
            .unwrap_or_else(|error| usage_error::<Self>(&error.to_string()))
    }
}
