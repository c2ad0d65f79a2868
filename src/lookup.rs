//! What a look-up gives back: the answer, and the whole trail of how it came about.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sequoia_openpgp::Cert;
use url::Url;

use crate::filter::Kept;
use crate::{CertStatus, EmailAddress, Error, ErrorKind, Method, Rejection, Source, Step};

/// The result of looking up one address.
///
/// Its `Debug` output shows the address, in URLs too: it is for developers, not
/// for logs.
#[derive(Clone, Debug)]
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

    /// The first failure on the way. There is one where the status is
    /// [`Status::Failed`]; where a certificate was found all the same, there may be.
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
///
/// ```no_run
/// # fn encrypt(found: &openpgp_discovery::Found, text: &[u8]) -> anyhow::Result<Vec<u8>> {
/// use std::io::Write;
///
/// use openpgp_discovery::openpgp::policy::StandardPolicy;
/// use openpgp_discovery::openpgp::serialize::stream::{Armorer, Encryptor, LiteralWriter, Message};
///
/// let policy = StandardPolicy::new();
/// let keys = found.cert().keys().with_policy(&policy, None);
/// let keys = keys.supported().alive().revoked(false).for_transport_encryption();
///
/// let mut mail = Vec::new();
/// let message = Armorer::new(Message::new(&mut mail)).build()?;
/// let message = Encryptor::for_recipients(message, keys).build()?;
/// let mut message = LiteralWriter::new(message).build()?;
/// message.write_all(text)?;
/// message.finalize()?;
/// # Ok(mail)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) kept: Kept,
    pub(crate) provenance: Provenance,
}

impl Found {
    /// The certificate, with the User IDs that were asked for and no others.
    pub fn cert(&self) -> &Cert {
        self.kept.cert()
    }

    /// The certificate itself.
    pub fn into_cert(self) -> Cert {
        self.kept.into_cert()
    }

    /// How it stands, judged before other User IDs were dropped.
    pub fn status(&self) -> &CertStatus {
        self.kept.status()
    }

    /// Whether it has a key that mail can be encrypted to, at the time of the
    /// look-up. A revoked certificate has none.
    pub fn can_encrypt(&self) -> bool {
        self.kept.can_encrypt()
    }

    /// Whether it is valid and can encrypt.
    pub fn is_usable(&self) -> bool {
        self.kept.is_usable()
    }

    /// What a person should know beside the status, a sentence each.
    pub fn notes(&self) -> &[String] {
        self.kept.notes()
    }

    /// How many User IDs and User Attributes were dropped.
    pub fn user_ids_dropped(&self) -> usize {
        self.kept.user_ids_dropped()
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
}

/// One thing that was tried, and what came of it.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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
    /// Status 404; from a Web Key Directory also 410.
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
    #[non_exhaustive]
    Started {
        /// The address that is looked up.
        address: &'a EmailAddress,
        /// What is tried.
        step: Step,
        /// The host that is asked about or asked.
        target: &'a str,
    },
    /// A step ended.
    #[non_exhaustive]
    Finished {
        /// The address that is looked up.
        address: &'a EmailAddress,
        /// What was tried, and what came of it.
        attempt: &'a Attempt,
    },
    /// The key server is asked for a key, outside of a look-up by address.
    #[non_exhaustive]
    KeyAsked {
        /// How it is asked.
        step: Step,
        /// The host that is asked.
        target: &'a str,
    },
    /// That question ended.
    #[non_exhaustive]
    KeyAnswered {
        /// What was asked, and what came of it.
        attempt: &'a Attempt,
    },
    /// One of [many](crate::KeyLocator::locate_all) ended; it is told before that one
    /// is yielded. A locator that runs several batches at once gives each its
    /// [own listener](crate::KeyLocator::with_on_event) to tell them apart.
    #[non_exhaustive]
    Progress {
        /// How many have ended. An address that came twice counts once.
        ended: usize,
        /// How many are under way, with and without a
        /// [place](crate::KeyLocatorBuilder::concurrency).
        running: usize,
        /// How many are read already and wait for their turn. More may come: 16,384
        /// are read ahead.
        waiting: usize,
    },
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct OnEvent(Arc<dyn Fn(Event<'_>) + Send + Sync>);

impl OnEvent {
    pub(crate) fn new(on_event: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(on_event))
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        (self.0)(event);
    }
}

impl fmt::Debug for OnEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnEvent").finish_non_exhaustive()
    }
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

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAddress => "no address",
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
