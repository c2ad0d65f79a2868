//! The names that stand in the JSON output for the library's values.

use openpgp_discovery::CertStatus;

/// How a certificate stands.
pub(crate) fn cert_status(status: &CertStatus) -> &'static str {
    match status {
        CertStatus::Valid => "valid",
        CertStatus::Expired => "expired",
        CertStatus::Revoked(_) => "revoked",
        CertStatus::NotYetValid => "not_yet_valid",
        CertStatus::Undetermined => "undetermined",
        // Any status that the library may add is some refusal to call it valid.
        _ => "rejected_by_policy",
    }
}
