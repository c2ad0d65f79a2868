//! A file that is read, or stdin where `-` stands.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// How to speak of it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File { path, .. } => clean(&path.to_string_lossy()).into_owned(),
        }
    }
}
