//! What there is to do: the certificates of all files, but for what is done already.

use std::collections::HashSet;

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
}

/// Reads everything. It blocks.
pub(crate) fn gather(args: &Args) -> Gathered {
    let (mut keyring, mut broken) = (Keyring::default(), Vec::new());
    for file in &args.files {
        let read = certs::read(file);
        read.certs.into_iter().for_each(|cert| keyring.add(cert));
        broken.extend(read.broken);
    }
    let is_done = |fingerprint: &Fingerprint| args.skip.iter().any(|done| done.holds(fingerprint));
    let all = keyring.certs().iter();
    let (done, certs): (Vec<Cert>, _) = all.cloned().partition(|c| is_done(&c.fingerprint()));
    if let Some(output) = args.output.as_ref().filter(|_| !done.is_empty()) {
        let done = done.iter().map(Cert::fingerprint).collect();
        take_over(&done, output, &mut keyring, &mut broken);
    }
    Gathered {
        keyring,
        certs,
        skipped: done.len(),
        broken,
    }
}

/// What the earlier run wrote of these would be lost where the files that it read are
/// read again, and its own replaced.
fn take_over(
    done: &HashSet<Fingerprint>,
    output: &CertFile,
    keyring: &mut Keyring,
    broken: &mut Vec<String>,
) {
    let Ok(input) = Input::new(output.path().to_owned()) else {
        // That run wrote another file, or none.
        return;
    };
    let read = certs::read(&input);
    let wanted = read.certs.into_iter();
    wanted
        .filter(|cert| done.contains(&cert.fingerprint()))
        .for_each(|cert| keyring.add(cert));
    broken.extend(read.broken);
}
