//! What there is to do: the certificates of all files, but for what is done already.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use openpgp_discovery::openpgp::{Cert, Fingerprint};

use super::Args;
use super::common::cert_file::CertFile;
use super::common::certs;
use super::common::input::Input;
use super::common::keyring::Keyring;

/// What was read.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// All of it.
    pub(crate) keyring: Keyring,
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
    let (mut certs, mut files) = (Vec::new(), Vec::new());
    for input in &args.files {
        let mut file = certs::read(input);
        certs.append(&mut file.certs);
        files.push((input.clone(), file));
    }
    // What the earlier run wrote would be lost where the files that it read are read
    // again, and its own replaced.
    let output = args.output.as_ref();
    if let Some(input) = output.filter(|_| !args.skip.is_empty()).and_then(earlier) {
        let held: HashSet<Fingerprint> = certs.iter().map(Cert::fingerprint).collect();
        let is_of_that_run = |fingerprint: &Fingerprint| {
            held.contains(fingerprint) && args.skip.iter().any(|done| done.names(fingerprint))
        };
        let mut file = certs::read(&input);
        let written = file.certs.drain(..);
        certs.extend(written.filter(|cert| is_of_that_run(&cert.fingerprint())));
        files.push((input, file));
    }
    let (mut broken, mut would_lose) = (Vec::new(), false);
    for (input, file) in &mut files {
        file.revoke(&mut certs);
        would_lose |= !file.broken.is_empty() && output.is_some_and(|o| is_same(input, o.path()));
        broken.append(&mut file.broken);
    }
    let mut keyring = Keyring::default();
    certs.into_iter().for_each(|cert| keyring.add(cert));
    let is_done = |cert: &&Cert| args.skip.iter().any(|done| done.holds(cert));
    let all = keyring.certs().iter();
    let certs: Vec<Cert> = all.filter(|cert| !is_done(cert)).cloned().collect();
    Gathered {
        skipped: keyring.certs().len() - certs.len(),
        keyring,
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
