//! The order of the judges: what was seen in, findings out. No I/O, no clock.

use std::time::SystemTime;

use sequoia_openpgp::policy::Policy;

use super::certificate::{self, Entry};
use super::methods::Beside;
use super::report::{Check, Finding, Findings};
use super::seen::{Directory, Names};
use super::{Subject, answers, files, methods, names, server};
use crate::Error;
use crate::filter::{Filtered, armor};
use crate::wkd::Layout;

/// All that was seen.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) names: Names,
    pub(super) advanced: Option<Served>,
    pub(super) direct: Option<Served>,
    /// The direct method, where the advanced one applies.
    pub(super) beside: Option<Beside>,
}

/// A directory, and what the filter says of the certificate in it.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) directory: Directory,
    /// `None` where there is nothing to filter.
    pub(super) filtered: Option<Result<Filtered, Error>>,
}

/// By what is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'j> {
    pub(super) subject: &'j Subject,
    pub(super) policy: &'j dyn Policy,
    /// For certificates of people.
    pub(super) time: SystemTime,
    /// For those of servers.
    pub(super) now: SystemTime,
}

/// The findings, and the method that clients use.
pub(super) fn judge(observed: &Observed, by: By<'_>) -> (Option<Layout>, Vec<Finding>) {
    let is_address = by.subject.address().is_some();
    let (mut advanced, mut direct, applies) = names::judge(&observed.names);
    let mut domain = Findings::of(None);
    let served = observed.advanced.as_ref();
    let is_served = served.is_some_and(|served| served.directory.is_one(is_address));
    let replaced = names::judge_wildcard(&observed.names, is_served, &mut domain);
    // What a wildcard leads to was not meant to be a directory.
    if let Some(served) = served.filter(|_| !replaced) {
        judge_served(served, by, &mut advanced);
    }
    if let Some(served) = &observed.direct {
        judge_served(served, by, &mut direct);
    }
    if let (Some(served), Some(beside)) = (served, &observed.beside) {
        let directory = &served.directory;
        if methods::judge(directory, beside, is_address, &mut direct, &mut domain) {
            // That has been said, with its cause.
            advanced.soften(&[Check::Status, Check::Policy, Check::Soft404]);
        }
    }
    let findings = [domain.list, advanced.list, direct.list].concat();
    (applies, findings)
}

fn judge_served(served: &Served, by: By<'_>, findings: &mut Findings) {
    let directory = &served.directory;
    if !server::judge(directory, by.now, findings) {
        return;
    }
    let address = by.subject.address();
    let answer = match address {
        Some(_) => answers::judge_entry(directory, findings),
        None => {
            answers::judge_domain(directory, findings);
            None
        }
    };
    let policy = match directory.policy(address.is_some()) {
        Some(seen) => files::judge_policy(seen, directory, address.is_none(), findings),
        None => files::Policy::default(),
    };
    if let Some(rest) = &directory.rest {
        files::judge_submission(&rest.submission, directory, &policy, findings);
    }
    match (address, answer, &served.filtered) {
        (Some(address), Some(answer), Some(Ok(filtered))) => {
            let entry = Entry {
                filtered,
                octets: answer.body.len(),
                is_armored: armor::is_text(&answer.body),
                address,
                mailbox_only: policy.mailbox_only,
            };
            certificate::judge(&entry, by.policy, by.time, findings);
        }
        (_, Some(_), Some(Err(error))) => findings.warning(
            Check::Other,
            format!("The certificate could not be looked into ({error})."),
            "Check again with more time; if it stays so, publish a smaller certificate.",
        ),
        _ => {}
    }
}
