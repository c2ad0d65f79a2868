//! The order of the judges: what was seen in, findings out. No I/O, no clock.

use std::time::SystemTime;

use sequoia_openpgp::policy::Policy;

use super::certificate::{self, Entry};
use super::methods::Lack;
use super::names::Wildcard;
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
    /// `None` where there is no address to ask at.
    pub(super) advanced: Option<Served>,
    pub(super) direct: Option<Served>,
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
    let is_one =
        |served: &Option<Served>| matches!(served, Some(s) if s.directory.is_one(is_address));
    let served = names::Served {
        advanced: is_one(&observed.advanced),
        has_nothing: matches!(&observed.advanced, Some(s) if s.directory.has_nothing(is_address)),
        direct: is_one(&observed.direct),
    };
    let wildcard = names::judge_wildcard(&observed.names, served, &mut domain);
    match (applies, &observed.advanced, &observed.direct) {
        (Some(Layout::Advanced), Some(one), beside) if wildcard != Some(Wildcard::Replaces) => {
            judge_served(one, by, &mut advanced);
            if let Some(beside) = beside.as_ref().filter(|_| served.direct) {
                judge_served(beside, by, &mut direct);
                // Clients that keep to the draft never get there.
                direct.soften(|_| true);
            }
            let beside = beside.as_ref().map(|beside| &beside.directory);
            let (one, to) = (&one.directory, (&mut direct, &mut domain));
            let lack = methods::judge(one, beside, &observed.names, is_address, to);
            let checks = [Check::Status, Check::Policy, Check::Soft404];
            let is_of_lack = |check| checks.contains(&check);
            if wildcard.is_some() || lack == Some(Lack::Foreign) {
                // That has been said, with its cause.
                advanced.soften(is_of_lack);
            } else if lack == Some(Lack::Missing) {
                advanced.advise(is_of_lack, &methods::missing(&one.host));
            }
        }
        // What a wildcard leads to was not meant to be a directory.
        (Some(_), _, Some(direct_one)) => judge_served(direct_one, by, &mut direct),
        _ => {}
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
        // Nobody knows whether clients can use it, and what else is in it.
        (_, Some(_), Some(Err(error))) => findings.error(
            Check::Other,
            format!("The certificate could not be looked into ({error})."),
            "Check again with more time; if it stays so, publish a smaller certificate.",
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use sequoia_openpgp::policy::StandardPolicy;

    use super::*;
    use crate::ErrorKind;
    use crate::wkd::check::answers::tests::directory;
    use crate::wkd::check::report::Level;

    /// Of a certificate that nobody could look into, nobody knows that it works.
    #[test]
    fn what_could_not_be_looked_into_is_an_error() {
        let subject: Subject = "alice@example.org".parse().unwrap();
        let policy = StandardPolicy::new();
        let now = SystemTime::now();
        let by = By {
            subject: &subject,
            policy: &policy,
            time: now,
            now,
        };
        let served = Served {
            directory: directory(),
            filtered: Some(Err(Error::new(ErrorKind::Timeout, "too long"))),
        };
        let mut findings = Findings::of(None);
        judge_served(&served, by, &mut findings);
        let list = findings.list.iter();
        let errors: Vec<_> = list.filter(|f| f.level() == Level::Error).collect();
        let [error] = &errors[..] else {
            panic!("{findings:?}");
        };
        assert_eq!(error.check(), Check::Other);
        assert!(error.detail().contains("too long"), "{error:?}");
    }
}
