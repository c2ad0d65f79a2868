//! What an earlier run has done, by its JSON Lines.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use openpgp_discovery::openpgp::Fingerprint;
use serde::Deserialize;

/// The certificates that need not be asked for again.
#[derive(Clone, Debug)]
pub(crate) struct Done(Arc<HashSet<Fingerprint>>);

#[derive(Deserialize)]
struct Line {
    fingerprint: String,
    outcome: String,
    error: Option<String>,
}

impl Done {
    pub(crate) fn holds(&self, fingerprint: &Fingerprint) -> bool {
        self.0.contains(fingerprint)
    }
}

/// Reads the lines. The last one may be cut off: that run was perhaps killed.
pub(crate) fn read(path: PathBuf) -> io::Result<Done> {
    let text = fs::read_to_string(path)?;
    let mut done = HashSet::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match parse(line) {
            Ok(Some(fingerprint)) => {
                done.insert(fingerprint);
            }
            Ok(None) => {}
            Err(_) if !line.ends_with('\n') => {}
            Err(why) => {
                return Err(io::Error::other(format!(
                    "line {} is none of this program's: {why}",
                    number + 1
                )));
            }
        }
    }
    Ok(Done(Arc::new(done)))
}

/// The certificate, if it is done. One with an error is not: there may be more news.
fn parse(line: &str) -> Result<Option<Fingerprint>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let fingerprint: Fingerprint = line
        .fingerprint
        .parse()
        .map_err(|_| "it names no fingerprint")?;
    match line.outcome.as_str() {
        "updated" | "unchanged" | "not_found" => Ok(line.error.is_none().then_some(fingerprint)),
        "failed" => Ok(None),
        _ => Err("there is no such outcome".to_owned()),
    }
}
