//! Characters that an address does not take, and what to call them.

use super::error::AddressProblem;

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
