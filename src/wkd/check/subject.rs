//! What is checked: an address, or a domain.

use std::fmt;
use std::str::FromStr;

use crate::{AddressError, EmailAddress};

/// What is checked: the directory entry of an address, or the directory of a
/// domain, without any address in it.
///
/// ```
/// use openpgp_discovery::wkd::check::Subject;
///
/// let subject: Subject = "alice@Example.ORG".parse()?;
/// assert_eq!(subject.domain(), "example.org");
/// assert!(subject.address().is_some());
///
/// let subject: Subject = "bücher.example".parse()?;
/// assert_eq!(subject.domain(), "xn--bcher-kva.example");
/// assert!(subject.address().is_none());
/// # Ok::<(), openpgp_discovery::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// For a domain, some address of it: a domain is what can stand in one.
    some: EmailAddress,
    is_address: bool,
}

impl Subject {
    /// The directory of this domain, in any form that an address may have it in.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as in an address. [`AddressError::at`] counts from
    /// two octets before the domain.
    pub fn of_domain(domain: &str) -> Result<Self, AddressError> {
        // The shortest local part, so that the longest domain finds room.
        let some = ["a@", domain].concat().parse()?;
        Ok(Self {
            some,
            is_address: false,
        })
    }

    /// The address; `None` for a domain.
    pub fn address(&self) -> Option<&EmailAddress> {
        self.is_address.then_some(&self.some)
    }

    /// The domain, in A-labels, lower case.
    pub fn domain(&self) -> &str {
        self.some.domain()
    }
}

impl From<EmailAddress> for Subject {
    fn from(address: EmailAddress) -> Self {
        Self {
            some: address,
            is_address: true,
        }
    }
}

/// With an `@` it is an address, else a domain.
impl FromStr for Subject {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.contains('@') {
            true => text.parse().map(EmailAddress::into),
            false => Self::of_domain(text),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => f.write_str(self.domain()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_domains() {
        for (text, shown, is_address) in [
            ("Joe@Example.ORG", "Joe@example.org", true),
            ("Example.ORG", "example.org", false),
            ("localhost", "localhost", false),
            ("\"a@b\"@example.org", "\"a@b\"@example.org", true),
        ] {
            let subject: Subject = text.parse().unwrap();
            assert_eq!(subject.to_string(), shown);
            assert_eq!(subject.address().is_some(), is_address, "{text}");
        }
        for text in [
            "",
            ".",
            "example.org.",
            "192.0.2.1",
            "a b",
            "@",
            "exa_mple.org",
            "x/y",
        ] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_domain_is_one() {
        let label = "d".repeat(62);
        let domain = [&label, &label, &label, &label[..60], "x"].join(".");
        assert_eq!(domain.parse::<Subject>().unwrap().domain(), domain);
    }
}
