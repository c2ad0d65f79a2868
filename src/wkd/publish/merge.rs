//! Certificates, each once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sequoia_openpgp::{Cert, Fingerprint};

/// One of each fingerprint, without secret key material.
pub(super) fn merged(certs: impl Iterator<Item = Cert>) -> Vec<Cert> {
    let mut places: HashMap<Fingerprint, usize> = HashMap::new();
    let mut merged: Vec<Cert> = Vec::new();
    for cert in certs {
        let cert = cert.strip_secret_key_material();
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
