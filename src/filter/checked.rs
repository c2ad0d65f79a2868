//! A certificate of which every signature verifies.

use sequoia_openpgp::packet::{Signature, UserID};

use super::keys::{PrimaryKey, Subkey};

/// The parts, and what the owner says about each.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) key: PrimaryKey,
    /// Direct-key signatures.
    pub(super) direct: Vec<Signature>,
    pub(super) revocations: Vec<Signature>,
    pub(super) user_ids: Vec<CheckedUserId>,
    pub(super) subkeys: Vec<CheckedSubkey>,
    /// Revocations of the key by those whom the owner named for it.
    pub(super) designated: Vec<Signature>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug)]
pub(super) struct CheckedUserId {
    pub(super) id: UserID,
    pub(super) matches: bool,
    pub(super) bindings: Vec<Signature>,
    pub(super) revocations: Vec<Signature>,
    /// At least one signature could be neither confirmed nor refuted.
    pub(super) uncomputable: bool,
}

#[derive(Debug)]
pub(super) struct CheckedSubkey {
    pub(super) key: Subkey,
    pub(super) bindings: Vec<Signature>,
    pub(super) revocations: Vec<Signature>,
    /// Revocations of it by those whom the owner named for it.
    pub(super) designated: Vec<Signature>,
}

impl Checked {
    /// Adds a note, once.
    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Every self-signature that verifies.
    pub(super) fn self_signatures(&self) -> impl Iterator<Item = &Signature> {
        self.direct
            .iter()
            .chain(self.user_ids.iter().flat_map(|id| &id.bindings))
            .chain(self.subkeys.iter().flat_map(|subkey| &subkey.bindings))
    }
}
