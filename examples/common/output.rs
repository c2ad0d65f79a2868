//! The file that `-o` names: whole or not at all, and never a secret key in it or
//! under it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::packet::Tag;
use openpgp_discovery::openpgp::parse::{PacketParser, PacketParserResult, Parse as _};
use openpgp_discovery::openpgp::serialize::SerializeInto as _;

/// A file that may be written.
#[derive(Clone, Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    armor: bool,
}

impl OutputFile {
    /// Checks before the work begins that the file can be there and may be replaced.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let armor = !path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| ["pgp", "gpg"].contains(&extension));
        // A link stays one: what it points to is replaced.
        let path = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path)?,
            _ => path,
        };
        let file = Self { path, armor };
        if !file.directory().is_dir() {
            return Err(io::Error::other("there is no such directory"));
        }
        file.may_be_replaced()?;
        Ok(file)
    }

    /// Writes the certificates, replacing the file in one step.
    pub(crate) fn write(&self, certs: &[Cert]) -> io::Result<()> {
        let content = self.content(certs)?;
        // Again: somebody may have put a key there in the meantime.
        let permissions = self.may_be_replaced()?;
        let (unfinished, mut file) = self.create_beside()?;
        let written = file
            .write_all(&content)
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
        if holds_secret_keys(&fs::read(&self.path)?) {
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

/// Whether there is secret key material in this, binary or in any armored block of it.
pub(crate) fn holds_secret_keys(content: &[u8]) -> bool {
    const BLOCK: &[u8] = b"-----BEGIN PGP ";
    let mut starts: Vec<usize> = content
        .windows(BLOCK.len())
        .enumerate()
        .filter_map(|(at, window)| (window == BLOCK).then_some(at))
        .collect();
    // The whole as it is, too: what looks like armor can stand inside a packet.
    starts.push(0);
    starts
        .into_iter()
        .filter_map(|start| content.get(start..))
        .any(begins_with_secret_key)
}

/// Whether a secret key is among the packets up to the first broken one.
fn begins_with_secret_key(content: &[u8]) -> bool {
    let mut next = PacketParser::from_bytes(content);
    while let Ok(PacketParserResult::Some(parser)) = next {
        if matches!(parser.packet.tag(), Tag::SecretKey | Tag::SecretSubkey) {
            return true;
        }
        next = parser.next().map(|(_, next)| next);
    }
    false
}
