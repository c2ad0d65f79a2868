//! How a signing key stood, or stands, at a time.

use std::collections::BTreeSet;
use std::time::SystemTime;

use sequoia_openpgp::cert::amalgamation::key::PrimaryKey as _;
use sequoia_openpgp::cert::amalgamation::{ValidAmalgamation, ValidateAmalgamation};
use sequoia_openpgp::packet::{Signature, UserID};
use sequoia_openpgp::policy::Policy;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle};

use super::known::Known;
use crate::algorithms;
use crate::status::{SelfRevocationsCount, revokers, self_signatures};
use crate::{CertStatus, EmailAddress, Revocation, RevocationKind};

/// Later bindings that are tried where there was none at the time.
const MAX_BINDINGS: usize = 16;

/// A key of a certificate, looked at by a policy.
#[derive(Clone, Copy)]
pub(super) struct Key<'k> {
    pub(super) cert: &'k Cert,
    pub(super) fingerprint: &'k Fingerprint,
    pub(super) policy: &'k dyn Policy,
    /// All certificates at hand: among them may be a designated revoker's.
    pub(super) at_hand: &'k [Known],
    /// Nothing that was made later counts.
    pub(super) latest: SystemTime,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// `None` where that cannot be told.
    pub(super) status: Option<CertStatus>,
    pub(super) fault: Option<Fault>,
}

/// Why nothing that it signed at that time can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The certificate, or (true) the subkey alone.
    Revoked(RevocationKind, bool),
    Expired(bool),
    NotYetThere,
    /// A subkey that the certificate's owner did not bind, or that did not agree.
    Unbound,
    MayNotSign,
    /// What the policy says.
    Policy(String),
    /// Its expiration and flags are not known.
    NoSelfSignature,
    Uncomputable,
}

impl Key<'_> {
    pub(super) fn at(&self, time: SystemTime) -> Standing {
        let policy = &SelfRevocationsCount(self.policy);
        if let Some((revocation, subkey)) = self.revocation(policy, time) {
            return Standing {
                status: Some(CertStatus::Revoked(Revocation::of(revocation))),
                fault: Some(Fault::Revoked(RevocationKind::of(revocation), subkey)),
            };
        }
        let primary = self.cert.primary_key();
        if !algorithms::is_computable(primary.key()) || algorithms::is_oversized(primary.key()) {
            return Standing::unknown(Fault::Uncomputable);
        }
        let Some(key) = self
            .cert
            .keys()
            .find(|key| key.key().fingerprint() == *self.fingerprint)
        else {
            return Standing::unknown(Fault::Unbound);
        };
        if primary.key().creation_time() > time || key.key().creation_time() > time {
            return Standing::of(CertStatus::NotYetValid, Fault::NotYetThere);
        }
        let certificate: Vec<_> = self_signatures(self.cert).collect();
        if certificate.is_empty() {
            return Standing::unknown(Fault::NoSelfSignature);
        }
        let is_subkey = !key.primary();
        if is_subkey && key.self_signatures().next().is_none() {
            return Standing::unknown(Fault::Unbound);
        }
        // What the key's owner said later about it counts where nothing is left of
        // what they said at the time: many programs replace self-signatures.
        let later: BTreeSet<_> = certificate
            .into_iter()
            .chain(key.self_signatures())
            .filter_map(|made| made.signature_creation_time())
            .filter(|&created| created > time && created <= self.latest)
            .collect();
        let mut why = String::new();
        for at in [time]
            .into_iter()
            .chain(later.into_iter().take(MAX_BINDINGS))
        {
            let key = match key.clone().with_policy(policy, at) {
                Ok(key) => key,
                Err(error) => {
                    if why.is_empty() {
                        why = error.to_string();
                    }
                    continue;
                }
            };
            let expired = |expires: Option<SystemTime>| expires.is_some_and(|end| end <= time);
            let primary = key.valid_cert().primary_key();
            if expired(primary.key_expiration_time()) {
                return Standing::of(CertStatus::Expired, Fault::Expired(false));
            }
            if expired(key.key_expiration_time()) {
                return Standing::of(CertStatus::Expired, Fault::Expired(is_subkey));
            }
            return Standing {
                status: Some(CertStatus::Valid),
                fault: (!key.for_signing()).then_some(Fault::MayNotSign),
            };
        }
        Standing::of(CertStatus::RejectedByPolicy, Fault::Policy(why))
    }

    /// The revocation that holds, a hard one first, and whether it is about the
    /// subkey alone.
    fn revocation(&self, policy: &dyn Policy, time: SystemTime) -> Option<(&Signature, bool)> {
        let (cert, key) = (self.cert, self.fingerprint);
        let keys = || self.at_hand.iter().map(|known| known.primary_key());
        let subkey = cert
            .keys()
            .subkeys()
            .find(|subkey| subkey.key().fingerprint() == *key);
        let mut all: Vec<(&Signature, bool)> = Vec::new();
        let of_key = own_of(cert.revocation_status(policy, time));
        let by_revoker = revokers::of_key(cert, time, keys());
        all.extend(of_key.into_iter().chain(by_revoker).map(|r| (r, false)));
        if let Some(subkey) = subkey {
            let of_subkey = own_of(subkey.bundle().revocation_status(policy, time));
            let by_revoker = revokers::of_subkey(cert, key, time, keys());
            all.extend(of_subkey.into_iter().chain(by_revoker).map(|r| (r, true)));
        }
        let hard = |(r, _): &&(&Signature, bool)| RevocationKind::of(r) == RevocationKind::Hard;
        all.iter().find(hard).or_else(|| all.first()).copied()
    }
}

impl Standing {
    fn of(status: CertStatus, fault: Fault) -> Self {
        Self {
            status: Some(status),
            fault: Some(fault),
        }
    }

    fn unknown(fault: Fault) -> Self {
        Self {
            status: None,
            fault: Some(fault),
        }
    }
}

/// The owner's revocations that hold.
fn own_of(status: RevocationStatus<'_>) -> Vec<&Signature> {
    match status {
        RevocationStatus::Revoked(list) => list,
        RevocationStatus::CouldBe(_) | RevocationStatus::NotAsFarAsWeKnow => Vec::new(),
    }
}

/// Those whom the owner named for revoking the certificate, in whose name there
/// is a revocation of it or of the subkey that signed, and whose certificates
/// are not at hand.
pub(super) fn absent_revokers(
    cert: &Cert,
    is_signer: impl Fn(&KeyHandle) -> bool,
    at_hand: &[Known],
) -> Vec<KeyHandle> {
    let keys = at_hand.iter().map(|known| known.primary_key());
    let absent = revokers::absent(cert, |key| is_signer(&key), keys);
    absent.into_iter().map(KeyHandle::from).collect()
}

/// Whether the owner had bound a User ID of this address, and not revoked it.
pub(super) fn names(
    cert: &Cert,
    address: &EmailAddress,
    policy: &dyn Policy,
    time: SystemTime,
    latest: SystemTime,
) -> bool {
    cert.userids().any(|id| {
        EmailAddress::of_user_id(id.userid().value()).is_some_and(|named| address.matches(&named))
            && is_bound(cert, id.userid(), policy, time, latest)
    })
}

/// The User IDs that stand now.
pub(super) fn user_ids(cert: &Cert, policy: &dyn Policy, now: SystemTime) -> Vec<String> {
    cert.userids()
        .filter(|id| is_bound(cert, id.userid(), policy, now, now))
        .map(|id| String::from_utf8_lossy(id.userid().value()).into_owned())
        .collect()
}

fn is_bound(
    cert: &Cert,
    id: &UserID,
    policy: &dyn Policy,
    time: SystemTime,
    latest: SystemTime,
) -> bool {
    let policy = &SelfRevocationsCount(policy);
    let Some(id) = cert.userids().find(|other| other.userid() == id) else {
        return false;
    };
    if matches!(
        id.revocation_status(policy, time),
        RevocationStatus::Revoked(_)
    ) {
        return false;
    }
    // As for keys: later bindings count where there is none of the time.
    let later: BTreeSet<_> = id
        .self_signatures()
        .filter_map(|made| made.signature_creation_time())
        .filter(|&created| created > time && created <= latest)
        .collect();
    [time]
        .into_iter()
        .chain(later.into_iter().take(MAX_BINDINGS))
        .any(|at| id.binding_signature(policy, at).is_ok())
}
