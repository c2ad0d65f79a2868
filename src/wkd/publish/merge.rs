//! Certificates, each once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sequoia_openpgp::{Cert, Fingerprint};

use crate::algorithms;

/// One of each fingerprint, without secret key material, and without subkeys that are
/// too large to verify anything with.
pub(super) fn merged(certs: impl Iterator<Item = Cert>) -> Vec<Cert> {
    let mut places: HashMap<Fingerprint, usize> = HashMap::new();
    let mut merged: Vec<Cert> = Vec::new();
    for cert in certs {
        let cert = without_oversized(cert.strip_secret_key_material());
        match places.entry(cert.fingerprint()) {
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(cert);
            }
            Entry::Occupied(place) => {
                if let Some(known) = merged.get_mut(*place.get())
                    // Fails for another fingerprint only, which this is not.
                    && let Ok(both) = known.clone().merge_public(cert)
                {
                    *known = both;
                }
            }
        }
    }
    merged
}

fn without_oversized(cert: Cert) -> Cert {
    let mut subkeys = cert.keys().subkeys();
    match subkeys.any(|subkey| algorithms::is_oversized(subkey.key())) {
        true => cert.retain_subkeys(|subkey| !algorithms::is_oversized(subkey.key())),
        false => cert,
    }
}
