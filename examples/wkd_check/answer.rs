//! Findings as JSON objects: the names and the order of their fields are a contract.

use std::io;

use openpgp_discovery::AddressError;
use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::check::{Finding, Report};
use serde::Serialize;

use super::common::json;

#[derive(Serialize)]
pub(crate) struct FindingObject<'a> {
    subject: &'a str,
    method: Option<&'static str>,
    check: String,
    level: String,
    detail: String,
    remedy: Option<&'a str>,
}

/// One line for each finding.
pub(crate) fn lines(subject: &str, report: &Report) -> io::Result<String> {
    let findings = report.findings().iter();
    findings
        .map(|finding| json::line(&object(subject, finding)))
        .collect()
}

/// For a text that nothing can be checked of.
pub(crate) fn not_one<'a>(subject: &'a str, error: &AddressError) -> FindingObject<'a> {
    FindingObject {
        subject,
        method: None,
        check: "other".to_owned(),
        level: "error".to_owned(),
        detail: format!(
            "This is neither an address nor a domain: {}.",
            error.problem()
        ),
        remedy: Some("Write an address as alice@example.org, or a domain as example.org."),
    }
}

fn object<'a>(subject: &'a str, finding: &'a Finding) -> FindingObject<'a> {
    FindingObject {
        subject,
        method: match finding.method() {
            Some(Layout::Advanced) => Some("advanced"),
            Some(Layout::Direct) => Some("direct"),
            // The draft has no other method.
            _ => None,
        },
        check: finding.check().to_string(),
        level: finding.level().to_string(),
        detail: finding.detail().to_owned(),
        remedy: finding.remedy(),
    }
}
