//! Who may be published for which address: the file of --allow.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::Fingerprint;

/// Pairs of an address and a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Allow(Arc<Vec<Pair>>);

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) address: EmailAddress,
    pub(crate) fingerprint: Fingerprint,
    /// Where it stands, counted from one.
    pub(crate) line: usize,
}

impl Allow {
    pub(crate) fn grants(&self, address: &EmailAddress, fingerprint: &Fingerprint) -> bool {
        self.pairs()
            .any(|pair| pair.fingerprint == *fingerprint && pair.address.matches(address))
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.0.iter()
    }
}

/// Reads the file. What is wrong with it is told with the number of the line.
pub(crate) fn read(path: PathBuf) -> io::Result<Allow> {
    let text = fs::read_to_string(path)?;
    let mut pairs = Vec::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = number.saturating_add(1);
        let pair =
            parse(line, number).map_err(|why| io::Error::other(format!("line {number}: {why}")))?;
        pairs.extend(pair);
    }
    Ok(Allow(Arc::new(pairs)))
}

/// The pair of a line, unless there is none in it.
fn parse(line: &str, number: usize) -> Result<Option<Pair>, String> {
    let line = without_comment(line).trim();
    if line.is_empty() {
        return Ok(None);
    }
    // A quoted local part may have spaces, and so may a fingerprint that was copied.
    let Some((at, _)) = line
        .match_indices(char::is_whitespace)
        .find(|(at, _)| line[..*at].parse::<EmailAddress>().is_ok())
    else {
        return Err("it has to be an address, a space and a fingerprint".to_owned());
    };
    let address = line[..at].parse();
    let address = address.map_err(|error| format!("not an e-mail address: {error}"))?;
    let hex = line[at..].split_whitespace().collect::<String>();
    match hex.parse() {
        Ok(fingerprint @ (Fingerprint::V4(_) | Fingerprint::V6(_))) => Ok(Some(Pair {
            address,
            fingerprint,
            line: number,
        })),
        _ => Err("what follows the address is no fingerprint".to_owned()),
    }
}

/// The line up to a `#` at its beginning or behind white space: in an address, `#` is a
/// letter like any other.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        line[..*at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace)
    };
    let comment = line.match_indices('#').map(|(at, _)| at).find(begins);
    comment.map_or(line, |at| &line[..at])
}
