//! What a look-up gives back: the answer, and the whole trail of how it came about.

use std::fmt;
use std::time::Duration;

use sequoia_openpgp::{Cert, Fingerprint};
use url::Url;

use crate::{CertStatus, EmailAddress, Error, ErrorKind, Method, Source, Step};

/// The result of looking up one address.
#[derive(Debug)]
pub struct Lookup {
    pub(crate) address: EmailAddress,
    pub(crate) found: Vec<Found>,
    pub(crate) rejected: Vec<Rejection>,
    pub(crate) attempts: Vec<Attempt>,
}

/// How a look-up ended. These three are all there are.
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has to face all three; a fourth would break the promise"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// At least one certificate was found, usable or not.
    Found,
    /// Every source was asked, and each said that it has none.
    NotFound,
    /// None was found, and at least one source could not tell.
    Failed,
}

impl Lookup {
    pub(crate) fn new(address: EmailAddress) -> Self {
        Self {
            address,
            found: Vec::new(),
            rejected: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// The address that was looked up.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// How it ended.
    pub fn status(&self) -> Status {
        if !self.found.is_empty() {
            Status::Found
        } else if self.error().is_some() {
            Status::Failed
        } else {
            Status::NotFound
        }
    }

    /// The certificates, best first: usable before unusable, then the newest.
    /// Empty unless the status is [`Status::Found`].
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// The best certificate that is valid and can encrypt.
    pub fn usable(&self) -> Option<&Found> {
        self.found.first().filter(|found| found.is_usable())
    }

    /// Every certificate that a source gave and that was refused, in any step.
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }

    /// Everything that was tried, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The first failure on the way, whatever the status.
    pub fn error(&self) -> Option<&Error> {
        self.attempts.iter().find_map(Attempt::error)
    }

    /// For callers who want `?`: the best usable certificate, `Ok(None)` where
    /// every source said that there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unusable`] where certificates were found and none is valid
    /// and able to encrypt; otherwise the first failure, where no source had
    /// one and at least one could not tell.
    pub fn into_result(self) -> Result<Option<Found>, Error> {
        if let Some(best) = self.found.into_iter().next() {
            if best.is_usable() {
                return Ok(Some(best));
            }
            let why = match best.status() {
                CertStatus::Valid => "the certificate cannot encrypt".to_owned(),
                status => format!("the certificate is {status}"),
            };
            return Err(Error::new(ErrorKind::Unusable, why));
        }
        let failure = self
            .attempts
            .into_iter()
            .find_map(|attempt| match attempt.outcome {
                Outcome::Failed(error) => Some(error),
                _ => None,
            });
        failure.map_or(Ok(None), Err)
    }
}

/// A certificate that belongs to the address, and where it came from.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) cert: Cert,
    pub(crate) status: CertStatus,
    pub(crate) can_encrypt: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) provenance: Provenance,
}

impl Found {
    /// The certificate, with the User IDs that were asked for and no others.
    pub fn cert(&self) -> &Cert {
        &self.cert
    }

    /// The certificate itself.
    pub fn into_cert(self) -> Cert {
        self.cert
    }

    /// How it stands, judged before other User IDs were dropped.
    pub fn status(&self) -> &CertStatus {
        &self.status
    }

    /// Whether it has a key that can encrypt mail at the time of the look-up.
    pub fn can_encrypt(&self) -> bool {
        self.can_encrypt
    }

    /// Whether it is valid and can encrypt.
    pub fn is_usable(&self) -> bool {
        self.can_encrypt && self.status.is_valid()
    }

    /// What a person should know beside the status, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where it came from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

/// Where a certificate came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) user_ids_dropped: usize,
}

impl Provenance {
    /// How it was asked for.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Who vouches for it.
    pub fn source(&self) -> Source {
        self.method.source()
    }

    /// The URL that answered, after redirects. It names the address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How many User IDs and User Attributes were dropped.
    pub fn user_ids_dropped(&self) -> usize {
        self.user_ids_dropped
    }
}

/// A certificate, or a whole answer, that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) reason: Reason,
    pub(crate) detail: String,
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

    /// What exactly, for people.
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

/// One thing that was tried, and what came of it.
#[derive(Debug)]
pub struct Attempt {
    pub(crate) step: Step,
    pub(crate) target: String,
    pub(crate) url: Option<Url>,
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
}

impl Attempt {
    /// What was tried.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The method that it was a part of.
    pub fn method(&self) -> Method {
        self.step.method()
    }

    /// The host that was asked about or asked.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The URL that was asked, before redirects; `None` for DNS. It names the address.
    pub fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// What came of it.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The failure, if it is one.
    pub fn error(&self) -> Option<&Error> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// What came of an [`Attempt`].
#[non_exhaustive]
#[derive(Debug)]
pub enum Outcome {
    /// DNS has addresses for the host. Which ones is not told.
    Addresses,
    /// This many certificates belong to the address.
    Found(usize),
    /// The source has nothing.
    Absent(Absence),
    /// The source has something, and it is not for this address; see
    /// [`Lookup::rejected`].
    Rejected,
    /// One could not tell.
    Failed(Error),
}

/// How a source said that it has nothing.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// DNS says that the host has no address.
    NoAddress,
    /// Status 404 or 410.
    NotThere,
    /// The key server does not have it, or does not know fingerprints of
    /// version 6 at all; it does not tell which.
    PerhapsUnsupported,
}

/// Progress of a look-up, for a status line.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A step begins.
    Started {
        /// The address that is looked up.
        address: &'a EmailAddress,
        /// What is tried.
        step: Step,
        /// The host that is asked about or asked.
        target: &'a str,
    },
    /// A step ended.
    Finished {
        /// The address that is looked up.
        address: &'a EmailAddress,
        /// What was tried, and what came of it.
        attempt: &'a Attempt,
    },
    /// The key server is asked for a key, outside of a look-up by address.
    KeyAsked {
        /// How it is asked.
        step: Step,
        /// The host that is asked.
        target: &'a str,
    },
    /// That question ended.
    KeyAnswered {
        /// What was asked, and what came of it.
        attempt: &'a Attempt,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found => "found",
            Self::NotFound => "not found",
            Self::Failed => "could not tell",
        })
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

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAddress => "no such host",
            Self::NotThere => "nothing there",
            Self::PerhapsUnsupported => {
                "nothing there; the key server may not support version 6 keys"
            }
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses => f.write_str("has an address"),
            Self::Found(1) => f.write_str("one certificate"),
            Self::Found(n) => write!(f, "{n} certificates"),
            Self::Absent(absence) => absence.fmt(f),
            Self::Rejected => f.write_str("nothing for this address"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// Method, host and outcome; no address.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.step, self.target, self.outcome)
    }
}
