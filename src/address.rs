//! E-mail addresses, parsed once and kept in the form from which each protocol makes its own.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::{Error, ErrorKind};

/// An e-mail address (addr-spec).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    local_part: String,
    domain: String,
}

/// What is wrong with a text that is not an address, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at octet {at})")]
pub struct AddressError {
    problem: &'static str,
    at: usize,
}

impl AddressError {
    /// The offset of what is wrong, in octets from the text's beginning.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl EmailAddress {
    /// The address that a User ID names.
    pub fn of_user_id(user_id: &[u8]) -> Option<Self> {
        let _ = user_id;
        todo!()
    }

    /// The local part as written, quotes included.
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The domain in A-labels, lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The local part that WKD hashes.
    pub fn wkd_local_part(&self) -> Cow<'_, str> {
        todo!()
    }

    /// The whole address as a validating key server is asked for it.
    pub fn vks(&self) -> String {
        todo!()
    }

    /// The local part that DANE hashes.
    pub fn dane_local_part(&self) -> String {
        todo!()
    }

    /// Whether a User ID that names `other` is one for this address.
    pub fn matches(&self, other: &Self) -> bool {
        let _ = other;
        todo!()
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let _ = text;
        todo!()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({self})")
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::new(ErrorKind::Address, error.to_string())
    }
}
