//! What the key server knows, and what of it everybody may see.

use std::collections::HashMap;

use openpgp_discovery::openpgp::packet::{Packet, Signature, UserID};
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::RevocationStatus;
use openpgp_discovery::openpgp::{Cert, Fingerprint, KeyID};

/// Certificates, and whose address was confirmed for which.
#[derive(Debug, Default)]
pub(super) struct Store {
    certs: HashMap<Fingerprint, Cert>,
    /// By normalized address: one address belongs to one certificate.
    confirmed: HashMap<String, Fingerprint>,
}

impl Store {
    /// Takes a certificate in, merged with what is known of it.
    pub(super) fn merge(&mut self, cert: &Cert) {
        let fingerprint = cert.fingerprint();
        let cert = cert.clone().strip_secret_key_material();
        let merged = match self.certs.remove(&fingerprint) {
            Some(known) => known.merge_public(cert).expect("one fingerprint"),
            None => cert,
        };
        if is_revoked(&merged) {
            // For good: a revocation that is lifted does not bring them back.
            self.confirmed.retain(|_, owner| *owner != fingerprint);
        }
        self.certs.insert(fingerprint, merged);
    }

    /// Links a normalized address to a certificate, unless that is revoked.
    pub(super) fn confirm(&mut self, address: &str, fingerprint: &Fingerprint) {
        if self
            .certs
            .get(fingerprint)
            .is_some_and(|cert| !is_revoked(cert))
        {
            self.confirmed
                .insert(address.to_owned(), fingerprint.clone());
        }
    }

    pub(super) fn is_confirmed(&self, address: &str, fingerprint: &Fingerprint) -> bool {
        self.confirmed.get(address) == Some(fingerprint)
    }

    /// Everything that is known of a certificate.
    pub(super) fn whole(&self, fingerprint: &Fingerprint) -> Option<&Cert> {
        self.certs.get(fingerprint)
    }

    pub(super) fn by_email(&self, address: &str) -> Option<Cert> {
        self.published(self.confirmed.get(address)?)
            .filter(|cert| !is_revoked(cert))
    }

    /// By the upper-case digits of a fingerprint or key ID.
    pub(super) fn by_key(&self, digits: &str) -> Option<Cert> {
        let cert = self.certs.values().find(|cert| {
            linkable(cert)
                .iter()
                .any(|key| digits == key.to_hex() || digits == KeyID::from(key).to_hex())
        })?;
        self.published(&cert.fingerprint())
    }

    /// The certificate without what is nobody's business: User IDs whose address
    /// is not confirmed, or that are revoked, or of a revoked certificate; User
    /// Attributes; certifications by others.
    pub(super) fn published(&self, fingerprint: &Fingerprint) -> Option<Cert> {
        let cert = self.certs.get(fingerprint)?;
        let mut packets = Vec::new();
        let mut add = |packet: Packet, signatures: Vec<&Signature>| {
            packets.push(packet);
            packets.extend(signatures.into_iter().cloned().map(Packet::from));
        };
        let primary = cert.primary_key();
        add(
            Packet::from(primary.key().clone()),
            primary
                .self_revocations()
                .chain(primary.other_revocations())
                .chain(primary.self_signatures())
                .collect(),
        );
        for user_id in cert.userids() {
            let revoked = user_id.revocation_status(&StandardPolicy::new(), None);
            let shown = address_of(user_id.userid())
                .is_some_and(|address| self.is_confirmed(&address, fingerprint));
            if shown && !is_revocation(&revoked) && !is_revoked(cert) {
                add(
                    Packet::from(user_id.userid().clone()),
                    user_id.self_signatures().collect(),
                );
            }
        }
        for subkey in cert.keys().subkeys() {
            add(
                Packet::from(subkey.key().clone()),
                subkey
                    .self_revocations()
                    .chain(subkey.other_revocations())
                    .chain(subkey.self_signatures())
                    .collect(),
            );
        }
        Some(Cert::from_packets(packets.into_iter()).expect("the packets of a certificate"))
    }
}

/// A revoked certificate loses its addresses, hard or soft.
pub(super) fn is_revoked(cert: &Cert) -> bool {
    is_revocation(&cert.revocation_status(&StandardPolicy::new(), None))
}

pub(super) fn is_revocation(status: &RevocationStatus<'_>) -> bool {
    matches!(status, RevocationStatus::Revoked(_))
}

/// The normalized address of a User ID.
pub(super) fn address_of(user_id: &UserID) -> Option<String> {
    user_id.email().ok().flatten().map(normalize)
}

/// The server compares whole addresses in Unicode lower case.
pub(super) fn normalize(address: &str) -> String {
    address.to_lowercase()
}

/// The keys that a certificate is found by: not those that only encrypt.
fn linkable(cert: &Cert) -> Vec<Fingerprint> {
    let subkeys = cert.keys().subkeys().filter(|subkey| {
        subkey.self_signatures().next().is_some_and(|binding| {
            binding
                .key_flags()
                .is_none_or(|flags| flags.for_signing() || flags.for_certification())
        })
    });
    std::iter::once(cert.fingerprint())
        .chain(subkeys.map(|subkey| subkey.key().fingerprint()))
        .collect()
}
