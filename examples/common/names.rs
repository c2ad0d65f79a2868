//! The names that stand in the JSON output for the library's values.

use openpgp_discovery::CertStatus;

/// How a certificate stands.
pub(crate) fn cert_status(status: &CertStatus) -> &'static str {
    match status {
        CertStatus::Valid => "valid",
        CertStatus::Expired => "expired",
        CertStatus::Revoked(_) => "revoked",
        CertStatus::NotYetValid => "not_yet_valid",
        // The list is closed, and whoever reads it must not rely on the certificate.
        CertStatus::Undetermined => "rejected_by_policy",
        // Any status that the library may add is some refusal to call it valid.
        _ => "rejected_by_policy",
    }
}
