//! A verdict as a JSON object: the names and the order of its fields are a contract.

use openpgp_discovery::CertStatus;
use openpgp_discovery::verify::{Origin, Signer, Verdict, VerdictOutcome};
use serde::Serialize;

use super::common::{calendar, names, tally};

#[derive(Serialize)]
pub(crate) struct Answer {
    issuer: Option<String>,
    outcome: &'static str,
    signer: Option<SignerObject>,
    fresh: bool,
    created: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct SignerObject {
    fingerprint: String,
    user_ids: Vec<String>,
    origin: &'static str,
    names_sender: Option<bool>,
    status: &'static str,
    status_at_signing: &'static str,
}

impl Answer {
    pub(crate) fn of(verdict: &Verdict) -> Self {
        Self {
            issuer: verdict.issuer().map(|issuer| format!("{issuer:X}")),
            outcome: match verdict.outcome() {
                VerdictOutcome::Good => "good",
                VerdictOutcome::Bad => "bad",
                VerdictOutcome::UnknownSigner => "unknown_signer",
                // Any outcome that the library may add is neither of these.
                _ => "failed",
            },
            signer: verdict.signer().map(SignerObject::of),
            fresh: verdict.is_fresh(),
            created: verdict.created().map(calendar::format),
            reason: verdict.reason().map(str::to_owned),
        }
    }
}

impl SignerObject {
    fn of(signer: &Signer) -> Self {
        Self {
            fingerprint: signer.fingerprint().to_hex(),
            user_ids: signer.user_ids().to_vec(),
            origin: match signer.origin() {
                Origin::Given => "given",
                _ => "vks",
            },
            names_sender: signer.names_sender(),
            status: status(signer.status()),
            status_at_signing: status(signer.status_at_signing()),
        }
    }
}

/// A certificate without any self-signature has none that a policy could accept.
fn status(status: Option<&CertStatus>) -> &'static str {
    names::cert_status(status.unwrap_or(&CertStatus::RejectedByPolicy))
}

/// What the exit status makes of it.
pub(crate) fn verdict(verdict: &Verdict) -> tally::Verdict {
    match verdict.outcome() {
        VerdictOutcome::Good => tally::Verdict::Good,
        VerdictOutcome::Bad | VerdictOutcome::UnknownSigner => tally::Verdict::None,
        _ => tally::Verdict::Undetermined,
    }
}
