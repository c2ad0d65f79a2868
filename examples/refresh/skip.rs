//! What an earlier run has done, by its JSON Lines.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use openpgp_discovery::CertStatus;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::{Cert, Fingerprint};
use serde::Deserialize;

use super::answer::RevocationObject;
use super::common::names;

/// What became of which certificate.
#[derive(Clone, Debug)]
pub(crate) struct Done(Arc<HashMap<Fingerprint, Line>>);

#[derive(Debug, Deserialize)]
struct Line {
    fingerprint: String,
    outcome: String,
    status_after: Option<String>,
    revocation: Option<RevocationObject>,
    #[serde(default)]
    changes: Vec<Change>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    kind: String,
}

impl Done {
    pub(crate) fn names(&self, fingerprint: &Fingerprint) -> bool {
        self.0.contains_key(fingerprint)
    }

    /// Whether this need not be asked for again.
    pub(crate) fn holds(&self, cert: &Cert) -> bool {
        let line = self.0.get(&cert.fingerprint());
        line.is_some_and(|line| line.is_final() && line.is_shown_by(cert))
    }
}

impl Line {
    /// One with an error is not: there may be more news.
    fn is_final(&self) -> bool {
        self.error.is_none() && self.outcome != "failed"
    }

    /// Whether what is at hand has all that this line says. Its news may never have
    /// been written, or to another file; other news than those below cannot be seen.
    fn is_shown_by(&self, cert: &Cert) -> bool {
        let can_be_seen = |change: &Change| {
            let kind = change.kind.as_str();
            matches!(kind, "revoked" | "revocation_lifted" | "news_withheld")
        };
        if !self.changes.iter().all(can_be_seen) {
            return false;
        }
        let status = CertStatus::of(cert, &StandardPolicy::new(), SystemTime::now());
        self.status_after.as_deref() == Some(names::cert_status(&status))
            && self.revocation == status.revocation().map(RevocationObject::of)
    }
}

/// Reads the lines. The last one may be cut off: that run was perhaps killed.
pub(crate) fn read(path: PathBuf) -> io::Result<Done> {
    let text = fs::read_to_string(path)?;
    let mut done = HashMap::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match parse(line) {
            Ok(entry) => done.extend(entry),
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

fn parse(line: &str) -> Result<Option<(Fingerprint, Line)>, String> {
    if line.trim().is_empty() {
        return Ok(None);
    }
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let fingerprint: Fingerprint = line
        .fingerprint
        .parse()
        .map_err(|_| "it names no fingerprint")?;
    match line.outcome.as_str() {
        "updated" | "unchanged" | "not_found" | "failed" => Ok(Some((fingerprint, line))),
        _ => Err("there is no such outcome".to_owned()),
    }
}
