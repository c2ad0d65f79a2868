//! What changes say to people.

use std::time::SystemTime;

use sequoia_openpgp::packet::{Signature, UserID};
use sequoia_openpgp::types::ReasonForRevocation;

use super::date::rfc3339;
use crate::{Revocation, RevocationKind};

/// "no longer used (soft, 2026-01-02T03:04:05Z)", and what the owner wrote.
pub(super) fn revocation(revocation: &Revocation) -> String {
    let reason = match revocation.reason() {
        None | Some(ReasonForRevocation::Unspecified) => "no reason given",
        Some(ReasonForRevocation::KeySuperseded) => "superseded by another key",
        Some(ReasonForRevocation::KeyCompromised) => "the key is compromised",
        Some(ReasonForRevocation::KeyRetired) => "no longer used",
        Some(ReasonForRevocation::UIDRetired) => "no longer valid",
        Some(_) => "an unknown reason",
    };
    let kind = match revocation.kind() {
        RevocationKind::Hard => "hard",
        RevocationKind::Soft => "soft",
    };
    let time = revocation
        .created()
        .map_or_else(|| "at an unknown time".to_owned(), rfc3339);
    match revocation.message() {
        "" => format!("{reason} ({kind}, {time})"),
        message => format!("{reason} ({kind}, {time}): \"{}\"", printable(message)),
    }
}

/// "expires at 2026-01-02T03:04:05Z" or "never expires".
pub(super) fn expires(at: Option<SystemTime>) -> String {
    at.map_or_else(
        || "never expires".to_owned(),
        |at| format!("expires at {}", rfc3339(at)),
    )
}

/// "expires at 2026-01-02T03:04:05Z instead of never".
pub(super) fn expires_instead(at: Option<SystemTime>, before: Option<SystemTime>) -> String {
    let before = before.map_or_else(|| "never".to_owned(), |at| format!("at {}", rfc3339(at)));
    format!("{} instead of {before}", expires(at))
}

/// A User ID in quotation marks.
pub(super) fn user_id(id: &UserID) -> String {
    format!("\"{}\"", printable(&String::from_utf8_lossy(id.value())))
}

/// How a newer self-signature differs in what it says; `None` where only its
/// time is another.
pub(super) fn difference(before: &Signature, after: &Signature) -> Option<String> {
    if before.hash_algo() != after.hash_algo() {
        let (new, old) = (after.hash_algo(), before.hash_algo());
        return Some(format!("made with {new} instead of {old}"));
    }
    let preferences = |s: &Signature| {
        (
            s.preferred_symmetric_algorithms().map(<[_]>::to_vec),
            s.preferred_hash_algorithms().map(<[_]>::to_vec),
            s.preferred_compression_algorithms().map(<[_]>::to_vec),
            s.preferred_aead_ciphersuites().map(<[_]>::to_vec),
            s.features(),
            s.key_server_preferences(),
        )
    };
    if preferences(before) != preferences(after) {
        return Some("with other preferences".to_owned());
    }
    (before.key_flags() != after.key_flags()).then(|| "with other uses of the key".to_owned())
}

/// Text from outside, as a terminal may see it.
fn printable(text: &str) -> String {
    let escape = |c: char| match c.is_control() || is_invisible(c) {
        true => '\u{fffd}',
        false => c,
    };
    text.chars().map(escape).collect()
}

/// Characters that turn the direction of text around, or hide in it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
