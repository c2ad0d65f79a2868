//! A certificate at one moment, as far as changes are told.

use std::time::SystemTime;

use sequoia_openpgp::packet::{Signature, UserID};
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, Fingerprint};

use crate::keys::PrimaryKey;
use crate::status::{in_force, revokers};
use crate::{CertStatus, Revocation};

/// What is compared.
#[derive(Debug)]
pub(super) struct Snapshot<'c> {
    pub(super) status: CertStatus,
    /// The direct-key signature, where one counts.
    pub(super) direct: Option<&'c Signature>,
    /// `None` for never, and where nothing is in force.
    pub(super) expiration: Option<SystemTime>,
    pub(super) user_ids: Vec<UserIdState<'c>>,
    pub(super) subkeys: Vec<SubkeyState<'c>>,
}

#[derive(Debug)]
pub(super) struct UserIdState<'c> {
    pub(super) id: &'c UserID,
    pub(super) revoked: bool,
    pub(super) binding: Option<&'c Signature>,
}

#[derive(Debug)]
pub(super) struct SubkeyState<'c> {
    pub(super) fingerprint: Fingerprint,
    pub(super) revoked: Option<Revocation>,
    pub(super) binding: Option<&'c Signature>,
    pub(super) expiration: Option<SystemTime>,
}

impl<'c> Snapshot<'c> {
    /// `policy` is one by which self-revocations count; among `keys` may be a
    /// designated revoker's.
    pub(super) fn new(
        (cert, status, time): (&'c Cert, &CertStatus, SystemTime),
        policy: &'c dyn Policy,
        keys: &[PrimaryKey],
    ) -> Self {
        let valid = cert.with_policy(policy, time).ok();
        Self {
            status: status.clone(),
            direct: valid.and_then(|valid| valid.direct_key_signature().ok()),
            expiration: in_force(cert, policy, time).and_then(|(_, expiration)| expiration),
            user_ids: cert
                .userids()
                .map(|user_id| UserIdState {
                    id: user_id.userid(),
                    revoked: is_revoked(&user_id.revocation_status(policy, time)),
                    binding: user_id.binding_signature(policy, time).ok(),
                })
                .collect(),
            subkeys: cert
                .keys()
                .subkeys()
                .map(|subkey| {
                    let bundle = subkey.bundle();
                    let binding = bundle.binding_signature(policy, time).ok();
                    let fingerprint = subkey.key().fingerprint();
                    let own = match bundle.revocation_status(policy, time) {
                        RevocationStatus::Revoked(all) => Revocation::worst_of(&all),
                        _ => None,
                    };
                    let by_others = revokers::of_subkey(cert, &fingerprint, time, keys.iter());
                    SubkeyState {
                        fingerprint,
                        revoked: Revocation::graver(own, by_others.map(Revocation::of)),
                        binding,
                        expiration: binding.and_then(|s| s.key_expiration_time(subkey.key())),
                    }
                })
                .collect(),
        }
    }

    pub(super) fn user_id(&self, id: &UserID) -> Option<&UserIdState<'c>> {
        self.user_ids.iter().find(|known| known.id == id)
    }

    pub(super) fn subkey(&self, fingerprint: &Fingerprint) -> Option<&SubkeyState<'c>> {
        let mut subkeys = self.subkeys.iter();
        subkeys.find(|known| known.fingerprint == *fingerprint)
    }
}

fn is_revoked(status: &RevocationStatus<'_>) -> bool {
    matches!(status, RevocationStatus::Revoked(_))
}
