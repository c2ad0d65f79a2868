//! What came of a refresh as a JSON object: the names and the order of its fields are
//! a contract.

use openpgp_discovery::openpgp::types::ReasonForRevocation;
use openpgp_discovery::{Change, ChangeKind, Refresh, RefreshOutcome, Revocation, RevocationKind};
use serde::{Deserialize, Serialize};

use super::common::{calendar, names};

#[derive(Serialize)]
pub(crate) struct Answer {
    fingerprint: String,
    outcome: &'static str,
    status_before: &'static str,
    status_after: &'static str,
    revocation: Option<RevocationObject>,
    changes: Vec<ChangeObject>,
    error: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct RevocationObject {
    kind: String,
    reason: String,
    created: Option<String>,
}

#[derive(Serialize)]
struct ChangeObject {
    kind: &'static str,
    detail: String,
}

impl Answer {
    pub(crate) fn of(refresh: &Refresh) -> Self {
        Self {
            fingerprint: refresh.cert().fingerprint().to_hex(),
            outcome: match refresh.outcome() {
                RefreshOutcome::Updated => "updated",
                RefreshOutcome::Unchanged => "unchanged",
                RefreshOutcome::NotFound => "not_found",
                // Any outcome that the library may add must not look like one of these.
                _ => "failed",
            },
            status_before: names::cert_status(refresh.before()),
            status_after: names::cert_status(refresh.after()),
            revocation: refresh.revocation().map(RevocationObject::of),
            changes: refresh.changes().iter().map(ChangeObject::of).collect(),
            error: refresh.error().map(ToString::to_string),
        }
    }
}

impl RevocationObject {
    pub(crate) fn of(revocation: &Revocation) -> Self {
        let kind = match revocation.kind() {
            RevocationKind::Soft => "soft",
            _ => "hard",
        };
        Self {
            kind: kind.to_owned(),
            reason: reason(revocation),
            created: revocation.created().map(calendar::format),
        }
    }
}

impl ChangeObject {
    fn of(change: &Change) -> Self {
        Self {
            kind: match change.kind() {
                ChangeKind::Revoked => "revoked",
                ChangeKind::RevocationLifted => "revocation_lifted",
                ChangeKind::Expiration => "expiration",
                ChangeKind::SubkeyAdded => "subkey_added",
                ChangeKind::SubkeyRevoked => "subkey_revoked",
                ChangeKind::SubkeyExpiration => "subkey_expiration",
                ChangeKind::UserIdAdded => "user_id_added",
                ChangeKind::UserIdRevoked => "user_id_revoked",
                ChangeKind::UserIdRestored => "user_id_restored",
                ChangeKind::SelfSignature => "self_signature",
                ChangeKind::NewsWithheld => "news_withheld",
                _ => "other",
            },
            detail: change.detail().to_owned(),
        }
    }
}

/// The reason as a sentence, and what the owner wrote beside it.
pub(crate) fn reason(revocation: &Revocation) -> String {
    let code = match revocation.reason() {
        None | Some(ReasonForRevocation::Unspecified) => "No reason is given",
        Some(ReasonForRevocation::KeySuperseded) => "Another key has taken its place",
        Some(ReasonForRevocation::KeyCompromised) => "The key is compromised",
        Some(ReasonForRevocation::KeyRetired) => "The key is no longer used",
        Some(ReasonForRevocation::UIDRetired) => "The User ID is no longer valid",
        Some(_) => "The reason is unknown",
    };
    match revocation.message() {
        "" => format!("{code}."),
        message => format!("{code}: \"{message}\"."),
    }
}
