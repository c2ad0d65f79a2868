//! How a program that writes a file of certificates ends.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;

use super::cert_file::CertFile;
use super::certs::Certs;
use super::exit;
use super::pipe::is_closed_pipe;

/// The exit status, where the file has been written or has not: the one that the work
/// gave, which is `None` after Ctrl-C; or `closed`, where the reader of stdout has gone.
pub(crate) fn finish(
    program: &str,
    end: anyhow::Result<Option<ExitCode>>,
    saved: anyhow::Result<()>,
    closed: impl FnOnce() -> ExitCode,
) -> ExitCode {
    if let Err(error) = &saved {
        eprintln!("{program}: {error:#}");
    }
    match end {
        Ok(None) => ExitCode::from(exit::INTERRUPTED),
        Err(error) if !is_closed_pipe(&error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::from(exit::UNDETERMINED)
        }
        _ if saved.is_err() => ExitCode::from(exit::UNDETERMINED),
        Ok(Some(code)) => code,
        Err(_) => closed(),
    }
}

/// Writes the file that was asked for, if one was. An older file is worth more than an
/// empty one: `nothing` says why there is nothing to write.
pub(crate) fn save(
    program: &str,
    file: Option<&CertFile>,
    certs: &Certs,
    modified: Option<SystemTime>,
    nothing: &str,
) -> anyhow::Result<()> {
    let Some(file) = file else {
        return Ok(());
    };
    let name = file.path().display();
    match certs.certs() {
        [] => eprintln!("{program}: {nothing}; {name} is not written"),
        certs => file
            .write(certs, modified)
            .with_context(|| format!("cannot write {name}"))?,
    }
    Ok(())
}
