//! Judges what a web server answers, before anybody looks into a certificate.

use super::report::{Check, Findings, Level};
use super::seen::{Answer, Directory, Rest, Seen};
use super::server::judge_failure;

/// Letters and digits of z-base-32, and how many of them make a file's name.
const HASH_LETTERS: &[u8] = b"ybndrfg8ejkmcpqxot1uwisza345h769";
const HASH_LENGTH: usize = 32;

/// Judges the answer for an address: the one to look into for a certificate.
pub(super) fn judge_entry<'a>(
    directory: &'a Directory,
    findings: &mut Findings,
) -> Option<&'a Answer> {
    let (Ok(entry), Some(rest)) = (&directory.first, &directory.rest) else {
        return None;
    };
    if entry.is_ok() && directory.is_made_up(entry) {
        findings.error(
            Check::Soft404,
            "The server gives the same for an address that nobody has: there is no certificate \
             for this one, and it does not say so.",
            SOFT_404,
        );
        judge_listing(directory, &rest.listing, findings);
        return None;
    }
    judge_status(entry, &directory.host, findings);
    judge_random(directory, rest, entry.status, findings);
    judge_listing(directory, &rest.listing, findings);
    if !entry.is_ok() {
        return None;
    }
    judge_head(entry, &rest.head, findings);
    judge_content_type(entry, findings);
    judge_cors(entry, Level::Warning, findings);
    if let Some(encoding) = entry.encoding() {
        findings.error(
            Check::Other,
            format!(
                "The certificate comes in a content encoding ({encoding}) that was not asked for, \
                 and clients cannot read it."
            ),
            "Switch compression off for this directory (nginx: gzip off; Apache: SetEnv no-gzip 1).",
        );
    } else if entry.truncated {
        findings.error(
            Check::Size,
            format!(
                "The answer is larger than {} octets, which is more than clients read.",
                entry.body.len()
            ),
            super::certificate::TOO_LARGE,
        );
    }
    directory.entry()
}

/// Judges the answers for a domain, of which the policy was the first.
pub(super) fn judge_domain(directory: &Directory, findings: &mut Findings) {
    let (Ok(policy), Some(rest)) = (&directory.first, &directory.rest) else {
        return;
    };
    if directory.fails_alike(policy) {
        judge_status(policy, &directory.host, findings);
    }
    judge_random(directory, rest, policy.status, findings);
    judge_listing(directory, &rest.listing, findings);
    if policy.is_ok() {
        judge_head(policy, &rest.head, findings);
        judge_cors(policy, Level::Info, findings);
    }
}

fn judge_status(entry: &Answer, host: &str, findings: &mut Findings) {
    let (detail, remedy) = match entry.status {
        200 => {
            let detail = "The address is answered with status 200.";
            return findings.ok(Check::Status, detail);
        }
        404 | 410 => (
            format!(
                "{host} has no certificate for this address (status {}).",
                entry.status
            ),
            "Publish the certificate: put it into the directory hu under the hash of the local \
             part, and see that the web server maps the path to it.",
        ),
        status => refusal(host, status),
    };
    findings.error(Check::Status, detail, remedy);
}

/// What a status says that is neither "here it is" nor "there is none", and what
/// helps.
pub(super) fn refusal(host: &str, status: u16) -> (String, &'static str) {
    match status {
        401 => (
            format!("{host} asks for a login (status 401), which clients never give."),
            "Switch authentication off for this directory.",
        ),
        403 => (
            format!("{host} forbids access (status 403)."),
            "Let the web server read the directory and its files, and let everybody ask (nginx: \
             allow all; Apache: Require all granted).",
        ),
        status => (
            format!("{host} answers with status {status} instead of 200."),
            "See in the web server's log why.",
        ),
    }
}

/// What helps against silence.
pub(super) const SILENCE: &str = "See in the web server's log why it does not answer this, and \
     what it waits for.";

const SOFT_404: &str = "Answer 404 for what does not exist below this directory (nginx: try_files \
     $uri =404; in its location), also where the site sends everything else to one page.";

/// Judges the answer for an address that nobody has. `first` is the status of
/// the first question.
fn judge_random(directory: &Directory, rest: &Rest, first: u16, findings: &mut Findings) {
    let host = &directory.host;
    let random = match &rest.random {
        Ok(random) => random,
        Err(failure) => return judge_failure(failure, Level::Warning, findings),
    };
    if random.is_absent() {
        findings.ok(
            Check::Soft404,
            "An address that nobody has is answered with 404.",
        );
    } else if random.is_ok() {
        findings.warning(
            Check::Soft404,
            format!(
                "{host} answers an address that nobody has with status 200: clients cannot tell \
                 that there is no certificate."
            ),
            SOFT_404,
        );
    } else if random.status != first {
        findings.warning(
            Check::Status,
            format!(
                "{host} answers an address that nobody has with status {}: clients cannot tell \
                 that there is no certificate.",
                random.status
            ),
            "Answer 404 for what does not exist below this directory.",
        );
    }
}

fn judge_listing(directory: &Directory, listing: &Seen, findings: &mut Findings) {
    const REMEDY: &str = "Switch listings off for this directory (nginx: autoindex off; Apache: \
         Options -Indexes).";
    let check = Check::Listing;
    match listing {
        Ok(answer) if !answer.is_ok() => {
            findings.ok(check, "The directory does not list its files.");
        }
        Ok(answer) if lists(&answer.body) => findings.warning(
            check,
            "The directory lists its files: everybody sees how many addresses there are, and can \
             guess them.",
            REMEDY,
        ),
        Ok(_) if directory.answers_anything() => findings.info(
            check,
            "Whether the directory lists its files cannot be told: the server answers anything.",
        ),
        Ok(_) => findings.warning(
            check,
            "The directory itself is answered with status 200, where it should have nothing to \
             show.",
            REMEDY,
        ),
        Err(failure) => {
            let detail = format!(
                "Whether the directory lists its files cannot be told ({}).",
                failure.error
            );
            match failure.is_silence() {
                true => findings.warning(check, detail, SILENCE),
                false => findings.info(check, detail),
            }
        }
    }
}

/// Whether a page names files as a directory's are called, or is a list of some.
fn lists(page: &[u8]) -> bool {
    let is_hash = |word: &[u8]| {
        word.len() == HASH_LENGTH && word.iter().all(|letter| HASH_LETTERS.contains(letter))
    };
    let mut words = page.split(|octet| !octet.is_ascii_alphanumeric());
    let title = b"Index of /";
    words.any(is_hash) || page.windows(title.len()).any(|part| part == title)
}

fn judge_head(get: &Answer, head: &Seen, findings: &mut Findings) {
    const REMEDY: &str = "Let the web server answer HEAD as it answers GET, without the body.";
    let check = Check::Head;
    let head = match head {
        Ok(head) => head,
        Err(failure) => {
            let detail = format!("There is no answer for HEAD ({}).", failure.error);
            return findings.warning(check, detail, REMEDY);
        }
    };
    // Of a truncated body the length is not known.
    let lengths = head.length().filter(|_| !get.truncated);
    if head.status != get.status {
        let detail = format!(
            "HEAD is answered with status {}, and GET with {}.",
            head.status, get.status
        );
        findings.warning(check, detail, REMEDY);
    } else if let Some(length) = lengths.filter(|length| *length != get.body.len()) {
        let detail = format!(
            "HEAD says that there are {length} octets, and GET gives {}.",
            get.body.len()
        );
        findings.warning(check, detail, REMEDY);
    } else {
        findings.ok(check, "HEAD is answered as GET is.");
    }
}

fn judge_content_type(entry: &Answer, findings: &mut Findings) {
    let label = entry.content_type();
    let kind = label.as_deref().and_then(|label| label.split(';').next());
    if kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/octet-stream")) {
        let detail = "The content type is application/octet-stream.";
        return findings.ok(Check::ContentType, detail);
    }
    let said = label.map_or_else(|| "missing".to_owned(), |label| format!("\"{label}\""));
    findings.warning(
        Check::ContentType,
        format!("The content type is {said} instead of application/octet-stream."),
        "Set it for the directory hu (nginx: default_type application/octet-stream; Apache: \
         ForceType application/octet-stream).",
    );
}

fn judge_cors(answer: &Answer, level: Level, findings: &mut Findings) {
    let check = Check::Cors;
    let times = answer.allowed_origins();
    match answer.allowed_origin().as_deref() {
        _ if times > 1 => findings.warning(
            check,
            format!(
                "Access-Control-Allow-Origin is sent {times} times; browsers take it once, so \
                 clients in them cannot read what is served."
            ),
            "Send it once, with \"*\": it is set in more than one place of the web server's \
             configuration, or by a proxy too.",
        ),
        Some("*") => findings.ok(check, "Clients in browsers may read it."),
        _ if level < Level::Warning => findings.info(
            check,
            "The policy file does not let clients in browsers read it; whether a certificate does, \
             a check of an address tells.",
        ),
        origin => {
            let what = match origin {
                None => "There is no Access-Control-Allow-Origin".to_owned(),
                Some(origin) => format!("Access-Control-Allow-Origin is \"{origin}\""),
            };
            findings.warning(
                check,
                format!("{what}, so clients in browsers cannot read the certificate."),
                "Send it with \"*\" (nginx: add_header Access-Control-Allow-Origin * always; \
                 Apache: Header set Access-Control-Allow-Origin \"*\").",
            );
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
