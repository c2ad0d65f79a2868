//! What is to be thought of a signature, its signers being at hand.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::KeyHandle;
use sequoia_openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp::packet::{self, Signature};
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy};

use super::collect::{Collected, is_over_a_document};
use super::known::{Fresh, Known};
use super::signers::Signers;
use super::standing::{self, Fault, Standing};
use super::verdict::{Signer, Verdict, VerdictOutcome};
use super::{Freshness, TOLERANCE};
use crate::algorithms;
use crate::{EmailAddress, RevocationKind};

/// By what is judged.
#[derive(Clone, Copy)]
pub(super) struct Judge<'j> {
    pub(super) policy: &'j dyn Policy,
    pub(super) now: SystemTime,
    pub(super) sender: Option<&'j EmailAddress>,
    pub(super) received: Option<SystemTime>,
    pub(super) freshness: Freshness,
    pub(super) signers: &'j Signers,
}

/// What came out for one key.
struct Finding {
    outcome: VerdictOutcome,
    reason: Option<String>,
    /// No news about the signer can change it.
    is_final: bool,
    /// The key made the signature.
    is_its_key: bool,
}

/// A key that may have made the signature.
struct Candidate<'k> {
    known: &'k Known,
    key: &'k Key,
    finding: Finding,
    /// Where they mattered.
    looks: Option<Looks>,
}

/// How a signer stands.
struct Looks {
    now: Standing,
    /// When the signature was made, if it says so.
    then: Option<Standing>,
    names_sender: Option<bool>,
}

type Key = packet::Key<PublicParts, UnspecifiedRole>;

impl Judge<'_> {
    /// `digest` is `None` where it was not, or cannot be, computed.
    pub(super) fn judge(&self, one: &Collected, digest: Option<&[u8]>) -> Verdict {
        let mut verdict = Verdict {
            outcome: VerdictOutcome::Failed,
            issuer: one.issuers.first().cloned(),
            signer: None,
            fresh: false,
            created: None,
            reason: None,
        };
        let signature = match &one.signature {
            Ok(signature) => signature,
            Err(why) => {
                verdict.reason = Some(why.clone());
                return verdict;
            }
        };
        verdict.created = signature.signature_creation_time();
        let mut best: Option<Candidate<'_>> = None;
        for known in self.signers.of(one) {
            for key in known
                .cert
                .keys()
                .map(|key| key.key())
                .filter(|key| one.issuers.iter().any(|by| key.key_handle().aliases(by)))
            {
                let candidate = self.by(signature, digest, known, key);
                if best
                    .as_ref()
                    .is_none_or(|other| candidate.finding.rank() > other.finding.rank())
                {
                    best = Some(candidate);
                }
            }
        }
        match best {
            // It was asked for, because nobody at hand has bound it: whose it is
            // could not be found out.
            Some(best)
                if !best.finding.is_final
                    && best.finding.outcome == VerdictOutcome::Bad
                    && self.signers.failure(one).is_some() =>
            {
                self.without_signer(one, verdict)
            }
            Some(best) => self.with_signer(signature, best, verdict),
            None => self.without_signer(one, verdict),
        }
    }

    fn with_signer(
        &self,
        signature: &Signature,
        best: Candidate<'_>,
        mut verdict: Verdict,
    ) -> Verdict {
        let Candidate {
            known,
            key,
            finding,
            looks,
        } = best;
        let looks = looks.unwrap_or_else(|| self.look(signature, known, key));
        verdict.outcome = finding.outcome;
        verdict.reason = finding.reason;
        verdict.fresh = known.fresh == Fresh::Yes;
        verdict.signer = Some(Signer {
            cert: known.cert.clone(),
            key: key.fingerprint(),
            user_ids: standing::user_ids(&known.cert, self.policy, self.now),
            origin: known.origin,
            names_sender: looks.names_sender,
            status: looks.now.status,
            status_at_signing: looks.then.and_then(|then| then.status),
        });
        verdict
    }

    fn without_signer(&self, one: &Collected, mut verdict: Verdict) -> Verdict {
        let reason = match (verdict.issuer.as_ref(), self.signers.failure(one)) {
            (None, _) => {
                verdict.outcome = VerdictOutcome::UnknownSigner;
                "It does not say which key made it.".to_owned()
            }
            (Some(_), Some(why)) => format!("The signer's certificate could not be had: {why}"),
            (Some(issuer), None) => {
                verdict.outcome = VerdictOutcome::UnknownSigner;
                verdict.fresh = true;
                format!("Neither the caller nor the key server has the certificate of {issuer:X}.")
            }
        };
        verdict.reason = Some(reason);
        verdict
    }

    /// Judges by one key; first what no status of the signer can change.
    fn by<'k>(
        &self,
        signature: &Signature,
        digest: Option<&[u8]>,
        known: &'k Known,
        key: &'k Key,
    ) -> Candidate<'k> {
        let mut looks = None;
        let mut finding = match self.without_status(signature, digest, key) {
            Some(finding) => finding,
            None => {
                let looks = looks.insert(self.look(signature, known, key));
                self.by_status(known, key, looks)
            }
        };
        if let (false, false, Some(why)) = (
            finding.is_final,
            finding.outcome == VerdictOutcome::Failed,
            self.fresh(known),
        ) {
            finding = Finding {
                is_its_key: finding.is_its_key,
                ..failed(format!("The signer could not be refreshed: {why}"))
            };
        }
        Candidate {
            known,
            key,
            finding,
            looks,
        }
    }

    /// How a key and its certificate stood and stand.
    fn look(&self, signature: &Signature, known: &Known, key: &Key) -> Looks {
        let latest = self.latest(self.now);
        let subject = standing::Key {
            cert: &known.cert,
            fingerprint: &key.fingerprint(),
            policy: self.policy,
            at_hand: &self.signers.known,
            latest,
        };
        let created = signature.signature_creation_time();
        Looks {
            now: subject.at(self.now),
            then: created.map(|created| subject.at(created)),
            // Without any User ID, it names nobody and belies nobody.
            names_sender: self
                .sender
                .filter(|_| known.cert.userids().next().is_some())
                .map(|sender| {
                    let at = created.unwrap_or(self.now);
                    standing::names(&known.cert, sender, self.policy, at, latest)
                }),
        }
    }

    /// What was not refreshed and cannot be judged for it: why.
    fn fresh<'k>(&self, known: &'k Known) -> Option<&'k str> {
        match (&known.fresh, self.freshness) {
            (Fresh::Yes, _) | (Fresh::Failed(_), Freshness::Lenient) => None,
            (Fresh::Failed(why) | Fresh::OverLimit(why), _) => Some(why),
        }
    }

    /// What decides, whoever the signer is. `None` where the key made it and
    /// nothing speaks against the signature itself.
    fn without_status(
        &self,
        signature: &Signature,
        digest: Option<&[u8]>,
        key: &Key,
    ) -> Option<Finding> {
        if !is_over_a_document(signature) {
            let why = format!("It is no signature over a document: {}.", signature.typ());
            return Some(bad(why).for_good());
        }
        if !algorithms::is_computable(key) || algorithms::is_oversized(key) {
            let algorithm = key.pk_algo();
            return Some(failed(format!(
                "Its algorithm cannot be computed: {algorithm}."
            )));
        }
        if !signature.hash_algo().is_supported() {
            let algorithm = signature.hash_algo();
            return Some(failed(format!(
                "Its algorithm cannot be computed: {algorithm}."
            )));
        }
        let Some(created) = signature.signature_creation_time() else {
            return Some(bad("It does not say when it was made.").for_good());
        };
        if created < key.creation_time() {
            let why = "It claims to be older than the key that made it.";
            return Some(bad(why).for_good());
        }
        let verifies = digest.is_some_and(|digest| signature.verify_digest(key, digest).is_ok());
        if !verifies {
            let why = "It is not over this content: the one or the other was changed, or is the \
                       wrong one.";
            return Some(bad(why).for_good());
        }
        let why = self.of_signature(signature, created)?;
        Some(bad(why).for_good().of_its_key())
    }

    /// What is to be thought of a signature that is good in itself.
    fn by_status(&self, known: &Known, key: &Key, looks: &Looks) -> Finding {
        let Some(then) = &looks.then else {
            return bad("It does not say when it was made.").for_good();
        };
        let finding = self.of_signer(known, key, &looks.now, then);
        let finding = match (finding.outcome, looks.names_sender) {
            (VerdictOutcome::Good, Some(false)) => {
                bad("The signer's certificate does not name the sender.")
            }
            (VerdictOutcome::Good, None) if self.sender.is_some() => failed(
                "The signer's certificate came without any User ID (key servers withhold those \
                 that are not confirmed), so whether it is the sender's cannot be told.",
            ),
            _ => finding,
        };
        finding.of_its_key()
    }

    /// What speaks against a signature that its key has made.
    fn of_signature(&self, signature: &Signature, created: SystemTime) -> Option<String> {
        if let Err(error) = self
            .policy
            .signature(signature, HashAlgoSecurity::CollisionResistance)
        {
            return Some(format!(
                "The policy rejects it (version {}, {}): {error}.",
                signature.version(),
                signature.hash_algo()
            ));
        }
        if created > self.latest(self.now) {
            return Some("It claims to be made in the future.".to_owned());
        }
        if self.received.is_some_and(|at| created > self.latest(at)) {
            return Some("It claims to be made after it was received.".to_owned());
        }
        let validity = signature.signature_validity_period();
        let end = validity
            .filter(|validity| *validity > Duration::ZERO)
            .and_then(|validity| created.checked_add(validity));
        if end.is_some_and(|end| end <= self.now) {
            return Some("It has expired itself.".to_owned());
        }
        None
    }

    /// What speaks against the signer.
    fn of_signer(&self, known: &Known, key: &Key, now: &Standing, then: &Standing) -> Finding {
        let what = |subkey: bool| match subkey {
            true => "signing subkey",
            false => "signer's certificate",
        };
        // One that is known now reaches back.
        if let Some(Fault::Revoked(RevocationKind::Hard, subkey)) = now.fault {
            let why = format!(
                "The {} is revoked for good: nothing that it ever signed counts.",
                what(subkey)
            );
            return bad(why).for_good();
        }
        if known.is_cut {
            return failed(
                "The signer's certificate holds more self-signatures that do not verify than are \
                 looked at.",
            );
        }
        match &then.fault {
            None => match self.unchecked_revocation(known, key) {
                Some(finding) => finding,
                None => Finding {
                    outcome: VerdictOutcome::Good,
                    reason: None,
                    is_final: false,
                    is_its_key: true,
                },
            },
            Some(Fault::Revoked(_, subkey)) => bad(format!(
                "The {} was revoked before it was made.",
                what(*subkey)
            )),
            Some(Fault::Expired(subkey)) => bad(format!(
                "The {} had expired when it was made.",
                what(*subkey)
            )),
            Some(Fault::NotYetThere) => {
                bad("It claims to be older than the key that made it.").for_good()
            }
            Some(Fault::Unbound) => bad(
                "The key that made it does not belong to the certificate: one of them has not \
                 agreed to it.",
            ),
            Some(Fault::MayNotSign) => bad("The key that made it may not sign."),
            Some(Fault::Policy(why)) => bad(format!(
                "The policy rejects the signer's certificate: {why}."
            )),
            Some(Fault::NoSelfSignature) => failed(
                "The signer's certificate came without anything that tells when it expires and \
                 what it may be used for.",
            ),
            Some(Fault::Uncomputable) => {
                failed("The algorithm of the signer's certificate cannot be computed.")
            }
        }
    }

    /// A revocation in the name of one who may revoke, whose certificate is not
    /// at hand, so that nobody can tell whether it is theirs.
    fn unchecked_revocation(&self, known: &Known, key: &Key) -> Option<Finding> {
        let is_signer = |other: &KeyHandle| *other == key.key_handle();
        let absent = standing::absent_revokers(&known.cert, is_signer, &self.signers.known);
        let revoker = absent.first()?;
        let why = format!(
            "There is a revocation in the name of the designated revoker {revoker:X}, whose \
             certificate is not at hand to check it."
        );
        let could_not_ask = absent.iter().any(|key| self.signers.could_not_ask(key));
        Some(match (could_not_ask, self.freshness) {
            (true, Freshness::Strict) => failed(why),
            _ => Finding {
                outcome: VerdictOutcome::Good,
                reason: Some(why),
                is_final: false,
                is_its_key: true,
            },
        })
    }

    /// Clocks differ.
    fn latest(&self, time: SystemTime) -> SystemTime {
        time.checked_add(TOLERANCE).unwrap_or(time)
    }
}

impl Finding {
    fn for_good(self) -> Self {
        Self {
            is_final: true,
            ..self
        }
    }

    fn of_its_key(self) -> Self {
        Self {
            is_its_key: true,
            ..self
        }
    }

    /// The higher, the more it says.
    fn rank(&self) -> u8 {
        match (self.outcome, self.is_its_key) {
            (VerdictOutcome::Good, _) => 3,
            (VerdictOutcome::Failed, _) => 2,
            (_, true) => 1,
            (_, false) => 0,
        }
    }
}

fn bad(why: impl Into<String>) -> Finding {
    Finding {
        outcome: VerdictOutcome::Bad,
        reason: Some(why.into()),
        is_final: false,
        is_its_key: false,
    }
}

fn failed(why: impl Into<String>) -> Finding {
    Finding {
        outcome: VerdictOutcome::Failed,
        ..bad(why)
    }
}
