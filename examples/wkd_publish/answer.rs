//! A file of the directory as a JSON object: the names and the order of its fields are
//! a contract.

use openpgp_discovery::wkd::publish::File;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    address: Option<String>,
    path: &'a str,
    fingerprints: Vec<String>,
    bytes: usize,
}

impl<'a> Answer<'a> {
    pub(crate) fn of(file: &'a File<'_>) -> Self {
        let entry = file.entry();
        let fingerprints = entry.map(|entry| entry.fingerprints()).unwrap_or_default();
        Self {
            address: entry.map(|entry| entry.address().to_string()),
            path: file.path(),
            fingerprints: fingerprints.iter().map(|f| f.to_hex()).collect(),
            bytes: file.bytes().len(),
        }
    }
}
