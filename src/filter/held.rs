//! What the caller holds of a certificate already: none of it needs another look.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Cert, Fingerprint};

use super::packets::{self, RawPacket, packets};
use super::signature::{By, Head, Owner, identity, types};
use super::verifier::{MAX_BACK_SIGNATURES, is_for_signing};
use super::work::{TooMany, Work};
use crate::algorithms;
use crate::clock::latest;
use crate::keys::{PrimaryKey, Subkey};

/// A certificate that is held, as far as an answer is compared with it.
#[derive(Debug)]
pub(super) struct Held<'w> {
    pub(super) key: PrimaryKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) subkeys: Vec<Subkey>,
    user_ids: BTreeSet<Vec<u8>>,
    signatures: HashSet<Vec<u8>>,
    /// Bindings of subkeys, each with its subkey; equal ones can differ in their
    /// unhashed areas.
    bindings: HashMap<Vec<u8>, Vec<Binding>>,
    /// What was found out about bindings: whether they are of use as they are held.
    usable: RefCell<HashMap<Vec<u8>, bool>>,
    work: &'w Work<'w>,
}

/// The packet of a subkey, and that of a binding signature behind it.
type Binding = (Vec<u8>, Vec<u8>);

impl<'w> Held<'w> {
    pub(super) fn new(cert: &Cert, work: &'w Work<'w>) -> sequoia_openpgp::Result<Self> {
        let (mut user_ids, mut signatures) = (BTreeSet::new(), HashSet::new());
        let mut bindings: HashMap<_, Vec<Binding>> = HashMap::new();
        let mut subkey: Option<Vec<u8>> = None;
        // Without secret keys; as octets, because the signatures of an answer
        // are compared before they are parsed.
        for packet in packets(&cert.to_vec()?).flatten() {
            match packet.tag() {
                packets::USER_ID => drop(user_ids.insert(packet.body().to_vec())),
                packets::PUBLIC_SUBKEY => subkey = Some(packet.bytes().to_vec()),
                packets::SIGNATURE => {
                    let Some(identity) = identity(packet.body()) else {
                        continue;
                    };
                    if let Some(subkey) = &subkey
                        && is_binding(&packet)
                    {
                        let binding = (subkey.clone(), packet.bytes().to_vec());
                        bindings.entry(identity.clone()).or_default().push(binding);
                    }
                    signatures.insert(identity);
                }
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
            bindings,
            usable: RefCell::default(),
            work,
        })
    }

    pub(super) fn has_user_id(&self, user_id: &[u8]) -> bool {
        self.user_ids.contains(user_id)
    }

    /// The User IDs, in the same order each time.
    pub(super) fn user_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.user_ids.iter().map(Vec::as_slice)
    }

    pub(super) fn has_subkey(&self, fingerprint: &Fingerprint) -> bool {
        let has = |subkey: &Subkey| subkey.fingerprint() == *fingerprint;
        self.subkeys.iter().any(has)
    }

    /// Whether a packet is a signature that is held, wherever it stands. A binding
    /// of a subkey that signs is not, as long as the subkey's own signature, which
    /// stands in the area that is not signed, was lost on the way: whoever passed
    /// the certificate on would else have taken the subkey away for good.
    pub(super) fn has_signature(&self, packet: &RawPacket<'_>) -> bool {
        packet.tag() == packets::SIGNATURE
            && identity(packet.body()).is_some_and(|signature| {
                self.signatures.contains(&signature)
                    && (!is_binding(packet)
                        || self.has_copy(&signature, packet)
                        || self.is_usable(signature))
            })
    }

    /// Whether the very same octets are held.
    fn has_copy(&self, identity: &[u8], packet: &RawPacket<'_>) -> bool {
        let mut copies = self.bindings.get(identity).into_iter().flatten();
        copies.any(|(_, held)| packets(held).flatten().any(|p| p.body() == packet.body()))
    }

    fn is_usable(&self, identity: Vec<u8>) -> bool {
        if let Some(&known) = self.usable.borrow().get(&identity) {
            return known;
        }
        let mut copies = self.bindings.get(&identity).into_iter().flatten();
        // Where the limit is reached, what is held stands.
        let usable = copies.any(|copy| self.has_agreed(copy).unwrap_or(true));
        self.usable.borrow_mut().insert(identity, usable);
        usable
    }

    /// Whether the subkey has agreed, where it has to (RFC 9580, section 5.2.1.10).
    fn has_agreed(&self, (subkey, binding): &Binding) -> Result<bool, TooMany> {
        let (Ok(Packet::PublicSubkey(subkey)), Ok(Packet::Signature(binding))) =
            (Packet::from_bytes(subkey), Packet::from_bytes(binding))
        else {
            return Ok(true);
        };
        if !is_for_signing(&binding)
            || algorithms::is_oversized(&subkey)
            || !algorithms::is_computable(&subkey)
        {
            return Ok(true);
        }
        for back in binding.embedded_signatures().take(MAX_BACK_SIGNATURES) {
            self.work.spend(&subkey)?;
            if back.verify_primary_key_binding(&self.key, &subkey).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_binding(packet: &RawPacket<'_>) -> bool {
    Head::parse(packet.body()).is_some_and(|head| head.typ == types::SUBKEY_BINDING)
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
