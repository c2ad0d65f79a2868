//! Whose a User ID is.

use crate::EmailAddress;

/// Whether a User ID is one of this address, by its octets.
///
/// Most User IDs of a large certificate are somebody else's; they are told
/// apart by their last octets, without parsing an address.
pub(super) fn is_of(user_id: &[u8], address: &EmailAddress) -> bool {
    may_be_of(user_id, address.local_part(), address.domain())
        && EmailAddress::of_user_id(user_id).is_some_and(|named| address.matches(&named))
}

/// False only where the User ID certainly names another address, or none.
fn may_be_of(user_id: &[u8], local_part: &str, domain: &str) -> bool {
    let text = user_id.strip_suffix(b">").unwrap_or(user_id);
    if let Some(rest) = strip_suffix(text, domain.as_bytes())
        && let Some(rest) = rest.strip_suffix(b"@")
    {
        // One address has many spellings once it is quoted.
        return local_part.starts_with('"')
            || rest.ends_with(b"\"")
            || strip_suffix(rest, local_part.as_bytes()).is_some();
    }
    // ASCII maps to nothing but its own lower case: other characters have to
    // be there for another spelling of the domain.
    text.iter()
        .rev()
        .take_while(|&&octet| octet != b'@')
        .any(|octet| !octet.is_ascii())
}

fn strip_suffix<'t>(text: &'t [u8], suffix: &[u8]) -> Option<&'t [u8]> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_look() {
        for (user_id, domain, expected) in [
            ("alice@example.org", "example.org", true),
            ("Alice <ALICE@EXAMPLE.org>", "example.org", true),
            ("Alice <\"ali\\ce\"@example.org>", "example.org", true),
            ("Alice <malice@example.org>", "example.org", true),
            ("Alice <alic@example.org>", "example.org", false),
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
            let actual = may_be_of(user_id.as_bytes(), "alice", domain);
            assert_eq!(actual, expected, "{user_id}");
        }
        assert!(may_be_of(b"alice@example.org", "\"alice\"", "example.org"));
    }

    #[test]
    fn the_cheap_look_refuses_nothing_that_matches() {
        for (user_id, address) in [
            ("\"alice\"@example.org", "alice@example.org"),
            ("alice@example.org", "\"al\\ice\"@example.org"),
            ("A <ALICE@Example.ORG>", "alice@example.org"),
            ("Ä <ä@BÜCHER.example>", "ä@bücher.example"),
            ("ä@xn--bcher-kva.example", "ä@bücher.example"),
        ] {
            let address = address.parse().unwrap();
            assert!(is_of(user_id.as_bytes(), &address), "{user_id}");
        }
    }
}
