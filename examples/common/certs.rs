//! Certificates in memory, one of each fingerprint, in the order in which they came.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use openpgp_discovery::openpgp::{Cert, Fingerprint};

#[derive(Debug, Default)]
pub(crate) struct Certs {
    certs: Vec<Cert>,
    places: HashMap<Fingerprint, usize>,
}

impl Certs {
    /// Adds a certificate, without its secret keys. What is known of it already, and
    /// what this one says, become one.
    pub(crate) fn add(&mut self, cert: Cert) {
        let cert = cert.strip_secret_key_material();
        match self.places.entry(cert.fingerprint()) {
            Entry::Vacant(place) => {
                place.insert(self.certs.len());
                self.certs.push(cert);
            }
            Entry::Occupied(place) => {
                if let Some(known) = self.certs.get_mut(*place.get())
                    // Fails for another fingerprint only, which this is not.
                    && let Ok(both) = known.clone().merge_public(cert)
                {
                    *known = both;
                }
            }
        }
    }

    pub(crate) fn certs(&self) -> &[Cert] {
        &self.certs
    }
}
