//! The policy file (draft-koch-openpgp-webkey-service §4.5).

use crate::{Error, ErrorKind};

/// Checks a policy file, and ends its last line.
pub(super) fn checked(text: &str) -> Result<Vec<u8>, Error> {
    for (number, line) in text.lines().enumerate() {
        if !is_line(line) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "line {} of the policy file is no comment, no keyword and no keyword with a \
                     colon and a value",
                    number.saturating_add(1)
                ),
            ));
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    if !matches!(bytes.last(), None | Some(b'\n')) {
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn is_line(line: &str) -> bool {
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return false;
    }
    if line.is_empty() || line.starts_with('#') {
        return true;
    }
    match line.split_once(':') {
        Some((keyword, value)) => is_keyword(keyword) && !value.trim().is_empty(),
        None => is_keyword(line),
    }
}

/// Experimental ones begin with a domain and `_`.
fn is_keyword(keyword: &str) -> bool {
    let experiment = keyword.split_once('_').map(|(_, keyword)| keyword);
    let mut octets = keyword.bytes().filter(|&octet| octet != b'_');
    let is_other = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let begins = |word: &str| word.starts_with(|c: char| c.is_ascii_lowercase());
    begins(experiment.unwrap_or(keyword))
        && octets.all(is_other)
        && keyword.matches('_').count() <= 1
        && !keyword.starts_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_policy_file() {
        for (text, expected) in [
            ("", Some("")),
            ("mailbox-only", Some("mailbox-only\n")),
            (
                "# hello, world\n\nauth-submit\n",
                Some("# hello, world\n\nauth-submit\n"),
            ),
            ("protocol-version: 22\r\n", Some("protocol-version: 22\r\n")),
            (
                "submission-address:a@example.org",
                Some("submission-address:a@example.org\n"),
            ),
            ("123.example_x: y", Some("123.example_x: y\n")),
            ("Mailbox-Only", None),
            ("mailbox only", None),
            (" mailbox-only", None),
            ("4mailbox", None),
            (": 22", None),
            ("protocol-version:", None),
            ("_x", None),
            ("example.org_a_b", None),
            ("<html>", None),
            ("a\u{1b}[2J", None),
            ("# a\u{0}", None),
            ("mailbox-only\n\nFoo\n", None),
        ] {
            let made = checked(text).ok();
            assert_eq!(made.as_deref(), expected.map(str::as_bytes), "{text:?}");
        }
        let error = checked("a\n\nB").expect_err("a capital letter");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
