//! Revocations that stand by themselves.

use std::collections::HashMap;

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, KeyID};

use super::BrokenCert;
use crate::RevocationKind;
use crate::filter::algorithms;

/// So many of one certificate are applied, hard ones first.
const ENOUGH: usize = 16;
/// So many that name nobody are tried with each certificate. Hardly any program makes
/// one, and all with all of a large keyring would take hours.
const NAMELESS: usize = 32;

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
    let mut by_issuer = by_issuer(revocations);
    let nameless = by_issuer.entry(None).or_default();
    let untried = nameless.split_off(nameless.len().min(NAMELESS));
    let mut used = vec![false; revocations.len()];
    // Each is verified once, however many copies of the certificate there are.
    let mut verified: HashMap<Fingerprint, Vec<Signature>> = HashMap::new();
    for cert in certs {
        let all = verified.entry(cert.fingerprint()).or_insert_with(|| {
            let claimed = [Some(cert.keyid()), None];
            let claimed = claimed.iter().filter_map(|by| by_issuer.get(by)).flatten();
            let mut verified = Vec::new();
            for &place in claimed {
                if let (Some(revocation), Some(used)) =
                    (revocations.get(place), used.get_mut(place))
                    && revocation.is_of(cert)
                {
                    *used = true;
                    verified.push(revocation.signature.clone());
                }
            }
            verified
                .sort_by_key(|revocation| RevocationKind::of(revocation) != RevocationKind::Hard);
            verified.truncate(ENOUGH);
            verified
        });
        let primary = cert.primary_key();
        let is_new = |revocation: &&Signature| {
            let mut known = primary.self_revocations();
            !known.any(|known| known.normalized_eq(revocation))
        };
        let new: Vec<Signature> = all.iter().filter(is_new).cloned().collect();
        // Signatures of its own make no other certificate of it.
        if !new.is_empty()
            && let Ok((revoked, _)) = cert.clone().insert_packets(new)
        {
            *cert = revoked;
        }
    }
    for &place in &untried {
        if let Some(used) = used.get_mut(place) {
            *used = true;
        }
    }
    let unused = revocations.iter().zip(used).filter(|(_, used)| !used);
    unused
        .filter_map(|(revocation, _)| revocation.of_none())
        .chain(untried_of(revocations, &untried))
        .collect()
}

/// Says that these were not tried: each may be of any of the certificates.
fn untried_of(revocations: &[Revocation], untried: &[usize]) -> Option<BrokenCert> {
    let count = untried.len();
    let mut all = untried.iter().filter_map(|&place| revocations.get(place));
    let name = all.find_map(|revocation| revocation.alone.as_ref());
    (count > 0).then(|| BrokenCert {
        name: name.map_or_else(String::new, |(name, _)| name.clone()),
        place: "the keyring".to_owned(),
        problem: format!(
            "{count} revocations that do not say who made them are too many to be tried with \
             each certificate"
        ),
        cert: None,
    })
}

/// Their places, by who claims to have made them.
fn by_issuer(revocations: &[Revocation]) -> HashMap<Option<KeyID>, Vec<usize>> {
    let mut by_issuer: HashMap<_, Vec<usize>> = HashMap::new();
    for (place, revocation) in revocations.iter().enumerate() {
        let issuers = revocation.signature.get_issuers();
        let mut issuers: Vec<_> = issuers
            .into_iter()
            .map(|by| Some(KeyID::from(by)))
            .collect();
        if issuers.is_empty() {
            issuers.push(None);
        }
        for issuer in issuers {
            let places = by_issuer.entry(issuer).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    by_issuer
}

impl Revocation {
    fn is_of(&self, cert: &Cert) -> bool {
        let key = cert.primary_key().key();
        let verify = || self.signature.verify_primary_key_revocation(key, key);
        !algorithms::is_oversized(key) && verify().is_ok()
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
