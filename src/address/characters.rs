//! Characters that an address does not take, and what to call them.

use super::error::AddressProblem;

/// By octet, whether it is a letter, a digit or one of `others`: a look-up, since
/// every parse asks about every octet.
pub(super) const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 0x80_u8 {
        table[octet as usize] = octet.is_ascii_alphanumeric();
        octet += 1;
    }
    let mut i = 0;
    while i < others.len() {
        table[others[i] as usize] = true;
        i += 1;
    }
    table
}

/// White space, and the characters that are nothing but white space of no width.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// Characters that steer the direction of text (Unicode's Bidi_Control) or its lines.
pub(super) fn is_formatting(c: char) -> bool {
    matches!(
        c,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}

/// Why a character is refused, where it is none of the good ones.
pub(super) fn refusal(c: char, otherwise: AddressProblem) -> AddressProblem {
    match c {
        c if c.is_control() => AddressProblem::Control,
        c if is_space(c) => AddressProblem::WhiteSpace,
        c if is_formatting(c) => AddressProblem::Formatting,
        _ => otherwise,
    }
}
