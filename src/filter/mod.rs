//! From untrusted bytes to small certificates that belong to one address, or to
//! one key.
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
//! What is left is verified once, revocations first, then what decides how things
//! stand, then older signatures as far as that costs little; a certificate is kept only
//! where a User ID of the address is *bound* by a signature that verifies and is
//! *not revoked*. The status is judged on the certificate with its newest other
//! User IDs, on which expiration and key flags may hang, and only then are these
//! dropped. That is the primary one; those that cannot be it are not even verified.
//!
//! Answers about a key go the same way; what is kept there has the key, whatever
//! its User IDs. A refresh passes over what is held already.
//!
//! The owner's revocations, of the key, of subkeys and of User IDs, count wherever
//! they stand in the answer: behind something else, before any key, in a copy that is
//! refused. What each is about is told by its digest, within limits.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use sequoia_openpgp::policy::{Policy, StandardPolicy};
use sequoia_openpgp::{Fingerprint, KeyHandle};

mod accept;
mod adopt;
pub(crate) mod armor;
mod binding;
mod by_key;
mod checked;
mod collect;
mod deciding;
mod filtered;
mod held;
mod judge;
mod limits;
mod misplaced;
mod news;
mod packets;
mod primary;
mod proven;
mod reduce;
mod revokers;
mod salvage;
mod search;
mod signature;
mod strays;
mod subkeys;
mod user_id;
mod verifier;
mod verify;
mod wanted;
pub(crate) mod web_page;
mod work;

pub use filtered::{Filtered, Kept};
pub(crate) use held::reference_time;
pub use limits::{Limits, UserIdFilter};
pub(crate) use news::News;
pub(crate) use packets::is_oversized_packet;
pub use packets::{FrameError, Packets, RawPacket, packets};
pub(crate) use proven::{CUT, Proven, proven};
pub(crate) use signature::{is_component_revocation, is_key_revocation};
pub(crate) use verifier::lean;

use crate::clock::latest;
use crate::keys::PrimaryKey;
use crate::{EmailAddress, Reason, Rejection};
use collect::Answer;
use reduce::RawCert;
use wanted::{Wanted, Whose};
use work::Work;

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
    ///
    /// What that costs is for the answer's author to say, within the [`Limits`]:
    /// most take less than a millisecond, the worst some tens, with the slowest crypto
    /// backend. In an asynchronous program, call it where blocking is allowed.
    pub fn apply(&self, body: &[u8], address: &EmailAddress) -> Filtered {
        self.apply_until(body, address, &AtomicBool::new(false))
    }

    /// The same, until told to stop; what comes out then is of no use.
    pub(crate) fn apply_until(
        &self,
        body: &[u8],
        address: &EmailAddress,
        stop: &AtomicBool,
    ) -> Filtered {
        let (whose, work) = (
            Whose::Address(address),
            Work::new(self.limits.verifications, stop),
        );
        self.run(body, self.limits.body, whose, &work, |cert, keys, now| {
            accept::accept(self, cert, keys, now, &work)
        })
    }

    /// Runs the pipeline on the answer to a question about a key, primary or
    /// subkey.
    ///
    /// A certificate is kept where the key is its primary key or a subkey that
    /// it binds; others are refused as [`Reason::OtherKey`]. It keeps the User
    /// IDs that the owner bound and did not revoke, and needs none: key servers
    /// give out only those whose address was confirmed. The status is then that
    /// of the whole certificate ([`CertStatus::of`](crate::CertStatus::of)). The
    /// body may have [`Limits::body_by_key`] octets.
    ///
    /// ```
    /// use openpgp_discovery::filter::Filter;
    /// use openpgp_discovery::openpgp::{KeyHandle, cert::CertBuilder, serialize::Serialize};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (cert, _) = CertBuilder::new().add_signing_subkey().generate()?;
    /// let subkey = cert.keys().subkeys().next().expect("a subkey").key().fingerprint();
    /// let mut answer = Vec::new();
    /// cert.serialize(&mut answer)?;
    ///
    /// let filtered = Filter::new().apply_to_key(&answer, &KeyHandle::from(subkey));
    /// assert_eq!(filtered.kept()[0].cert().fingerprint(), cert.fingerprint());
    /// # Ok(())
    /// # }
    /// ```
    pub fn apply_to_key(&self, body: &[u8], key: &KeyHandle) -> Filtered {
        self.apply_to_key_until(body, key, &AtomicBool::new(false))
    }

    /// The same, until told to stop; what comes out then is of no use.
    pub(crate) fn apply_to_key_until(
        &self,
        body: &[u8],
        key: &KeyHandle,
        stop: &AtomicBool,
    ) -> Filtered {
        let (limit, work) = (
            self.limits.body_by_key,
            Work::new(self.limits.verifications_by_key, stop),
        );
        self.run(body, limit, Whose::Key, &work, |cert, keys, now| {
            by_key::accept(self, cert, keys, (key, now), &work)
        })
    }

    fn run(
        &self,
        body: &[u8],
        limit: usize,
        whose: Whose<'_>,
        work: &Work<'_>,
        accept: impl Fn(
            &RawCert<'_>,
            &[(Fingerprint, PrimaryKey)],
            SystemTime,
        ) -> Result<Kept, Rejection>,
    ) -> Filtered {
        let parts = match parts(body, limit) {
            Ok(parts) => parts,
            Err(rejection) => return Filtered::refused(rejection),
        };
        let now = self.time.unwrap_or_else(SystemTime::now);
        let answer = self.sort(&parts, whose, now, work);
        let keys = answer.primary_keys();
        let mut filtered = Filtered {
            kept: Vec::new(),
            rejected: answer.rejected,
        };
        for cert in &answer.certs {
            match accept(cert, &keys, now) {
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
        if web_page::looks_like_one(body) {
            filtered.take_for_web_page();
        }
        filtered
    }

    /// Sorts the parts of an answer into certificates.
    fn sort<'a>(
        &self,
        parts: &'a [Part<'_>],
        whose: Whose<'_>,
        now: SystemTime,
        work: &Work<'_>,
    ) -> Answer<'a> {
        let wanted = Wanted {
            whose,
            user_ids: match whose {
                Whose::Address(_) => self.user_ids,
                Whose::Key | Whose::News(..) => UserIdFilter::Matching,
            },
            limits: &self.limits,
            horizon: latest(now),
        };
        let mut answer = Answer::default();
        for part in parts {
            match part {
                _ if work.go_on().is_err() => break,
                Some(data) => answer.add(data, wanted),
                None => answer.broken_armor(),
            }
        }
        answer.settle(wanted);
        answer
    }
}

/// Binary OpenPGP data; `None` where it could not be decoded.
type Part<'b> = Option<Cow<'b, [u8]>>;

/// The body, or the content of each block of armor in it.
fn parts(body: &[u8], limit: usize) -> Result<Vec<Part<'_>>, Rejection> {
    if body.is_empty() {
        return Err(Rejection::new(None, Reason::Empty, ""));
    }
    if body.len() > limit {
        let detail = format!("more than {limit} octets");
        return Err(Rejection::new(None, Reason::TooLarge, detail));
    }
    Ok(if armor::is_text(body) {
        let blocks = armor::blocks(body).into_iter();
        blocks.map(|block| block.map(Cow::Owned)).collect()
    } else {
        vec![Some(Cow::Borrowed(body))]
    })
}
