//! Percent-encoding as this crate writes it, in queries and path segments alike.

/// Every octet outside RFC 3986 *unreserved* as `%` and two upper-case
/// hexadecimal digits.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_percent_encoded(&mut out, text);
    out
}

/// The same, behind what `out` holds.
pub(crate) fn push_percent_encoded(out: &mut String, text: &str) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    for octet in text.bytes() {
        if is_unreserved(octet) {
            out.push(char::from(octet));
        } else {
            out.push('%');
            out.push(DIGITS[usize::from(octet >> 4)]);
            out.push(DIGITS[usize::from(octet & 15)]);
        }
    }
}

#[inline]
pub(crate) fn is_unreserved(octet: u8) -> bool {
    UNRESERVED[usize::from(octet)]
}

/// The unreserved characters of RFC 3986 §2.3: a look-up an octet, which for
/// texts this short beats what compilers make of the comparisons.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 0x80_u8 {
        table[octet as usize] =
            octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~');
        octet += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::percent_encoded;

    #[test]
    fn unreserved_stays() {
        assert_eq!(percent_encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(
            percent_encoded("a+b c/ä%\"@"),
            "a%2Bb%20c%2F%C3%A4%25%22%40"
        );
    }
}
