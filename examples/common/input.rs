//! A file that is read, or stdin where `-` stands.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openpgp_discovery::keyring::Keyring;

use super::sanitize::clean;

/// An input that is there: the file is open.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Stdin,
    File { path: PathBuf, file: Arc<File> },
}

impl Input {
    /// Opens it before the work begins, and just once: it may be a pipe.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        let file = File::open(&path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self::File {
            path,
            file: Arc::new(file),
        })
    }

    /// Reads it to its end. The error is a sentence for people.
    pub(crate) fn add_to(&self, keyring: &mut Keyring) -> Result<(), String> {
        let name = self.name();
        let read = match self {
            Self::Stdin => keyring.add_reader(&name, io::stdin().lock()),
            Self::File { file, .. } => keyring.add_reader(&name, file.as_ref()),
        };
        read.map_err(|error| format!("cannot read {name}: {error}"))
    }

    /// How to speak of it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File { path, .. } => clean(&path.to_string_lossy()).into_owned(),
        }
    }
}
