//! Which part of a User ID is its address.

/// What follows the only `<` of a User ID whose last `>` has been taken off.
///
/// A quote that is never closed is taken as an ordinary character, as in a name
/// that tells somebody's height in inches.
pub(super) fn behind_only_bracket(head: &str) -> Option<&str> {
    let octets = head.as_bytes();
    let mut behind = None;
    let mut i = 0;
    // Once nothing closes a quote, nothing further on does either: without this,
    // a name of many quotes would be read over and over again.
    let mut may_close = true;
    while let Some(octet) = octets.get(i) {
        match octet {
            b'"' if may_close => match closing_quote(octets, i) {
                Some(end) => i = end,
                None => may_close = false,
            },
            b'<' if behind.is_none() => behind = Some(i + 1),
            b'<' | b'>' => return None,
            _ => {}
        }
        i += 1;
    }
    head.get(behind?..)
}

/// Where the quoted string that begins at `open` ends.
fn closing_quote(octets: &[u8], open: usize) -> Option<usize> {
    let mut i = open + 1;
    loop {
        match octets.get(i)? {
            b'"' => return Some(i),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
}
