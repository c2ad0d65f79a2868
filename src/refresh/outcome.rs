//! What a refresh gives back.

use std::fmt;

use sequoia_openpgp::Cert;

use crate::{Attempt, CertStatus, Error, Rejection, Revocation};

/// What a refresh brought.
#[derive(Debug)]
pub struct Refresh {
    pub(crate) cert: Cert,
    pub(crate) outcome: RefreshOutcome,
    pub(crate) before: CertStatus,
    pub(crate) after: CertStatus,
    pub(crate) changes: Vec<Change>,
    pub(crate) rejected: Vec<Rejection>,
    pub(crate) notes: Vec<String>,
    pub(crate) attempt: Attempt,
}

/// How a refresh ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefreshOutcome {
    /// The key server had something new, and it is in the certificate now.
    Updated,
    /// The key server has the certificate, and nothing new.
    Unchanged,
    /// The key server does not have it: what is held stands, unconfirmed.
    NotFound,
    /// One could not tell whether there is anything new. Also where a part of the
    /// answer could not be read, or another copy of the certificate in it was
    /// refused: what is missing may be a revocation.
    Failed,
}

/// One thing that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(crate) kind: ChangeKind,
    pub(crate) detail: String,
}

/// What sort of thing has changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The certificate is revoked, or a soft revocation has become a hard one.
    Revoked,
    /// A newer self-signature lifted a soft revocation, of the certificate or of
    /// a subkey.
    RevocationLifted,
    /// The certificate expires at another time.
    Expiration,
    /// A subkey is new.
    SubkeyAdded,
    /// A subkey is revoked.
    SubkeyRevoked,
    /// A subkey expires at another time.
    SubkeyExpiration,
    /// A User ID is new.
    UserIdAdded,
    /// A User ID is revoked.
    UserIdRevoked,
    /// A User ID that was revoked is bound again.
    UserIdRestored,
    /// A newer self-signature, with stronger algorithms or other preferences.
    SelfSignature,
    /// A User ID that was not let in carries a newer expiration, which does not
    /// count here: see
    /// [`refresh_user_ids`](crate::KeyLocatorBuilder::refresh_user_ids).
    NewsWithheld,
    /// Something else.
    Other,
}

impl Refresh {
    /// The certificate with the news merged in; the one given, where there are
    /// none. Secret key material in it is as it was.
    pub fn cert(&self) -> &Cert {
        &self.cert
    }

    /// The certificate itself.
    pub fn into_cert(self) -> Cert {
        self.cert
    }

    /// How it ended.
    pub fn outcome(&self) -> RefreshOutcome {
        self.outcome
    }

    /// How the certificate stood before, by [`CertStatus::of`] and the locator's
    /// policy and time.
    pub fn before(&self) -> &CertStatus {
        &self.before
    }

    /// How it stands now. Where the refresh [failed](RefreshOutcome::Failed) or
    /// found nothing, that is how it stood before: nobody has confirmed it.
    pub fn after(&self) -> &CertStatus {
        &self.after
    }

    /// The revocation that holds now, if one does.
    pub fn revocation(&self) -> Option<&Revocation> {
        self.after.revocation()
    }

    /// What has changed. Not empty where it was
    /// [updated](RefreshOutcome::Updated); elsewhere only
    /// [`ChangeKind::NewsWithheld`].
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What was refused of the answer.
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }

    /// What a person should know beside the changes, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What was asked, and what came of it.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Whether the key server said all that it knows: with or without news, or
    /// that it does not have the certificate. Only then does the certificate count
    /// as fresh, from the moment before the question on
    /// (`verify::Verify::refreshed`).
    pub fn is_conclusive(&self) -> bool {
        self.error().is_none()
    }

    /// The failure, if it is one. An [update](RefreshOutcome::Updated) has one
    /// too, where it came out of an answer that was refused, or that could not be
    /// read to its end: there may be more.
    pub fn error(&self) -> Option<&Error> {
        self.attempt.error()
    }
}

impl Change {
    pub(super) fn new(kind: ChangeKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// What sort of thing.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// A sentence for people, without control characters; times are in UTC, as
    /// RFC 3339 writes them.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for RefreshOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::NotFound => "not found",
            Self::Failed => "could not tell",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
