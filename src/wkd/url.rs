//! Where a Web Key Directory keeps the certificates of an address.

use sha1::{Digest, Sha1};

use crate::EmailAddress;
use crate::address::MAX_LOCAL_PART;
use crate::encode::{is_unreserved, push_percent_encoded};

/// What the advanced method puts in front of the domain.
pub(super) const SUBDOMAIN: &str = "openpgpkey.";

/// The longest name of a host, in octets without the root's dot (RFC 1035 §3.1).
pub(super) const MAX_HOST: usize = 253;

/// The places of an address in a Web Key Directory
/// (draft-koch-openpgp-webkey-service §3.1).
///
/// # Examples
///
/// ```
/// use openpgp_discovery::{EmailAddress, wkd};
///
/// let address: EmailAddress = "Joe.Doe@Example.ORG".parse()?;
/// let url = wkd::Url::new(&address);
/// assert_eq!(url.hash(), "iy9q119eutrkn8s1mk4r39qejnbu3n5q");
/// assert_eq!(
///     url.advanced_text().as_deref(),
///     Some(
///         "https://openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/\
///          iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe"
///     )
/// );
/// assert_eq!(
///     url.direct_text(),
///     "https://example.org/.well-known/openpgpkey/hu/\
///      iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe"
/// );
/// # Ok::<(), openpgp_discovery::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    local_part: &'a str,
    domain: &'a str,
    hash: String,
    /// How many octets of the local part have to be percent-encoded.
    escaped: usize,
}

impl<'a> Url<'a> {
    /// The places of this address.
    ///
    /// The hash is made here, once for both methods: SHA-1 of the local part as
    /// written, its ASCII letters in lower case, in z-base-32 (RFC 6189 §5.1.6).
    pub fn new(address: &'a EmailAddress) -> Self {
        let local_part = address.local_part();
        let written = local_part.as_bytes();
        // A local part fits, so that lower case needs no allocation. All of the
        // buffer is mapped, since a fixed length is the cheapest.
        let mut lower = [0; MAX_LOCAL_PART];
        lower[..written.len()].copy_from_slice(written);
        lower.make_ascii_lowercase();
        let digest = Sha1::digest(&lower[..written.len()]);
        Self {
            local_part,
            domain: address.domain(),
            hash: zbase32::encode_full_bytes(&digest),
            escaped: written.iter().filter(|&&o| !is_unreserved(o)).count(),
        }
    }

    /// The 32 letters and digits that stand for the local part.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The host of the advanced method, `openpgpkey.` and the domain; `None`
    /// where that has more than 253 octets: no such name can exist, so the
    /// direct method applies.
    pub fn advanced_host(&self) -> Option<String> {
        let domain = self.advanced_domain()?;
        Some([SUBDOMAIN, domain].concat())
    }

    /// The URL of the advanced method, as text; `None` where there is no
    /// [host](Self::advanced_host) for it.
    pub fn advanced_text(&self) -> Option<String> {
        let domain = self.advanced_domain()?;
        let fixed = "https://openpgpkey./.well-known/openpgpkey//hu/".len();
        let mut text = String::with_capacity(fixed + 2 * domain.len() + self.rest());
        text.push_str("https://openpgpkey.");
        text.push_str(domain);
        text.push_str("/.well-known/openpgpkey/");
        text.push_str(domain);
        text.push_str("/hu/");
        self.finish(&mut text);
        Some(text)
    }

    /// The URL of the direct method, as text.
    pub fn direct_text(&self) -> String {
        let domain = self.domain;
        let fixed = "https:///.well-known/openpgpkey/hu/".len();
        let mut text = String::with_capacity(fixed + domain.len() + self.rest());
        text.push_str("https://");
        text.push_str(domain);
        text.push_str("/.well-known/openpgpkey/hu/");
        self.finish(&mut text);
        text
    }

    /// The URL of the advanced method; `None` where there is no
    /// [host](Self::advanced_host) for it.
    pub fn advanced(&self) -> Option<::url::Url> {
        self.advanced_text().as_deref().map(parse)
    }

    /// The URL of the direct method.
    pub fn direct(&self) -> ::url::Url {
        parse(&self.direct_text())
    }

    fn advanced_domain(&self) -> Option<&str> {
        (SUBDOMAIN.len() + self.domain.len() <= MAX_HOST).then_some(self.domain)
    }

    /// Ends a URL: the part in which both methods agree.
    #[inline]
    fn finish(&self, text: &mut String) {
        text.push_str(&self.hash);
        text.push_str("?l=");
        if self.escaped == 0 {
            text.push_str(self.local_part);
        } else {
            push_percent_encoded(text, self.local_part);
        }
    }

    /// How many octets [`finish`](Self::finish) adds: known beforehand, so that a
    /// URL takes one allocation.
    fn rest(&self) -> usize {
        self.hash.len() + "?l=".len() + self.local_part.len() + 2 * self.escaped
    }
}

fn parse(text: &str) -> ::url::Url {
    text.parse().expect(
        "the domain is checked A-labels that UTS-46 maps to themselves and no IPv4 address, \
         the rest is unreserved or percent-encoded",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_a_local_part_is_unreserved_or_escaped() {
        for (local_part, escaped) in [
            ("az-AZ.09_~", "az-AZ.09_~"),
            (
                "!#$%&'*+/=?^`{|}",
                "%21%23%24%25%26%27%2A%2B%2F%3D%3F%5E%60%7B%7C%7D",
            ),
            (r#""a b@\"c""#, "%22a%20b%40%5C%22c%22"),
            ("ä\u{10FFFD}", "%C3%A4%F4%8F%BF%BD"),
        ] {
            let address = format!("{local_part}@example.org").parse().unwrap();
            let url = Url::new(&address);
            for text in [url.advanced_text().unwrap(), url.direct_text()] {
                assert_eq!(text.split_once("?l=").unwrap().1, escaped);
                assert_eq!(
                    text.capacity(),
                    text.len(),
                    "one allocation, of the right size"
                );
            }
        }
    }

    #[test]
    fn as_url_it_is_the_same_text_and_gives_the_local_part_back() {
        for text in [
            "Joe.Doe@Example.ORG",
            "a&b=c@localhost",
            "\"a b\"@bücher.example",
            "+@123.example",
            "user@0x7g",
            "ärger@مثال.إختبار",
        ] {
            let address = text.parse::<EmailAddress>().unwrap();
            let wkd = Url::new(&address);
            let advanced = wkd.advanced().unwrap();
            assert_eq!(Some(advanced.as_str()), wkd.advanced_text().as_deref());
            assert_eq!(advanced.host_str(), wkd.advanced_host().as_deref());
            let direct = wkd.direct();
            assert_eq!(direct.as_str(), wkd.direct_text());
            assert_eq!(direct.domain(), Some(address.domain()));
            for url in [advanced, direct] {
                let pairs: Vec<_> = url.query_pairs().collect();
                assert_eq!(pairs, [("l".into(), address.local_part().into())]);
            }
        }
    }

    #[test]
    fn a_host_of_253_octets_is_the_longest() {
        let label = "d".repeat(62);
        for (length, exists) in [(242, true), (243, false), (252, false)] {
            let domain = [&label, &label, &label, &label[..length - 189 - 2], "x"].join(".");
            assert_eq!(domain.len(), length);
            let address = format!("a@{domain}").parse().unwrap();
            let url = Url::new(&address);
            assert_eq!(url.advanced_host().is_some(), exists, "{length}");
            assert_eq!(url.advanced_text().is_some(), exists, "{length}");
            assert_eq!(url.advanced().is_some(), exists, "{length}");
            assert_eq!(url.direct().domain(), Some(domain.as_str()));
        }
    }

    #[test]
    fn the_longest_local_part_is_hashed_whole() {
        let address = format!("{}@example.org", "L".repeat(64)).parse().unwrap();
        assert_eq!(
            Url::new(&address).hash(),
            "f1d9oet17u47wxrzjziqmoe3ujeytte9"
        );
    }
}
