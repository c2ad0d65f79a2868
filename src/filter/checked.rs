//! A certificate of which every signature verifies, apart from those that only
//! somebody else's key can verify.

use sequoia_openpgp::packet::{Signature, UserID};

use crate::keys::{PrimaryKey, Subkey};

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
    /// The same, where the key that would tell is not at hand.
    pub(super) unverified: Vec<Signature>,
    pub(super) notes: Vec<String>,
    /// There may be more of it: not all that is out of place was looked at.
    pub(super) is_cut: bool,
}

#[derive(Debug)]
pub(super) struct CheckedUserId {
    pub(super) id: UserID,
    pub(super) matches: bool,
    /// It stays in what is handed out, where it is bound.
    pub(super) keeps: bool,
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
    /// The same, where the key that would tell is not at hand.
    pub(super) unverified: Vec<Signature>,
}

impl Checked {
    /// Adds a note, once.
    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// What the owner says about the key and its User IDs, revocations apart.
    pub(super) fn about_the_key(&self) -> impl Iterator<Item = &Signature> {
        let user_ids = self.user_ids.iter();
        self.direct
            .iter()
            .chain(user_ids.flat_map(|id| &id.bindings))
    }

    /// Every self-signature that verifies.
    pub(super) fn self_signatures(&self) -> impl Iterator<Item = &Signature> {
        self.about_the_key()
            .chain(self.subkeys.iter().flat_map(|subkey| &subkey.bindings))
    }
}
