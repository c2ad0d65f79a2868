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
use crate::filter::algorithms;
use crate::status::SelfRevocationsCount;
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

    /// The revocation that holds, the hard ones first, and whether it is about
    /// the subkey alone.
    fn revocation(&self, policy: &dyn Policy, time: SystemTime) -> Option<(&Signature, bool)> {
        let primary = self.cert.primary_key();
        let mut all: Vec<(&Signature, bool)> = Vec::new();
        match self.cert.revocation_status(policy, time) {
            RevocationStatus::Revoked(list) => all.extend(list.into_iter().map(|r| (r, false))),
            RevocationStatus::CouldBe(list) => all.extend(
                list.into_iter()
                    .filter(|revocation| {
                        self.is_by_a_revoker(revocation, |key| {
                            revocation.verify_primary_key_revocation(key, primary.key())
                        }) && self.is_in_effect(revocation, time, self_signatures(self.cert))
                    })
                    .map(|revocation| (revocation, false)),
            ),
            RevocationStatus::NotAsFarAsWeKnow => {}
        }
        let subkey = self
            .cert
            .keys()
            .subkeys()
            .find(|key| key.key().fingerprint() == *self.fingerprint);
        if let Some(subkey) = subkey {
            match subkey.bundle().revocation_status(policy, time) {
                RevocationStatus::Revoked(list) => all.extend(list.into_iter().map(|r| (r, true))),
                RevocationStatus::CouldBe(list) => all.extend(
                    list.into_iter()
                        .filter(|revocation| {
                            self.is_by_a_revoker(revocation, |key| {
                                revocation.verify_subkey_revocation(
                                    key,
                                    primary.key(),
                                    subkey.key(),
                                )
                            }) && self.is_in_effect(revocation, time, subkey.self_signatures())
                        })
                        .map(|revocation| (revocation, true)),
                ),
                RevocationStatus::NotAsFarAsWeKnow => {}
            }
        }
        let hard = |(r, _): &&(&Signature, bool)| RevocationKind::of(r) == RevocationKind::Hard;
        all.iter().find(hard).or_else(|| all.first()).copied()
    }

    /// Whether one whom the owner named for it revoked.
    fn is_by_a_revoker(
        &self,
        revocation: &Signature,
        verify: impl Fn(&PrimaryKey) -> sequoia_openpgp::Result<()>,
    ) -> bool {
        let issuers = revocation.get_issuers();
        let named: Vec<_> = revokers(self.cert).collect();
        self.at_hand.iter().any(|known| {
            let key = known.cert.primary_key().key();
            named.contains(&key.fingerprint())
                && issuers.iter().any(|by| by.aliases(key.key_handle()))
                && verify(key).is_ok()
        })
    }

    /// A hard one always, a soft one from its creation on until the owner signs
    /// something newer.
    fn is_in_effect<'s>(
        &self,
        revocation: &Signature,
        time: SystemTime,
        mut own: impl Iterator<Item = &'s Signature>,
    ) -> bool {
        let made = revocation.signature_creation_time();
        RevocationKind::of(revocation) == RevocationKind::Hard
            || made.is_some_and(|made| made <= time)
                && !own.any(|own| {
                    let own = own.signature_creation_time();
                    own > made && own.is_some_and(|own| own <= time)
                })
    }
}

type PrimaryKey = sequoia_openpgp::packet::Key<
    sequoia_openpgp::packet::key::PublicParts,
    sequoia_openpgp::packet::key::PrimaryRole,
>;

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

/// Those whom the owner named for revoking the certificate, in whose name there
/// is a revocation, and whose certificates are not at hand.
pub(super) fn absent_revokers(cert: &Cert, at_hand: &[Known]) -> Vec<KeyHandle> {
    let by_others: Vec<KeyHandle> = cert
        .primary_key()
        .other_revocations()
        .chain(
            cert.keys()
                .subkeys()
                .flat_map(|subkey| subkey.bundle().other_revocations()),
        )
        .flat_map(|revocation| revocation.get_issuers())
        .collect();
    if by_others.is_empty() {
        return Vec::new();
    }
    revokers(cert)
        .map(KeyHandle::from)
        .filter(|revoker| by_others.iter().any(|issuer| issuer.aliases(revoker)))
        .filter(|revoker| {
            !at_hand
                .iter()
                .any(|known| known.cert.key_handle().aliases(revoker))
        })
        .collect()
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

/// What the owner says about the primary key.
fn self_signatures(cert: &Cert) -> impl Iterator<Item = &Signature> {
    cert.primary_key()
        .self_signatures()
        .chain(cert.userids().flat_map(|id| id.self_signatures()))
}

/// Whom the owner named (RFC 9580, section 5.2.3.23).
fn revokers(cert: &Cert) -> impl Iterator<Item = Fingerprint> {
    self_signatures(cert)
        .flat_map(|signature| signature.revocation_keys())
        .map(|revoker| revoker.revoker().1.clone())
}
