//! Revocations that stand by themselves.

use std::collections::HashMap;

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::{Cert, KeyHandle, KeyID};

use super::BrokenCert;

/// The revocation of a certificate, of whichever one.
#[derive(Clone, Debug)]
pub(super) struct Revocation {
    pub(super) signature: Signature,
    /// The name of what it is in, and where that is, unless it is kept with a
    /// certificate anyway.
    pub(super) alone: Option<(String, String)>,
}

/// Revokes what these revoke; what stands alone and is of none of the certificates.
pub(super) fn apply<'c>(
    revocations: &[Revocation],
    certs: impl Iterator<Item = &'c mut Cert>,
) -> Vec<BrokenCert> {
    let mut by_issuer: HashMap<Option<KeyID>, Vec<usize>> = HashMap::new();
    for (place, revocation) in revocations.iter().enumerate() {
        let issuers = revocation.signature.get_issuers();
        if issuers.is_empty() {
            by_issuer.entry(None).or_default().push(place);
        }
        for issuer in issuers {
            let places = by_issuer.entry(Some(KeyID::from(issuer))).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    let mut used = vec![false; revocations.len()];
    for cert in certs {
        let claimed = by_issuer.get(&Some(cert.keyid()));
        for &place in claimed.into_iter().chain(by_issuer.get(&None)).flatten() {
            if let (Some(revocation), Some(used)) = (revocations.get(place), used.get_mut(place)) {
                *used |= revocation.revoke(cert);
            }
        }
    }
    let unused = revocations.iter().zip(used).filter(|(_, used)| !used);
    unused
        .filter_map(|(revocation, _)| revocation.of_none())
        .collect()
}

impl Revocation {
    /// Whether it is of this certificate, which is revoked then.
    fn revoke(&self, cert: &mut Cert) -> bool {
        let primary = cert.primary_key();
        let is_it = |known: &Signature| known.normalized_eq(&self.signature);
        if primary.self_revocations().any(is_it) {
            return true;
        }
        let key = primary.key();
        let verified = self.signature.verify_primary_key_revocation(key, key);
        if verified.is_err() {
            return false;
        }
        match cert.clone().insert_packets([self.signature.clone()]) {
            Ok((revoked, _)) => {
                *cert = revoked;
                true
            }
            Err(_) => false,
        }
    }

    fn of_none(&self) -> Option<BrokenCert> {
        let (name, place) = self.alone.clone()?;
        let issuer = self.signature.get_issuers().into_iter().next();
        let issuer = issuer.map_or_else(String::new, |issuer: KeyHandle| {
            format!(", made by {issuer:X},")
        });
        Some(BrokenCert {
            name,
            place,
            problem: format!("this revocation{issuer} is of none of the certificates given"),
            cert: None,
        })
    }
}
