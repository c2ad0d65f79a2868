//! How one certificate stands: what keeps anybody from encrypting to it, and until
//! when it can be used.

use std::time::SystemTime;

use sequoia_openpgp::cert::amalgamation::ValidAmalgamation;
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;

use super::report::Check;
use crate::algorithms;
use crate::filter::Kept;
use crate::status::{EveryAlgorithm, SelfRevocationsCount, in_force};
use crate::{CertStatus, RevocationKind};

/// What keeps anybody from encrypting to a certificate.
pub(super) fn unusable(
    kept: &Kept,
    policy: &dyn Policy,
    now: SystemTime,
) -> (Check, String, &'static str) {
    let fingerprint = kept.cert().fingerprint();
    let it = format!("The certificate {fingerprint}");
    let within = format!("the certificate {fingerprint}");
    match kept.status() {
        CertStatus::Revoked(revocation) => (
            Check::Revoked,
            match revocation.kind() {
                RevocationKind::Soft => format!("{it} is revoked: it was superseded or retired."),
                RevocationKind::Hard => {
                    format!("{it} is revoked: it was compromised, or its owner gives no reason.")
                }
            },
            "Publish the successor; the revoked certificate may stand beside it in the same file.",
        ),
        CertStatus::Expired => (
            Check::Expired,
            format!("{it} has expired."),
            "Extend it (gpg --quick-set-expire, for its subkeys too), and publish it again.",
        ),
        CertStatus::NotYetValid => (
            Check::Other,
            format!("{it} is not valid yet: its signature lies in the future."),
            "Set the clock of the machine that makes signatures right.",
        ),
        CertStatus::RejectedByPolicy => (
            Check::Algorithm,
            format!(
                "{it} relies on an algorithm that is too weak (a signature over SHA-1, or a key \
                 that is too short)."
            ),
            "Let its owner sign it anew with a current program, or make a new key where the key \
             itself is too weak.",
        ),
        CertStatus::Valid => why_not_encrypt(kept, policy, now, (&it, &within)),
        status => (
            Check::Other,
            format!("How {within} stands cannot be told ({status})."),
            "Publish it with the certificate of whoever may revoke it, or refresh it.",
        ),
    }
}

fn why_not_encrypt(
    kept: &Kept,
    policy: &dyn Policy,
    now: SystemTime,
    (it, within): (&str, &str),
) -> (Check, String, &'static str) {
    const ADD: &str = "Add a subkey for encryption (gpg --quick-add-key), and publish it again.";
    // Tells a key that is too weak from one that is not there. The filter has verified
    // every signature before.
    let any = &EveryAlgorithm;
    let keys = || {
        let keys = kept.cert().keys().with_policy(any, now);
        keys.for_transport_encryption().for_storage_encryption()
    };
    let is_revoked = |status: &RevocationStatus<'_>| matches!(status, RevocationStatus::Revoked(_));
    if keys().next().is_none() {
        let detail = format!("{it} has no key for encryption.");
        return (Check::EncryptionKey, detail, ADD);
    }
    let in_use = keys()
        .alive()
        .filter(|key| !is_revoked(&key.revocation_status()));
    let mut is_alive = false;
    for key in in_use {
        is_alive = true;
        if !algorithms::is_computable(key.key()) {
            return (
                Check::Algorithm,
                format!(
                    "The key for encryption of {within} has an algorithm ({}) that the crypto library \
                     of this program cannot compute.",
                    key.key().pk_algo()
                ),
                "Add a subkey for encryption with a common algorithm (X25519 or RSA), and publish \
                 it again.",
            );
        }
    }
    let is_too_weak = is_alive
        && kept
            .cert()
            .keys()
            .with_policy(policy, now)
            .alive()
            .revoked(false)
            .all(|key| !(key.for_transport_encryption() || key.for_storage_encryption()));
    match (is_too_weak, is_alive) {
        (true, _) => (
            Check::Algorithm,
            format!(
                "The key for encryption of {within} is too weak, or bound by a weak signature."
            ),
            "Add a subkey for encryption with a current algorithm, and publish it again.",
        ),
        (false, true) => (
            Check::EncryptionKey,
            format!("{it} has no key for encryption that can be used."),
            ADD,
        ),
        (false, false) => (
            Check::EncryptionKey,
            format!("Every key for encryption of {within} has expired or is revoked."),
            "Extend a subkey for encryption (gpg --quick-set-expire FINGERPRINT TIME '*'), or add \
             one (gpg --quick-add-key), and publish it again.",
        ),
    }
}

/// From when on nobody can encrypt to it, unless something is done.
pub(super) fn end_of_use(kept: &Kept, policy: &dyn Policy, now: SystemTime) -> Option<SystemTime> {
    let policy = &SelfRevocationsCount(policy);
    let cert = in_force(kept.cert(), policy, now).and_then(|(_, end)| end);
    let keys = kept
        .cert()
        .keys()
        .with_policy(policy, now)
        .alive()
        .revoked(false);
    let encryption = keys
        .for_transport_encryption()
        .for_storage_encryption()
        .map(|key| key.key_expiration_time())
        .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
        .flatten();
    match (cert, encryption) {
        (Some(cert), Some(encryption)) => Some(cert.min(encryption)),
        (end, None) | (None, end) => end,
    }
}
