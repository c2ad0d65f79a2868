//! When the owner claims to have signed about which part of a certificate.

use std::collections::HashMap;
use std::time::SystemTime;

use sequoia_openpgp::packet::{Packet, UserID};
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle};

/// The creation times of self-signatures, oldest first. None of these is verified:
/// they tell where to look for the oldest one without verifying all.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    user_ids: HashMap<UserID, Vec<SystemTime>>,
    subkeys: HashMap<Fingerprint, Vec<SystemTime>>,
}

impl Claimed {
    /// Of all User IDs and subkeys.
    pub(super) fn new(cert: &Cert) -> Self {
        let owner = KeyHandle::from(cert.fingerprint());
        let some = cert.clone().retain_user_attributes(|_| false);
        let mut claimed = Self::default();
        let mut none = Vec::new();
        let mut times = &mut none;
        for packet in some.into_packets() {
            match packet {
                Packet::Signature(signature) => {
                    let issuers = signature.get_issuers();
                    if issuers.is_empty() || issuers.iter().any(|issuer| issuer.aliases(&owner)) {
                        times.extend(signature.signature_creation_time());
                    }
                }
                Packet::UserID(id) => times = claimed.user_ids.entry(id).or_default(),
                Packet::PublicSubkey(key) => {
                    times = claimed.subkeys.entry(key.fingerprint()).or_default();
                }
                _ => times = &mut none,
            }
        }
        for times in claimed.user_ids.values_mut() {
            times.sort_unstable();
        }
        for times in claimed.subkeys.values_mut() {
            times.sort_unstable();
        }
        claimed
    }

    pub(super) fn of_user_id(&self, id: &UserID) -> &[SystemTime] {
        self.user_ids.get(id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_subkey(&self, subkey: &Fingerprint) -> &[SystemTime] {
        self.subkeys.get(subkey).map_or(&[], Vec::as_slice)
    }
}
