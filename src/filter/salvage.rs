//! Revocations that count wherever they stand: in an answer without a
//! certificate, beside another one, misplaced, or in a certificate so large that
//! it is refused. Else whoever can make an answer large could hide them.

use std::collections::HashSet;

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::types::SignatureType;

use super::Part;
use super::held::Held;
use super::limits::Limits;
use super::packets::{self, RawPacket, is_oversized_packet, packets};
use super::signature::{By, Head, Owner, identity};
use super::verifier::{Over, Verdict, Verifier, lean};
use super::work::Work;
use crate::keys::Subkey;

/// So many are taken; one would do.
const ENOUGH: usize = 32;

/// The revocations of one certificate in an answer.
#[derive(Debug, Default)]
pub(super) struct Salvaged {
    pub(super) of_key: Vec<Signature>,
    pub(super) of_subkeys: Vec<(Subkey, Signature)>,
    pub(super) of_user_ids: Vec<(UserID, Signature)>,
    /// A revocation that is held stood in the answer without a certificate.
    pub(super) confirmed: bool,
    /// A limit was reached before all were looked at, and before there were enough.
    pub(super) is_cut: bool,
}

/// Looks for the owner's revocations of the key, of these subkeys and of the User
/// IDs that are held, apart from those that are held or `taken` already.
pub(super) fn salvage(
    parts: &[Part<'_>],
    held: &Held<'_>,
    subkeys: &[Subkey],
    mut taken: HashSet<Vec<u8>>,
    limits: &Limits,
    work: &Work<'_>,
) -> Salvaged {
    let owner = Owner::new(held.fingerprint.clone());
    let mut salvaged = Salvaged::default();
    let mut candidates = Vec::new();
    for part in parts.iter().flatten() {
        let all: Vec<_> = packets(part).map_while(Result::ok).collect();
        for group in all.chunk_by(|_, next| !is_primary_key(next)) {
            // Where secret keys lie open, nothing is taken.
            let is_secret =
                |p: &RawPacket<'_>| matches!(p.tag(), packets::SECRET_KEY | packets::SECRET_SUBKEY);
            if group.iter().any(is_secret) {
                // Whose they are cannot always be told. What they hide is no "unchanged".
                let is_news = |p: &RawPacket<'_>| {
                    is_revocation_by(p, &owner)
                        && !held.has_signature(p)
                        && identity(p.body()).is_some_and(|id| !taken.contains(&id))
                };
                salvaged.is_cut |= group.iter().any(is_news);
                continue;
            }
            let is_bare = !group.first().is_some_and(is_primary_key);
            let mut component = None;
            for packet in group {
                if packet.tag() != packets::SIGNATURE {
                    component = Some(packet).filter(|p| match p.tag() {
                        packets::PUBLIC_SUBKEY => !is_oversized_packet(p),
                        tag => tag == packets::USER_ID,
                    });
                    continue;
                }
                if !is_revocation_by(packet, &owner) {
                    continue;
                }
                if held.has_signature(packet) {
                    salvaged.confirmed |= is_bare;
                } else if candidates.len() == limits.packets {
                    salvaged.is_cut = true;
                } else if identity(packet.body()).is_some_and(|id| taken.insert(id)) {
                    candidates.push((packet.bytes(), component.copied()));
                }
            }
        }
    }
    let user_ids: Vec<_> = held.user_ids().map(UserID::from).collect();
    let mut search = Search {
        subkeys,
        user_ids: &user_ids,
        verifier: Verifier::new(&held.key, limits.failed_verifications, work),
        work,
        hashes_left: limits.packets,
        salvaged,
    };
    // Those of the key first: they say most.
    for typ in [
        SignatureType::KeyRevocation,
        SignatureType::SubkeyRevocation,
        SignatureType::CertificationRevocation,
    ] {
        for (bytes, behind) in &candidates {
            let Ok(Packet::Signature(signature)) = Packet::from_bytes(bytes) else {
                continue;
            };
            let signature = lean(signature);
            if signature.typ() == typ && search.take(signature, *behind).is_none() {
                search.salvaged.is_cut |= !search.has_enough();
                return search.salvaged;
            }
        }
    }
    search.salvaged
}

struct Search<'s> {
    subkeys: &'s [Subkey],
    user_ids: &'s [UserID],
    verifier: Verifier<'s>,
    work: &'s Work<'s>,
    /// A look at the first octets of the digest is cheap, and costs something
    /// all the same.
    hashes_left: usize,
    salvaged: Salvaged,
}

impl Search<'_> {
    fn has_enough(&self) -> bool {
        let Salvaged {
            of_key,
            of_subkeys,
            of_user_ids,
            ..
        } = &self.salvaged;
        of_key.len() + of_subkeys.len() + of_user_ids.len() >= ENOUGH
    }

    /// Takes one, if it verifies. `None` where there is an end of it.
    fn take(&mut self, signature: Signature, behind: Option<RawPacket<'_>>) -> Option<()> {
        self.work.go_on().ok()?;
        if self.has_enough() {
            return None;
        }
        if signature.typ() == SignatureType::CertificationRevocation {
            return self.take_of_user_id(signature, behind);
        }
        if signature.typ() == SignatureType::KeyRevocation {
            self.hashes_left = self.hashes_left.checked_sub(1)?;
            if self.verifier.check(&signature, Over::Key).ok()? == Verdict::Good {
                let signature = self.verifier.owned(signature);
                self.salvaged.of_key.push(signature);
            }
            return Some(());
        }
        let behind = behind.and_then(fingerprint);
        let is_behind = |subkey: &&Subkey| Some(subkey.fingerprint()) == behind;
        let subkeys = self.subkeys;
        let first = subkeys.iter().filter(is_behind);
        for subkey in first.chain(subkeys.iter().filter(|s| !is_behind(s))) {
            self.hashes_left = self.hashes_left.checked_sub(1)?;
            let over = Over::Subkey(subkey);
            if self.verifier.look(&signature, over).ok()? == Verdict::Good {
                let signature = self.verifier.owned(signature);
                self.salvaged.of_subkeys.push((subkey.clone(), signature));
                break;
            }
        }
        Some(())
    }

    /// Nearly always it is about the User ID that it stands behind, held or not.
    fn take_of_user_id(
        &mut self,
        signature: Signature,
        behind: Option<RawPacket<'_>>,
    ) -> Option<()> {
        let behind = behind.filter(|p| p.tag() == packets::USER_ID);
        if let Some(behind) = behind.map(|p| UserID::from(p.body()))
            && !self.user_ids.contains(&behind)
        {
            self.hashes_left = self.hashes_left.checked_sub(1)?;
            let over = Over::UserId(&behind);
            if self.verifier.look(&signature, over).ok()? == Verdict::Good {
                return Some(());
            }
        }
        let is_behind = |id: &&UserID| behind.is_some_and(|p| p.body() == id.value());
        let user_ids = self.user_ids;
        let first = user_ids.iter().filter(is_behind);
        for id in first.chain(user_ids.iter().filter(|id| !is_behind(id))) {
            self.hashes_left = self.hashes_left.checked_sub(1)?;
            if self.verifier.look(&signature, Over::UserId(id)).ok()? == Verdict::Good {
                self.salvaged.of_user_ids.push((id.clone(), signature));
                break;
            }
        }
        Some(())
    }
}

fn is_primary_key(packet: &RawPacket<'_>) -> bool {
    matches!(packet.tag(), packets::PUBLIC_KEY | packets::SECRET_KEY)
}

fn is_revocation_by(packet: &RawPacket<'_>, owner: &Owner) -> bool {
    Head::parse(packet.body()).is_some_and(|head| {
        head.is_revocation() && (head.by(owner) != By::Other || head.is_ascribed(owner))
    })
}

fn fingerprint(subkey: RawPacket<'_>) -> Option<Fingerprint> {
    match Packet::from_bytes(subkey.bytes()) {
        Ok(Packet::PublicSubkey(key)) => Some(key.fingerprint()),
        _ => None,
    }
}
