//! The answer as a JSON object: the names and the order of its fields are a contract.

use openpgp_discovery::{
    Absence, Attempt, ErrorKind, Found, Lookup, Method, Outcome, Reason, Rejection, Source, Status,
    Step,
};
use serde::Serialize;

use super::common::names;

#[derive(Serialize)]
pub(crate) struct Answer {
    address: String,
    outcome: &'static str,
    usable: bool,
    source: Option<&'static str>,
    method: Option<&'static str>,
    url: Option<String>,
    certs: Vec<CertObject>,
    rejected: Vec<RejectedObject>,
    trail: Vec<StepObject>,
    error: Option<String>,
}

#[derive(Serialize)]
struct CertObject {
    fingerprint: String,
    user_ids: Vec<String>,
    status: &'static str,
    can_encrypt: bool,
}

#[derive(Serialize)]
struct RejectedObject {
    fingerprint: Option<String>,
    reason: &'static str,
}

#[derive(Serialize)]
struct StepObject {
    step: &'static str,
    target: String,
    outcome: &'static str,
    ms: f64,
    detail: Option<String>,
}

impl Answer {
    pub(crate) fn of(lookup: &Lookup, address: String) -> Self {
        let provenance = lookup.found().first().map(Found::provenance);
        let status = lookup.status();
        Self {
            address,
            outcome: match status {
                Status::Found => "found",
                Status::NotFound => "not_found",
                Status::Failed => "failed",
            },
            usable: lookup.usable().is_some(),
            source: provenance.and_then(|provenance| match provenance.source() {
                Source::Wkd => Some("wkd"),
                Source::Vks => Some("vks"),
                _ => None,
            }),
            method: provenance.and_then(|provenance| match provenance.method() {
                Method::WkdAdvanced => Some("advanced"),
                Method::WkdDirect => Some("direct"),
                _ => None,
            }),
            url: provenance.map(|provenance| provenance.url().to_string()),
            certs: lookup.found().iter().map(CertObject::of).collect(),
            rejected: lookup.rejected().iter().map(RejectedObject::of).collect(),
            trail: lookup
                .attempts()
                .iter()
                .map(|attempt| StepObject::of(attempt, lookup.rejected()))
                .collect(),
            error: lookup
                .error()
                .filter(|_| status == Status::Failed)
                .map(ToString::to_string),
        }
    }

    pub(crate) fn invalid(text: &str, problem: &str) -> Self {
        Self {
            address: text.to_owned(),
            outcome: "invalid_address",
            usable: false,
            source: None,
            method: None,
            url: None,
            certs: Vec::new(),
            rejected: Vec::new(),
            trail: Vec::new(),
            error: Some(format!("not an e-mail address: {problem}")),
        }
    }
}

impl CertObject {
    fn of(found: &Found) -> Self {
        Self {
            fingerprint: found.cert().fingerprint().to_hex(),
            user_ids: found
                .cert()
                .userids()
                .map(|user_id| String::from_utf8_lossy(user_id.userid().value()).into_owned())
                .collect(),
            status: names::cert_status(found.status()),
            can_encrypt: found.can_encrypt(),
        }
    }
}

impl RejectedObject {
    fn of(rejection: &Rejection) -> Self {
        Self {
            fingerprint: rejection.fingerprint().map(|known| known.to_hex()),
            reason: match rejection.reason() {
                Reason::AddressNotCertified => "address_not_certified",
                Reason::SecretKey => "secret_key",
                Reason::TooLarge => "too_large",
                Reason::TooMany => "too_many",
                Reason::UnsupportedAlgorithm => "unsupported_algorithm",
                Reason::WebPage => "web_page",
                Reason::Empty => "empty",
                Reason::ContentEncoding => "content_encoding",
                // Any reason that the library may add has to read as a failure.
                _ => "malformed",
            },
        }
    }
}

impl StepObject {
    fn of(attempt: &Attempt, rejected: &[Rejection]) -> Self {
        let (outcome, detail) = match attempt.outcome() {
            Outcome::Addresses => ("addresses", None),
            Outcome::Found(1) => ("found", None),
            outcome @ Outcome::Found(_) => ("found", Some(outcome.to_string())),
            Outcome::Absent(Absence::NoAddress) => ("no_address", None),
            Outcome::Absent(_) => ("absent", None),
            Outcome::Rejected => {
                let mut rejected = rejected.iter();
                let first = rejected.find(|r| r.method() == Some(attempt.method()));
                ("rejected", first.map(ToString::to_string))
            }
            Outcome::Failed(error) => (failure(error.kind()), Some(error.to_string())),
            outcome => ("bad_answer", Some(outcome.to_string())),
        };
        Self {
            step: match attempt.step() {
                Step::Resolve(_) => "dns",
                Step::Ask(Method::WkdAdvanced) => "wkd_advanced",
                Step::Ask(Method::WkdDirect) => "wkd_direct",
                _ => "vks",
            },
            target: attempt.target().to_owned(),
            outcome,
            ms: (attempt.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
            detail,
        }
    }
}

fn failure(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Dns => "dns_failure",
        ErrorKind::Blocked => "blocked",
        ErrorKind::Connect => "connect_failure",
        ErrorKind::Tls => "tls_failure",
        ErrorKind::Http => "http_failure",
        ErrorKind::Redirect => "redirect_refused",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::BudgetSpent => "budget_spent",
        ErrorKind::Timeout => "timeout",
        // The kinds that are left do not come up in a step. Should one, it is still
        // a failure: there was no answer that could be used.
        _ => "bad_answer",
    }
}
