//! One domain's part of a directory, step by step.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Kind};
use super::name;
use crate::{Error, ErrorKind};

/// One domain's part of a directory.
pub(super) struct Tree<'a, D> {
    pub(super) disk: &'a D,
    pub(super) root: &'a Path,
    /// Where the domain's policy file is; empty for the root itself.
    pub(super) home: &'a str,
}

/// A file to write: its path and its content.
pub(super) type Content<'f> = (&'f str, &'f [u8]);

impl<D: Disk> Tree<'_, D> {
    /// Parts those to write from those that are there. What is in the way is told
    /// before anything is changed.
    pub(super) fn compare<'f>(
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
    pub(super) fn stale(&self, files: &[(String, &[u8])]) -> Result<Vec<String>, Error> {
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
    pub(super) fn replace(&self, files: &[Content<'_>]) -> Result<(), Error> {
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

    /// Takes these away.
    pub(super) fn remove(&self, paths: &[String]) -> Result<(), Error> {
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
    fn create_beside(&self, path: &str) -> io::Result<(PathBuf, File)> {
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
