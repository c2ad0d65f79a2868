//! Writes the signed content, once all that has to be good is good.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use openpgp_discovery::verify::Verification;

use super::common::output::OutputFile;

/// Whether it is written as a whole: not so after an interruption, which leaves the
/// file as it was.
pub(crate) async fn write(
    mut verification: Verification,
    output: OutputFile,
    interrupt: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<bool> {
    let name = output.path().display().to_string();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let mut writing = tokio::task::spawn_blocking(move || {
        output.replace(|file| {
            let mut out = Stoppable { file, stop };
            let written = verification.write_content(&mut out);
            written.map(|_| ()).map_err(io::Error::other)
        })
    });
    let written = tokio::select! {
        biased;
        () = interrupt => {
            stopped.store(true, Ordering::Relaxed);
            // It takes its unfinished file away. Where it was done before it saw the
            // signal, the file is whole.
            let _ = writing.await;
            return Ok(false);
        }
        written = &mut writing => written?,
    };
    written.with_context(|| format!("cannot write {name}"))?;
    Ok(true)
}

struct Stoppable<'f> {
    file: &'f mut std::fs::File,
    stop: Arc<AtomicBool>,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self.stop.load(Ordering::Relaxed) {
            // Not `Interrupted`: that is tried again.
            true => Err(io::Error::other("stopped")),
            false => self.file.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
