//! What came of a verification.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use sequoia_openpgp::{Cert, Fingerprint, KeyHandle};

use super::blocking::{Stop, refused};
use super::content::{Guard, Pieces};
use super::format::{Format, Input};
use super::{Limits, Required, message};
use crate::{CertStatus, Error};

/// "Good" says that *this key made this signature over this content, and could be
/// relied on at the time that the signature tells*. It does not say who holds the
/// key: for that, name the [`sender`](super::Verify::sender) that you expect, and
/// mind where the certificate comes from ([`Signer::origin`]).
///
/// There is one [`Verdict`] for each signature, in their order.
pub struct Verification {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) required: Required,
    /// The lock is for sharing the verdicts; nothing waits for it.
    pub(super) content: Option<Mutex<Content>>,
}

/// What is needed to read the message once more.
pub(super) struct Content {
    pub(super) input: Box<dyn Input>,
    pub(super) format: Format,
    pub(super) limits: Limits,
    pub(super) pieces: Pieces,
}

/// What is to be thought of one signature.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub(super) outcome: VerdictOutcome,
    pub(super) issuer: Option<KeyHandle>,
    pub(super) signer: Option<Signer>,
    pub(super) fresh: bool,
    pub(super) created: Option<SystemTime>,
    pub(super) reason: Option<String>,
}

/// How the verification of a signature ended.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerdictOutcome {
    /// The key made this signature over this content, and could be relied on at
    /// the time that the signature tells. It does not say who holds the key.
    Good,
    /// It must not be relied on: see [`Verdict::reason`].
    Bad,
    /// Neither the caller nor the key server has the signer's certificate.
    UnknownSigner,
    /// One could not tell: the key server could not be asked, an algorithm cannot
    /// be computed, a limit was reached, …
    Failed,
}

/// The certificate that a signature was judged by.
#[derive(Clone, Debug)]
pub struct Signer {
    pub(super) cert: Cert,
    pub(super) key: Fingerprint,
    pub(super) user_ids: Vec<String>,
    pub(super) origin: Origin,
    pub(super) names_sender: Option<bool>,
    pub(super) status: Option<CertStatus>,
    pub(super) status_at_signing: Option<CertStatus>,
}

/// Where a signer's certificate came from.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The caller gave it.
    Given,
    /// The key server had it. Anybody can put a certificate there: that it is
    /// found says nothing about whose it is.
    Vks,
}

impl Verification {
    /// A verdict for each signature, in the order in which they stand.
    pub fn signatures(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Whether every signature that has to be good
    /// ([`required`](super::Verify::required)) is good.
    pub fn is_good(&self) -> bool {
        let mut good = self.verdicts.iter().map(Verdict::is_good);
        !self.verdicts.is_empty()
            && match self.required {
                Required::All => good.all(|good| good),
                Required::One => good.any(|good| good),
            }
    }

    /// Writes the signed content of a message, if [`is_good`](Self::is_good), and
    /// nothing otherwise. Gives back how many octets went out.
    ///
    /// What goes out is what the signatures are over: of a cleartext message the
    /// signed lines alone, without white space at their ends (which is not
    /// signed), each with LF behind it. The input is read once more for it, and
    /// every 256 KiB compared with what was judged before they go out. Where the
    /// input has changed since, this ends with an error behind the last piece
    /// that is still the same; write to a place that can be taken back.
    ///
    /// It reads and computes, so it blocks: call it in `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Message`](crate::ErrorKind::Message): not good; a detached
    /// signature, whose content the caller has; changed in the meantime; or it
    /// can be neither read nor written.
    pub fn write_content(&mut self, out: &mut dyn Write) -> Result<u64, Error> {
        if !self.is_good() {
            return Err(refused("not every signature that has to be good is good"));
        }
        let Some(content) = &mut self.content else {
            return Err(refused("the content of a detached signature is elsewhere"));
        };
        let content = content.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut guard = Guard::new(&content.pieces, out);
        message::walk(
            &mut *content.input,
            content.format,
            &content.limits,
            &Stop::default(),
            &mut guard,
        )?;
        guard.finish()
    }
}

impl Verdict {
    /// How it ended.
    pub fn outcome(&self) -> VerdictOutcome {
        self.outcome
    }

    /// Whether it is [`Good`](VerdictOutcome::Good).
    pub fn is_good(&self) -> bool {
        self.outcome == VerdictOutcome::Good
    }

    /// The key that the signature claims to be made by: a fingerprint where it
    /// names one, else a key ID; `None` where it names none or cannot be read.
    pub fn issuer(&self) -> Option<&KeyHandle> {
        self.issuer.as_ref()
    }

    /// The certificate that it was judged by, if one was at hand.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// Whether the key server was asked about the signer (now, or within the
    /// [`max_age`](super::Verify::max_age)) and answered, be it that it has
    /// nothing.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// When the signature claims to be made.
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Why it is not good, a sentence for people; of a good one, what should be
    /// known beside that. It can hold text from outside, control characters too.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl Signer {
    /// The certificate's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.cert.fingerprint()
    }

    /// The fingerprint of the primary key or subkey that made the signature.
    pub fn key(&self) -> &Fingerprint {
        &self.key
    }

    /// The certificate as it was judged, without secret key material, with what
    /// the key server had of news: worth keeping.
    pub fn cert(&self) -> &Cert {
        &self.cert
    }

    /// The User IDs that its owner bound to it and did not revoke. Text from
    /// outside: it can hold anything, control characters too. Nobody has
    /// confirmed that they tell the truth.
    pub fn user_ids(&self) -> &[String] {
        &self.user_ids
    }

    /// Where it came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether one of its User IDs was bound to the sender's address when the
    /// signature was made; `None` where no sender was named, or the certificate
    /// has no User ID at all.
    pub fn names_sender(&self) -> Option<bool> {
        self.names_sender
    }

    /// How the signing key stands now: the worse of its own status and its
    /// certificate's. `None` where that cannot be told: a certificate without any
    /// self-signature, as key servers publish it where no address was confirmed.
    pub fn status(&self) -> Option<&CertStatus> {
        self.status.as_ref()
    }

    /// How it stood when the signature was made, by that signature's own time.
    pub fn status_at_signing(&self) -> Option<&CertStatus> {
        self.status_at_signing.as_ref()
    }
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification")
            .field("verdicts", &self.verdicts)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for VerdictOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::UnknownSigner => "unknown signer",
            Self::Failed => "could not tell",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "given",
            Self::Vks => "key server",
        })
    }
}
