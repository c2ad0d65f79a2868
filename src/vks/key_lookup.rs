//! What a look-up by fingerprint or key ID gives back.

use sequoia_openpgp::{Cert, KeyHandle};

use crate::filter::Kept;
use crate::lookup::Outcome;
use crate::{Attempt, Error, Rejection, Status};

/// The result of a look-up by fingerprint or key ID.
///
/// A certificate comes as the key server publishes it: with the User IDs whose
/// addresses were confirmed, often without any. Without one it usually lacks
/// expiration and key flags too, which hang on User IDs: judge it merged with what
/// is known otherwise, and ask for its revocation before anything else.
#[derive(Debug)]
pub struct KeyLookup {
    pub(super) handle: KeyHandle,
    pub(super) kept: Vec<Kept>,
    pub(super) rejected: Vec<Rejection>,
    pub(super) attempt: Attempt,
}

impl KeyLookup {
    /// The key that was asked for.
    pub fn handle(&self) -> &KeyHandle {
        &self.handle
    }

    /// How it ended. An answer of which nothing could be used, be it another
    /// certificate than the one asked for, is [`Status::Failed`].
    pub fn status(&self) -> Status {
        match self.attempt.outcome() {
            Outcome::Found(_) => Status::Found,
            Outcome::Absent(_) => Status::NotFound,
            _ => Status::Failed,
        }
    }

    /// What was found, best first, with how each certificate stands. A key server
    /// gives one; of several with the same key ID, each has to be tried.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The certificate, if one was found: the first of them. How it stands tells
    /// [`kept`](Self::kept), and not the certificate alone.
    pub fn cert(&self) -> Option<&Cert> {
        self.certs().next()
    }

    /// The certificates of all that were found.
    pub fn certs(&self) -> impl ExactSizeIterator<Item = &Cert> {
        self.kept.iter().map(Kept::cert)
    }

    /// What was refused of the answer.
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }

    /// What was asked, and what came of it.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// The failure, if it is one.
    pub fn error(&self) -> Option<&Error> {
        self.attempt.error()
    }

    /// For callers who want `?`: the certificate, `Ok(None)` where the key
    /// server does not have it.
    ///
    /// # Errors
    ///
    /// Why one could not tell.
    pub fn into_result(self) -> Result<Option<Cert>, Error> {
        match self.attempt.outcome {
            Outcome::Failed(error) => Err(error),
            _ => Ok(self.kept.into_iter().next().map(Kept::into_cert)),
        }
    }
}
