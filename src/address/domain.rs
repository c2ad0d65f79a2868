//! The domain of an address: from what was written to checked A-labels.

use std::borrow::Cow;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::Fault;
use super::characters::{is_formatting, refusal, table};
use super::error::AddressProblem;

/// The longest domain looked at, in octets as written: each character becomes at
/// least one octet of at most 253, and has at most four.
const MAX_WRITTEN: usize = 4 * 253;

/// The longest label looked at, in characters as written: 63, and as many that
/// UTS-46 maps to nothing.
const MAX_WRITTEN_LABEL: usize = 2 * MAX_LABEL;

/// The longest label of a domain, in octets (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// The domain in A-labels: borrowed (and still in its own case) where it was
/// plain ASCII, so that common domains do not pay for what they do not use.
#[inline]
pub(super) fn to_a_labels(domain: &str) -> Result<Cow<'_, str>, Fault> {
    match domain.as_bytes().first() {
        None => return Err((AddressProblem::DomainEmpty, 0)),
        Some(b'[') => return Err((AddressProblem::AddressLiteral, 0)),
        Some(_) => {}
    }
    match check(domain) {
        Ok(Labels::Plain) => return Ok(Cow::Borrowed(domain)),
        Err(fault) if is_plain(domain) => return Err(fault),
        Ok(Labels::Ace) | Err(_) => {}
    }
    check_written(domain)?;
    let a_labels = uts46(domain)
        // What comes out is parsed again by others, in URLs above all: it must
        // mean itself there.
        .filter(|a_labels| uts46(a_labels).as_ref() == Some(a_labels))
        .ok_or_else(|| find_fault(domain, (AddressProblem::International, 0)))?;
    check(&a_labels).map_err(|(problem, at)| {
        let labels_before = a_labels[..at].matches('.').count();
        let begin = domain.split_inclusive(is_dot).take(labels_before);
        find_fault(domain, (problem, begin.map(str::len).sum()))
    })?;
    Ok(Cow::Owned(a_labels))
}

/// Refuses what cannot come out short enough, before UTS-46 and punycode take a
/// time for it that grows with the square of its length.
fn check_written(domain: &str) -> Result<(), Fault> {
    if domain.len() > MAX_WRITTEN {
        return Err((AddressProblem::TooLong, 0));
    }
    let mut begin = 0;
    for piece in domain.split_inclusive(is_dot) {
        if piece.chars().count() > MAX_WRITTEN_LABEL {
            return Err((AddressProblem::LabelTooLong, begin));
        }
        begin += piece.len();
    }
    Ok(())
}

/// Whether UTS-46 could not change more than the case of this domain.
pub(super) fn is_plain(domain: &str) -> bool {
    let mut labels = domain.as_bytes().split(|&octet| octet == b'.');
    domain.is_ascii() && !labels.any(has_ace_prefix)
}

fn has_ace_prefix(label: &[u8]) -> bool {
    matches!(label, [b'x' | b'X', b'n' | b'N', b'-', b'-', ..])
}

pub(super) fn uts46(domain: &str) -> Option<String> {
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            // Hyphens in the third and fourth place are odd, and in use.
            Hyphens::CheckFirstLast,
            // `check` looks at the lengths and can say which label it is.
            DnsLength::Ignore,
        )
        .ok()
        .map(Cow::into_owned)
}

/// What sort of labels a domain has that [`check`] finds right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// Letters, digits and hyphens that mean themselves.
    Plain,
    /// At least one begins with `xn--`: whether the rest of it is right is for
    /// UTS-46 to say.
    Ace,
}

/// Checks a domain, in whatever case, by all rules of ASCII but the total length.
#[inline]
pub(super) fn check(domain: &str) -> Result<Labels, Fault> {
    let octets = domain.as_bytes();
    let mut kind = Labels::Plain;
    let mut begin = 0_usize;
    // One pass over the octets: a domain is looked at by every parse.
    for (at, &octet) in octets.iter().enumerate() {
        if is_ldh(octet) {
            continue;
        }
        if octet != b'.' {
            return Err((domain_refusal(char::from(octet)), at));
        }
        let label = &octets[begin..at];
        kind = check_label(label, kind).map_err(|(problem, at)| (problem, begin + at))?;
        begin = at + 1;
    }
    let last = &octets[begin..];
    if let (true, Some(dot)) = (last.is_empty(), begin.checked_sub(1)) {
        return Err((AddressProblem::TrailingDot, dot));
    }
    kind = check_label(last, kind).map_err(|(problem, at)| (problem, begin + at))?;
    if is_number(last) {
        return Err((AddressProblem::Numeric, begin));
    }
    Ok(kind)
}

/// Checks a label of letters, digits and hyphens; what it is, if it is not plain.
fn check_label(label: &[u8], so_far: Labels) -> Result<Labels, Fault> {
    if label.len() > MAX_LABEL {
        return Err((AddressProblem::LabelTooLong, 0));
    }
    match label {
        [] => Err((AddressProblem::LabelEmpty, 0)),
        [b'-', ..] => Err((AddressProblem::Hyphen, 0)),
        [.., b'-'] => Err((AddressProblem::Hyphen, label.len() - 1)),
        [_, _, b'-', b'-', ..] if has_ace_prefix(label) => Ok(Labels::Ace),
        _ => Ok(so_far),
    }
}

fn is_ldh(octet: u8) -> bool {
    const LDH: [bool; 256] = table(b"-");
    LDH[usize::from(octet)]
}

/// Whether the WHATWG URL standard takes a domain that ends in this label for
/// an IPv4 address ("ends in a number").
fn is_number(label: &[u8]) -> bool {
    match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

/// What is wrong with a domain that UTS-46 refuses without saying why:
/// `otherwise`, where no character and no single label is to blame.
fn find_fault(domain: &str, otherwise: Fault) -> Fault {
    let refused = domain.char_indices().find(|&(_, c)| match u8::try_from(c) {
        Ok(octet) if c.is_ascii() => !is_ldh(octet) && !is_dot(c),
        _ => c.is_control() || c.is_whitespace() || is_formatting(c),
    });
    if let Some((at, c)) = refused {
        return (domain_refusal(c), at);
    }
    let mut begin = 0;
    for piece in domain.split_inclusive(is_dot) {
        let label = piece.strip_suffix(is_dot).unwrap_or(piece);
        if label.is_empty() {
            return (AddressProblem::LabelEmpty, begin);
        }
        match uts46(label) {
            _ if is_plain(label) => {
                if let Err((problem, at)) = check_label(label.as_bytes(), Labels::Plain) {
                    return (problem, begin + at);
                }
            }
            None => return (AddressProblem::International, begin),
            // Everything in it may have been mapped to nothing.
            Some(a_label) if a_label.is_empty() => return (AddressProblem::LabelEmpty, begin),
            Some(a_label) => {
                // Offsets in what came out say nothing about what went in.
                if let Err((problem, _)) = check_label(a_label.as_bytes(), Labels::Plain) {
                    return (problem, begin);
                }
            }
        }
        begin += piece.len();
    }
    match domain.char_indices().next_back() {
        Some((at, c)) if is_dot(c) => (AddressProblem::TrailingDot, at),
        _ => otherwise,
    }
}

/// The dot, and what UTS-46 maps to it.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{FF0E}' | '\u{FF61}')
}

fn domain_refusal(c: char) -> AddressProblem {
    match c {
        '@' => AddressProblem::SecondAt,
        c => refusal(c, AddressProblem::DomainCharacter),
    }
}
