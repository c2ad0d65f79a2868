//! Revocations that stand by themselves.

use std::collections::HashMap;

use sequoia_openpgp::crypto::hash::Context;
use sequoia_openpgp::packet::key::{PublicParts, SubordinateRole};
use sequoia_openpgp::packet::{Key, Packet, Signature, UserID};
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, KeyID};

use super::BrokenCert;
use crate::RevocationKind;
use crate::filter::algorithms;

/// So many of one certificate are applied, hard ones first.
const ENOUGH: usize = 16;

/// The revocation of a certificate, a subkey or a User ID, of whichever one.
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
    let by_issuer = by_issuer(revocations);
    let mut used = vec![false; revocations.len()];
    // Each is verified once, however many copies of the certificate there are.
    let mut verified: HashMap<Fingerprint, Vec<News>> = HashMap::new();
    for cert in certs {
        let all = verified.entry(cert.fingerprint()).or_insert_with(|| {
            let claimed = [Some(cert.keyid()), None];
            let claimed = claimed.iter().filter_map(|by| by_issuer.get(by)).flatten();
            let mut verified = Vec::new();
            for &place in claimed {
                if let (Some(revocation), Some(used)) =
                    (revocations.get(place), used.get_mut(place))
                    && let Some(news) = News::of(&revocation.signature, cert)
                {
                    *used = true;
                    verified.push(news);
                }
            }
            verified
                .sort_by_key(|news| RevocationKind::of(&news.revocation) != RevocationKind::Hard);
            verified.truncate(ENOUGH);
            verified
        });
        let new: Vec<Packet> = all
            .iter()
            .filter(|news| !news.is_known(cert))
            .flat_map(News::packets)
            .collect();
        // Signatures of its own make no other certificate of it.
        if !new.is_empty()
            && let Ok((revoked, _)) = cert.clone().insert_packets(new)
        {
            *cert = revoked;
        }
    }
    let unused = revocations.iter().zip(used).filter(|(_, used)| !used);
    unused
        .filter_map(|(revocation, _)| revocation.of_none())
        .collect()
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

/// A revocation that verifies, and what it is about.
struct News {
    revocation: Signature,
    /// `None` for the whole certificate.
    component: Option<Packet>,
}

impl News {
    /// What a revocation says about a certificate, if it is by its owner and about it.
    fn of(revocation: &Signature, cert: &Cert) -> Option<Self> {
        let key = cert.primary_key().key();
        if algorithms::is_oversized(key) {
            return None;
        }
        let component = match revocation.typ() {
            SignatureType::SubkeyRevocation => {
                let is_its = |subkey: &Key<PublicParts, SubordinateRole>| {
                    fits(revocation, |c| {
                        revocation.hash_subkey_binding(c, key, subkey)
                    }) && revocation
                        .verify_subkey_revocation(key, key, subkey)
                        .is_ok()
                };
                let mut subkeys = cert.keys().subkeys().map(|subkey| subkey.key());
                Some(subkeys.find(|subkey| is_its(subkey))?.clone().into())
            }
            SignatureType::CertificationRevocation => {
                let is_its = |id: &UserID| {
                    fits(revocation, |c| revocation.hash_userid_binding(c, key, id))
                        && revocation.verify_userid_revocation(key, key, id).is_ok()
                };
                let mut ids = cert.userids().map(|id| id.userid());
                Some(ids.find(|id| is_its(id))?.clone().into())
            }
            _ => {
                revocation.verify_primary_key_revocation(key, key).ok()?;
                None
            }
        };
        Some(Self {
            revocation: revocation.clone(),
            component,
        })
    }

    fn is_known(&self, cert: &Cert) -> bool {
        let is_it = |known: &Signature| known.normalized_eq(&self.revocation);
        match &self.component {
            None => cert.primary_key().self_revocations().any(is_it),
            Some(Packet::PublicSubkey(key)) => {
                let mut subkeys = cert.keys().subkeys();
                subkeys.any(|subkey| {
                    subkey.key().fingerprint() == key.fingerprint()
                        && subkey.self_revocations().any(is_it)
                })
            }
            Some(_) => cert.userids().any(|id| id.self_revocations().any(is_it)),
        }
    }

    fn packets(&self) -> impl Iterator<Item = Packet> + use<> {
        let revocation = Packet::from(self.revocation.clone());
        self.component.clone().into_iter().chain([revocation])
    }
}

/// Whether the digest begins as the signature says: most components are told apart
/// before any arithmetic.
fn fits(
    signature: &Signature,
    hash: impl FnOnce(&mut Context) -> sequoia_openpgp::Result<()>,
) -> bool {
    let Ok(context) = signature.hash_algo().context() else {
        return false;
    };
    let mut context = context.for_signature(signature.version());
    let digest = hash(&mut context).and_then(|()| context.into_digest());
    digest.is_ok_and(|digest| digest.starts_with(signature.digest_prefix()))
}
