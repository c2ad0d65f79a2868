//! Revocations that stand by themselves.

use std::collections::HashMap;

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, KeyID, Packet};

use super::BrokenCert;
use crate::RevocationKind;
use crate::algorithms;

/// So many of one certificate, or of one component, are applied, hard ones first.
const ENOUGH: usize = 16;
/// So often a revocation is held against a component of one certificate: a stranger
/// may have made masses of both. Honest keyrings need a handful.
const MAX_TRIES: usize = 1 << 14;
/// So many that name nobody are tried with each certificate. Hardly any program makes
/// one, and all with all of a large keyring would take hours.
const NAMELESS: usize = 32;

/// The revocation of a certificate or of a component of one, of whichever one.
#[derive(Clone, Debug)]
pub(super) struct Revocation {
    pub(super) signature: Signature,
    /// The name of what it is in, and where that is, unless it is kept with a
    /// certificate anyway.
    pub(super) alone: Option<(String, String)>,
}

/// What a revocation is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Cert,
    Subkey(Fingerprint),
    UserId(Vec<u8>),
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
    let mut all_copies: HashMap<Fingerprint, Vec<&mut Cert>> = HashMap::new();
    for cert in certs {
        all_copies.entry(cert.fingerprint()).or_default().push(cert);
    }
    for copies in all_copies.into_values() {
        let Some(cert) = whole(&copies) else { continue };
        let claimed = [Some(cert.keyid()), None];
        let claimed = claimed.iter().filter_map(|by| by_issuer.get(by)).flatten();
        let mut claimed: Vec<usize> = claimed.copied().collect();
        // Those that nothing but this applies come first.
        claimed.sort_by_key(|&place| revocations.get(place).is_none_or(|r| r.alone.is_none()));
        let mut tries = MAX_TRIES;
        let mut verified: HashMap<About, Vec<&Signature>> = HashMap::new();
        for place in claimed {
            if let (Some(revocation), Some(used)) = (revocations.get(place), used.get_mut(place))
                && let Some(about) = about(&cert, &revocation.signature, &mut tries)
            {
                *used = true;
                verified
                    .entry(about)
                    .or_default()
                    .push(&revocation.signature);
            }
        }
        for all in verified.values_mut() {
            all.sort_by_key(|revocation| RevocationKind::of(revocation) != RevocationKind::Hard);
            all.truncate(ENOUGH);
        }
        for cert in copies {
            let new: Vec<Packet> = verified
                .iter()
                .flat_map(|(about, revocations)| news(cert, about, revocations))
                .collect();
            // Signatures of its own make no other certificate of it.
            if !new.is_empty()
                && let Ok((revoked, _)) = cert.clone().insert_packets(new)
            {
                *cert = revoked;
            }
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

/// All that copies of one certificate hold, if anything can be verified with its key.
fn whole(copies: &[&mut Cert]) -> Option<Cert> {
    let (first, others) = copies.split_first()?;
    let mut whole = Cert::clone(first);
    for other in others {
        // Fails for another fingerprint only, which this is not.
        whole = whole.merge_public(Cert::clone(other)).ok()?;
    }
    (!algorithms::is_oversized(whole.primary_key().key())).then_some(whole)
}

/// What of a certificate this revokes.
fn about(cert: &Cert, revocation: &Signature, tries: &mut usize) -> Option<About> {
    let key = cert.primary_key().key();
    let mut may_try = || {
        let left = tries.checked_sub(1);
        *tries = left.unwrap_or_default();
        left.is_some()
    };
    match revocation.typ() {
        SignatureType::SubkeyRevocation => {
            let mut subkeys = cert.keys().subkeys().take_while(|_| may_try());
            let subkey = subkeys.find(|subkey| {
                let verified = revocation.verify_subkey_revocation(key, key, subkey.key());
                verified.is_ok()
            })?;
            Some(About::Subkey(subkey.key().fingerprint()))
        }
        SignatureType::CertificationRevocation => {
            let mut user_ids = cert.userids().take_while(|_| may_try());
            let user_id = user_ids.find(|user_id| {
                let verified = revocation.verify_userid_revocation(key, key, user_id.userid());
                verified.is_ok()
            })?;
            Some(About::UserId(user_id.userid().value().to_vec()))
        }
        _ => {
            let verified = revocation.verify_primary_key_revocation(key, key);
            verified.is_ok().then_some(About::Cert)
        }
    }
}

/// What to add to a copy: the component, so that the revocations come to stand behind
/// it, and those of them that it does not have yet.
fn news(cert: &Cert, about: &About, revocations: &[&Signature]) -> Vec<Packet> {
    let (component, known): (Option<Packet>, Vec<&Signature>) = match about {
        About::Cert => (None, cert.primary_key().self_revocations().collect()),
        About::Subkey(fingerprint) => {
            let mut subkeys = cert.keys().subkeys();
            let subkey = subkeys.find(|subkey| subkey.key().fingerprint() == *fingerprint);
            let Some(subkey) = subkey else {
                return Vec::new();
            };
            let known = subkey.bundle().self_revocations().collect();
            (Some(subkey.key().clone().into()), known)
        }
        About::UserId(value) => {
            let mut user_ids = cert.userids();
            let Some(user_id) = user_ids.find(|user_id| user_id.userid().value() == value) else {
                return Vec::new();
            };
            let known = user_id.bundle().self_revocations().collect();
            (Some(user_id.userid().clone().into()), known)
        }
    };
    let is_new = |new: &&&Signature| !known.iter().any(|known| known.normalized_eq(new));
    let new = revocations.iter().filter(is_new);
    let mut new = new.map(|&new| Packet::from(new.clone())).peekable();
    match new.peek() {
        Some(_) => component.into_iter().chain(new).collect(),
        None => Vec::new(),
    }
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
