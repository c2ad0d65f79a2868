//! E-mail addresses, parsed once and kept in the form from which each protocol makes its own.

mod characters;
mod domain;
mod error;
mod local_part;
#[cfg(test)]
mod tests;
mod user_id;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;

pub use self::error::{AddressError, AddressProblem};
pub(crate) use self::local_part::MAX_LOCAL_PART;

/// The longest address, in octets: a path has at most 256 with its angle
/// brackets (RFC 5321 §4.5.3.1.3).
const MAX_ADDRESS: usize = 254;

/// What is wrong, and at which octet of the text looked at.
type Fault = (AddressProblem, usize);

/// An e-mail address (addr-spec): what RFC 5321 calls a Mailbox, with the
/// internationalization of RFC 6531.
///
/// It is made by [`parse`](str::parse) and holds the local part exactly as
/// written, and the domain as lower-case A-labels. The protocols disagree about
/// what the same address is, so each one gets its own form:
///
/// | form | local part | domain |
/// | --- | --- | --- |
/// | [`wkd_local_part`](Self::wkd_local_part) (what WKD hashes) | as written, quotes included, ASCII letters in lower case | – |
/// | [`local_part`](Self::local_part) (WKD's `l=`) | as written | – |
/// | [`vks`](Self::vks) | as written | A-labels |
/// | [`dane_local_part`](Self::dane_local_part) (what DANE hashes) | unquoted, NFC, case kept | – |
/// | [`matches`](Self::matches) (is this User ID for me?) | unquoted, ASCII letters in either case, else octet for octet | A-labels |
/// | `==`, [`Hash`](std::hash::Hash), [`Display`](fmt::Display) | as written | A-labels |
///
/// # What is accepted
///
/// - A local part of 1 to 64 octets: a dot-atom, or a quoted string. In both,
///   characters beyond ASCII are welcome.
/// - A domain that UTS-46 (non-transitional, STD3 rules) converts to labels of 1
///   to 63 letters, digits and inner hyphens. One label alone will do.
/// - At most 254 octets in all, the domain counted in A-labels.
///
/// No display name, angle brackets, comments or surrounding space; no address
/// literal, and no domain that a URL parser would take for an IPv4 address
/// (`192.0.2.1`, `example.123`, `a.0x7f`).
///
/// Control characters are refused everywhere. So are the characters that steer
/// the direction or the lines of text (U+202E and its like): they make one
/// address look like another, and no script is written with them. The joiners
/// U+200C and U+200D, which some scripts need, are kept; an address with one of
/// them is another address than the one without.
///
/// # Examples
///
/// ```
/// use openpgp_discovery::EmailAddress;
///
/// let address: EmailAddress = "Joe.Doe@Bücher.Example".parse()?;
/// assert_eq!(address.local_part(), "Joe.Doe");
/// assert_eq!(address.domain(), "xn--bcher-kva.example");
/// assert_eq!(address.to_string(), "Joe.Doe@xn--bcher-kva.example");
///
/// let error = "joe doe@example.org".parse::<EmailAddress>().unwrap_err();
/// assert_eq!(error.at(), 3);
/// # Ok::<(), openpgp_discovery::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    /// Local part as written, `@`, domain in A-labels: one allocation for all.
    text: String,
    /// Where that `@` is, in octets.
    at: usize,
}

impl EmailAddress {
    /// The address that a User ID names, if it names one.
    ///
    /// A User ID is UTF-8 without control characters. If it ends in `>`, its
    /// address is what stands behind its only `<`; else the whole of it must be
    /// an address. An address in the name or in a comment does not count, and
    /// what is ambiguous names nobody: a second `<` or `>` outside a quoted
    /// string, or anything behind the `>`.
    ///
    /// # Examples
    ///
    /// ```
    /// use openpgp_discovery::EmailAddress;
    ///
    /// let named = |user_id: &str| EmailAddress::of_user_id(user_id.as_bytes()).map(|a| a.to_string());
    /// assert_eq!(named("Joe Doe (work) <joe@example.org>").as_deref(), Some("joe@example.org"));
    /// assert_eq!(named("joe@example.org").as_deref(), Some("joe@example.org"));
    /// assert_eq!(named("alice@a.example <mallory@b.example>").as_deref(), Some("mallory@b.example"));
    /// assert_eq!(named("<a@b.example> <c@d.example>"), None);
    /// ```
    pub fn of_user_id(user_id: &[u8]) -> Option<Self> {
        let user_id = std::str::from_utf8(user_id).ok()?;
        if user_id.chars().any(char::is_control) {
            return None;
        }
        match user_id.strip_suffix('>') {
            Some(head) => user_id::behind_only_bracket(head)?.parse().ok(),
            None => user_id.parse().ok(),
        }
    }

    /// The local part as written, quotes included: 1 to 64 octets.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// The domain in A-labels, lower case: at most 252 octets, without a
    /// trailing dot.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The local part that WKD hashes: as written, quotes included, with the
    /// ASCII letters in lower case (draft-koch-openpgp-webkey-service §3.1).
    ///
    /// ```
    /// use openpgp_discovery::EmailAddress;
    ///
    /// let address: EmailAddress = "JÖRG@example.org".parse()?;
    /// assert_eq!(address.wkd_local_part(), "jÖrg");
    /// # Ok::<(), openpgp_discovery::AddressError>(())
    /// ```
    pub fn wkd_local_part(&self) -> Cow<'_, str> {
        let local_part = self.local_part();
        if local_part.bytes().any(|octet| octet.is_ascii_uppercase()) {
            Cow::Owned(local_part.to_ascii_lowercase())
        } else {
            Cow::Borrowed(local_part)
        }
    }

    /// The whole address as a validating key server is asked for it: the local
    /// part as written (lower-casing is the server's business), the domain in
    /// A-labels. Not yet percent-encoded.
    pub fn vks(&self) -> &str {
        &self.text
    }

    /// The local part that DANE hashes: without quotes and the backslashes in
    /// them, in Unicode's normalization form C, its case kept (RFC 7929 §3).
    ///
    /// ```
    /// use openpgp_discovery::EmailAddress;
    ///
    /// let address: EmailAddress = r#""Joe \"D\" Doe"@example.org"#.parse()?;
    /// assert_eq!(address.dane_local_part(), r#"Joe "D" Doe"#);
    /// # Ok::<(), openpgp_discovery::AddressError>(())
    /// ```
    pub fn dane_local_part(&self) -> String {
        let unquoted = self.unquoted();
        if unquoted.is_ascii() {
            return unquoted.into_owned();
        }
        match ComposingNormalizerBorrowed::new_nfc().normalize(&unquoted) {
            Cow::Borrowed(_) => unquoted.into_owned(),
            Cow::Owned(composed) => composed,
        }
    }

    /// Whether a User ID that names `other` is one for this address.
    ///
    /// The domains must be equal. Of the local parts the quoting is removed;
    /// ASCII letters are equal in either case, everything else octet for octet.
    ///
    /// ```
    /// use openpgp_discovery::EmailAddress;
    ///
    /// let address: EmailAddress = "joe.doe@example.org".parse()?;
    /// assert!(address.matches(&"Joe.Doe@EXAMPLE.org".parse()?));
    /// assert!(address.matches(&r#""joe.doe"@example.org"#.parse()?));
    /// assert!(!address.matches(&"joedoe@example.org".parse()?));
    /// # Ok::<(), openpgp_discovery::AddressError>(())
    /// ```
    pub fn matches(&self, other: &Self) -> bool {
        self.domain() == other.domain() && self.unquoted().eq_ignore_ascii_case(&other.unquoted())
    }

    /// The local part without quotes and the backslashes in them; a copy only
    /// where it has a backslash.
    fn unquoted(&self) -> Cow<'_, str> {
        let local_part = self.local_part();
        let Some(inner) = local_part
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        else {
            return Cow::Borrowed(local_part);
        };
        if !inner.contains('\\') {
            return Cow::Borrowed(inner);
        }
        let mut plain = String::with_capacity(inner.len());
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.extend(chars.next()),
                c => plain.push(c),
            }
        }
        Cow::Owned(plain)
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let at = local_part::find_at(text).map_err(|(problem, at)| AddressError { problem, at })?;
        let begin = at + 1;
        let in_domain = |(problem, at): Fault| AddressError {
            problem,
            at: begin + at,
        };
        let domain = &text[begin..];
        let a_labels = domain::to_a_labels(domain).map_err(in_domain)?;
        if begin + a_labels.len() > MAX_ADDRESS {
            // Octets of A-labels made from something else cannot be pointed at.
            let at = match a_labels {
                Cow::Borrowed(_) => MAX_ADDRESS - begin,
                Cow::Owned(_) => 0,
            };
            return Err(in_domain((AddressProblem::TooLong, at)));
        }
        let text = match a_labels {
            Cow::Borrowed(_) => {
                let mut text = text.to_owned();
                text[begin..].make_ascii_lowercase();
                text
            }
            Cow::Owned(a_labels) => [&text[..begin], a_labels.as_str()].concat(),
        };
        Ok(Self { text, at })
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({self})")
    }
}
