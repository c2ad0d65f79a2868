//! What is wrong with a text that is not an address.

use crate::{Error, ErrorKind};

/// What is wrong with a text that is not an address, and where.
///
/// It never repeats the text, so it may be logged.
///
/// ```
/// use openpgp_discovery::{AddressProblem, EmailAddress};
///
/// let error = "joe@exa_mple.org".parse::<EmailAddress>().unwrap_err();
/// assert_eq!(error.problem(), AddressProblem::DomainCharacter);
/// assert_eq!(error.at(), 7);
/// assert_eq!(
///     error.to_string(),
///     "a domain has letters, digits and hyphens only (at octet 7)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at octet {at})")]
pub struct AddressError {
    pub(super) problem: AddressProblem,
    pub(super) at: usize,
}

/// What is wrong with a text that is not an address.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AddressProblem {
    /// There is no text.
    #[error("the address is empty")]
    Empty,
    /// There is no `@` behind the local part.
    #[error("there is no @")]
    NoAt,
    /// There is a second `@` outside a quoted string.
    #[error("there is a second @")]
    SecondAt,
    /// A control character.
    #[error("an address has no control characters")]
    Control,
    /// A character that steers the direction or the lines of text.
    #[error("an address has no characters that steer the direction or the lines of text")]
    Formatting,
    /// White space, visible or of no width, outside a quoted string.
    #[error("white space outside a quoted string")]
    WhiteSpace,
    /// Nothing in front of the `@`.
    #[error("the local part is empty")]
    LocalPartEmpty,
    /// The local part has more than 64 octets.
    #[error("the local part has more than 64 octets")]
    LocalPartTooLong,
    /// A character that a local part can only have inside a quoted string.
    #[error("a character that needs a quoted string")]
    LocalPartCharacter,
    /// A dot at an edge of the local part, or two in a row.
    #[error("a dot at the edge of the local part, or two in a row")]
    LocalPartDot,
    /// A quoted string that does not end.
    #[error("a quoted string that is not closed")]
    QuoteNotClosed,
    /// A backslash in a quoted string in front of something else than printable ASCII.
    #[error("a backslash that does not quote a printable ASCII character")]
    QuotedPair,
    /// Something between a quoted string and the `@`.
    #[error("a quoted string is the whole local part")]
    AfterQuote,
    /// Nothing behind the `@`.
    #[error("the domain is empty")]
    DomainEmpty,
    /// An address in brackets instead of a domain.
    #[error("an address literal is no domain")]
    AddressLiteral,
    /// A domain that URL parsers take for an IPv4 address.
    #[error("the domain's last label is a number")]
    Numeric,
    /// A character that a domain cannot have.
    #[error("a domain has letters, digits and hyphens only")]
    DomainCharacter,
    /// A dot at the domain's beginning, or two in a row.
    #[error("the domain has an empty label")]
    LabelEmpty,
    /// A dot at the domain's end.
    #[error("the domain ends in a dot")]
    TrailingDot,
    /// A label that has more than 63 octets as an A-label.
    #[error("a label of the domain has more than 63 octets")]
    LabelTooLong,
    /// A hyphen at a label's edge, or in its third and fourth place without
    /// being an A-label.
    #[error("a hyphen at the edge of a label, or in its third and fourth place")]
    Hyphen,
    /// A domain beyond ASCII, or with an A-label, that UTS-46 does not accept.
    #[error("not a valid internationalized domain name")]
    International,
    /// The whole address has more than 254 octets.
    #[error("the address has more than 254 octets")]
    TooLong,
}

impl AddressError {
    /// What is wrong.
    pub fn problem(&self) -> AddressProblem {
        self.problem
    }

    /// The offset of what is wrong, in octets from the text's beginning: always
    /// at the edge of a character, and at most the text's length.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::new(ErrorKind::Address, error.to_string())
    }
}
