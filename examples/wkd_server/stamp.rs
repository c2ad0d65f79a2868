//! Whether a file is another one than before.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

/// What tells two states of a file apart without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<Facts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    length: u64,
    modified: Option<SystemTime>,
    /// Of whoever replaces the file and keeps its date.
    place: Place,
}

impl Stamp {
    /// Of what is there now, if anything is.
    pub(crate) fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().map(|metadata| Facts {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            place: place(&metadata),
        }))
    }
}

#[cfg(unix)]
type Place = (u64, u64, i64, i64);

#[cfg(unix)]
fn place(metadata: &Metadata) -> Place {
    use std::os::unix::fs::MetadataExt as _;

    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
type Place = ();

#[cfg(not(unix))]
fn place(_: &Metadata) -> Place {}
