//! From certificates to a directory: what to serve, for which address.

use std::sync::Arc;
use std::time::SystemTime;

use sequoia_openpgp::policy::{Policy, StandardPolicy};
use sequoia_openpgp::{Cert, Fingerprint};

use super::Layout;
use crate::{EmailAddress, Error};

mod write;

pub use self::write::{Writer, Written};

/// Makes a domain's directory out of certificates.
#[derive(Clone, Debug)]
pub struct Publisher {
    domain: String,
    include_revoked: bool,
    include_expired: bool,
    policy: Arc<dyn Policy>,
    time: Option<SystemTime>,
}

impl Publisher {
    /// For this domain, in any form that an address may have it in.
    pub fn new(domain: &str) -> Result<Self, Error> {
        let _ = (domain, StandardPolicy::new());
        todo!()
    }

    /// Plans the directory. Of each certificate, the addresses of the domain on
    /// its valid User IDs are published that `authorize` grants.
    pub fn plan(
        &self,
        certs: impl IntoIterator<Item = Cert>,
        authorize: impl FnMut(&EmailAddress, &Cert) -> bool,
    ) -> Publication {
        let _ = (certs.into_iter(), authorize);
        let _ = (&self.domain, self.include_revoked, self.include_expired);
        let _ = (&self.policy, self.time);
        todo!()
    }
}

/// A domain's directory, as data: for a web server's files, or for a database.
#[derive(Clone, Debug)]
pub struct Publication {
    domain: String,
    entries: Vec<Entry>,
    skipped: Vec<Skipped>,
}

/// What is served for one address.
#[derive(Clone, Debug)]
pub struct Entry {
    address: EmailAddress,
    hash: String,
    fingerprints: Vec<Fingerprint>,
    bytes: Vec<u8>,
}

/// A certificate that is not published for an address, and why.
#[derive(Clone, Debug)]
pub struct Skipped {
    fingerprint: Fingerprint,
    address: EmailAddress,
}

/// One file of a directory.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Below what `/.well-known/openpgpkey/` maps to, `/` between its parts.
    path: String,
    bytes: &'a [u8],
    entry: Option<&'a Entry>,
}

impl Publication {
    /// The domain, in A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What is served, by address; each [hash](Entry::hash) once.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is not, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The files of the directory: one for each entry, and `policy`.
    pub fn files(&self, layout: Layout) -> impl Iterator<Item = File<'_>> {
        let _ = layout;
        std::iter::empty()
    }
}

impl Entry {
    /// The address, as the first of its User IDs has it.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// The 32 letters and digits that stand for its local part.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The certificates, best first.
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.fingerprints
    }

    /// What is served: the certificates one behind the other, binary.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Skipped {
    /// The certificate.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The address that it is not published for.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }
}

impl<'a> File<'a> {
    /// Where it is, below what `/.well-known/openpgpkey/` maps to.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is in it.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What it serves; `None` for the policy file.
    pub fn entry(&self) -> Option<&'a Entry> {
        self.entry
    }
}
