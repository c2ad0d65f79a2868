//! Writes the files of a Web Key Directory. No network.
//!
//! ```sh
//! cargo run --release --example wkd_publish -- \
//!     --domain example.org --out /srv/openpgpkey staff.asc
//! gpg --export | cargo run --release --example wkd_publish -- --domain example.org \
//!     --out /srv/openpgpkey --allow allowed.txt --remove-stale -
//! ```

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Parser, ValueEnum};
use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::publish::{Publication, Publisher, Writer, Written};
use openpgp_discovery::{EmailAddress, wkd};

mod answer;
mod draw;

#[path = "../common"]
mod common {
    pub(crate) mod allow;
    pub(crate) mod blocking;
    pub(crate) mod exit;
    pub(crate) mod input;
    pub(crate) mod json;
    pub(crate) mod keyrings;
    pub(crate) mod page;
    pub(crate) mod paint;
    pub(crate) mod pipe;
    pub(crate) mod print;
    pub(crate) mod run;
    pub(crate) mod sanitize;
    pub(crate) mod tally;
}
use answer::Answer;
use common::allow::{self, Allow};
use common::input::Input;
use common::paint::Paint;
use common::pipe::is_closed_pipe;
use common::run::{interrupt, run, usage_error};
use common::sanitize::clean;
use common::tally::{Tally, Verdict};
use common::{blocking, exit, json, keyrings, print};
use draw::Report;

/// Writes the files of a domain's Web Key Directory
///
/// For every address of the domain on a valid User ID, one file with the certificates
/// of that address, each with only the matching User ID; no other address or name of
/// anybody, and never a secret key. Whoever has a certificate in a keyring given is
/// published for every address that it claims: take no keyring from strangers, or
/// list with --allow who may have which address.
///
/// Each file is replaced in one step: a web server may go on serving meanwhile.
///
/// Exit status: 0 all is published; 1 no address of the domain is, or a line of --allow
/// is not; 3 an input could not be read as a whole (the rest is published, and nothing
/// is removed), or a file could not be written; 2 usage error; 130 after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "wkd_publish")]
struct Args {
    /// The domain of the addresses
    #[arg(long, value_name = "DOMAIN")]
    domain: String,

    /// What the web server serves at /.well-known/openpgpkey/; made if it is not there.
    /// With the advanced method it may hold many domains, which are left alone
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Whether it is for the host openpgpkey.DOMAIN or for DOMAIN itself
    #[arg(long, value_enum, default_value = "advanced")]
    method: Method,

    /// Publish only these pairs: lines of an address, a space and a fingerprint. A `#`
    /// begins a comment; addresses of other domains are no matter
    #[arg(
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(allow::read),
    )]
    allow: Option<Allow>,

    /// Publish revoked certificates too, so that who looks for a successor learns of
    /// the revocation
    #[arg(long)]
    include_revoked: bool,

    /// Publish expired certificates too
    #[arg(long)]
    include_expired: bool,

    /// Remove files of addresses that are not published any more; nothing is removed
    /// where an input could not be read as a whole, or where no address is published
    #[arg(long)]
    remove_stale: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON Lines: one object per file
    #[arg(long)]
    json: bool,

    /// Files of certificates, armored or binary, several in each; `-` reads stdin
    #[arg(
        value_name = "KEYRING",
        required = true,
        value_parser = PathBufValueParser::new().try_map(Input::new),
    )]
    keyrings: Vec<Input>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    Advanced,
    Direct,
}

/// What a run did.
struct Done {
    publication: Publication,
    written: Written,
    tally: Tally,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let publisher = args.publisher();
    run("wkd_publish", work(args, publisher))
}

async fn work(args: Args, publisher: Publisher) -> ExitCode {
    let mut interrupt = pin!(interrupt());
    let work = blocking::aside(move || {
        let done = args.publish(&publisher)?;
        args.show(&done)?;
        Ok(done.tally)
    });
    let done: anyhow::Result<Tally> = tokio::select! {
        biased;
        () = &mut interrupt => return ExitCode::from(exit::INTERRUPTED),
        done = work => done.and_then(|done| done),
    };
    match done {
        Ok(tally) => tally.code(),
        // All is written before anything is printed.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(exit::UNDETERMINED)
        }
    }
}

impl Args {
    /// What the options say. What it refuses is a usage error.
    fn publisher(&self) -> Publisher {
        let publisher = Publisher::new(&self.domain)
            .unwrap_or_else(|error| usage_error::<Self>(&error.to_string()));
        if let Method::Advanced = self.method
            && let Ok(address) = format!("a@{}", publisher.domain()).parse::<EmailAddress>()
            && wkd::Url::new(&address).advanced_host().is_none()
        {
            usage_error::<Self>(
                "openpgpkey.DOMAIN would be too long a name: only --method direct can be",
            );
        }
        publisher
            .include_revoked(self.include_revoked)
            .include_expired(self.include_expired)
    }

    fn layout(&self) -> Layout {
        match self.method {
            Method::Advanced => Layout::Advanced,
            Method::Direct => Layout::Direct,
        }
    }

    /// Reads, plans and writes. What is to be told of it goes to stderr.
    fn publish(&self, publisher: &Publisher) -> anyhow::Result<Done> {
        let mut tally = Tally::default();
        let (certs, broken) = keyrings::read(&self.keyrings);
        for why in &broken {
            complain(why);
            tally.add(Verdict::Undetermined);
        }
        let publication = publisher.plan(certs, |address, cert| {
            let allow = self.allow.as_ref();
            allow.is_none_or(|allow| allow.grants(address, &cert.fingerprint()))
        });
        for entry in publication.entries() {
            tally.add(Verdict::Good);
            let count = entry.fingerprints().len();
            if count > 1 && self.allow.is_none() {
                complain(&format!(
                    "warning: {} is claimed by {count} certificates, and all are published; \
                     --allow says which may be",
                    entry.address()
                ));
            }
        }
        let allow = self.allow.iter();
        for pair in allow.flat_map(|allow| allow.unpublished(&publication)) {
            tally.add(Verdict::None);
            complain(&format!("warning: {pair}"));
        }
        if publication.entries().is_empty() {
            tally.add(Verdict::None);
            complain(&format!(
                "no address of {} can be published from these keyrings",
                publication.domain()
            ));
        }
        let may_remove = broken.is_empty() && !publication.entries().is_empty();
        if self.remove_stale && !may_remove {
            complain("nothing is removed: it may be what should be published");
        }
        let written = Writer::new(self.layout(), &self.out)
            .remove_stale(self.remove_stale && may_remove)
            .dry_run(self.dry_run)
            .write(&publication)?;
        Ok(Done {
            publication,
            written,
            tally,
        })
    }

    fn show(&self, done: &Done) -> anyhow::Result<()> {
        let mut text = String::new();
        if self.json {
            for file in done.publication.files(self.layout()) {
                text.push_str(&json::line(&Answer::of(&file))?);
            }
        } else {
            let report = Report {
                publication: &done.publication,
                written: &done.written,
                layout: self.layout(),
                out: &self.out.to_string_lossy(),
                is_dry: self.dry_run,
                paint: Paint::for_stdout(),
            };
            text = report.draw();
        }
        Ok(print::stdout(&text)?)
    }
}

/// Tells people something on stderr.
fn complain(what: &str) {
    eprintln!("wkd_publish: {}", clean(what));
}
