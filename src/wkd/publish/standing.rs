//! Whether a User ID is its certificate's.

use std::time::SystemTime;

use sequoia_openpgp::cert::amalgamation::UserIDAmalgamation;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;

use super::rules::Rules;
use super::skipped::Why;
use crate::status::{EveryAlgorithm, SelfRevocationsCount};

/// The signature that binds a User ID, or why it does not count.
///
/// That of a revoked certificate may be too weak for the policy: it only makes the
/// revocation findable.
pub(super) fn binding<'c>(
    user_id: &UserIDAmalgamation<'c>,
    is_revoked: bool,
    rules: &Rules,
    time: SystemTime,
) -> Result<&'c Signature, Why> {
    let policy = SelfRevocationsCount(&*rules.policy);
    let policy: &dyn Policy = match user_id.binding_signature(&policy, time) {
        Ok(_) => &policy,
        Err(_) if user_id.binding_signature(&EveryAlgorithm, time).is_err() => {
            let mut own = user_id.self_signatures();
            let later = own.any(|s| s.signature_creation_time().is_some_and(|at| at > time));
            return Err(match later {
                true => Why::NotYetValid,
                false => Why::UserIdUnbound,
            });
        }
        Err(_) if is_revoked => &EveryAlgorithm,
        Err(_) => return Err(Why::RejectedByPolicy),
    };
    let binding = user_id
        .binding_signature(policy, time)
        .map_err(|_| Why::UserIdUnbound)?;
    match user_id.revocation_status(policy, time) {
        RevocationStatus::Revoked(_) => Err(Why::UserIdRevoked),
        _ if binding.exportable().is_err() => Err(Why::UserIdNotExportable),
        _ => Ok(binding),
    }
}
