//! Key revocations that stand apart from the keys that they name: before any
//! key, behind another one, or in a copy that is refused.

use sequoia_openpgp::Fingerprint;

use super::packets::RawPacket;

/// So many are looked at. Honest answers have a handful.
const MAX: usize = 4096;

/// Revocations to be given to certificates, once all of these are known.
#[derive(Debug, Default)]
pub(super) struct Strays<'a> {
    list: Vec<(RawPacket<'a>, Option<Fingerprint>)>,
    pub(super) too_many: bool,
}

impl<'a> Strays<'a> {
    /// Adds one; `behind` is the key that it stands behind, which it may be about.
    pub(super) fn push(&mut self, packet: RawPacket<'a>, behind: Option<&Fingerprint>) {
        if self.list.len() == MAX {
            self.too_many = true;
        } else {
            self.list.push((packet, behind.cloned()));
        }
    }

    /// All of them, each with the key that it stands behind.
    pub(super) fn take(&mut self) -> Vec<(RawPacket<'a>, Option<Fingerprint>)> {
        std::mem::take(&mut self.list)
    }
}
