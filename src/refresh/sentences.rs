//! What changes say to people.

use std::time::SystemTime;

use sequoia_openpgp::packet::{Signature, UserID};

use crate::text::{printable, rfc3339};

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
