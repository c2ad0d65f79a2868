//! The few things that writing a directory does to a disk: a seam, so that a test can
//! let each of them fail.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// What stands at a path. A symbolic link is not followed: it is [`Kind::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Missing,
    File { len: u64 },
    Directory,
    Other,
}

pub(super) trait Disk {
    fn kind(&self, path: &Path) -> io::Result<Kind>;
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// What is in a directory. Names that are no UTF-8 are none of this crate's.
    fn names(&self, directory: &Path) -> io::Result<Vec<String>>;
    fn make_directory(&self, path: &Path, with_parents: bool) -> io::Result<()>;
    /// A new file: an error where anything is there already, a link too.
    fn create(&self, path: &Path) -> io::Result<File>;
    fn fill(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    fn sync(&self, file: &File) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Brings what was made, renamed and removed in a directory to the disk.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// The real one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Os;

impl Disk for Os {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Kind::File {
                len: metadata.len(),
            }),
            Ok(metadata) if metadata.is_dir() => Ok(Kind::Directory),
            Ok(_) => Ok(Kind::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Missing),
            Err(error) => Err(error),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn make_directory(&self, path: &Path, with_parents: bool) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(with_parents);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
        builder.create(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // The web server is mostly another user.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
        options.open(path)
    }

    fn fill(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        // Not every system can open a directory, and not every file system can sync
        // one; then the system decides when.
        let Ok(directory) = File::open(path) else {
            return Ok(());
        };
        match directory.sync_all() {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput
                        | io::ErrorKind::Unsupported
                        | io::ErrorKind::PermissionDenied
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}
