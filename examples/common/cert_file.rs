//! A file of certificates that `-o` names: public material alone.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;

use super::output::OutputFile;

/// A file for certificates that may be written.
#[derive(Clone, Debug)]
pub(crate) struct CertFile {
    file: OutputFile,
    armor: bool,
}

impl CertFile {
    /// Checks before the work begins that the file can be there and may be replaced.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let armor = !path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| ["pgp", "gpg"].contains(&extension));
        let file = OutputFile::new(path)?;
        Ok(Self { file, armor })
    }

    /// Writes the certificates, replacing the file in one step. It says that it was
    /// modified just now, unless another time is given.
    pub(crate) fn write(&self, certs: &[Cert], modified: Option<SystemTime>) -> io::Result<()> {
        let content = self.content(certs)?;
        self.file.replace(|file| {
            file.write_all(&content)?;
            modified.map_or(Ok(()), |time| file.set_modified(time))
        })
    }

    /// The name, as given or as the link says.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    fn content(&self, certs: &[Cert]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        for cert in certs {
            let public = cert.clone().strip_secret_key_material();
            let octets = if self.armor {
                public.armored().to_vec()
            } else {
                public.to_vec()
            };
            content.extend(octets.map_err(io::Error::other)?);
        }
        Ok(content)
    }
}
