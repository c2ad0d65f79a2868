//! What the owner of a certificate says about it.

use sequoia_openpgp::Cert;
use sequoia_openpgp::packet::Signature;

/// Whether there is a self-signature that could tell when it expires.
pub(crate) fn has_self_signature(cert: &Cert) -> bool {
    self_signatures(cert).next().is_some()
}

/// What the owner says about the key and its User IDs, revocations apart.
pub(crate) fn self_signatures(cert: &Cert) -> impl Iterator<Item = &Signature> {
    cert.primary_key()
        .self_signatures()
        .chain(cert.userids().flat_map(|user_id| user_id.self_signatures()))
}
