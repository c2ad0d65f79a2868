//! From untrusted bytes to small certificates that belong to one address.
//!
//! ```text
//! bytes ─ armor ─► packets ─► collect ─► verify ─► binding ─► judge ─► Kept
//!                  headers    drop what  signa-    whose      policy
//!                  only       nobody     tures     User ID    and time
//!                             asked for
//! ```
//!
//! The first three steps look at packet headers and, for signatures, at who and
//! when. They cost a small part of a parse, and what they drop is never decoded.
//! What is left is verified once, revocations first; a certificate is kept only
//! where a User ID of the address is *bound* by a signature that verifies and is
//! *not revoked*. The status is judged on the certificate with its newest other
//! User IDs, on which expiration and key flags may hang, and only then are these
//! dropped.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::SystemTime;

use sequoia_openpgp::policy::{Policy, StandardPolicy};
use sequoia_openpgp::{Cert, Fingerprint};

mod accept;
pub(crate) mod algorithms;
pub(crate) mod armor;
mod binding;
mod collect;
pub(crate) mod judge;
mod limits;
mod packets;
mod signature;
mod user_id;
mod verify;
mod web_page;

pub use limits::{Limits, UserIdFilter};
pub use packets::{FrameError, Packets, RawPacket, packets};

use crate::{CertStatus, EmailAddress, Reason, Rejection};
use collect::{Answer, PrimaryKey, Wanted};

/// Reduces answers to what was asked for.
///
/// ```
/// use openpgp_discovery::filter::Filter;
/// use openpgp_discovery::openpgp::{cert::CertBuilder, serialize::Serialize};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (cert, _) = CertBuilder::general_purpose(Some("Alice <alice@example.org>"))
///     .add_userid("Alice <alice@example.com>")
///     .generate()?;
/// let mut answer = Vec::new();
/// cert.serialize(&mut answer)?;
///
/// let filtered = Filter::new().apply(&answer, &"alice@example.org".parse()?);
/// let [kept] = filtered.kept() else { panic!("one certificate") };
/// assert!(kept.is_usable());
/// assert_eq!(kept.cert().userids().count(), 1);
/// assert_eq!(kept.user_ids_dropped(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) user_ids: UserIdFilter,
    pub(crate) limits: Limits,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) time: Option<SystemTime>,
}

/// What came out of an answer.
#[derive(Debug, Default)]
pub struct Filtered {
    pub(crate) kept: Vec<Kept>,
    pub(crate) rejected: Vec<Rejection>,
}

/// A certificate that belongs to the address.
#[derive(Clone, Debug)]
pub struct Kept {
    pub(crate) cert: Cert,
    pub(crate) status: CertStatus,
    pub(crate) can_encrypt: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) user_ids_dropped: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            user_ids: UserIdFilter::default(),
            limits: Limits::default(),
            policy: Arc::new(StandardPolicy::new()),
            time: None,
        }
    }
}

impl Filter {
    /// Keeps matching User IDs, with the default [`Limits`], sequoia's
    /// [`StandardPolicy`] and the time of each call.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which User IDs to keep.
    #[must_use]
    pub fn user_ids(mut self, which: UserIdFilter) -> Self {
        self.user_ids = which;
        self
    }

    /// How much is acceptable.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The policy by which the status is judged. It does not decide whether a
    /// User ID is bound, and it has no say about revocations.
    #[must_use]
    pub fn policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policy = policy;
        self
    }

    /// The time for which the status is judged, instead of now.
    #[must_use]
    pub fn time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    /// Runs the whole pipeline on the answer to a question about `address`.
    ///
    /// `body` is binary or ASCII armor, with any number of certificates, and may
    /// be anything: what is wrong with it is told in [`Filtered::rejected`].
    /// At least one of the two lists has something in it.
    pub fn apply(&self, body: &[u8], address: &EmailAddress) -> Filtered {
        if body.is_empty() {
            return Filtered::refused(Reason::Empty, "");
        }
        if body.len() > self.limits.body {
            let detail = format!("more than {} octets", self.limits.body);
            return Filtered::refused(Reason::TooLarge, &detail);
        }
        let mut filtered = if armor::is_text(body) {
            let blocks = armor::blocks(body);
            self.filter(blocks.iter().map(Option::as_deref), address)
        } else {
            self.filter([Some(body)], address)
        };
        if web_page::looks_like_one(body) {
            filtered.take_for_web_page();
        }
        filtered
    }

    /// `None` is a part that could not be decoded.
    fn filter<'a>(
        &self,
        parts: impl IntoIterator<Item = Option<&'a [u8]>>,
        address: &EmailAddress,
    ) -> Filtered {
        let now = self.time.unwrap_or_else(SystemTime::now);
        let wanted = Wanted {
            address,
            user_ids: self.user_ids,
            limits: &self.limits,
            horizon: binding::latest(now),
        };
        let mut answer = Answer::default();
        for part in parts {
            match part {
                Some(data) => answer.add(data, wanted),
                None => answer.reject(None, Reason::Malformed, "broken ASCII armor"),
            }
        }
        answer.settle(wanted);
        if answer.certs.is_empty() && answer.rejected.is_empty() {
            answer.reject(None, Reason::Malformed, "no OpenPGP certificate");
        }

        let keys: Vec<(Fingerprint, PrimaryKey)> = answer
            .certs
            .iter()
            .map(|cert| (cert.fingerprint.clone(), cert.key.clone()))
            .collect();
        let mut filtered = Filtered {
            kept: Vec::new(),
            rejected: answer.rejected,
        };
        for cert in &answer.certs {
            match accept::accept(self, cert, &keys, now) {
                Ok(kept) => filtered.kept.push(kept),
                Err(rejection) => filtered.rejected.push(rejection),
            }
        }
        filtered.kept.sort_by_cached_key(|kept| {
            let key = kept.cert.primary_key().key();
            (
                Reverse((kept.is_usable(), key.creation_time())),
                key.fingerprint(),
            )
        });
        filtered
    }
}

impl Filtered {
    fn refused(reason: Reason, detail: &str) -> Self {
        Self {
            kept: Vec::new(),
            rejected: vec![Rejection::new(None, reason, detail)],
        }
    }

    /// The certificates of the address, best first: usable before unusable, then
    /// the newest.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// What was refused, and why.
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }

    /// Both lists.
    pub fn into_parts(self) -> (Vec<Kept>, Vec<Rejection>) {
        (self.kept, self.rejected)
    }

    /// Says "web page" where nothing at all could be made of the body. For an
    /// answer that looks like HTML, or is labelled so.
    pub(crate) fn take_for_web_page(&mut self) {
        if let ([], [only]) = (&self.kept[..], &self.rejected[..])
            && only.reason() == Reason::Malformed
            && only.fingerprint().is_none()
        {
            *self = Self::refused(Reason::WebPage, "");
        }
    }
}

impl Kept {
    /// The certificate, with the wanted User IDs and no others. Every
    /// self-signature in it verifies; certifications by others are left out.
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

    /// Whether it has a key that is neither revoked nor expired, that the policy
    /// accepts and the backend computes, and that may encrypt.
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

    /// How many User IDs and User Attributes were dropped.
    pub fn user_ids_dropped(&self) -> usize {
        self.user_ids_dropped
    }
}
