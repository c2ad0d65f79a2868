//! What is to be thought of a signature, its signers being at hand.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp::packet::{self, Signature};
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy};

use super::collect::{Collected, is_over_a_document};
use super::known::{Fresh, Known};
use super::signers::Signers;
use super::standing::{self, Fault, Standing};
use super::verdict::{Signer, Verdict, VerdictOutcome};
use super::{Freshness, TOLERANCE};
use crate::filter::algorithms;
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
        let mut best: Option<(u8, bool, Verdict)> = None;
        for known in self.signers.of(one) {
            for key in known
                .cert
                .keys()
                .map(|key| key.key())
                .filter(|key| one.issuers.iter().any(|by| key.key_handle().aliases(by)))
            {
                let (rank, is_final, judged) =
                    self.by(signature, digest, known, key, verdict.clone());
                if best.as_ref().is_none_or(|(other, ..)| rank > *other) {
                    best = Some((rank, is_final, judged));
                }
            }
        }
        match best {
            // It was asked for, because nobody at hand has bound it: whose it is
            // could not be found out.
            Some((_, false, bad))
                if bad.outcome == VerdictOutcome::Bad && self.signers.failure(one).is_some() =>
            {
                self.without_signer(one, verdict)
            }
            Some((.., verdict)) => verdict,
            None => self.without_signer(one, verdict),
        }
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

    /// Judges by one key. The higher the rank, the more it says; true where no news
    /// can change it.
    fn by(
        &self,
        signature: &Signature,
        digest: Option<&[u8]>,
        known: &Known,
        key: &Key,
        mut verdict: Verdict,
    ) -> (u8, bool, Verdict) {
        let latest = self.latest(self.now);
        let fingerprint = key.fingerprint();
        let subject = standing::Key {
            cert: &known.cert,
            fingerprint: &fingerprint,
            policy: self.policy,
            at_hand: &self.signers.known,
            latest,
        };
        let now = subject.at(self.now);
        let created = signature.signature_creation_time();
        let then = created.map(|created| subject.at(created));
        let names_sender = self.sender.map(|sender| {
            let at = created.unwrap_or(self.now);
            standing::names(&known.cert, sender, self.policy, at, latest)
        });

        let mut finding = self.find(signature, digest, known, key, (&now, then.as_ref()));
        if finding.outcome == VerdictOutcome::Good && names_sender == Some(false) {
            finding = bad("The signer's certificate does not name the sender.");
            finding.is_its_key = true;
        }
        let fresh = self.fresh(known);
        if let (false, false, Some(why)) = (
            finding.is_final,
            finding.outcome == VerdictOutcome::Failed,
            fresh,
        ) {
            finding = Finding {
                is_its_key: finding.is_its_key,
                ..failed(format!("The signer could not be refreshed: {why}"))
            };
        }
        let rank = match (finding.outcome, finding.is_its_key) {
            (VerdictOutcome::Good, _) => 3,
            (VerdictOutcome::Failed, _) => 2,
            (_, true) => 1,
            (_, false) => 0,
        };
        verdict.outcome = finding.outcome;
        verdict.reason = finding.reason;
        verdict.fresh = known.fresh == Fresh::Yes;
        verdict.signer = Some(Signer {
            cert: known.cert.clone(),
            key: fingerprint,
            user_ids: standing::user_ids(&known.cert, self.policy, self.now),
            origin: known.origin,
            names_sender,
            status: now.status,
            status_at_signing: then.and_then(|then| then.status),
        });
        (rank, finding.is_final, verdict)
    }

    /// What was not refreshed and cannot be judged for it: why.
    fn fresh<'k>(&self, known: &'k Known) -> Option<&'k str> {
        match (&known.fresh, self.freshness) {
            (Fresh::Yes, _) | (Fresh::Failed(_), Freshness::Lenient) => None,
            (Fresh::Failed(why) | Fresh::OverLimit(why), _) => Some(why),
        }
    }

    /// First what no status of the signer can change.
    fn find(
        &self,
        signature: &Signature,
        digest: Option<&[u8]>,
        known: &Known,
        key: &Key,
        (now, then): (&Standing, Option<&Standing>),
    ) -> Finding {
        if !is_over_a_document(signature) {
            return bad(format!(
                "It is no signature over a document: {}.",
                signature.typ()
            ))
            .for_good();
        }
        if !algorithms::is_computable(key) || algorithms::is_oversized(key) {
            return failed(format!(
                "Its algorithm cannot be computed: {}.",
                key.pk_algo()
            ));
        }
        if !signature.hash_algo().is_supported() {
            let algorithm = signature.hash_algo();
            return failed(format!("Its algorithm cannot be computed: {algorithm}."));
        }
        let (Some(created), Some(then)) = (signature.signature_creation_time(), then) else {
            return bad("It does not say when it was made.").for_good();
        };
        if created < key.creation_time() {
            return bad("It claims to be older than the key that made it.").for_good();
        }
        let verifies = digest.is_some_and(|digest| signature.verify_digest(key, digest).is_ok());
        if !verifies {
            return bad(
                "It is not over this content: the one or the other was changed, or is the wrong \
                 one.",
            )
            .for_good();
        }
        let finding = match self.of_signature(signature, created) {
            Some(why) => bad(why).for_good(),
            None => self.of_signer(known, now, then),
        };
        Finding {
            is_its_key: true,
            ..finding
        }
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
    fn of_signer(&self, known: &Known, now: &Standing, then: &Standing) -> Finding {
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
            None => match self.unchecked_revocation(known) {
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
    fn unchecked_revocation(&self, known: &Known) -> Option<Finding> {
        let absent = standing::absent_revokers(&known.cert, &self.signers.known);
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
