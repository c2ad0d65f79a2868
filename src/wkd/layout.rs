//! For which of the two methods a directory is laid out.

use std::fmt;

use super::url::SUBDOMAIN;

/// For which of the two methods a directory is laid out
/// (draft-koch-openpgp-webkey-service §3.1).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// For the host `openpgpkey.DOMAIN`: the paths hold the domain, so that one
    /// tree can have many.
    #[default]
    Advanced,
    /// For the domain's own web server.
    Direct,
}

impl Layout {
    /// The host that serves it for a domain.
    pub(crate) fn host(self, domain: &str) -> String {
        match self {
            Self::Advanced => [SUBDOMAIN, domain].concat(),
            Self::Direct => domain.to_owned(),
        }
    }

    /// Where a file of the directory is, below `/.well-known/openpgpkey/`.
    pub(crate) fn path(self, domain: &str, file: &str) -> String {
        match self {
            Self::Advanced => [domain, "/", file].concat(),
            Self::Direct => file.to_owned(),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Advanced => "advanced",
            Self::Direct => "direct",
        })
    }
}
