//! Whether a User ID is bound to its certificate: a question of signatures and
//! time, not of policy.

use std::time::SystemTime;

use super::checked::{Checked, CheckedUserId};
use crate::clock::{created, is_alive, latest};

/// How a User ID stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Bound from this time on: the reference time, or later.
    Bound(SystemTime),
    Revoked,
    Unbound,
    /// The backend cannot compute the signature.
    Uncomputable,
}

/// The reference time, moved to what is at most five minutes ahead.
pub(super) fn reference_time(cert: &Checked, now: SystemTime) -> SystemTime {
    let latest = latest(now);
    cert.self_signatures()
        .chain(cert.user_ids.iter().flat_map(|id| &id.revocations))
        .chain(&cert.revocations)
        .chain(&cert.designated)
        .chain(cert.subkeys.iter().flat_map(|subkey| &subkey.revocations))
        .chain(cert.subkeys.iter().flat_map(|subkey| &subkey.designated))
        .filter_map(created)
        .chain([cert.key.creation_time()])
        .filter(|&created| created <= latest)
        .fold(now, SystemTime::max)
}

impl CheckedUserId {
    pub(super) fn standing(&self, time: SystemTime) -> Standing {
        let at = |time: SystemTime| {
            self.bindings
                .iter()
                .filter(|binding| is_alive(binding, time))
                .filter_map(created)
                .max()
        };
        // One that is made later counts from its creation on.
        let first_later = || {
            self.bindings
                .iter()
                .filter_map(created)
                .filter(|&created| created > time)
                .min()
        };
        let bound = match at(time) {
            Some(created) => Some((time, created)),
            None => first_later().map(|created| (created, created)),
        };
        match bound {
            Some((time, created)) if self.is_revoked(time, created) => Standing::Revoked,
            Some((time, _)) => Standing::Bound(time),
            None if self.uncomputable => Standing::Uncomputable,
            None => Standing::Unbound,
        }
    }

    /// Any newer binding lifts a revocation, whatever its reason.
    fn is_revoked(&self, time: SystemTime, bound: SystemTime) -> bool {
        self.revocations.iter().any(|revocation| {
            is_alive(revocation, time)
                && created(revocation).is_some_and(|created| created >= bound)
        })
    }
}
