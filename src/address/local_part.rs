//! The local part of an address, and with it where the domain begins.

use super::Fault;
use super::characters::{is_formatting, is_space, refusal, table};
use super::error::AddressProblem;

/// The longest local part, in octets of UTF-8 as written (RFC 5321 §4.5.3.1.1).
pub(crate) const MAX_LOCAL_PART: usize = 64;

/// Checks the local part and finds the `@` that ends it.
#[inline]
pub(super) fn find_at(text: &str) -> Result<usize, Fault> {
    if text.is_empty() {
        return Err((AddressProblem::Empty, 0));
    }
    let at = if text.starts_with('"') {
        end_of_quoted(text)?
    } else {
        end_of_dot_atom(text)?
    };
    if at > MAX_LOCAL_PART {
        let edge = (0..=MAX_LOCAL_PART)
            .rev()
            .find(|&i| text.is_char_boundary(i));
        return Err((AddressProblem::LocalPartTooLong, edge.unwrap_or(0)));
    }
    Ok(at)
}

#[inline]
fn end_of_dot_atom(text: &str) -> Result<usize, Fault> {
    let mut after_dot = true;
    for (i, c) in text.char_indices() {
        match c {
            c if is_atext(c) => after_dot = false,
            '@' if i == 0 => return Err((AddressProblem::LocalPartEmpty, 0)),
            '@' if after_dot => return Err((AddressProblem::LocalPartDot, i - 1)),
            '@' => return Ok(i),
            '.' if after_dot => return Err((AddressProblem::LocalPartDot, i)),
            '.' => after_dot = true,
            c => return Err((refusal(c, AddressProblem::LocalPartCharacter), i)),
        }
    }
    Err((AddressProblem::NoAt, text.len()))
}

fn end_of_quoted(text: &str) -> Result<usize, Fault> {
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => {
                let behind = i + 1;
                return match text.as_bytes().get(behind) {
                    Some(b'@') => Ok(behind),
                    Some(_) => Err((AddressProblem::AfterQuote, behind)),
                    None => Err((AddressProblem::NoAt, behind)),
                };
            }
            '\\' => match chars.next() {
                Some((_, ' '..='~')) => {}
                Some((at, c)) if c.is_control() => return Err((AddressProblem::Control, at)),
                Some(_) => return Err((AddressProblem::QuotedPair, i)),
                None => break,
            },
            c if c.is_control() => return Err((AddressProblem::Control, i)),
            c if is_formatting(c) => return Err((AddressProblem::Formatting, i)),
            _ => {}
        }
    }
    Err((AddressProblem::QuoteNotClosed, 0))
}

/// atext of RFC 5322 §3.2.3, and beyond ASCII (RFC 6531 §3.3) all but the
/// characters that an address never has outside quotes.
fn is_atext(c: char) -> bool {
    const ASCII: [bool; 256] = table(b"!#$%&'*+-/=?^_`{|}~");
    match u8::try_from(c) {
        Ok(octet) if octet.is_ascii() => ASCII[usize::from(octet)],
        _ => !c.is_control() && !is_space(c) && !is_formatting(c),
    }
}
