//! What there is to do: the certificates of all files, but for what is done already.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::{Cert, Fingerprint};

use super::Args;
use super::common::cert_file::CertFile;
use super::common::certs::Certs;
use super::common::input::Input;

/// What was read.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// All of it.
    pub(crate) held: Certs,
    /// What of it to ask for.
    pub(crate) certs: Vec<Cert>,
    /// How many an earlier run has done.
    pub(crate) skipped: usize,
    /// What could not be read: a line each, for people.
    pub(crate) broken: Vec<String>,
    /// The file of -o has some of that, which would be lost.
    pub(crate) would_lose: bool,
}

/// Reads everything. It blocks.
pub(crate) fn gather(args: &Args) -> Gathered {
    let mut keyring = Keyring::new();
    let (mut broken, mut would_lose) = (Vec::new(), false);
    let output = args.output.as_ref();
    let is_replaced = |input: &Input| output.is_some_and(|o| is_same(input, o.path()));
    // What the earlier run wrote would be lost where the files that it read are read
    // again, and its own replaced.
    let earlier = output.filter(|_| !args.skip.is_empty()).and_then(earlier);
    let mut given = 0;
    let mut replaced = Vec::new();
    for (input, is_given) in
        (args.files.iter().map(|file| (file, true))).chain(earlier.iter().map(|file| (file, false)))
    {
        let read = input.add_to(&mut keyring);
        if is_replaced(input) {
            would_lose |= read.is_err();
            replaced.push(input.name());
        }
        broken.extend(read.err());
        if is_given {
            given = keyring.len();
        }
    }
    let mut certs = Vec::new();
    for (place, cert) in keyring.certs().enumerate() {
        let cert = cert.or_else(|why| {
            would_lose |= replaced.iter().any(|name| name == why.name());
            broken.push(why.to_string());
            why.into_cert().ok_or(())
        });
        certs.extend(cert.ok().map(|cert| (place < given, cert)));
    }
    let known: HashSet<Fingerprint> = certs
        .iter()
        .filter(|(is_given, _)| *is_given)
        .map(|(_, cert)| cert.fingerprint())
        .collect();
    let is_of_that_run = |fingerprint: &Fingerprint| {
        known.contains(fingerprint) && args.skip.iter().any(|done| done.names(fingerprint))
    };
    let mut held = Certs::default();
    for (is_given, cert) in certs {
        if is_given || is_of_that_run(&cert.fingerprint()) {
            held.add(cert);
        }
    }
    let is_done = |cert: &&Cert| args.skip.iter().any(|done| done.holds(cert));
    let all = held.certs().iter();
    let certs: Vec<Cert> = all.filter(|cert| !is_done(cert)).cloned().collect();
    Gathered {
        skipped: held.certs().len() - certs.len(),
        held,
        certs,
        broken,
        would_lose,
    }
}

/// What is in the file of -o already, if anything.
fn earlier(output: &CertFile) -> Option<Input> {
    if is_empty(output.path()) {
        return None;
    }
    // An error: that run wrote another file, or none.
    Input::new(output.path().to_owned()).ok()
}

/// Whether writing there replaces something that was read here.
fn is_same(input: &Input, output: &Path) -> bool {
    let input = match input {
        Input::Stdin => Path::new("/dev/stdin"),
        Input::File { path, .. } => path,
    };
    let places = (fs::canonicalize(input), fs::canonicalize(output));
    matches!(places, (Ok(input), Ok(output)) if input == output) && !is_empty(output)
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}
