//! Who may be published for which address: the file of --allow.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::Fingerprint;
use openpgp_discovery::wkd::publish::Publication;

/// Pairs of an address and a certificate, by certificate.
#[derive(Clone, Debug)]
pub(crate) struct Allow(Arc<HashMap<Fingerprint, Vec<Pair>>>);

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) address: EmailAddress,
    pub(crate) fingerprint: Fingerprint,
    /// Where it stands, counted from one.
    pub(crate) line: usize,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, .. } = self;
        let (address, fingerprint) = (&self.address, &self.fingerprint);
        write!(
            f,
            "line {line} of --allow: {fingerprint} is not published for {address}"
        )
    }
}

impl Allow {
    pub(crate) fn grants(&self, address: &EmailAddress, fingerprint: &Fingerprint) -> bool {
        let mut pairs = self.0.get(fingerprint).into_iter().flatten();
        pairs.any(|pair| pair.address.matches(address))
    }

    /// The pairs of the domain that did not come about, in the order of their lines.
    pub(crate) fn unpublished(&self, publication: &Publication) -> Vec<&Pair> {
        let mut published: HashMap<_, Vec<_>> = HashMap::new();
        for entry in publication.entries() {
            for fingerprint in entry.fingerprints() {
                published
                    .entry(fingerprint)
                    .or_default()
                    .push(entry.address());
            }
        }
        let pairs = self.0.values().flatten();
        let of_domain = pairs.filter(|pair| pair.address.domain() == publication.domain());
        let mut missing: Vec<_> = of_domain
            .filter(|pair| {
                let mut addresses = published.get(&pair.fingerprint).into_iter().flatten();
                !addresses.any(|address| address.matches(&pair.address))
            })
            .collect();
        missing.sort_by_key(|pair| pair.line);
        missing
    }
}

/// Reads the file. What is wrong with it is told with the number of the line.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Allow> {
    let text = fs::read_to_string(path)?;
    let mut pairs: HashMap<_, Vec<_>> = HashMap::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = number.saturating_add(1);
        let pair =
            parse(line, number).map_err(|why| io::Error::other(format!("line {number}: {why}")))?;
        if let Some(pair) = pair {
            pairs
                .entry(pair.fingerprint.clone())
                .or_default()
                .push(pair);
        }
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
