//! Certificates as people keep them: in files, binary or in armor.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sequoia_openpgp::Cert;

use self::revocation::Revocation;

mod frame;
mod revocation;
mod scan;

/// Certificates as people keep them: binary or in ASCII armor, in several blocks
/// with text around them, in several files.
///
/// What is broken does not spoil what is not, in front of it or behind. A revocation
/// that stands by itself, as GnuPG writes one when a key is made, is applied to its
/// certificate, whichever of the files that is in; one of a subkey or of a User ID,
/// too. Secret key material is dropped. GnuPG's keybox files are no keyrings: export
/// from them.
///
/// It reads whole files and has no limits of its own: who takes keyrings from
/// strangers sets a limit to their size before, and reads them where blocking is
/// allowed.
///
/// ```no_run
/// use openpgp_discovery::keyring::Keyring;
/// use openpgp_discovery::wkd::publish::Publisher;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut keyring = Keyring::new();
/// keyring.add_path("staff.asc")?;
/// let certs = keyring.certs().filter_map(|cert| match cert {
///     Ok(cert) => Some(cert),
///     Err(broken) => {
///         eprintln!("{broken}");
///         None
///     }
/// });
/// let publication = Publisher::new("example.org")?.plan(certs, |_, _| true);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    certs: Vec<Result<Cert, BrokenCert>>,
    revocations: Vec<Revocation>,
}

/// A part of a [`Keyring`] that cannot be used: a sentence for people.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct BrokenCert {
    name: String,
    place: String,
    problem: String,
    cert: Option<Box<Cert>>,
}

impl Keyring {
    /// One without certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. It is read as a whole.
    ///
    /// # Errors
    ///
    /// Where it cannot be read. What is wrong with its content is told by
    /// [`certs`](Self::certs).
    pub fn add_path(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        self.add_reader(path.display(), File::open(path)?)
    }

    /// Adds what a reader gives up to its end. The name tells people where something
    /// is broken.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn add_reader(&mut self, name: impl fmt::Display, mut reader: impl Read) -> io::Result<()> {
        let mut octets = Vec::new();
        reader.read_to_end(&mut octets)?;
        self.add_bytes(name, &octets);
        Ok(())
    }

    /// Adds the content of a file.
    pub fn add_bytes(&mut self, name: impl fmt::Display, octets: impl AsRef<[u8]>) {
        let (certs, revocations) = scan::scan(&name.to_string(), octets.as_ref());
        self.certs.extend(certs);
        self.revocations.extend(revocations);
    }

    /// How many certificates and broken parts have been added: these come first in
    /// [`certs`](Self::certs), and in this order.
    pub fn len(&self) -> usize {
        self.certs.len()
    }

    /// Whether nothing has been added.
    pub fn is_empty(&self) -> bool {
        self.certs.is_empty()
    }

    /// The certificates, in their order, without secret key material; and what
    /// cannot be used. One that stands in the keyring twice comes twice.
    ///
    /// A revocation that stands by itself is verified before it is applied; those of
    /// none of the certificates come last, as broken.
    pub fn certs(&self) -> impl Iterator<Item = Result<Cert, BrokenCert>> + use<> {
        let mut certs = self.certs.clone();
        let all = certs.iter_mut().filter_map(|cert| match cert {
            Ok(cert) => Some(cert),
            Err(broken) => broken.cert.as_deref_mut(),
        });
        let alone = revocation::apply(&self.revocations, all);
        certs.into_iter().chain(alone.into_iter().map(Err))
    }
}

impl BrokenCert {
    /// The name, as it was given, of what this is a part of.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What could be read of a certificate in front of the damage, without secret key
    /// material. What is missing may be its revocation: it is not to be published.
    pub fn into_cert(self) -> Option<Cert> {
        self.cert.map(|cert| *cert)
    }
}
