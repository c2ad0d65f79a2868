//! The file that `-o` names: whole or not at all, and never in the place of secret
//! keys.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use openpgp_discovery::openpgp::packet::Tag;
use openpgp_discovery::openpgp::parse::{PacketParser, PacketParserResult, Parse as _};

/// A file that may be written.
#[derive(Clone, Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
}

impl OutputFile {
    /// Checks before the work begins that the file can be there and may be replaced.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        if path == Path::new("-") {
            return Err(io::Error::other(
                "stdout is for what came of each; this has to be the name of a file",
            ));
        }
        // A link stays one: what it points to is replaced.
        let path = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path)?,
            _ => path,
        };
        let file = Self { path };
        if !file.directory().is_dir() {
            return Err(io::Error::other("there is no such directory"));
        }
        file.may_be_replaced()?;
        Ok(file)
    }

    /// Replaces the file in one step by what `fill` writes, if that succeeds.
    pub(crate) fn replace(&self, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        // Again: somebody may have put a key there in the meantime.
        let permissions = self.may_be_replaced()?;
        let (unfinished, mut file) = self.create_beside()?;
        let written = fill(&mut file)
            .and_then(|()| permissions.map_or(Ok(()), |same| file.set_permissions(same)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&unfinished, &self.path));
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        // The rename itself reaches the disk with the directory. Not every system
        // can open one; then the system decides when.
        if let Ok(directory) = File::open(self.directory()) {
            let _ = directory.sync_all();
        }
        Ok(())
    }

    /// The name, as given or as the link says.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The permissions of the file that is there, if one is.
    fn may_be_replaced(&self) -> io::Result<Option<fs::Permissions>> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !metadata.is_file() {
            return Err(io::Error::other("this is not a regular file"));
        }
        if holds_secret_keys(&self.path)? {
            return Err(io::Error::other(
                "the file holds secret keys and is not replaced",
            ));
        }
        Ok(Some(metadata.permissions()))
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// A new file in the same directory, where a rename is one step.
    fn create_beside(&self) -> io::Result<(PathBuf, File)> {
        let mut attempt = 0_u32;
        loop {
            let mut name = OsString::from(".");
            name.push(self.path.file_name().unwrap_or_default());
            name.push(format!(".{}-{attempt}.tmp", std::process::id()));
            let path = self.directory().join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                // Left behind by a program that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether there is secret key material in this file, binary or in any armored block
/// of it. Large files are read, never held.
pub(crate) fn holds_secret_keys(path: &Path) -> io::Result<bool> {
    const BLOCK: &[u8] = b"-----BEGIN PGP ";
    // The whole as it is, too: what looks like armor can stand inside a packet.
    if begins_with_secret_key(path, 0)? {
        return Ok(true);
    }
    let mut input = BufReader::new(File::open(path)?);
    let mut window = Vec::new();
    let mut start = 0_u64;
    loop {
        if input.by_ref().take(1 << 16).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
        let found = window
            .windows(BLOCK.len())
            .enumerate()
            .filter(|(_, octets)| *octets == BLOCK);
        for (at, _) in found {
            if begins_with_secret_key(path, start.saturating_add(at as u64))? {
                return Ok(true);
            }
        }
        // What may be the beginning of a block stays for the next round.
        let surplus = window.len().saturating_sub(BLOCK.len() - 1);
        window.drain(..surplus);
        start = start.saturating_add(surplus as u64);
    }
}

/// Whether a secret key is among the packets up to the first broken one.
fn begins_with_secret_key(path: &Path, start: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut next = PacketParser::from_reader(file);
    while let Ok(PacketParserResult::Some(parser)) = next {
        if matches!(parser.packet.tag(), Tag::SecretKey | Tag::SecretSubkey) {
            return Ok(true);
        }
        next = parser.next().map(|(_, next)| next);
    }
    Ok(false)
}
