//! What the caller holds of a certificate already: none of it needs another look.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Cert, Fingerprint};

use super::clock::latest;
use super::keys::{PrimaryKey, Subkey};
use super::packets::{self, RawPacket, packets};
use super::signature::{By, Head, Owner, identity};

/// A certificate that is held, as far as an answer is compared with it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: PrimaryKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) subkeys: Vec<Subkey>,
    user_ids: HashSet<Vec<u8>>,
    signatures: HashSet<Vec<u8>>,
}

impl Held {
    pub(super) fn new(cert: &Cert) -> sequoia_openpgp::Result<Self> {
        let (mut user_ids, mut signatures) = (HashSet::new(), HashSet::new());
        // Without secret keys; as octets, because the signatures of an answer
        // are compared before they are parsed.
        for packet in packets(&cert.to_vec()?).flatten() {
            match packet.tag() {
                packets::USER_ID => drop(user_ids.insert(packet.body().to_vec())),
                packets::SIGNATURE => signatures.extend(identity(packet.body())),
                _ => {}
            }
        }
        Ok(Self {
            key: cert.primary_key().key().clone(),
            fingerprint: cert.fingerprint(),
            subkeys: cert
                .keys()
                .subkeys()
                .map(|subkey| subkey.key().clone())
                .collect(),
            user_ids,
            signatures,
        })
    }

    pub(super) fn has_user_id(&self, user_id: &[u8]) -> bool {
        self.user_ids.contains(user_id)
    }

    pub(super) fn has_subkey(&self, fingerprint: &Fingerprint) -> bool {
        let has = |subkey: &Subkey| subkey.fingerprint() == *fingerprint;
        self.subkeys.iter().any(has)
    }

    /// Whether a packet is a signature that is held, wherever it stands.
    pub(super) fn has_signature(&self, packet: &RawPacket<'_>) -> bool {
        packet.tag() == packets::SIGNATURE
            && identity(packet.body()).is_some_and(|signature| self.signatures.contains(&signature))
    }
}

/// The reference time, moved to what the owner signed at most five minutes
/// later: clocks differ. Times are taken as the signatures claim them.
pub(crate) fn reference_time(cert: &Cert, now: SystemTime) -> SystemTime {
    let Ok(octets) = cert.to_vec() else {
        return now;
    };
    let owner = Owner::new(cert.fingerprint());
    let latest = latest(now);
    packets(&octets)
        .flatten()
        .filter(|packet| packet.tag() == packets::SIGNATURE)
        .filter_map(|packet| Head::parse(packet.body()))
        .filter(|head| head.by(&owner) == By::Owner)
        .filter_map(|head| head.created())
        .filter_map(|created| UNIX_EPOCH.checked_add(Duration::from_secs(created.into())))
        .chain([cert.primary_key().key().creation_time()])
        .filter(|&created| created <= latest)
        .fold(now, SystemTime::max)
}
