//! The crate's error: a kind to match on, a sentence to show, a cause to log.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why something could not be done.
///
/// "There is no certificate" is not an error: see [`Status`](crate::Status) and
/// [`Outcome`](crate::Outcome).
///
/// The sentence names the step and the host. It never holds an address's local
/// part or a whole URL; what lower layers said is in
/// [`source`](std::error::Error::source).
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    detail: String,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What sort of thing went wrong: the part of an [`Error`] to match on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// The text is not an e-mail address that can be looked up.
    #[error("not an e-mail address")]
    Address,
    /// The options contradict each other or cannot be used.
    #[error("invalid configuration")]
    Config,
    /// All that was found is revoked, expired or cannot encrypt.
    #[error("no usable certificate")]
    Unusable,
    /// DNS could not say: an error, not "no such name".
    #[error("DNS failure")]
    Dns,
    /// The [`AddressGuard`](crate::dns::AddressGuard) refused a name or an address.
    #[error("blocked")]
    Blocked,
    /// No connection could be made.
    #[error("connection failure")]
    Connect,
    /// The TLS handshake failed, or the certificate is not trusted.
    #[error("TLS failure")]
    Tls,
    /// The server broke HTTP, or answered with an unexpected status.
    #[error("HTTP failure")]
    Http,
    /// A redirect that is not followed.
    #[error("redirect refused")]
    Redirect,
    /// The server said that it was asked too often (status 429).
    #[error("rate limited by the server")]
    RateLimited,
    /// The client-side budget is spent: the server was not asked.
    #[error("client-side budget spent")]
    BudgetSpent,
    /// The deadline passed.
    #[error("timed out")]
    Timeout,
    /// The answer cannot be used: malformed, too large, a web page, …
    #[error("bad answer")]
    BadAnswer,
    /// What the caller gave for verification cannot be read, or is nothing that
    /// can be verified: malformed, cut off, encrypted, not signed.
    #[error("cannot be verified")]
    Message,
    /// A file cannot be read, written or removed, or something else is in its place.
    #[error("file system failure")]
    Io,
}

impl Error {
    /// An error of this kind. `detail` is a part of a sentence that says what,
    /// without repeating the kind; it is shown to people and logged, so it must
    /// hold no address and no secret.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: detail.into(),
            retry_after: None,
            source: None,
        }))
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// The same error, telling how long to wait before the next try.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How long to wait before asking again, where the server
    /// ([`ErrorKind::RateLimited`]) or the client-side budget
    /// ([`ErrorKind::BudgetSpent`]) says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may well succeed later, by the kind alone: yes for
    /// what goes wrong in the network and on servers, no for what is wrong with
    /// the question, the set-up or the answer.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Dns
                | ErrorKind::Connect
                | ErrorKind::Http
                | ErrorKind::RateLimited
                | ErrorKind::BudgetSpent
                | ErrorKind::Timeout
        )
    }
}

impl StdError for Inner {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)?;
        match self.retry_after {
            // Rounded up: asking a moment too early would fail again.
            Some(wait) => write!(
                f,
                "; try again after {} s",
                wait.as_millis().div_ceil(1000).max(1)
            ),
            None => Ok(()),
        }
    }
}
