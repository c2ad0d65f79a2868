//! Judges the policy and submission-address files
//! (draft-koch-openpgp-webkey-service §4.1 and §4.5).

use super::answers::{SILENCE, refusal};
use super::report::{Check, Findings};
use super::seen::{Answer, Directory, Seen};
use crate::EmailAddress;

/// More than this no policy has.
const POLICY_OCTETS: usize = 64 << 10;

/// What a policy says, as far as other checks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    /// User IDs must be the bare address.
    pub(super) mailbox_only: bool,
    submission_address: Option<EmailAddress>,
}

/// Judges the policy. `is_needed` is whether it alone tells that there is a
/// directory: then its lack is an error.
pub(super) fn judge_policy(
    seen: &Seen,
    directory: &Directory,
    is_needed: bool,
    findings: &mut Findings,
) -> Policy {
    const MISSING: &str = "Put a file named policy beside the directory hu; it may be empty.";
    let answer = match seen {
        Ok(answer) => answer,
        Err(failure) => {
            let detail = format!(
                "There is no answer for the policy file ({}).",
                failure.error
            );
            findings.warning(Check::Policy, detail, SILENCE);
            return Policy::default();
        }
    };
    if answer.is_ok() && (answer.is_web_page() || directory.is_made_up(answer)) {
        let detail = "There is a web page in the place of the policy file.";
        match is_needed {
            true => findings.error(Check::Policy, detail, MISSING),
            false => findings.warning(Check::Policy, detail, MISSING),
        }
    } else if answer.is_ok() {
        return judge_content(answer, findings);
    } else if directory.fails_alike(answer) {
        // That is said of the whole server.
        findings.info(
            Check::Policy,
            format!(
                "The policy file could not be read (status {}).",
                answer.status
            ),
        );
    } else if !answer.is_absent() {
        let (why, remedy) = refusal(&directory.host, answer.status);
        let detail = format!("The policy file, which every directory must have: {why}");
        match is_needed {
            true => findings.error(Check::Policy, detail, remedy),
            false => findings.warning(Check::Policy, detail, remedy),
        }
    } else {
        let why = format!(
            "There is no policy file (status {}), which every directory must have",
            answer.status
        );
        match is_needed {
            true => findings.error(
                Check::Policy,
                format!("{why}: there seems to be no Web Key Directory for this domain."),
                "Serve the directory of this domain on this host, with a file named policy beside \
                 the directory hu; it may be empty.",
            ),
            false => findings.warning(
                Check::Policy,
                format!("{why}; some clients take that for a domain without a directory."),
                MISSING,
            ),
        }
    }
    Policy::default()
}

fn judge_content(answer: &Answer, findings: &mut Findings) -> Policy {
    let mut policy = Policy::default();
    let mut wrong = Vec::new();
    if answer.truncated || answer.body.len() > POLICY_OCTETS {
        wrong.push("it is far too large".to_owned());
    } else if let Ok(text) = std::str::from_utf8(&answer.body) {
        let lines = text.split('\n').enumerate();
        for (number, line) in lines {
            if let Err(why) = read_line(line.strip_suffix('\r').unwrap_or(line), &mut policy) {
                wrong.push(format!("line {}: {why}", number.saturating_add(1)));
            }
        }
    } else {
        wrong.push("it is not text".to_owned());
    }
    match &wrong[..] {
        [] => findings.ok(Check::Policy, "The policy file is there and well-formed."),
        [first, more @ ..] => {
            let more = match more.len() {
                0 => String::new(),
                count => format!("; and there is more: {count} other lines"),
            };
            findings.warning(
                Check::Policy,
                format!("The policy file is not right: {first}{more}."),
                "Write one keyword a line, in lower case, with a colon and a space before its \
                 value where it has one; an empty file is right too.",
            );
        }
    }
    policy
}

/// One line: a keyword, and a value behind a colon.
fn read_line(line: &str, policy: &mut Policy) -> Result<(), &'static str> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let (keyword, value) = match line.split_once(':') {
        Some((keyword, value)) => (keyword, Some(value.trim())),
        None => (line.trim_end(), None),
    };
    let is_allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    if !keyword.starts_with(|c: char| c.is_ascii_lowercase()) || !keyword.chars().all(is_allowed) {
        return Err("it is not a keyword of lower-case letters");
    }
    match (keyword, value) {
        ("mailbox-only", None) => policy.mailbox_only = true,
        ("auth-submit", None) => {}
        ("mailbox-only" | "auth-submit", Some(_)) => return Err("this keyword has no value"),
        ("dane-only", _) => return Err("dane-only tells clients not to use this directory"),
        ("protocol-version", Some(version)) if version.parse::<u32>().is_ok() => {}
        ("protocol-version", _) => return Err("the protocol version is not a number"),
        ("submission-address", Some(text)) => match text.parse() {
            Ok(address) => policy.submission_address = Some(address),
            Err(_) => return Err("the submission address is not an address"),
        },
        ("submission-address", None) => return Err("the submission address is missing"),
        // Unknown ones are for clients that know them.
        _ => {}
    }
    Ok(())
}

/// Judges the submission-address file, which need not be there.
pub(super) fn judge_submission(
    seen: &Seen,
    directory: &Directory,
    policy: &Policy,
    findings: &mut Findings,
) {
    const REMEDY: &str = "Put exactly one line with the address into the file submission-address, \
         the same as in the policy file; or take the file away where keys are not submitted by mail.";
    let check = Check::SubmissionAddress;
    let answer = match seen {
        Ok(answer) if answer.is_ok() && !directory.is_made_up(answer) => answer,
        Ok(answer) if answer.is_ok() || answer.is_absent() => {
            let detail = "There is no submission-address file: keys are not submitted by mail.";
            return findings.ok(check, detail);
        }
        Ok(answer) => {
            let detail = format!(
                "The submission-address file is answered with status {}.",
                answer.status
            );
            return findings.info(check, detail);
        }
        Err(failure) => {
            let detail = format!(
                "There is no answer for the submission-address file ({}).",
                failure.error
            );
            return match failure.is_silence() {
                true => findings.warning(check, detail, SILENCE),
                false => findings.info(check, detail),
            };
        }
    };
    let address = std::str::from_utf8(&answer.body).ok().and_then(|text| {
        let line = text.strip_suffix('\n').unwrap_or(text);
        line.strip_suffix('\r').unwrap_or(line).parse().ok()
    });
    let address: EmailAddress = match address {
        Some(address) if !answer.truncated => address,
        _ => {
            let detail = "The submission-address file is not one line with an address.";
            return findings.warning(check, detail, REMEDY);
        }
    };
    match &policy.submission_address {
        Some(named) if !named.matches(&address) => findings.warning(
            check,
            "The submission-address file and the policy file name different addresses.",
            REMEDY,
        ),
        _ => findings.ok(check, "The submission-address file names an address."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wkd::check::answers::tests::{answer, directory};
    use crate::wkd::check::report::Level;
    use crate::wkd::check::seen::Failure;
    use crate::{Error, ErrorKind};

    fn read(text: &str) -> Result<Policy, &'static str> {
        let mut policy = Policy::default();
        read_line(text, &mut policy).map(|()| policy)
    }

    #[test]
    fn lines() {
        for right in [
            "",
            "  ",
            "# Anything: at all",
            "auth-submit",
            "protocol-version: 13",
            "protocol-version:13",
            "example.org_some-flag: x y",
            "something-new",
            "submission-address: keys@example.org",
        ] {
            assert!(read(right).is_ok(), "{right}");
        }
        for wrong in [
            "Mailbox-Only",
            "mailbox-only: yes",
            "two words",
            " indented",
            "9lives",
            "<html>",
            ": x",
            "protocol-version: new",
            "protocol-version",
            "submission-address: nobody",
            "submission-address",
            "dane-only",
            "\u{1b}[31m",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read("mailbox-only").unwrap().mailbox_only);
    }

    /// The one finding there is: how grave it is, and what it says.
    fn only(findings: &Findings) -> (Level, &str) {
        let [finding] = &findings.list[..] else {
            panic!("{findings:?}");
        };
        (finding.level(), finding.detail())
    }

    #[test]
    fn what_a_server_that_fails_alike_says_of_the_policy() {
        let mut seen = directory();
        seen.rest.as_mut().expect("the rest").random = Ok(answer(500, ""));
        let mut findings = Findings::of(None);
        judge_policy(&Ok(answer(500, "")), &seen, true, &mut findings);
        let (level, detail) = only(&findings);
        assert_eq!(level, Level::Info);
        assert!(detail.contains("status 500"), "{detail}");
    }

    #[test]
    fn submission_addresses() {
        let failed = |kind| {
            Err(Failure {
                error: Error::new(kind, "why"),
                by_redirect: None,
                no_route: false,
            })
        };
        let with_address = read("submission-address: keys@example.org").expect("a line");
        for (seen, expected, part) in [
            (Ok(answer(200, "keys@example.org\n")), Level::Ok, "names an"),
            (
                Ok(answer(200, "x@example.org")),
                Level::Warning,
                "different",
            ),
            (
                Ok(answer(200, "two\nlines\n")),
                Level::Warning,
                "not one line",
            ),
            (Ok(answer(404, "")), Level::Ok, "no submission-address file"),
            (Ok(answer(403, "")), Level::Info, "status 403"),
            (failed(ErrorKind::Timeout), Level::Warning, "no answer"),
            (failed(ErrorKind::Redirect), Level::Info, "no answer"),
        ] {
            let mut findings = Findings::of(None);
            judge_submission(&seen, &directory(), &with_address, &mut findings);
            let (level, detail) = only(&findings);
            assert_eq!(level, expected, "{detail}");
            assert!(detail.contains(part), "{detail}, not {part}");
        }
    }
}
