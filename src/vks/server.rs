//! Where a key server is, and its URLs.

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

    /// Where the certificate is that was confirmed for an address.
    pub(crate) fn by_email(&self, address: &EmailAddress) -> Url {
        self.endpoint("by-email", address.vks())
    }

    fn endpoint(&self, kind: &str, name: &str) -> Url {
        let mut url = self.base.clone();
        let path = format!(
            "{}/vks/v1/{kind}/{}",
            self.base.path().trim_end_matches('/'),
            percent_encoded(name)
        );
        url.set_path(&path);
        url
    }
}

fn bad(why: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the key server's URL: {why}"))
}

#[cfg(test)]
mod tests {
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
