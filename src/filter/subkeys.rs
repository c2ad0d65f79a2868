//! Reads the subkeys of a certificate, and takes what stands behind those that cannot
//! be read for out of place. Else whoever breaks a copy of a subkey could take a
//! revocation away.

use std::collections::HashSet;

use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::parse::Parse;

use super::packets::RawPacket;
use super::reduce::{RawCert, RawSubkey};
use super::search::MAX_TRIES;
use super::signature::is_component_revocation;
use super::work::TooMany;
use crate::algorithms;
use crate::keys::Subkey;

/// The subkeys, and revocations that stand behind none of them.
pub(super) struct Subkeys<'r, 'a> {
    pub(super) read: Vec<(Subkey, &'r RawSubkey<'a>)>,
    /// Those of components that the owner may have made, and whether there are more.
    pub(super) lost: Vec<RawPacket<'a>>,
    pub(super) lost_more: bool,
    /// Those of subkeys, by other keys.
    pub(super) lost_foreign: Vec<RawPacket<'a>>,
}

impl<'r, 'a> Subkeys<'r, 'a> {
    pub(super) fn of(cert: &'r RawCert<'a>) -> Result<Self, TooMany> {
        let mut subkeys = Self {
            read: Vec::new(),
            lost: cert.lost.clone(),
            lost_more: cert.lost_more,
            lost_foreign: cert.lost_foreign.clone(),
        };
        let mut unread = Vec::new();
        for raw in &cert.subkeys {
            match Packet::from_bytes(raw.packet.bytes()) {
                Ok(Packet::PublicSubkey(key)) if algorithms::is_oversized(&key) => {
                    return Err(TooMany("an oversized subkey"));
                }
                Ok(Packet::PublicSubkey(key)) => subkeys.read.push((key, raw)),
                _ => unread.push(raw),
            }
        }
        let own = unread.iter().flat_map(|raw| &raw.signatures);
        add(
            &mut subkeys.lost,
            own.filter(|p| is_component_revocation(p)),
        );
        if subkeys.lost.len() > MAX_TRIES {
            subkeys.lost.truncate(MAX_TRIES);
            subkeys.lost_more = true;
        }
        let foreign = unread.iter().flat_map(|raw| &raw.foreign);
        add(&mut subkeys.lost_foreign, foreign);
        Ok(subkeys)
    }
}

/// Adds what is not yet there: one may stand behind many.
fn add<'a: 'p, 'p>(list: &mut Vec<RawPacket<'a>>, more: impl Iterator<Item = &'p RawPacket<'a>>) {
    let mut seen: HashSet<_> = list.iter().map(RawPacket::body).collect();
    list.extend(more.filter(|packet| seen.insert(packet.body())));
}
