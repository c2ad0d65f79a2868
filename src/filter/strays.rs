//! Revocations that stand apart from what they revoke: before any key, behind
//! another one, or in a copy that is refused.

use sequoia_openpgp::Fingerprint;

use super::packets::RawPacket;
use super::signature::{is_component_revocation, is_key_revocation};

/// So many revocations of keys are looked at. Honest answers have a handful.
const MAX: usize = 4096;

/// Revocations to be given to certificates, once all of these are known.
#[derive(Debug, Default)]
pub(super) struct Strays<'a> {
    of_keys: Vec<(RawPacket<'a>, Option<Fingerprint>)>,
    /// Those of subkeys and User IDs. There are no more of them than packets.
    of_components: Vec<Stray<'a>>,
    pub(super) too_many: bool,
}

/// A revocation of a component that does not stand behind it, as far as can be
/// told so far.
#[derive(Debug)]
pub(super) struct Stray<'a> {
    pub(super) packet: RawPacket<'a>,
    /// The key that it stands behind, which it may be about.
    pub(super) behind: Option<Fingerprint>,
    /// It stands behind a subkey, and is tried there.
    pub(super) is_placed: bool,
}

impl<'a> Strays<'a> {
    /// Adds one of a key; `behind` is the key that it stands behind, which it may
    /// be about.
    pub(super) fn push(&mut self, packet: RawPacket<'a>, behind: Option<&Fingerprint>) {
        if self.of_keys.len() == MAX {
            self.too_many = true;
        } else {
            self.of_keys.push((packet, behind.cloned()));
        }
    }

    /// Adds one of a subkey or User ID.
    pub(super) fn push_of_component(
        &mut self,
        packet: RawPacket<'a>,
        behind: Option<&Fingerprint>,
        is_placed: bool,
    ) {
        self.of_components.push(Stray {
            packet,
            behind: behind.cloned(),
            is_placed,
        });
    }

    /// Adds all revocations that stand behind no certificate, or one that is refused.
    pub(super) fn push_loose(&mut self, packets: &[RawPacket<'a>]) {
        for &packet in packets {
            if is_key_revocation(&packet) {
                self.push(packet, None);
            } else if is_component_revocation(&packet) {
                self.push_of_component(packet, None, false);
            }
        }
    }

    /// All of keys, each with the key that it stands behind.
    pub(super) fn take_of_keys(&mut self) -> Vec<(RawPacket<'a>, Option<Fingerprint>)> {
        std::mem::take(&mut self.of_keys)
    }

    /// All of subkeys and User IDs.
    pub(super) fn take_of_components(&mut self) -> Vec<Stray<'a>> {
        std::mem::take(&mut self.of_components)
    }
}
