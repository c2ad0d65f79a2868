//! A planned directory, brought to a disk.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::Publication;
use crate::wkd::Layout;
use crate::{Error, ErrorKind};

mod disk;
mod name;
#[cfg(test)]
mod tests;

use disk::{Disk, Kind, Os};

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
    /// [`ErrorKind::Io`], where a file cannot be read, written or removed; the
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

/// One domain's part of a directory.
struct Tree<'a, D> {
    disk: &'a D,
    root: &'a Path,
    /// Where the domain's policy file is; empty for the root itself.
    home: &'a str,
}

/// A file to write: its path and its content.
type Content<'f> = (&'f str, &'f [u8]);

impl<D: Disk> Tree<'_, D> {
    /// Parts those to write from those that are there. What is in the way is told
    /// before anything is changed.
    fn compare<'f>(
        &self,
        files: &'f [(String, &[u8])],
    ) -> Result<(Vec<Content<'f>>, Vec<String>), Error> {
        for directory in self.directories() {
            self.is_there(&directory)?;
        }
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        for (path, bytes) in files {
            let (is_same, place) = (u64::try_from(bytes.len()), self.place(path));
            match self.kind(path)? {
                Kind::Directory => return Err(in_the_way(path, "a directory is in its place")),
                // What cannot be read may be replaced all the same.
                Kind::File { len }
                    if Ok(len) == is_same && self.disk.read(&place).is_ok_and(|b| b == *bytes) =>
                {
                    unchanged.push(path.clone());
                }
                _ => changed.push((path.as_str(), *bytes)),
            }
        }
        // The sort keeps the order of the others.
        changed.sort_by_key(|(path, _)| file_name(path) != name::POLICY);
        Ok((changed, unchanged))
    }

    /// What is there, looks like this crate's, and is not planned.
    fn stale(&self, files: &[(String, &[u8])]) -> Result<Vec<String>, Error> {
        let planned: HashSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let (mut hashes, mut temporaries) = (Vec::new(), Vec::new());
        let is_policy: fn(&str) -> bool = |name| name == name::POLICY;
        for (directory, is_ours) in [
            (self.home.to_owned(), is_policy),
            (self.hu(), name::is_hash),
        ] {
            if !self.is_there(&directory)? {
                continue;
            }
            let names = self.disk.names(&self.place(&directory));
            for found in names.map_err(failed(&directory, "cannot be listed"))? {
                let path = join(&directory, &found);
                let list = if name::of_temporary(&found).is_some_and(is_ours) {
                    &mut temporaries
                } else if name::is_hash(&found) && is_ours(&found) && !planned.contains(&*path) {
                    &mut hashes
                } else {
                    continue;
                };
                // A link was put there by somebody who wants it.
                if let Kind::File { .. } = self.kind(&path)? {
                    list.push(path);
                }
            }
        }
        hashes.append(&mut temporaries);
        Ok(hashes)
    }

    /// Puts each file in its place.
    fn replace(&self, files: &[Content<'_>]) -> Result<(), Error> {
        for directory in self.directories() {
            self.make(&directory)?;
        }
        for (path, bytes) in files {
            self.replace_one(path, bytes)
                .map_err(failed(path, "cannot be written"))?;
        }
        if !files.is_empty() {
            self.sync_all()?;
        }
        Ok(())
    }

    fn remove(&self, paths: &[String]) -> Result<(), Error> {
        for path in paths {
            match self.disk.remove(&self.place(path)) {
                // Another writer was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(failed(path, "cannot be removed"))?,
            }
        }
        match paths {
            [] => Ok(()),
            _ => self.sync_all(),
        }
    }

    fn replace_one(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let (temporary, mut file) = self.create_beside(path)?;
        let renamed = self
            .disk
            .fill(&mut file, bytes)
            .and_then(|()| self.disk.sync(&file))
            .and_then(|()| self.disk.rename(&temporary, &self.place(path)));
        if renamed.is_err() {
            // The first error is the one to report.
            let _ = self.disk.remove(&temporary);
        }
        renamed
    }

    /// A new file in the same directory, where a rename is one step.
    fn create_beside(&self, path: &str) -> io::Result<(PathBuf, std::fs::File)> {
        let place = self.place(path);
        let mut attempt = 0;
        loop {
            let temporary = place.with_file_name(name::temporary(file_name(path), attempt));
            match self.disk.create(&temporary) {
                Ok(file) => return Ok((temporary, file)),
                // Of another thread, or left behind by a process with this number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a directory, unless it is there.
    fn make(&self, directory: &str) -> Result<(), Error> {
        if self.is_there(directory)? {
            return Ok(());
        }
        let place = self.place(directory);
        match self.disk.make_directory(&place, directory.is_empty()) {
            // Another writer was faster.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && self.is_there(directory)? => {}
            made => made.map_err(failed(directory, "cannot be made"))?,
        }
        match place.parent() {
            Some(parent) if parent != Path::new("") => self
                .disk
                .sync_directory(parent)
                .map_err(failed(directory, "cannot be brought to the disk")),
            _ => Ok(()),
        }
    }

    /// Whether a directory is there. Something else in its place is an error.
    fn is_there(&self, directory: &str) -> Result<bool, Error> {
        if directory.is_empty() {
            // The caller named it: where it leads is theirs to say.
            return Ok(self.root.is_dir());
        }
        match self.kind(directory)? {
            Kind::Directory => Ok(true),
            Kind::Missing => Ok(false),
            Kind::File { .. } => Err(in_the_way(directory, "a file is in its place")),
            Kind::Other => Err(in_the_way(
                directory,
                "a link or device is in its place, and is not followed",
            )),
        }
    }

    fn kind(&self, path: &str) -> Result<Kind, Error> {
        let kind = self.disk.kind(&self.place(path));
        kind.map_err(failed(path, "cannot be looked at"))
    }

    /// Those that lead to the files, from the root on.
    fn directories(&self) -> impl Iterator<Item = String> {
        let home = (!self.home.is_empty()).then(|| self.home.to_owned());
        [String::new()].into_iter().chain(home).chain([self.hu()])
    }

    fn sync_all(&self) -> Result<(), Error> {
        for directory in [self.home.to_owned(), self.hu()] {
            self.disk
                .sync_directory(&self.place(&directory))
                .map_err(failed(&directory, "cannot be brought to the disk"))?;
        }
        Ok(())
    }

    fn hu(&self) -> String {
        join(self.home, name::HU)
    }

    fn place(&self, path: &str) -> PathBuf {
        match path {
            "" => self.root.to_owned(),
            path => self.root.join(path),
        }
    }
}

fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        directory => [directory, "/", name].concat(),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn failed(path: &str, what: &str) -> impl FnOnce(io::Error) -> Error {
    let detail = format!("{} {what}", speak_of(path));
    move |error| Error::new(ErrorKind::Io, detail).with_source(error)
}

fn in_the_way(path: &str, why: &str) -> Error {
    Error::new(ErrorKind::Io, format!("{}: {why}", speak_of(path)))
}

fn speak_of(path: &str) -> &str {
    match path {
        "" => "the directory itself",
        path => path,
    }
}
