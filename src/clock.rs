//! What the times in signatures mean.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::packet::Signature;

/// Clocks differ: what was made so much later than the reference time was made
/// at that time.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Up to when a creation time counts as now.
pub(crate) fn latest(now: SystemTime) -> SystemTime {
    now.checked_add(TOLERANCE).unwrap_or(now)
}

/// When a signature says that it was made.
pub(crate) fn created(signature: &Signature) -> Option<SystemTime> {
    signature.signature_creation_time()
}

/// Whether a signature had been made by a time, and not expired.
pub(crate) fn is_alive(signature: &Signature, time: SystemTime) -> bool {
    signature.signature_alive(time, Duration::ZERO).is_ok()
}
