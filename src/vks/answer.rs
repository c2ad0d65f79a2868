//! Reads what a key server answers in JSON.

use http::StatusCode;
use sequoia_openpgp::Fingerprint;
use serde_json::{Map, Value};

use super::{AddressStatus, Upload, UploadToken};
use crate::text::is_invisible;
use crate::{EmailAddress, Error, ErrorKind};

/// The longest token that is taken: those seen have a few hundred octets.
const MAX_TOKEN: usize = 8192;

/// The most characters of a server's sentence that are shown.
const MAX_SENTENCE: usize = 200;

/// How much of a token must not be shown. Fewer octets give nothing away.
const TELLTALE: usize = 8;

/// Reads the answer to an upload or to a request of confirmation mails.
pub(super) fn upload(host: &str, body: &[u8]) -> Result<Upload, Error> {
    let bad = |why: &str| Error::new(ErrorKind::BadAnswer, format!("{host}: {why}"));
    let answer = match serde_json::from_slice(body) {
        Ok(Value::Object(answer)) => answer,
        Ok(Value::Array(_)) => return Err(bad("an answer to several certificates")),
        Ok(_) => return Err(bad("JSON of another form than was asked for")),
        // Its position alone: what stands there could be the token.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            return Err(bad(&format!("not JSON, at {line}:{column}")));
        }
    };
    let token = match answer.get("token") {
        Some(Value::String(token)) if (1..=MAX_TOKEN).contains(&token.len()) => token.clone(),
        _ => return Err(bad("no usable token")),
    };
    let fingerprint = match answer.get("key_fpr") {
        Some(Value::String(hex)) => hex.parse::<Fingerprint>().ok(),
        _ => None,
    };
    let Some(fingerprint) = fingerprint.filter(|f| matches!(f.as_bytes().len(), 20 | 32)) else {
        return Err(bad("no fingerprint"));
    };
    let Some(Value::Object(status)) = answer.get("status") else {
        return Err(bad("no status of addresses"));
    };
    Ok(Upload {
        fingerprint,
        token: UploadToken::from(token),
        addresses: addresses(status),
    })
}

/// Why the server refused: its status, and its sentence where it has one to show.
pub(super) fn refusal(
    host: &str,
    status: StatusCode,
    body: &[u8],
    token: Option<&UploadToken>,
) -> Error {
    let mut why = format!("{host} answered with status {}", status.as_u16());
    if let Some(sentence) = sentence(body).filter(|s| !token.is_some_and(|t| gives_away(s, t))) {
        why = format!("{why}: {sentence}");
    }
    Error::new(ErrorKind::Http, why)
}

fn addresses(status: &Map<String, Value>) -> Vec<(EmailAddress, AddressStatus)> {
    status
        .iter()
        .filter_map(|(address, status)| {
            let status = match status.as_str() {
                Some("unpublished") => AddressStatus::Unpublished,
                Some("pending") => AddressStatus::Pending,
                Some("published") => AddressStatus::Published,
                Some("revoked") => AddressStatus::Revoked,
                _ => AddressStatus::Other,
            };
            Some((address.parse().ok()?, status))
        })
        .collect()
}

/// What a server says in words. The documentation calls the field `error`; in
/// maintenance it is `message`.
fn sentence(body: &[u8]) -> Option<String> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return None;
    };
    let text = ["error", "message"]
        .iter()
        .find_map(|field| answer.get(*field).and_then(Value::as_str))?;
    let clean = clean(text);
    (!clean.is_empty()).then_some(clean)
}

/// Text from outside in a form that fits an error: one line of bounded length,
/// without characters that steer terminals or the direction of text, and without
/// anything that looks like an address.
fn clean(text: &str) -> String {
    // Read no more than could ever be shown.
    let shown: String = text
        .chars()
        .take(4 * MAX_SENTENCE)
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .collect();
    let words: Vec<&str> = shown
        .split_ascii_whitespace()
        .map(|word| {
            if word.contains('@') {
                "(an address)"
            } else {
                word
            }
        })
        .collect();
    let mut clean = words.join(" ");
    if let Some((end, _)) = clean.char_indices().nth(MAX_SENTENCE) {
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

/// Whether a sentence holds the token or a piece of it. The whole sentence is
/// then left out: cutting the piece out would show where it stood.
fn gives_away(sentence: &str, token: &UploadToken) -> bool {
    let squeezed = |text: &str| -> Vec<u8> {
        let octets = text.bytes().filter(u8::is_ascii_alphanumeric);
        octets.map(|octet| octet.to_ascii_lowercase()).collect()
    };
    let (sentence, token) = (squeezed(sentence), squeezed(token.expose()));
    let size = TELLTALE.min(token.len());
    size > 0
        && sentence
            .windows(size)
            .any(|piece| token.windows(size).any(|telltale| telltale == piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FPR: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

    fn kind(body: &str) -> ErrorKind {
        let error = upload("keys.example.org", body.as_bytes()).expect_err(body);
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(error.to_string().contains("keys.example.org"), "{error}");
        error.kind()
    }

    #[test]
    fn an_answer_as_documented() {
        let body = format!(
            r#"{{"token":"t","key_fpr":"{FPR}","more":[1],"status":{{
                "a@example.org":"unpublished","b@example.org":"pending",
                "c@example.org":"published","d@example.org":"revoked",
                "e@example.org":"novel","f@example.org":7,"no address":"published"}}}}"#
        );
        let answer = upload("h", body.as_bytes()).expect("an answer");
        assert_eq!(answer.token().expose(), "t");
        assert_eq!(answer.fingerprint().to_hex(), FPR);
        let mut found: Vec<_> = answer
            .addresses()
            .iter()
            .map(|(address, status)| (address.local_part(), *status))
            .collect();
        found.sort_by_key(|(local_part, _)| *local_part);
        assert_eq!(
            found,
            [
                ("a", AddressStatus::Unpublished),
                ("b", AddressStatus::Pending),
                ("c", AddressStatus::Published),
                ("d", AddressStatus::Revoked),
                ("e", AddressStatus::Other),
                ("f", AddressStatus::Other),
            ]
        );
        let status = |text: &str| answer.status_of(&text.parse().expect(text));
        assert_eq!(status("C@EXAMPLE.org"), Some(AddressStatus::Published));
        assert_eq!(status("x@example.org"), None);
    }

    #[test]
    fn letters_that_only_unicode_maps() {
        let body = format!(
            r#"{{"token":"t","key_fpr":"{FPR}","status":{{"jörg@example.org":"published"}}}}"#
        );
        let answer = upload("h", body.as_bytes()).expect("an answer");
        let address = "JÖRG@example.org".parse().expect("an address");
        assert_eq!(answer.status_of(&address), Some(AddressStatus::Published));
    }

    #[test]
    fn bad_answers() {
        let long = "s3cret".repeat(MAX_TOKEN);
        for body in [
            String::new(),
            "<html>s3cret</html>".to_owned(),
            "null".to_owned(),
            "\"s3cret\"".to_owned(),
            format!(r#"["{FPR}","{FPR}"]"#),
            "{}".to_owned(),
            format!(r#"{{"token":"","key_fpr":"{FPR}","status":{{}}}}"#),
            format!(r#"{{"token":7,"key_fpr":"{FPR}","status":{{}}}}"#),
            format!(r#"{{"token":"{long}","key_fpr":"{FPR}","status":{{}}}}"#),
            r#"{"token":"s3cret","status":{}}"#.to_owned(),
            r#"{"token":"s3cret","key_fpr":"s3cret","status":{}}"#.to_owned(),
            r#"{"token":"s3cret","key_fpr":"0123","status":{}}"#.to_owned(),
            format!(r#"{{"token":"s3cret","key_fpr":"{FPR}"}}"#),
            format!(r#"{{"token":"s3cret","key_fpr":"{FPR}","status":["s3cret"]}}"#),
            format!(r#"{{"token":"s3cret","key_fpr":"{FPR}","status":{{}}}} s3cret"#),
            "[".repeat(100_000),
        ] {
            assert_eq!(kind(&body), ErrorKind::BadAnswer);
        }
    }

    #[test]
    fn sentences() {
        let token = UploadToken::from("aBcD-eFgH-iJkL-mNoP".to_owned());
        let long = "x".repeat(1000);
        for (body, shown) in [
            (
                r#"{"error":"Parsing of key data failed."}"#.to_owned(),
                Some("Parsing of key data failed."),
            ),
            (
                r#"{"message":"In maintenance"}"#.to_owned(),
                Some("In maintenance"),
            ),
            (r#"{"error":"one","message":"two"}"#.to_owned(), Some("one")),
            (
                r#"{"error":{"a":1},"message":"two"}"#.to_owned(),
                Some("two"),
            ),
            (
                r#"{"error":"a\u0000b\u001b[31m \n\t c\u202ed\u200be"}"#.to_owned(),
                Some("ab[31m cde"),
            ),
            (
                r#"{"error":"no key for \"joe doe\"@example.org here"}"#.to_owned(),
                Some("no key for \"joe (an address) here"),
            ),
            (r#"{"error":" \u0007 "}"#.to_owned(), None),
            (r#"{"error":7}"#.to_owned(), None),
            ("<html>502</html>".to_owned(), None),
            ("[]".to_owned(), None),
            (String::new(), None),
            // The token, whole, in part, in other letters, taken apart.
            (
                r#"{"error":"unknown token aBcD-eFgH-iJkL-mNoP"}"#.to_owned(),
                None,
            ),
            (r#"{"error":"unknown token …FgH-iJkL-m…"}"#.to_owned(), None),
            (
                r#"{"error":"unknown token ABCDEFGHIJKLMNOP"}"#.to_owned(),
                None,
            ),
            (
                r#"{"error":"unknown token aBcD eFgH\u0000iJkL"}"#.to_owned(),
                None,
            ),
            (r#"{"error":"abcdef"}"#.to_owned(), Some("abcdef")),
            (
                format!(r#"{{"error":"{long}"}}"#),
                Some(&*format!("{}…", &long[..MAX_SENTENCE])),
            ),
        ] {
            let error = refusal("h", StatusCode::BAD_REQUEST, body.as_bytes(), Some(&token));
            let wanted = match shown {
                Some(sentence) => format!("HTTP failure: h answered with status 400: {sentence}"),
                None => "HTTP failure: h answered with status 400".to_owned(),
            };
            assert_eq!(error.to_string(), wanted, "{body}");
        }
    }
}
