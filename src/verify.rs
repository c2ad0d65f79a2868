//! Verifying signatures: "good" says that *this key made this signature, and could
//! be relied on at that time*. It does not say who holds the key.
//!
//! [`KeyLocator::verify`](crate::KeyLocator::verify) begins one. The certificates
//! of those who signed come from the caller, and from the key server where the
//! caller has none; each is refreshed there before anything is said about it. No
//! look-up order is involved, and no Web Key Directory: whoever runs one could
//! hide a revocation.
//!
//! # How a signature is judged
//!
//! | what | verdict |
//! | --- | --- |
//! | over other content; text or signature changed | bad |
//! | no signature over a document; without a time | bad |
//! | rejected by the policy (MD5, SHA-1, version 3, …) | bad |
//! | from the future, or later than [`received`](Verify::received), by more than five minutes | bad |
//! | expired itself | bad |
//! | older than its key | bad |
//! | its certificate or subkey is revoked hard, whenever that was | bad |
//! | revoked softly before it was made, and not lifted until then | bad |
//! | its certificate or subkey had expired when it was made | bad |
//! | by a key that may not sign, or whose back signature is missing | bad |
//! | by another than the [`sender`](Verify::sender) | bad |
//! | a sender is named, and the certificate has no User ID at all | failed |
//! | in an algorithm that the crypto backend lacks | failed |
//! | by a certificate without any self-signature (key servers publish such) | failed |
//! | by a certificate in hand that holds more forged self-signatures than are looked at | failed |
//! | over another signature, or over a compressed packet | failed |
//! | the signer could not be refreshed ([`Freshness::Strict`]), and would otherwise be good, or bad for a reason that news could change | failed |
//! | neither the caller nor the key server has its certificate | unknown signer |
//! | beyond the limits on signatures or requests | failed |
//! | else | good |
//!
//! The status counts at the time that the signature tells. Where the certificate
//! no longer holds what its owner said at that time (programs replace
//! self-signatures), the first later statement counts. Revocations by others count
//! where the owner named them for it and the revocation verifies; their
//! certificates are asked for too. Where the key server does not have one, the
//! signature can be good, and the [reason](Verdict::reason) tells of the
//! revocation that nobody could verify; where it could not be asked for one, that
//! is failed ([`Freshness::Strict`]).
//!
//! A signer that is named by a fingerprint is looked for by nothing else. By key
//! ID only where a signature names no fingerprint; then all that have this key ID
//! are tried. Preferred key servers and Signer's User IDs in a signature cause no
//! request.
//!
//! # Messages
//!
//! Inline-signed messages, binary or in ASCII armor, compressed or not, and
//! cleartext. The first message of a text is taken; what stands before and behind
//! it is looked at by nobody and never handed out. File name and date of the
//! signed text are not signed, and ignored. The text is read three times (who
//! signed; whether they did; for handing it out) and never held: see
//! [`Verification::write_content`]. Encrypted messages are refused.

use std::fmt;
use std::io::{BufReader, Read, Seek};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sequoia_openpgp::Cert;
use sequoia_openpgp::policy::Policy;

use crate::{EmailAddress, Error, KeyLocator};

mod blocking;
mod cleartext;
mod collect;
mod content;
mod digests;
mod format;
mod from_vks;
mod judge;
mod known;
mod message;
mod signers;
mod standing;
mod structure;
#[cfg(test)]
mod tests;
mod verdict;

pub use verdict::{Origin, Signer, Verdict, VerdictOutcome, Verification};

use blocking::{Stop, Work, unreadable};
use collect::Collected;
use content::Pieces;
use digests::Digests;
use format::Format;
use judge::Judge;
use message::{Hashing, Nowhere};
use signers::{Given, Signers, Source, Terms};
use verdict::Content;

/// Clocks differ.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
const BUFFER: usize = 64 << 10;

/// A verification that is being prepared: whose signatures over what, and how
/// strictly. See [`KeyLocator::verify`].
#[derive(Clone)]
#[must_use = "nothing is verified before `detached` or `message`"]
pub struct Verify {
    source: Arc<dyn Source>,
    given: Vec<Given>,
    settings: Settings,
}

#[derive(Clone)]
struct Settings {
    policy: Arc<dyn Policy>,
    time: Option<SystemTime>,
    sender: Option<EmailAddress>,
    received: Option<SystemTime>,
    freshness: Freshness,
    max_age: Duration,
    required: Required,
    limits: Limits,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
struct Limits {
    decompressed: u64,
    nesting: u8,
    signatures: usize,
    requests: usize,
}

/// What to do where the key server cannot be asked about a signer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Say that one could not tell.
    #[default]
    Strict,
    /// Judge by what is at hand, and say that it is not fresh
    /// ([`Verdict::is_fresh`]). Whoever can cut the line to the key server can
    /// hide a revocation so.
    Lenient,
}

/// Which signatures have to be good.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Required {
    /// All of them.
    #[default]
    All,
    /// At least one, whatever the others are: for content with several signers,
    /// of whom not all need to be known.
    One,
}

impl KeyLocator {
    /// Begins to verify the signatures over a document or in a message.
    ///
    /// ```no_run
    /// # async fn run(cert: openpgp_discovery::openpgp::Cert) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::fs::File;
    /// use openpgp_discovery::KeyLocator;
    ///
    /// let locator = KeyLocator::new()?;
    /// let verification = locator
    ///     .verify()
    ///     .cert(cert) // known already; others are asked for
    ///     .sender(&"alice@example.org".parse()?)
    ///     .detached(File::open("letter.sig")?, File::open("letter")?)
    ///     .await?;
    /// for verdict in verification.signatures() {
    ///     println!("{}: {}", verdict.outcome(), verdict.reason().unwrap_or("signed by Alice"));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Privacy
    ///
    /// The key server learns who signed and your address on the network; no e-mail
    /// address is sent.
    pub fn verify(&self) -> Verify {
        Verify::new(
            Arc::new(self.clone()),
            Arc::clone(&self.inner.filter.policy),
        )
    }
}

impl Verify {
    fn new(source: Arc<dyn Source>, policy: Arc<dyn Policy>) -> Self {
        Self {
            source,
            given: Vec::new(),
            settings: Settings {
                policy,
                time: None,
                sender: None,
                received: None,
                freshness: Freshness::default(),
                max_age: Duration::ZERO,
                required: Required::default(),
                limits: Limits {
                    decompressed: 4 << 30,
                    nesting: 8,
                    signatures: 16,
                    requests: 8,
                },
            },
        }
    }

    /// A certificate that may have signed. It is refreshed before it is relied
    /// on; secret key material in it is put aside, and so are self-signatures that
    /// do not verify.
    pub fn cert(mut self, cert: Cert) -> Self {
        self.given.push(Given {
            cert,
            refreshed: None,
        });
        self
    }

    /// Certificates that may have signed.
    pub fn certs(self, certs: impl IntoIterator<Item = Cert>) -> Self {
        certs.into_iter().fold(self, Self::cert)
    }

    /// A certificate that may have signed, refreshed from the key server at that
    /// time: within [`max_age`](Self::max_age) it is not refreshed again. To be
    /// used where [`Refresh::is_conclusive`](crate::Refresh::is_conclusive), with
    /// the time before the question.
    pub fn refreshed(mut self, cert: Cert, at: SystemTime) -> Self {
        self.given.push(Given {
            cert,
            refreshed: Some(at),
        });
        self
    }

    /// Whose signature it has to be: a User ID of the signer must have been bound
    /// to this address when the signature was made.
    pub fn sender(mut self, address: &EmailAddress) -> Self {
        self.settings.sender = Some(address.clone());
        self
    }

    /// When it was received: a signature that claims to be made more than five
    /// minutes later is bad.
    pub fn received(mut self, at: SystemTime) -> Self {
        self.settings.received = Some(at);
        self
    }

    /// What to do where the key server cannot be asked; [`Freshness::Strict`] by
    /// default.
    pub fn freshness(mut self, freshness: Freshness) -> Self {
        self.settings.freshness = freshness;
        self
    }

    /// For how long a certificate counts as fresh after it was
    /// [refreshed](Self::refreshed); not at all by default.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = age;
        self
    }

    /// Which signatures have to be good; [`Required::All`] by default.
    pub fn required(mut self, required: Required) -> Self {
        self.settings.required = required;
        self
    }

    /// The policy that signatures and certificates are judged by, instead of the
    /// locator's. It has no say about revocations.
    pub fn policy(mut self, policy: Arc<dyn Policy>) -> Self {
        self.settings.policy = policy;
        self
    }

    /// The time that counts as now.
    pub fn time(mut self, time: SystemTime) -> Self {
        self.settings.time = Some(time);
        self
    }

    /// How many octets may come out of compressed packets, those of all layers
    /// together; 4 GiB by default. What is not compressed may have any size.
    ///
    /// A few kilobytes can hold that much, and it is decompressed twice (once where
    /// no signer is at hand): with bzip2 that is about a second for each 200 MB.
    /// There is no deadline of its own; a service that reads strangers' messages
    /// should set a lower limit, or drop the future, which stops the work.
    pub fn max_decompressed(mut self, octets: u64) -> Self {
        self.settings.limits.decompressed = octets;
        self
    }

    /// How deep compressed packets may be nested; 8 by default, 64 at most.
    pub fn max_nesting(mut self, layers: u8) -> Self {
        self.settings.limits.nesting = layers.min(64);
        self
    }

    /// How many signatures are looked at; 16 by default. Those behind are
    /// [`VerdictOutcome::Failed`].
    pub fn max_signatures(mut self, count: usize) -> Self {
        self.settings.limits.signatures = count;
        self
    }

    /// How many requests may go to the key server; 8 by default. What would need
    /// more is [`VerdictOutcome::Failed`].
    pub fn max_requests(mut self, count: usize) -> Self {
        self.settings.limits.requests = count;
        self
    }

    /// Verifies detached signatures (binary or ASCII armor, at most 1 MiB) over
    /// `data`, which is read once and never held.
    ///
    /// Both are read on threads for blocking work. Dropping the future stops that
    /// between two reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Message`](crate::ErrorKind::Message): there is no signature in
    /// `signature`, or something else; one of the two cannot be read.
    pub async fn detached(
        self,
        signature: impl Read + Send + 'static,
        data: impl Read + Send + 'static,
    ) -> Result<Verification, Error> {
        let work = Work::default();
        let limit = self.settings.limits.signatures;
        let found = work
            .run(move |stop| collect::detached(signature, limit, stop))
            .await?;
        let (settings, now) = (self.settings.clone(), self.now());
        let (found, signers) = self.signers(found, now, &work).await?;
        work.run(move |stop| {
            let mut digests = Digests::new(worth_it(&found, &signers));
            feed(data, stop, &mut digests)?;
            Ok(Verification {
                verdicts: settings.judge(&found, &signers, &digests, now, stop)?,
                required: settings.required,
                content: None,
            })
        })
        .await
    }

    /// Verifies a message that carries its signatures: inline-signed, binary or
    /// ASCII armor, compressed or not, or cleartext. It begins at the input's
    /// position.
    ///
    /// The input is read twice, and kept for
    /// [`write_content`](Verification::write_content), which reads it once more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Message`](crate::ErrorKind::Message): it is not signed,
    /// encrypted, malformed, cut off or larger than a limit; or it cannot be read.
    pub async fn message(
        self,
        input: impl Read + Seek + Send + 'static,
    ) -> Result<Verification, Error> {
        let work = Work::default();
        let limits = self.settings.limits;
        let (input, format, found) = work
            .run(move |stop| {
                let mut input = input;
                let format = format::find(&mut input, stop)?;
                let found = message::walk(&mut input, format, &limits, stop, &mut Nowhere)?;
                Ok((input, format, found))
            })
            .await?;
        let (settings, now) = (self.settings.clone(), self.now());
        let (found, signers) = self.signers(found, now, &work).await?;
        work.run(move |stop| {
            let mut input = input;
            let mut pieces = Pieces::default();
            let mut digests = match format {
                Format::Cleartext(_) => Digests::canonical(worth_it(&found, &signers)),
                Format::Binary(_) | Format::Armored(_) => Digests::new(worth_it(&found, &signers)),
            };
            if worth_it(&found, &signers).next().is_some() {
                let mut sink = Hashing {
                    digests: &mut digests,
                    pieces: &mut pieces,
                };
                message::walk(&mut input, format, &limits, stop, &mut sink)?;
                pieces.finish()?;
            }
            Ok(Verification {
                verdicts: settings.judge(&found, &signers, &digests, now, stop)?,
                required: settings.required,
                content: Some(Mutex::new(Content {
                    input: Box::new(input),
                    format,
                    limits,
                    pieces,
                })),
            })
        })
        .await
    }

    fn now(&self) -> SystemTime {
        self.settings.time.unwrap_or_else(SystemTime::now)
    }

    /// Gets the signers, and those who may have revoked one of them.
    async fn signers(
        self,
        found: Vec<Collected>,
        now: SystemTime,
        work: &Work,
    ) -> Result<(Vec<Collected>, Signers), Error> {
        let terms = Terms {
            requests: self.settings.limits.requests,
            max_age: self.settings.max_age,
            now,
        };
        let source = &*self.source;
        let given = self.given;
        let (found, known) = work
            .run(move |stop| {
                let known = signers::at_hand(given, &found, terms, stop)?;
                Ok((found, known))
            })
            .await?;
        let (signers, left) = signers::gather(source, known, &found, terms).await;
        let (found, mut signers, revokers) = work
            .run(move |_| {
                let revokers = signers.absent_revokers(&found);
                Ok((found, signers, revokers))
            })
            .await?;
        signers::add_revokers(source, &mut signers, revokers, left).await;
        Ok((found, signers))
    }
}

impl Settings {
    fn judge(
        &self,
        found: &[Collected],
        signers: &Signers,
        digests: &Digests,
        now: SystemTime,
        stop: &Stop,
    ) -> Result<Vec<Verdict>, Error> {
        let judge = Judge {
            policy: &*self.policy,
            now,
            sender: self.sender.as_ref(),
            received: self.received,
            freshness: self.freshness,
            signers,
        };
        let digest = |one: &Collected| digests.of(one.signature.as_ref().ok()?);
        found
            .iter()
            .map(|one| {
                stop.is_on()?;
                Ok(judge.judge(one, digest(one).as_deref()))
            })
            .collect()
    }
}

/// The signatures that can be verified.
fn worth_it<'s>(
    found: &'s [Collected],
    signers: &'s Signers,
) -> impl Iterator<Item = &'s sequoia_openpgp::packet::Signature> {
    found
        .iter()
        .filter(|one| !signers.of(one).is_empty())
        .filter_map(|one| one.signature.as_ref().ok())
}

/// Hashes a document.
fn feed(data: impl Read, stop: &Stop, digests: &mut Digests) -> Result<(), Error> {
    let mut data = BufReader::with_capacity(BUFFER, stop.reading(data));
    loop {
        let part = std::io::BufRead::fill_buf(&mut data).map_err(unreadable)?;
        if part.is_empty() {
            return Ok(());
        }
        digests.update(part);
        let count = part.len();
        std::io::BufRead::consume(&mut data, count);
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("given", &self.given.len())
            .field("freshness", &self.settings.freshness)
            .field("required", &self.settings.required)
            .field("limits", &self.settings.limits)
            .finish_non_exhaustive()
    }
}
