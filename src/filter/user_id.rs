//! Whose a User ID is.

use crate::EmailAddress;

/// Whether a User ID is one of this address, by its octets.
///
/// Most User IDs of a large certificate are somebody else's; they are told
/// apart by their last octets, without parsing an address.
pub(super) fn is_of(user_id: &[u8], address: &EmailAddress) -> bool {
    may_be_of(user_id, address.domain())
        && EmailAddress::of_user_id(user_id).is_some_and(|named| address.matches(&named))
}

/// False only where the User ID certainly names another domain, or none.
fn may_be_of(user_id: &[u8], domain: &str) -> bool {
    let text = user_id.strip_suffix(b">").unwrap_or(user_id);
    if let Some((rest, tail)) = text
        .len()
        .checked_sub(domain.len())
        .and_then(|at| text.split_at_checked(at))
        && tail.eq_ignore_ascii_case(domain.as_bytes())
        && rest.ends_with(b"@")
    {
        return true;
    }
    // ASCII maps to nothing but its own lower case: other characters have to
    // be there for another spelling of the domain.
    text.iter()
        .rev()
        .take_while(|&&octet| octet != b'@')
        .any(|octet| !octet.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_look() {
        for (user_id, domain, expected) in [
            ("alice@example.org", "example.org", true),
            ("Alice <alice@EXAMPLE.org>", "example.org", true),
            ("alice@example.org <m@b.example>", "example.org", false),
            ("Alice <alice@notexample.org>", "example.org", false),
            ("Alice <alice@example.org> ", "example.org", false),
            ("example.org", "example.org", false),
            ("Alïce <alice@b.example>", "example.org", false),
            ("a@bücher.example", "xn--bcher-kva.example", true),
            ("a@ｅｘａｍｐｌｅ.org", "example.org", true),
            // A soft hyphen, which the mapping of domains removes.
            ("a@\u{ad}example.org", "example.org", true),
            ("", "example.org", false),
            (">", "example.org", false),
            // The last octets cut a character in two.
            ("ü", "a", true),
        ] {
            assert_eq!(may_be_of(user_id.as_bytes(), domain), expected, "{user_id}");
        }
    }
}
