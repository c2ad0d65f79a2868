//! Work that reads and computes, away from the threads that drive futures, and
//! told to stop when nobody waits for it any longer.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, ErrorKind};

/// Stops the work that it started when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Work(Stop);

/// Asked between two pieces of work.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Work {
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stop) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let stop = self.0.clone();
        match tokio::task::spawn_blocking(move || work(&stop)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(error) => {
                    let why = "the runtime shuts down";
                    Err(Error::new(ErrorKind::Message, why).with_source(error))
                }
            },
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Stop {
    fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            // Not `Interrupted`: that is tried again.
            true => Err(io::Error::other("nobody waits for it any longer")),
            false => Ok(()),
        }
    }

    /// The same input, which fails once the work is to stop.
    pub(super) fn reading<R: Read>(&self, input: R) -> Stoppable<R> {
        Stoppable {
            input: Mutex::new(input),
            stop: self.clone(),
        }
    }

    /// For work that looks at it on its own.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.0
    }

    /// For loops that go on for long without reading: a decompressor's.
    pub(super) fn is_on(&self) -> Result<(), Error> {
        self.check().map_err(unreadable)
    }
}

/// The lock is for the parser's sake, which wants its input shareable; nothing
/// ever waits for it.
#[derive(Debug)]
pub(super) struct Stoppable<R> {
    input: Mutex<R>,
    stop: Stop,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        let input = self.input.get_mut();
        input.unwrap_or_else(PoisonError::into_inner).read(buf)
    }
}

/// The caller's input failed.
pub(super) fn unreadable(error: io::Error) -> Error {
    refused("it cannot be read").with_source(error)
}

/// What was given is not what it has to be.
pub(super) fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Message, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dropping_stops() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(async move {
            let work = Work::default();
            work.run(move |stop| {
                // Not without an end: a runtime does not end before such work does.
                let mut input = stop.reading(io::repeat(0).take(1 << 30));
                let mut buf = [0; 16];
                started.send(()).ok();
                let error = loop {
                    match input.read_exact(&mut buf) {
                        Ok(()) => {}
                        Err(error) => break error,
                    }
                };
                sender.send(error.to_string()).ok();
                Ok(())
            })
            .await
        });
        has_started.await.expect("it runs");
        running.abort();
        let said = tokio::task::spawn_blocking(move || receiver.recv());
        let said = said.await.expect("no panic").expect("it ends");
        assert!(said.contains("nobody waits"), "{said}");
    }
}
