//! Where a key server is, and its URLs.

use sequoia_openpgp::{KeyHandle, KeyID};
use url::Url;

use crate::encode::percent_encoded;
use crate::{EmailAddress, Error, ErrorKind};

/// A key server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyServer {
    base: Url,
    named: bool,
}

impl KeyServer {
    /// `https://keys.openpgp.org`, the default. The guard holds for it.
    pub(crate) fn keys_openpgp_org() -> Result<Self, Error> {
        let base = Url::parse("https://keys.openpgp.org/").map_err(|e| bad("").with_source(e))?;
        Ok(Self { base, named: false })
    }

    /// One that the caller names: `http`, ports, literals and inner addresses
    /// are the caller's business.
    pub(crate) fn named(base: Url) -> Result<Self, Error> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("its scheme is neither https nor http"));
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(bad("it holds a user name or password"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(bad("it holds a query or fragment"));
        }
        Ok(Self { base, named: true })
    }

    /// The host, for people and for DNS.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Whether the caller named it.
    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    /// The start of it, where nobody is asked for.
    pub(crate) fn home(&self) -> Url {
        self.base.clone()
    }

    /// Where the certificate is that was confirmed for an address.
    pub(crate) fn by_email(&self, address: &EmailAddress) -> Url {
        self.endpoint("by-email", address.vks())
    }

    /// Where the certificate with this key is.
    ///
    /// Servers that answer from files compare digits octet for octet, so they
    /// are always upper-case.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where no key server can know it: a fingerprint that
    /// is neither of version 4 nor 6, or not the ID of any key.
    pub(crate) fn by_key(&self, handle: &KeyHandle) -> Result<Url, Error> {
        match handle {
            KeyHandle::Fingerprint(fingerprint) => match fingerprint.as_bytes().len() {
                20 | 32 => Ok(self.endpoint("by-fingerprint", &fingerprint.to_hex())),
                _ => Err(unknown("a fingerprint of neither version 4 nor 6")),
            },
            KeyHandle::KeyID(id) if id.is_wildcard() => Err(unknown("the key ID of no key")),
            KeyHandle::KeyID(id @ KeyID::Long(_)) => Ok(self.endpoint("by-keyid", &id.to_hex())),
            KeyHandle::KeyID(_) => Err(unknown("a key ID that is not one of 16 digits")),
        }
    }

    /// Where certificates are published.
    pub(crate) fn upload(&self) -> Url {
        self.path("upload")
    }

    /// Where confirmation mails are asked for.
    pub(crate) fn request_verify(&self) -> Url {
        self.path("request-verify")
    }

    fn endpoint(&self, kind: &str, name: &str) -> Url {
        self.path(&format!("{kind}/{}", percent_encoded(name)))
    }

    fn path(&self, tail: &str) -> Url {
        let mut url = self.base.clone();
        let below = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{below}/vks/v1/{tail}"));
        url
    }
}

fn unknown(what: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{what} cannot be asked for"))
}

fn bad(why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the key server's URL: {why}"))
}

#[cfg(test)]
mod tests {
    use sequoia_openpgp::Fingerprint;

    use super::*;

    fn named(url: &str) -> Result<KeyServer, Error> {
        KeyServer::named(Url::parse(url).expect("a URL"))
    }

    #[test]
    fn urls() {
        let address: EmailAddress = "Joe+a/b?@Example.ORG".parse().expect("an address");
        for (base, url) in [
            (
                "https://keys.example.org",
                "https://keys.example.org/vks/v1/by-email/Joe%2Ba%2Fb%3F%40example.org",
            ),
            (
                "http://[::1]:8080/below/",
                "http://[::1]:8080/below/vks/v1/by-email/Joe%2Ba%2Fb%3F%40example.org",
            ),
        ] {
            let server = named(base).expect("a key server");
            assert_eq!(server.by_email(&address).as_str(), url);
        }
    }

    #[test]
    fn urls_of_keys() {
        let server = named("https://keys.example.org/x/").expect("a key server");
        let (v4, v6) = ("0123456789abcdef".repeat(3), "0123456789abcdef".repeat(4));
        let fingerprint = |hex: &str| KeyHandle::from(hex.parse::<Fingerprint>().expect(hex));
        let id = |hex: &str| KeyHandle::from(hex.parse::<KeyID>().expect(hex));
        for (handle, tail) in [
            (fingerprint(&v4[..40]), Some(("by-fingerprint", &v4[..40]))),
            (fingerprint(&v6), Some(("by-fingerprint", &v6[..]))),
            (fingerprint(&v4[..32]), None),
            (
                id("0123456789abcdef"),
                Some(("by-keyid", "0123456789abcdef")),
            ),
            (id("0000000000000000"), None),
            (KeyID::from_bytes(&[1; 4]).into(), None),
        ] {
            let url = server.by_key(&handle);
            let wanted = tail.map(|(kind, digits)| {
                let digits = digits.to_uppercase();
                format!("https://keys.example.org/x/vks/v1/{kind}/{digits}")
            });
            assert_eq!(
                url.as_ref().map(Url::as_str).ok(),
                wanted.as_deref(),
                "{handle}"
            );
            if let Err(error) = url {
                assert_eq!(error.kind(), ErrorKind::Config);
            }
        }
        assert_eq!(server.upload().path(), "/x/vks/v1/upload");
        assert_eq!(server.request_verify().path(), "/x/vks/v1/request-verify");
    }

    #[test]
    fn refused() {
        for url in [
            "ftp://keys.example.org",
            "data:text/plain,x",
            "https://u@keys.example.org",
            "https://keys.example.org/?x",
            "https://keys.example.org/#x",
        ] {
            let error = named(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
