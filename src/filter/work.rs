//! How much arithmetic one answer may cost, and an end to it where nobody waits
//! for the result any more.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{KeyParts, KeyRole};

use crate::algorithms;

/// Octets that are hashed for one unit: SHA-1 with its test for collisions, by the
/// slowest backend, here and again where sequoia judges.
const OCTETS_PER_UNIT: usize = 4 << 10;

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany(pub(super) &'static str);

/// What is left for one answer, whatever number of certificates it has.
#[derive(Debug)]
pub(super) struct Work<'s> {
    left: Cell<usize>,
    half: usize,
    /// Hashed, and not yet paid for.
    octets: Cell<usize>,
    stop: &'s AtomicBool,
}

impl<'s> Work<'s> {
    /// So many units, as in [`Limits::verifications`](super::Limits::verifications).
    pub(super) fn new(units: usize, stop: &'s AtomicBool) -> Self {
        Self {
            left: Cell::new(units),
            half: units / 2,
            octets: Cell::new(0),
            stop,
        }
    }

    /// Pays for one verification, good or bad, with this key.
    pub(super) fn spend<P: KeyParts, R: KeyRole>(&self, key: &Key<P, R>) -> Result<(), TooMany> {
        self.pay(algorithms::cost(key))
    }

    /// Pays for hashing: next to nothing, but for what was made to be large.
    pub(super) fn hash(&self, octets: usize) -> Result<(), TooMany> {
        let octets = self.octets.get().saturating_add(octets);
        self.octets.set(octets % OCTETS_PER_UNIT);
        self.pay(octets / OCTETS_PER_UNIT)
    }

    /// Whether there is still somebody who waits.
    pub(super) fn go_on(&self) -> Result<(), TooMany> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(TooMany("stopped")),
            false => Ok(()),
        }
    }

    /// Whether enough is left for what would be good to have, and decides nothing.
    pub(super) fn has_half(&self) -> bool {
        self.left.get() > self.half
    }

    fn pay(&self, units: usize) -> Result<(), TooMany> {
        self.go_on()?;
        let left = self.left.get().checked_sub(units);
        self.left
            .set(left.ok_or(TooMany("too many signatures to verify"))?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_is_paid_by_the_octet() {
        let stop = AtomicBool::new(false);
        let work = Work::new(4, &stop);
        for (octets, left) in [(4095, 4), (1, 3), (8192, 1), (4095, 1)] {
            work.hash(octets).unwrap();
            assert_eq!(work.left.get(), left, "{octets}");
        }
        assert!(!work.has_half());
        work.hash(1).unwrap();
        assert_eq!(
            work.hash(4096),
            Err(TooMany("too many signatures to verify"))
        );
        stop.store(true, Ordering::Relaxed);
        assert_eq!(work.hash(0), Err(TooMany("stopped")));
    }
}
