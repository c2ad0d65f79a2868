//! How much arithmetic one answer may cost, and an end to it where nobody waits
//! for the result any more.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{KeyParts, KeyRole};

use super::algorithms;
use super::limits::Limits;

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany(pub(super) &'static str);

/// What is left for one answer, whatever number of certificates it has.
#[derive(Debug)]
pub(super) struct Work<'s> {
    left: Cell<usize>,
    stop: &'s AtomicBool,
}

impl<'s> Work<'s> {
    pub(super) fn new(limits: &Limits, stop: &'s AtomicBool) -> Self {
        Self {
            left: Cell::new(limits.verifications),
            stop,
        }
    }

    /// Pays for one verification, good or bad, with this key.
    pub(super) fn spend<P: KeyParts, R: KeyRole>(&self, key: &Key<P, R>) -> Result<(), TooMany> {
        self.go_on()?;
        let left = self.left.get().checked_sub(algorithms::cost(key));
        self.left
            .set(left.ok_or(TooMany("too many signatures to verify"))?);
        Ok(())
    }

    /// Whether there is still somebody who waits.
    pub(super) fn go_on(&self) -> Result<(), TooMany> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(TooMany("stopped")),
            false => Ok(()),
        }
    }
}
