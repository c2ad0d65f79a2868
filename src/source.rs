//! Who is asked, and how.

use std::fmt;

/// Who vouches for an answer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The Web Key Directory of the address's domain.
    Wkd,
    /// A validating key server.
    Vks,
}

/// How a source is asked.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `https://openpgpkey.DOMAIN/.well-known/openpgpkey/DOMAIN/hu/…`
    WkdAdvanced,
    /// `https://DOMAIN/.well-known/openpgpkey/hu/…`
    WkdDirect,
    /// `/vks/v1/by-email/…`
    VksByEmail,
    /// `/vks/v1/by-fingerprint/…`
    VksByFingerprint,
    /// `/vks/v1/by-keyid/…`
    VksByKeyId,
    /// `/vks/v1/upload`, which publishes.
    VksUpload,
    /// `/vks/v1/request-verify`, which has confirmation mails sent.
    VksRequestVerify,
}

/// One step of a look-up.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Ask DNS whether the host of this method has an address.
    Resolve(Method),
    /// Ask the source this way.
    Ask(Method),
}

impl Method {
    /// Who answers.
    pub fn source(self) -> Source {
        match self {
            Self::WkdAdvanced | Self::WkdDirect => Source::Wkd,
            Self::VksByEmail
            | Self::VksByFingerprint
            | Self::VksByKeyId
            | Self::VksUpload
            | Self::VksRequestVerify => Source::Vks,
        }
    }
}

impl Step {
    /// The method that the step is a part of.
    pub fn method(self) -> Method {
        match self {
            Self::Resolve(method) | Self::Ask(method) => method,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wkd => "WKD",
            Self::Vks => "VKS",
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WkdAdvanced => "WKD advanced",
            Self::WkdDirect => "WKD direct",
            Self::VksByEmail => "VKS by e-mail",
            Self::VksByFingerprint => "VKS by fingerprint",
            Self::VksByKeyId => "VKS by key ID",
            Self::VksUpload => "VKS upload",
            Self::VksRequestVerify => "VKS request of confirmation mails",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(_) => f.write_str("DNS"),
            Self::Ask(method) => method.fmt(f),
        }
    }
}
