//! Many addresses at once: 10,000 over 500 domains, and over one, for this crate's
//! `locate_all` and for the same loop over sequoia-net; and as many refreshes.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench batch                # all parts
//! cargo bench -p openpgp-discovery-benches --bench batch -- throughput dead
//! cargo bench -p openpgp-discovery-benches --bench batch -- one --round-trip 20 --runs 5
//! cargo bench -p openpgp-discovery-benches --bench batch -- --test      # does it run?
//! ```
//!
//! Parts: `throughput` (many domains, in both orders), `dead` (a tenth of the
//! domains never answers), `one` (one domain), `refresh`, `memory` (whether it grows
//! with the batch). Options: `--round-trip` and `--deadline` in milliseconds, `--ttl` of
//! DNS answers in seconds, `--runs`, `--domains`, `--per-domain`, `--concurrency` (of
//! both clients; else what the locator has by itself, and 16 tasks over sequoia-net).
//!
//! The servers are the testbed, in a process of its own, behind a line of this round
//! trip. Each run of a client is a process of its own too, so that its memory and
//! its processor time are what the kernel counts for it: nothing of the servers, and
//! nothing that an earlier run has left. The runs of what is compared take turns; what
//! is printed are medians, and medians of the ratios within a turn. Clients and servers
//! share the machine's processors.
//!
//! A run whose answers are not all as they must be ends the bench. No speed does.

use std::env;
use std::process::ExitCode;

mod client;
mod dns;
mod options;
mod ours;
mod parts;
mod peer;
mod run;
mod servers;
mod table;
mod task;
mod world;

use openpgp_discovery_benches::Result;
use options::Options;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let ended = match arguments.split_first() {
        Some((role, rest)) if role == servers::ROLE => servers::serve(rest),
        Some((role, rest)) if role == client::ROLE => client::take_part(rest),
        _ => Options::parse(&arguments).and_then(|options| parts::measure(&options)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
