//! A directory as data: for a web server's files, or for a database.

use super::entry::Entry;
use super::skipped::Skipped;
use crate::EmailAddress;
use crate::wkd::Layout;
use crate::wkd::url::MAX_HOST;

/// A domain's directory, as data: for a web server's files, or for a database.
///
/// It is made by [`Publisher::plan`](super::Publisher::plan), and always the same
/// from the same certificates, in whichever order they came.
#[derive(Clone, Debug)]
pub struct Publication {
    pub(super) domain: String,
    /// In order of their addresses.
    pub(super) entries: Vec<Entry>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) policy_file: Vec<u8>,
}

/// One file of a directory.
#[derive(Clone, Debug)]
pub struct File<'p> {
    path: String,
    bytes: &'p [u8],
    entry: Option<&'p Entry>,
}

impl Publication {
    /// The domain, in A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The host that serves it by this method; `None` where its name would be too
    /// long to exist, so that clients ask by the direct method.
    pub fn host(&self, layout: Layout) -> Option<String> {
        let host = layout.host(&self.domain);
        (host.len() <= MAX_HOST).then_some(host)
    }

    /// What is served, by address; each [hash](Entry::hash) once.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is served for an address, if anything: the entry that has its hash.
    ///
    /// ASCII letters count in either case, quotes are a part of the local part, as
    /// in the directory itself (draft-koch-openpgp-webkey-service §3.1).
    pub fn entry(&self, address: &EmailAddress) -> Option<&Entry> {
        let address = Entry::address_of(address);
        let place = self
            .entries
            .binary_search_by(|entry| entry.address().vks().cmp(address.vks()));
        self.entries.get(place.ok()?)
    }

    /// What is not published, and why: by address, then by fingerprint.
    ///
    /// Certificates without a User ID of the domain are none of its business and
    /// not among them.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What is in the policy file (draft-koch-openpgp-webkey-service §4.5): mostly
    /// nothing. It must be there all the same.
    pub fn policy_file(&self) -> &[u8] {
        &self.policy_file
    }

    /// The files of the directory: one for each entry, and at last `policy`.
    ///
    /// ```
    /// use openpgp_discovery::openpgp::cert::CertBuilder;
    /// use openpgp_discovery::wkd::{Layout, publish::Publisher};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (cert, _) = CertBuilder::general_purpose(Some("<Joe.Doe@example.org>")).generate()?;
    /// let publication = Publisher::new("example.org")?.plan([cert], |_, _| true);
    /// let paths: Vec<_> = publication.files(Layout::Advanced).map(|f| f.path().to_owned()).collect();
    /// assert_eq!(
    ///     paths,
    ///     ["example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q", "example.org/policy"]
    /// );
    /// # Ok(()) }
    /// ```
    pub fn files(&self, layout: Layout) -> impl Iterator<Item = File<'_>> {
        let entries = self.entries.iter().map(move |entry| File {
            path: layout.path(&self.domain, &["hu/", entry.hash()].concat()),
            bytes: entry.bytes(),
            entry: Some(entry),
        });
        entries.chain(std::iter::once_with(move || File {
            path: layout.path(&self.domain, "policy"),
            bytes: &self.policy_file,
            entry: None,
        }))
    }
}

impl<'p> File<'p> {
    /// Where it is, below what `/.well-known/openpgpkey/` maps to, with `/` between
    /// the parts: the domain, hashes and fixed words, no name of anybody.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is in it.
    pub fn bytes(&self) -> &'p [u8] {
        self.bytes
    }

    /// What it serves; `None` for the policy file.
    pub fn entry(&self) -> Option<&'p Entry> {
        self.entry
    }
}
