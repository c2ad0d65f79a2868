//! The local part in a query.

/// What a query says about the local part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LocalPart {
    /// Nothing.
    Absent,
    /// This, once.
    Given(String),
    /// Several, or what is no percent-encoded UTF-8.
    Bad,
}

/// Reads the `l=` of a query.
pub(super) fn local_part(query: &str) -> LocalPart {
    let mut found = LocalPart::Absent;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "l" {
            continue;
        }
        found = match (found, decode(value)) {
            (LocalPart::Absent, Some(local_part)) => LocalPart::Given(local_part),
            // Which of two is meant is for nobody to guess.
            _ => return LocalPart::Bad,
        };
    }
    found
}

/// Percent-encoding undone (RFC 3986 §2.1), once and by the letter.
fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        decoded.push(match octet {
            b'%' => digit(octets.next()?)? << 4 | digit(octets.next()?)?,
            octet => octet,
        });
    }
    String::from_utf8(decoded).ok()
}

fn digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_local_part_or_none_or_nonsense() {
        for (query, expected) in [
            ("", Some(None)),
            ("x=l", Some(None)),
            ("xl=a&L=b&%6C=c", Some(None)),
            ("l=a", Some(Some("a"))),
            ("l=a=b", Some(Some("a=b"))),
            ("&l=%22a%20b%22&", Some(Some("\"a b\""))),
            ("l=a+b%2Bc%2bd", Some(Some("a+b+c+d"))),
            ("l=%25%36%31", Some(Some("%61"))),
            ("l=%C3%A4ä", Some(Some("ää"))),
            ("l=", Some(Some(""))),
            ("l", Some(Some(""))),
            ("l=a&l=a", None),
            ("l=a&l", None),
            ("l=%e4", None),
            ("l=%", None),
            ("l=%1", None),
            ("l=%-1", None),
            ("l=%u00e4", None),
            ("l=%C3%", None),
        ] {
            let expected = match expected {
                Some(None) => LocalPart::Absent,
                Some(Some(text)) => LocalPart::Given(text.to_owned()),
                None => LocalPart::Bad,
            };
            assert_eq!(local_part(query), expected, "{query}");
        }
    }
}
