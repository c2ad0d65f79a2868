//! The domain of a directory.

use crate::{EmailAddress, Error, ErrorKind};

/// The shortest local part with its `@`: with it, a domain is an address.
const ANYBODY: &str = "a@";

/// The domain in A-labels, if an address can have it.
pub(super) fn to_a_labels(domain: &str) -> Result<String, Error> {
    match [ANYBODY, domain].concat().parse::<EmailAddress>() {
        Ok(address) => Ok(address.domain().to_owned()),
        Err(error) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "not the domain of an address: {} (at octet {})",
                error.problem(),
                error.at().saturating_sub(ANYBODY.len())
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_what_an_address_can_have() {
        for (domain, expected) in [
            ("example.org", Some("example.org")),
            ("Example.ORG", Some("example.org")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("BÜCHER。example", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("localhost", Some("localhost")),
            ("", None),
            ("example.org.", None),
            ("@example.org", None),
            ("joe@example.org", None),
            ("*.example.org", None),
            ("exa_mple.org", None),
            ("example..org", None),
            ("../example.org", None),
            ("example.org/hu", None),
            ("192.0.2.1", None),
            ("[192.0.2.1]", None),
            (" example.org", None),
            ("example.org\n", None),
        ] {
            let made = to_a_labels(domain);
            if let Err(error) = &made {
                assert_eq!(error.kind(), ErrorKind::Config, "{domain:?}");
            }
            assert_eq!(made.ok().as_deref(), expected, "{domain:?}");
        }
    }

    #[test]
    fn the_error_points_into_the_domain() {
        let error = to_a_labels("exa_mple.org").expect_err("an underscore");
        assert!(error.to_string().ends_with("(at octet 3)"), "{error}");
    }
}
