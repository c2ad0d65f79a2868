//! Entity tags (RFC 9110 §8.8.3), and the condition that names them (§13.1.2).

use std::fmt::Write as _;

use http::HeaderValue;
use sha1::{Digest, Sha1};

use crate::{Error, ErrorKind};

/// A strong tag made from the octets.
pub(super) fn of(octets: &[u8]) -> HeaderValue {
    let mut tag = String::with_capacity(42);
    tag.push('"');
    for octet in Sha1::digest(octets) {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{octet:02x}");
    }
    tag.push('"');
    HeaderValue::try_from(tag).expect("hexadecimal digits in quotation marks are visible ASCII")
}

/// A strong tag of these characters.
pub(super) fn quoted(tag: &str) -> Result<HeaderValue, Error> {
    let refused = || Error::new(ErrorKind::Config, "an ETag of other than visible ASCII");
    if !tag.bytes().all(is_tag_octet) {
        return Err(refused());
    }
    HeaderValue::try_from(format!("\"{tag}\"")).map_err(|error| refused().with_source(error))
}

/// Whether this `If-None-Match` names the tag. The comparison is weak: a proxy that
/// compresses may have weakened it.
pub(super) fn names(condition: &HeaderValue, tag: &HeaderValue) -> bool {
    let condition = condition.as_bytes().trim_ascii();
    condition == b"*" || any(condition, tag.as_bytes()).unwrap_or(false)
}

/// `None` where the list ends in something else than a tag before the one looked for.
fn any(mut list: &[u8], tag: &[u8]) -> Option<bool> {
    loop {
        // Empty elements may stand in every list (RFC 9110 §5.6.1).
        while let [b',' | b' ' | b'\t', rest @ ..] = list {
            list = rest;
        }
        if list.is_empty() {
            return Some(false);
        }
        list = list.strip_prefix(b"W/").unwrap_or(list);
        let inner = list.strip_prefix(b"\"")?;
        let end = inner.iter().position(|&octet| octet == b'"')?;
        let (this, rest) = list.split_at_checked(end.checked_add(2)?)?;
        list = rest.trim_ascii_start();
        if !matches!(list, [] | [b',', ..]) {
            return None;
        }
        if this == tag {
            return Some(true);
        }
    }
}

fn is_tag_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'"'
}
