//! A planned directory, brought to a disk.

use std::path::PathBuf;

use super::Publication;
use crate::Error;
use crate::wkd::Layout;

mod disk;
mod name;
#[cfg(test)]
mod tests;
mod tree;

use disk::{Disk, Os};
use tree::Tree;

/// Writes a [`Publication`] as the files of a web server
/// (draft-koch-openpgp-webkey-service §3.1).
///
/// The directory is what `/.well-known/openpgpkey/` maps to. It may hold many domains
/// in the [advanced](Layout::Advanced) layout, and one in the
/// [direct](Layout::Direct) layout beside them: what is of another domain is left
/// alone, and so is every file that does not look like this crate's.
///
/// # What a web server sees meanwhile
///
/// Every file is whole at every moment, old or new, also where the writer is killed or
/// the disk is full. Each is written beside its place, under a name that begins with a
/// dot and is of no address, brought to the disk (fsync), and then renamed. This is
/// the order:
///
/// 1. `policy`, without which some clients do not ask;
/// 2. the certificates;
/// 3. with [`remove_stale`](Self::remove_stale), and only once all of these are in
///    place, what has become stale.
///
/// A run that was stopped is completed by the next one. A file that has its content
/// already is not touched: its time, and what web servers make of it (`ETag`,
/// `Last-Modified`), stay. Two writers at once do no harm to any file, but one of them
/// may fail, and what one of them publishes may be removed by the other.
///
/// # What is trusted
///
/// The directory itself may be, or lie behind, a symbolic link; below it none is
/// followed: one in the place of a directory is an error, one in the place of a file is
/// replaced. This is looked at before the writing: who may write into the directory
/// while that goes on can still lead it elsewhere.
///
/// Files are made with the mode 0644 and directories with 0755, less what the umask
/// takes away: the web server has to be able to read them.
///
/// # Examples
///
/// ```no_run
/// use openpgp_discovery::wkd::Layout;
/// use openpgp_discovery::wkd::publish::{Publisher, Writer};
/// # fn run(certs: Vec<openpgp_discovery::openpgp::Cert>) -> Result<(), openpgp_discovery::Error> {
/// let publication = Publisher::new("example.org")?.plan(certs, |_, _| true);
/// let written = Writer::new(Layout::Advanced, "/srv/openpgpkey")
///     .remove_stale(true)
///     .write(&publication)?;
/// println!("{} new or changed", written.written().len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Writer {
    layout: Layout,
    directory: PathBuf,
    remove_stale: bool,
    dry_run: bool,
}

impl Writer {
    /// For this directory, which is made where it is not there.
    pub fn new(layout: Layout, directory: impl Into<PathBuf>) -> Self {
        Self {
            layout,
            directory: directory.into(),
            remove_stale: false,
            dry_run: false,
        }
    }

    /// Whether to remove the domain's files of certificates that the plan does not
    /// have, and what killed writers left behind; no by default.
    ///
    /// A plan made from half a keyring would take the rest off the web: make sure
    /// that everything could be read.
    #[must_use]
    pub fn remove_stale(mut self, yes: bool) -> Self {
        self.remove_stale = yes;
        self
    }

    /// Whether to say what would be done, and do nothing; no by default.
    #[must_use]
    pub fn dry_run(mut self, yes: bool) -> Self {
        self.dry_run = yes;
        self
    }

    /// Writes the files. This blocks: an asynchronous program does it on a thread of
    /// its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io), where a file cannot be read, written or removed; the
    /// sentence names its path inside the directory, which holds no address. What was
    /// done before stays.
    pub fn write(&self, publication: &Publication) -> Result<Written, Error> {
        let files = publication.files(self.layout);
        let files: Vec<_> = files
            .map(|file| (file.path().to_owned(), file.bytes()))
            .collect();
        let home = self.layout.path(publication.domain(), "");
        self.write_to(&Os, home.trim_end_matches('/'), &files)
    }

    /// Writes these files of the domain whose own directory is `home`.
    fn write_to(
        &self,
        disk: &impl Disk,
        home: &str,
        files: &[(String, &[u8])],
    ) -> Result<Written, Error> {
        let tree = Tree {
            disk,
            root: &self.directory,
            home,
        };
        let (changed, unchanged) = tree.compare(files)?;
        let stale = tree.stale(files)?;
        if !self.dry_run {
            tree.replace(&changed)?;
            if self.remove_stale {
                tree.remove(&stale)?;
            }
        }
        let written = changed.iter().map(|(path, _)| (*path).to_owned()).collect();
        let (removed, stale) = match self.remove_stale {
            true => (stale, Vec::new()),
            false => (Vec::new(), stale),
        };
        Ok(Written {
            written,
            unchanged,
            removed,
            stale,
        })
    }
}

/// What was done to a directory, or would be on a [dry run](Writer::dry_run): paths
/// inside it, with `/` between their parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    written: Vec<String>,
    unchanged: Vec<String>,
    removed: Vec<String>,
    stale: Vec<String>,
}

impl Written {
    /// The files that are new or changed.
    pub fn written(&self) -> &[String] {
        &self.written
    }

    /// The files that had their content already.
    pub fn unchanged(&self) -> &[String] {
        &self.unchanged
    }

    /// What was [stale](Writer::remove_stale) and is gone.
    pub fn removed(&self) -> &[String] {
        &self.removed
    }

    /// What is stale and still there, because its removal was not asked for: the
    /// certificates in it are still served.
    pub fn stale(&self) -> &[String] {
        &self.stale
    }
}
