//! Where the served files come from.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderValue;

use super::etag;
use crate::wkd::Layout;
use crate::{BoxFuture, EmailAddress, Error};

/// Why a directory could not tell: whatever its database says.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What a directory says: a file, none, or that it could not tell.
///
/// These are three different things. A client takes "none" for an answer and may ask
/// elsewhere, or write in the clear; an error makes it try again.
pub type Reply<'a> = BoxFuture<'a, Result<Option<Content>, BoxError>>;

/// Web Key Directories, of one domain or of many.
///
/// What it says is served as it is. It must be what a
/// [`Publication`](crate::wkd::publish::Publication) has for the address: binary
/// certificates, public material alone, with no other User ID than those of the address
/// (draft-koch-openpgp-webkey-service §3.1 and §5). An empty file is no answer that
/// clients accept: where there is no certificate there is none.
///
/// Dropping a future must leave nothing undone: a client may hang up.
///
/// See [the module](super) for an example.
pub trait Directory: Send + Sync {
    /// The certificates of an address.
    fn certificates<'a>(&'a self, question: &'a Question<'_>) -> Reply<'a>;

    /// The policy file of a domain, which every served domain has, if only an empty one
    /// (draft-koch-openpgp-webkey-service §4.5). `domain` is in A-labels, lower case.
    fn policy<'a>(&'a self, domain: &'a str) -> Reply<'a>;
}

/// Whose certificates are asked for.
///
/// Everything in it is checked: the domain is one that an address can have, the hash is
/// 32 letters and digits of z-base-32, and the local part, where there is one, hashes
/// to it. All of it is the client's choice all the same, and personal data.
///
/// # Examples
///
/// A database that knows addresses but no hashes answers where the client gave the local
/// part, as the draft wants it to (§3.1):
///
/// ```
/// use openpgp_discovery::wkd::serve::Question;
///
/// fn find<'d>(rows: &'d [(&str, &str, Vec<u8>)], question: &Question<'_>) -> Option<&'d [u8]> {
///     let local_part = question.local_part()?.to_ascii_lowercase();
///     let row = rows
///         .iter()
///         .find(|(local, domain, _)| *local == local_part && *domain == question.domain());
///     row.map(|(_, _, certificates)| certificates.as_slice())
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Question<'a> {
    pub(super) layout: Layout,
    pub(super) domain: Cow<'a, str>,
    pub(super) hash: &'a str,
    pub(super) address: Option<EmailAddress>,
}

impl Question<'_> {
    /// The domain of the address, in A-labels, lower case, without a final dot: from the
    /// path (advanced method) or the host (direct method).
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The 32 letters and digits that stand for the local part.
    pub fn hash(&self) -> &str {
        self.hash
    }

    /// The local part as the client has it, where it said so. Its ASCII letters can be in
    /// another case than the owner writes them; the hash is the same.
    pub fn local_part(&self) -> Option<&str> {
        self.address.as_ref().map(EmailAddress::local_part)
    }

    /// The whole address, where the client gave the local part.
    pub fn address(&self) -> Option<&EmailAddress> {
        self.address.as_ref()
    }

    /// By which method it is asked.
    pub fn layout(&self) -> Layout {
        self.layout
    }
}

/// Leaves out who is asked for: a log is no place for that.
impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("layout", &self.layout)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// A file, and the tag by which caches know it again. Clones share the octets.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Content {
    /// A file that is tagged by what is in it.
    ///
    /// That takes a pass of SHA-1 over it. Nobody gains by a collision: a tag tells apart
    /// two states of one URL, and who has both in hand has published both.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let etag = etag::of(&bytes);
        Self { bytes, etag }
    }

    /// A file with a tag of the caller's own, such as the number of a row's version. It
    /// has to be another one whenever an octet is another one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) where the tag has anything but
    /// visible ASCII characters, or a quotation mark (RFC 9110 §8.8.3).
    ///
    /// # Examples
    ///
    /// ```
    /// use openpgp_discovery::wkd::serve::Content;
    ///
    /// let content = Content::with_etag("octets", "row-17-version-4")?;
    /// assert_eq!(content.etag(), "\"row-17-version-4\"");
    /// # Ok::<(), openpgp_discovery::Error>(())
    /// ```
    pub fn with_etag(bytes: impl Into<Bytes>, tag: &str) -> Result<Self, Error> {
        Ok(Self {
            bytes: bytes.into(),
            etag: etag::quoted(tag)?,
        })
    }

    /// What is in it.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The strong tag, quotation marks included.
    pub fn etag(&self) -> &HeaderValue {
        &self.etag
    }

    pub(super) fn into_parts(self) -> (Bytes, HeaderValue) {
        (self.bytes, self.etag)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("octets", &self.bytes.len())
            .field("etag", &self.etag)
            .finish()
    }
}
