//! Serves Web Key Directories out of keyrings.
//!
//! ```sh
//! cargo run --release --example wkd_server -- --listen 127.0.0.1:8080 \
//!     --domain example.org=keyring.pgp
//! cargo run --release --example wkd_server -- --listen '[::]:443' \
//!     --cert fullchain.pem --key privkey.pem \
//!     --domain example.org=staff.pgp --domain example.org=lists.pgp \
//!     --domain customer.example=customer.pgp
//! ```

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use openpgp_discovery::wkd::serve::InMemory;
use tokio::net::TcpListener;

mod listen;
mod process;
mod stamp;
mod tenants;
mod tls;
mod watch;
mod web;

#[path = "../common"]
mod common {
    pub(crate) mod allow;
    pub(crate) mod blocking;
    pub(crate) mod exit;
    pub(crate) mod input;
    pub(crate) mod keyrings;
    pub(crate) mod log;
    pub(crate) mod run;
    pub(crate) mod sanitize;
}
use common::run::{run, usage_error};
use common::sanitize::clean;
use common::{blocking, exit, log};
use listen::Server;
use process::told_to_end;
use tenants::{Choice, Tenants};
use tls::Tls;
use watch::watch;

/// Serves Web Key Directories out of keyrings
///
/// For each domain it serves what wkd_publish would write, for the advanced method at
/// any host (openpgpkey.DOMAIN may be an alias of this one) and for the direct method at
/// the domain itself. GET and HEAD are answered; whatever is not there is the same 404.
/// Clients want https: without --cert it is for a proxy in front.
///
/// Keyrings, the file of --allow and the TLS certificate are read again when they
/// change. What is worse than before is not taken: the old one is served on, and stderr
/// says so. Secret keys in a keyring are never served.
///
/// The first line on stdout is the address it listens at. The address of a client is
/// not logged, and neither is the local part that it asks for: -v shows the hash.
///
/// Exit status: 130 after Ctrl-C, 0 where it was told to end otherwise; 2 usage error,
/// also where a file cannot be read at the start; 3 it cannot listen.
#[derive(Debug, Parser)]
#[command(name = "wkd_server")]
struct Args {
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: SocketAddr,

    /// TLS certificate and its chain (PEM), for all names that clients use
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The key of it (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Serve the addresses of this domain on the certificates in this file, armored or
    /// binary; may be repeated, for other domains and for other files of one domain
    #[arg(
        long = "domain",
        value_name = "DOMAIN=KEYRING",
        required = true,
        value_parser = tenants::parse,
    )]
    domains: Vec<(String, PathBuf)>,

    /// Serve only the pairs in this file: lines of ADDRESS FINGERPRINT. Otherwise being
    /// in a domain's keyring is enough for all its addresses of the domain
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,

    /// Serve revoked certificates too
    #[arg(long)]
    include_revoked: bool,

    /// Serve expired certificates too
    #[arg(long)]
    include_expired: bool,

    /// Log requests on stderr; twice: connections that fail, and log events, too
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

fn main() -> ExitCode {
    let args = Args::parse();
    log::start(args.verbose);
    run("wkd_server", work(args))
}

async fn work(args: Args) -> ExitCode {
    let mut end = pin!(told_to_end());
    let directory = Arc::new(InMemory::new());
    let args = Arc::new(args);
    let (reader, served) = (Arc::clone(&args), Arc::clone(&directory));
    let read = tokio::select! {
        biased;
        code = &mut end => return code,
        read = blocking::aside(move || reader.read(served)) => read.and_then(|read| read),
    };
    let (tenants, tls) =
        read.unwrap_or_else(|error| usage_error::<Args>(&clean(&format!("{error:#}"))));
    let bound = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener.local_addr().map(|address| (listener, address)),
        Err(error) => Err(error),
    };
    let (listener, address) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            web::say(&format!("cannot listen at {}: {error}", args.listen));
            return ExitCode::from(exit::UNDETERMINED);
        }
    };
    announce(address, tls.is_some());

    let app = web::app(directory, args.verbose);
    let server = Server::new(app, tls.clone(), args.verbose);
    let code = tokio::select! {
        biased;
        code = &mut end => code,
        () = watch(tenants, tls) => ExitCode::SUCCESS,
        () = server.accept(&listener) => ExitCode::SUCCESS,
    };
    drop(listener);
    server.finish().await;
    code
}

/// Says where it listens: with port 0 nobody else knows.
fn announce(address: SocketAddr, is_tls: bool) {
    let scheme = if is_tls { "https" } else { "http" };
    let mut stdout = io::stdout();
    // Nobody has to read it.
    let _ = writeln!(stdout, "listening on {scheme}://{address}").and_then(|()| stdout.flush());
}

impl Args {
    /// Everything that is read, for the first time. It blocks.
    fn read(&self, directory: Arc<InMemory>) -> anyhow::Result<(Tenants, Option<Arc<Tls>>)> {
        let tls = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(Arc::new(Tls::read(cert.clone(), key.clone())?)),
            _ => None,
        };
        let choice = Choice {
            allow: self.allow.clone(),
            include_revoked: self.include_revoked,
            include_expired: self.include_expired,
        };
        let tenants = Tenants::read(&self.domains, choice, directory)?;
        Ok((tenants, tls))
    }
}
