//! `wkd_server` under load, against nginx serving the same files in the same run.
//!
//! What is measured is the example program as it is built for release, in a process of
//! its own like nginx; the client is in this one, a thread for each connection. The
//! rounds of both take turns. Client and server share the machine's processors, so
//! that a fast server is held up by its client more than a slow one.
//!
//! ```text
//! cargo build --release --example wkd_server
//! cargo bench -p openpgp-discovery-benches --bench serve            # measure
//! cargo bench -p openpgp-discovery-benches --bench serve -- --test  # does it run?
//! ```
//!
//! Where nginx or the example is missing, that is said, and what is there is measured.

use std::fs;
use std::path::{Path, PathBuf};

use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::publish::{Publication, Publisher};
use openpgp_discovery_benches::{is_quick, median};
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertBuilder;
use sequoia_openpgp::serialize::Serialize as _;

mod client;
mod servers;

use client::{Client, Expected};
use servers::{Server, Tls};

const DOMAIN: &str = "example.org";
const HOST: &str = "openpgpkey.example.org";

/// How many certificates, each with one address.
const CERTS: usize = 100;
/// How many connections at once.
const CONNECTIONS: usize = 16;
/// How many requests on each of them in a round, and how many rounds.
const REQUESTS: usize = 1_000;
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = is_quick();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve");
    // Left behind by an earlier run.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    let certs = certificates()?;
    let keyring = directory.join("keyring.pgp");
    let mut octets = Vec::new();
    for cert in &certs {
        cert.serialize(&mut octets)?;
    }
    fs::write(&keyring, octets)?;
    let publication = Publisher::new(DOMAIN)?.plan(certs, |_, _| true);
    let tree = tree(&directory, &publication)?;
    let expected: Vec<Expected> = publication
        .files(Layout::Advanced)
        .filter(|file| file.entry().is_some())
        .map(|file| Expected::new(HOST, file.path(), file.bytes()))
        .collect();
    assert_eq!(expected.len(), CERTS);
    let tls = Tls::new(&directory, HOST)?;
    for tls in [None, Some(&tls)] {
        let protocol = if tls.is_some() { "TLS" } else { "plain HTTP" };
        let peers = [
            ("nginx", Server::nginx(&directory, &tree, tls)),
            ("wkd_server", Server::wkd_server(DOMAIN, &keyring, tls)),
        ];
        let mut running = Vec::new();
        for (name, server) in &peers {
            match server {
                Ok(server) => running.push((*name, Client::new(server.address(), tls, &expected))),
                Err(why) => println!("{name}, {protocol}: missing: {why}"),
            }
        }
        for (_, client) in &running {
            client.check()?;
        }
        if quick {
            for (name, client) in &running {
                client.round(CONNECTIONS, CERTS)?;
                println!("{name}, {protocol}: runs");
            }
            continue;
        }
        report(protocol, &running)?;
    }
    fs::remove_dir_all(&directory)?;
    Ok(())
}

fn certificates() -> sequoia_openpgp::Result<Vec<Cert>> {
    let certs = (0..CERTS).map(|number| {
        let user_id = format!("User {number} <user{number}@{DOMAIN}>");
        let (cert, _) = CertBuilder::general_purpose(Some(user_id)).generate()?;
        Ok(cert.strip_secret_key_material())
    });
    certs.collect()
}

/// As `wkd_publish` writes it.
fn tree(directory: &Path, publication: &Publication) -> std::io::Result<PathBuf> {
    let tree = directory.join("tree");
    for file in publication.files(Layout::Advanced) {
        let path = tree.join(file.path());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, file.bytes())?;
    }
    Ok(tree)
}

/// Measures in turns and prints a table.
fn report(protocol: &str, running: &[(&str, Client<'_>)]) -> std::io::Result<()> {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    for _ in 0..ROUNDS {
        let round = running.iter().map(|(_, client)| {
            let elapsed = client.round(CONNECTIONS, REQUESTS)?;
            let requests = CONNECTIONS * REQUESTS;
            Ok(requests as f64 / elapsed.as_secs_f64())
        });
        rounds.push(round.collect::<std::io::Result<_>>()?);
    }
    println!("{protocol}, {CONNECTIONS} connections, {CERTS} files ({ROUNDS} rounds)");
    println!("  {:12} {:>12} {:>9}", "", "requests/s", "× nginx");
    let peer = running.iter().position(|(name, _)| *name == "nginx");
    for (index, (name, _)) in running.iter().enumerate() {
        let rate = median(rounds.iter().map(|round| round[index]));
        let ratio = peer.map_or_else(
            || "-".to_owned(),
            |peer| {
                let ratio = median(rounds.iter().map(|round| round[index] / round[peer]));
                format!("{ratio:.2}")
            },
        );
        println!("  {name:12} {rate:>12.0} {ratio:>9}");
    }
    println!();
    Ok(())
}
