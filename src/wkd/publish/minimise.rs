//! What is published of a certificate: its keys, the User IDs of the address, and
//! what their owner says about them.

use std::time::SystemTime;

use sequoia_openpgp::cert::amalgamation::UserIDAmalgamation;
use sequoia_openpgp::cert::amalgamation::key::SubordinateKeyAmalgamation;
use sequoia_openpgp::cert::bundle::ComponentBundle;
use sequoia_openpgp::packet::key::PublicParts;
use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, Fingerprint};

use super::claimed::Claimed;
use super::rules::{Rules, others_revoke};
use crate::filter::lean;
use crate::status::{EveryAlgorithm, SelfRevocationsCount, revokers};

/// The certificate with these User IDs, in its least form by the rules.
///
/// Signatures are verified one by one, newest first: most are never looked at.
/// Subkeys are live that are so at the time `alive`.
pub(super) fn minimise(
    cert: &Cert,
    ids: &[UserIDAmalgamation<'_>],
    claimed: &Claimed,
    rules: &Rules,
    (time, alive): (SystemTime, SystemTime),
) -> sequoia_openpgp::Result<Cert> {
    let minimiser = Minimiser {
        rules,
        policy: SelfRevocationsCount(&*rules.policy),
        time,
        alive,
        claimed,
        revokers: match others_revoke(cert) {
            true => revokers::revokers(cert),
            false => Vec::new(),
        },
    };
    Cert::from_packets(minimiser.packets(cert, ids).into_iter())
}

#[derive(Debug)]
struct Minimiser<'r> {
    rules: &'r Rules,
    policy: SelfRevocationsCount<'r>,
    time: SystemTime,
    alive: SystemTime,
    claimed: &'r Claimed,
    /// Whom the owner named for revoking it.
    revokers: Vec<Fingerprint>,
}

impl Minimiser<'_> {
    fn packets(&self, cert: &Cert, ids: &[UserIDAmalgamation<'_>]) -> Vec<Packet> {
        let primary = cert.primary_key();
        let mut packets = vec![Packet::from(primary.key().clone())];
        self.signatures(
            primary.bundle(),
            self.direct(primary.bundle()),
            &mut packets,
        );
        for user_id in ids {
            let times = self.claimed.of_user_id(user_id.userid());
            packets.push(user_id.userid().clone().into());
            let bindings = self.bindings(user_id.bundle(), Some(times));
            self.signatures(user_id.bundle(), bindings, &mut packets);
        }
        for photo in cert.user_attributes() {
            let is_bound = photo.binding_signature(&self.policy, self.time).is_ok();
            let standing = photo.revocation_status(&self.policy, self.time);
            let is_revoked = matches!(standing, RevocationStatus::Revoked(_));
            if self.rules.keep.user_attributes && is_bound && !is_revoked {
                packets.push(photo.user_attribute().clone().into());
                let bindings = self.bindings(photo.bundle(), None);
                self.signatures(photo.bundle(), bindings, &mut packets);
            }
        }
        for subkey in cert.keys().subkeys() {
            self.subkey(&subkey, &mut packets);
        }
        packets
    }

    /// A revoked subkey is kept, so that those who have it learn of that.
    fn subkey(
        &self,
        subkey: &SubordinateKeyAmalgamation<'_, PublicParts>,
        packets: &mut Vec<Packet>,
    ) {
        let bundle = subkey.bundle();
        let Some(newest) = self.newest(bundle) else {
            return;
        };
        let is_sound = bundle.binding_signature(&self.policy, self.time).is_ok();
        let is_alive = newest.key_alive(subkey.key(), self.alive).is_ok();
        let is_revoked =
            bundle.self_revocations().next().is_some() || self.designated(bundle).next().is_some();
        if !(is_sound && is_alive || is_revoked || self.rules.keep.expired_subkeys) {
            return;
        }
        let signs = newest.key_flags().is_some_and(|flags| flags.for_signing());
        let fingerprint = subkey.key().fingerprint();
        let times = signs.then(|| self.claimed.of_subkey(&fingerprint));
        let bindings = self.bindings(bundle, times);
        if bindings.iter().any(|s| s.exportable().is_ok()) {
            packets.push(subkey.key().clone().into());
            self.signatures(bundle, bindings, packets);
        }
    }

    /// Direct-key signatures: where only the newest are asked for, those too that
    /// name a designated revoker, who stays one.
    fn direct<'c, C>(&self, bundle: &'c ComponentBundle<C>) -> Vec<&'c Signature> {
        let own = bundle.self_signatures();
        if !self.rules.newest_only || self.rules.keep.old_self_signatures {
            return own.collect();
        }
        let newest = self.newest(bundle);
        own.filter(|s| Some(*s) == newest || s.revocation_keys().next().is_some())
            .collect()
    }

    /// The newest binding signature; and, where they are given the times that
    /// self-signatures claim, the oldest: without it nothing that was signed before
    /// the newest could be verified.
    fn bindings<'c, C>(
        &self,
        bundle: &'c ComponentBundle<C>,
        times: Option<&[SystemTime]>,
    ) -> Vec<&'c Signature> {
        if self.rules.keep.old_self_signatures {
            return bundle.self_signatures().collect();
        }
        let mut bindings: Vec<_> = self.newest(bundle).into_iter().collect();
        if !self.rules.newest_only {
            let mut at = times.unwrap_or_default().iter();
            // At the time at which it was made, the oldest was the newest.
            bindings.extend(at.find_map(|&at| bundle.binding_signature(&self.policy, at).ok()));
        }
        if !self.revokers.is_empty() {
            let own = bundle.self_signatures();
            bindings.extend(own.filter(|s| s.revocation_keys().next().is_some()));
        }
        bindings
    }

    /// The binding signature in force; one that is too weak where there is no other.
    fn newest<'c, C>(&self, bundle: &'c ComponentBundle<C>) -> Option<&'c Signature> {
        bundle
            .binding_signature(&self.policy, self.time)
            .or_else(|_| bundle.binding_signature(&EveryAlgorithm, self.time))
            .ok()
    }

    /// Revocations in the name of those whom the owner named for it.
    fn designated<'c, C>(
        &self,
        bundle: &'c ComponentBundle<C>,
    ) -> impl Iterator<Item = &'c Signature> {
        bundle
            .other_revocations()
            .filter(|s| self.revokers.iter().any(|by| revokers::claims(s, by)))
    }

    /// What is said about a component, beside what binds it. Doubles do no harm:
    /// they become one where a certificate is made of the packets.
    fn signatures<C>(
        &self,
        bundle: &ComponentBundle<C>,
        bindings: Vec<&Signature>,
        packets: &mut Vec<Packet>,
    ) {
        let own = bundle.self_revocations().chain(bindings);
        let mut chosen: Vec<_> = own.chain(self.designated(bundle)).collect();
        if self.rules.keep.third_party_signatures {
            chosen.extend(bundle.approvals());
            chosen.extend(bundle.certifications());
            chosen.extend(bundle.other_revocations());
        }
        let may_go = chosen.into_iter().filter(|s| s.exportable().is_ok());
        // What nobody signed may say anything about anybody.
        packets.extend(may_go.cloned().map(lean).map(Packet::from));
    }
}
