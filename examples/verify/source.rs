//! What is read: signatures, content, certificates.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _};
use std::sync::Arc;
use std::time::SystemTime;

use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::Cert;

use super::Args;
use super::common::input::Input;

pub(crate) struct Sources {
    pub(crate) content: Content,
    /// With the time at which each was written, where it has one.
    pub(crate) certs: Vec<(Cert, Option<SystemTime>)>,
    /// What could not be read: a line each, for people.
    pub(crate) broken: Vec<String>,
}

pub(crate) enum Content {
    Detached { signature: Reader, data: Reader },
    Message(Arc<File>),
}

type Reader = Box<dyn Read + Send>;

impl Sources {
    /// Reads the certificates, and what cannot be read more than once. It blocks.
    pub(crate) fn open(args: &Args) -> io::Result<Self> {
        let (mut keyring, mut times, mut broken) = (Keyring::new(), Vec::new(), Vec::new());
        for input in &args.cert {
            broken.extend(input.add_to(&mut keyring).err());
            let written = match input {
                Input::Stdin => None,
                Input::File { file, .. } => file.metadata()?.modified().ok(),
            };
            times.resize(keyring.len(), written);
        }
        let mut certs = Vec::new();
        for (place, cert) in keyring.certs().enumerate() {
            let cert = cert.or_else(|why| {
                broken.push(why.to_string());
                why.into_cert().ok_or(())
            });
            let written = times.get(place).copied().flatten();
            certs.extend(cert.ok().map(|cert| (cert, written)));
        }
        let content = match &args.file {
            Some(data) => Content::Detached {
                signature: reader(&args.signature),
                data: reader(data),
            },
            None => Content::Message(seekable(&args.signature)?),
        };
        Ok(Self {
            content,
            certs,
            broken,
        })
    }
}

fn reader(input: &Input) -> Reader {
    match input {
        Input::Stdin => Box::new(io::stdin()),
        Input::File { file, .. } => Box::new(file.clone()),
    }
}

/// A message is read more than once: a pipe goes into a file first.
fn seekable(input: &Input) -> io::Result<Arc<File>> {
    match input {
        Input::Stdin => spool(&mut io::stdin().lock()),
        Input::File { file, .. } if file.metadata()?.is_file() => Ok(file.clone()),
        Input::File { file, .. } => spool(&mut file.as_ref()),
    }
}

fn spool(input: &mut dyn Read) -> io::Result<Arc<File>> {
    let mut file = nameless()?;
    io::copy(input, &mut file)?;
    file.rewind()?;
    Ok(Arc::new(file))
}

/// A file for this program alone, which is gone with it.
fn nameless() -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut attempt = 0_u32;
    loop {
        let name = format!(".verify-{}-{attempt}.tmp", std::process::id());
        let path = std::env::temp_dir().join(name);
        match options.open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            // Left behind by a program that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
