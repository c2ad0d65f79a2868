//! From certificates to a directory: what to serve, for which address.
//!
//! ```text
//! certificates ─ merge ─► addresses ─► bound? ─► granted? ─► minimise ─► judge ─► Publication
//!                copies   of the       newest    the         only this   as the
//!                         domain       first     caller      User ID     whole?
//! ```
//!
//! A [`Publisher`] makes a [`Publication`]: data, without a file or a socket. Each
//! address gets the certificates that are bound to it, minimised: one's other
//! addresses and names, and who certified them, are nobody's business
//! (draft-koch-openpgp-webkey-service §5). What is left verifies and judges as
//! the whole certificate does, or it is not published.

use std::sync::Arc;
use std::time::SystemTime;

use sequoia_openpgp::Cert;
use sequoia_openpgp::policy::{Policy, StandardPolicy};

mod candidate;
mod claimed;
mod domain;
mod entry;
mod judge;
mod keep;
mod merge;
mod minimise;
mod plan;
mod policy_file;
mod publication;
mod rules;
mod skipped;
mod standing;

pub use self::entry::{Entry, Note};
pub use self::keep::Keep;
pub use self::publication::{File, Publication};
pub use self::skipped::{Skipped, Why};
use crate::{EmailAddress, Error};

mod write;

pub use self::write::{Writer, Written};

/// Makes a domain's directory out of certificates.
///
/// ```
/// use openpgp_discovery::openpgp::{Cert, cert::CertBuilder, parse::Parse};
/// use openpgp_discovery::wkd::publish::Publisher;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (cert, _) = CertBuilder::general_purpose(Some("Alice <alice@example.org>"))
///     .add_userid("Alice <alice@home.example>")
///     .generate()?;
/// // Anybody can put your address on a key: who may publish which, you have to say.
/// let mine = cert.fingerprint();
/// let publication = Publisher::new("example.org")?
///     .plan([cert], |_address, cert| cert.fingerprint() == mine);
///
/// let [entry] = publication.entries() else { panic!("one address of the domain") };
/// assert_eq!(entry.address().to_string(), "alice@example.org");
/// let served = Cert::from_bytes(entry.bytes())?;
/// assert_eq!(served.fingerprint(), mine);
/// assert_eq!(served.userids().count(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Publisher {
    domain: String,
    include_revoked: bool,
    include_expired: bool,
    newest_only: bool,
    keep: Keep,
    policy: Arc<dyn Policy>,
    time: Option<SystemTime>,
    policy_file: Vec<u8>,
}

impl Publisher {
    /// For this domain, in any form that an address may have it in: `Bücher.example`
    /// becomes `xn--bcher-kva.example`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what no
    /// [`EmailAddress`] can have as its domain.
    pub fn new(domain: &str) -> Result<Self, Error> {
        Ok(Self {
            domain: domain::to_a_labels(domain)?,
            include_revoked: false,
            include_expired: false,
            newest_only: false,
            keep: Keep::nothing(),
            policy: Arc::new(StandardPolicy::new()),
            time: None,
            policy_file: Vec::new(),
        })
    }

    /// Whether revoked certificates are published, so that who looks for the
    /// successor learns of the revocation. By default not.
    #[must_use]
    pub fn include_revoked(mut self, include: bool) -> Self {
        self.include_revoked = include;
        self
    }

    /// Whether expired certificates are published. By default not.
    #[must_use]
    pub fn include_expired(mut self, include: bool) -> Self {
        self.include_expired = include;
        self
    }

    /// Whether of the bindings of User IDs and signing subkeys the newest alone is
    /// published. By default the oldest is too: without it, what was signed between
    /// the two cannot be verified.
    #[must_use]
    pub fn newest_only(mut self, newest_only: bool) -> Self {
        self.newest_only = newest_only;
        self
    }

    /// What is published of a certificate beyond the least that it needs.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// The policy by which certificates are judged, instead of sequoia's
    /// [`StandardPolicy`]. It has no say about revocations.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policy = policy;
        self
    }

    /// The time for which certificates are judged, instead of that of each call.
    #[must_use]
    pub fn time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// What the policy file says (draft-koch-openpgp-webkey-service §4.5), such as
    /// `protocol-version: 22`. By default it is empty, as it may be.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) where a line is no comment,
    /// no keyword and no keyword with a value.
    pub fn policy_file(mut self, text: &str) -> Result<Self, Error> {
        self.policy_file = policy_file::checked(text)?;
        Ok(self)
    }

    /// The domain, in A-labels.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Plans the directory: of each certificate, the addresses of the domain on its
    /// valid User IDs that `authorize` grants.
    ///
    /// Each address as some User ID has it gets an entry, with all certificates of
    /// which a User ID [matches](EmailAddress::matches): `joe@…` and `"joe"@…` are
    /// two places of a directory, and one mailbox. `authorize` is asked once for
    /// each entry and certificate, with the [address of the entry](Entry::address),
    /// and only where the owner of the certificate bound the User ID and did not
    /// revoke it. Compare addresses with [`EmailAddress::matches`].
    ///
    /// Copies of a certificate are merged first. Of revocations by others, those
    /// count for the status that the owner named for it and whose certificates are
    /// among `certs`; they are published in any case. Secret key material is never.
    ///
    /// It takes about as long as verifying the newest signatures of the
    /// certificates concerned: in an asynchronous program, call it where blocking is
    /// allowed.
    pub fn plan(
        &self,
        certs: impl IntoIterator<Item = Cert>,
        authorize: impl FnMut(&EmailAddress, &Cert) -> bool,
    ) -> Publication {
        plan::plan(self, certs.into_iter(), authorize)
    }
}
