//! What was refused, and why.

use std::fmt;

use sequoia_openpgp::Fingerprint;

use crate::Method;

/// A certificate, or a whole answer, that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    pub(crate) method: Option<Method>,
}

/// Why something was refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No User ID of exactly this address is bound to it and not revoked.
    AddressNotCertified,
    /// It holds secret key material.
    SecretKey,
    /// It is not an OpenPGP certificate, or a broken one.
    Malformed,
    /// It goes over one of the [`Limits`](crate::Limits).
    TooLarge,
    /// More certificates than the limit; the first ones were judged.
    TooMany,
    /// The crypto backend cannot compute its algorithms.
    UnsupportedAlgorithm,
    /// A web page, as servers give for any path.
    WebPage,
    /// Status 200 and no content.
    Empty,
    /// A `Content-Encoding` that was not asked for.
    ContentEncoding,
    /// The key that was asked for is not among its keys.
    OtherKey,
}

impl Rejection {
    /// A refusal; `detail` is a part of a sentence for people.
    pub(crate) fn new(
        fingerprint: Option<Fingerprint>,
        reason: Reason,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            fingerprint,
            reason,
            detail: detail.into(),
            method: None,
        }
    }

    /// Of which certificate, where that is known.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.fingerprint.as_ref()
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// By which method it came; `None` where it was not part of a look-up.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// What exactly, for people; can be empty. [`Display`](fmt::Display) gives
    /// the reason and this.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl Reason {
    /// Whether the source has answered with this: "what I have is not for this
    /// address". All others mean that one could not tell.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::AddressNotCertified | Self::SecretKey)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressNotCertified => "no User ID of this address is certified by its owner",
            Self::SecretKey => "holds secret key material",
            Self::Malformed => "malformed",
            Self::TooLarge => "too large",
            Self::TooMany => "too many certificates",
            Self::UnsupportedAlgorithm => "unsupported algorithm",
            Self::WebPage => "a web page instead of a certificate",
            Self::Empty => "empty answer",
            Self::ContentEncoding => "content encoding that was not asked for",
            Self::OtherKey => "not the key that was asked for",
        })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        match self.detail.as_str() {
            "" => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}
