//! Looks for the component that a revocation is about, where it does not stand
//! behind that.

use sequoia_openpgp::packet::Signature;

use super::verifier::{Over, Verdict, Verifier};
use super::work::TooMany;

/// So many digests of one certificate are compared. Honest ones need a handful: a
/// revocation or two, with the other subkeys.
pub(super) const MAX_TRIES: usize = 1024;

/// What is left of the tries.
#[derive(Debug)]
pub(super) struct Search {
    tries_left: usize,
    /// Something was not tried.
    pub(super) gave_up: bool,
}

impl Search {
    pub(super) fn new() -> Self {
        Self {
            tries_left: MAX_TRIES,
            gave_up: false,
        }
    }

    /// Whether one more digest may be compared.
    pub(super) fn may_try(&mut self) -> bool {
        let left = self.tries_left.checked_sub(1);
        self.gave_up |= left.is_none();
        self.tries_left = left.unwrap_or_default();
        left.is_some()
    }

    /// For which of these it verifies. That the first octets of the digest fit says
    /// little: anybody can make a component for which they do.
    pub(super) fn place<'o>(
        &mut self,
        signature: &Signature,
        places: impl Iterator<Item = Over<'o>>,
        verifier: &mut Verifier<'_>,
    ) -> Result<Option<usize>, TooMany> {
        for (at, over) in places.enumerate() {
            if !self.may_try() {
                break;
            }
            if verifier.look(signature, over)? == Verdict::Good {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
