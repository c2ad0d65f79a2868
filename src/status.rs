//! How a certificate stands at a point in time.

use std::fmt;
use std::time::SystemTime;

use sequoia_openpgp::types::ReasonForRevocation;

use crate::text::{printable, rfc3339};

mod cert;
mod own;
mod policy;
pub(crate) mod revokers;

pub(crate) use cert::{by_self_signatures, in_force, self_revocation, status};
pub(crate) use own::has_self_signature;
#[cfg(feature = "verify")]
pub(crate) use own::self_signatures;
pub(crate) use policy::{EveryAlgorithm, SelfRevocationsCount};

/// How a certificate stands at the time that it was judged for.
///
/// Where more than one holds, the first of this list is reported: revoked,
/// rejected by policy, not yet valid, expired.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// Neither of the others.
    Valid,
    /// Its validity ended before that time.
    Expired,
    /// Its owner, or somebody that the owner named, revoked it.
    Revoked(Revocation),
    /// It, or the User ID's binding, was made after that time (more than five
    /// minutes: clocks differ).
    NotYetValid,
    /// The policy finds the algorithms it rests on too weak.
    RejectedByPolicy,
    /// That cannot be told: of a certificate that is refreshed, so many
    /// self-signatures do not verify that not all were looked at, or the time was
    /// up before.
    Undetermined,
}

/// How and why a key was revoked (RFC 9580, section 5.2.3.31).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub(crate) kind: RevocationKind,
    pub(crate) reason: Option<ReasonForRevocation>,
    pub(crate) message: String,
    pub(crate) created: Option<SystemTime>,
}

/// Whether a revocation reaches back.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKind {
    /// The key may never have been good: also what it signed before is void.
    Hard,
    /// The key was superseded or retired: what it signed before still stands.
    Soft,
}

impl CertStatus {
    /// Whether it is [`Valid`](Self::Valid).
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// The revocation, where it is [`Revoked`](Self::Revoked).
    pub fn revocation(&self) -> Option<&Revocation> {
        match self {
            Self::Revoked(revocation) => Some(revocation),
            _ => None,
        }
    }

    /// Whether it is [`Revoked`](Self::Revoked).
    pub fn is_revoked(&self) -> bool {
        self.revocation().is_some()
    }
}

impl Revocation {
    /// Whether it reaches back.
    pub fn kind(&self) -> RevocationKind {
        self.kind
    }

    /// The reason's code; `None` where the signature carries none, which counts as hard.
    pub fn reason(&self) -> Option<ReasonForRevocation> {
        self.reason
    }

    /// What the owner wrote beside the code. Text from outside: it can hold
    /// anything, control characters too.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When it was made, if the signature says so.
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }
}

impl fmt::Display for CertStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked(_) => "revoked",
            Self::NotYetValid => "not yet valid",
            Self::RejectedByPolicy => "rejected by policy",
            Self::Undetermined => "undetermined",
        })
    }
}

/// Why, how and when, and what the owner wrote, its control characters replaced:
/// `no longer used (soft, 2026-01-02T03:04:05Z)`.
impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            None | Some(ReasonForRevocation::Unspecified) => "no reason given",
            Some(ReasonForRevocation::KeySuperseded) => "superseded by another key",
            Some(ReasonForRevocation::KeyCompromised) => "the key is compromised",
            Some(ReasonForRevocation::KeyRetired) => "no longer used",
            Some(ReasonForRevocation::UIDRetired) => "no longer valid",
            Some(_) => "an unknown reason",
        })?;
        write!(f, " ({}, ", self.kind)?;
        match self.created {
            Some(created) => write!(f, "{})", rfc3339(created))?,
            None => f.write_str("at an unknown time)")?,
        }
        match self.message.as_str() {
            "" => Ok(()),
            message => write!(f, ": \"{}\"", printable(message)),
        }
    }
}

impl fmt::Display for RevocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        })
    }
}
