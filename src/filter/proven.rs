//! A certificate that is held, without what its owner did not sign.
//!
//! sequoia verifies the self-signatures of a certificate when they are asked for,
//! all of them, and whoever wrote the file that a certificate came from says how
//! many these are. Here they are verified first, within limits and until told to
//! stop; what is judged afterwards costs no more arithmetic.

use std::cmp::Reverse;
use std::sync::atomic::AtomicBool;

use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::types::SignatureType;
use sequoia_openpgp::{Cert, KeyHandle};

use super::verifier::{Over, Verdict, Verifier};
use super::work::{TooMany, Work};
use crate::algorithms;
use crate::keys::Subkey;

/// Forgeries that are tried. A certificate that was passed on for decades has a
/// handful of broken signatures.
const MAX_FAILURES: usize = 64;
/// Units as in [`Limits::verifications`](super::Limits::verifications): more than for
/// an answer, because what a caller holds may have grown for long.
const MAX_WORK: usize = 256 << 10;

/// What is left of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Proven {
    /// Its self-signatures verify, except for those on User Attributes, which
    /// nobody looks at. Signatures by others are there as they were.
    pub(crate) cert: Cert,
    /// It holds more than was looked at: a revocation may be among that.
    pub(crate) is_cut: bool,
}

/// What a person should know where [`Proven::is_cut`].
pub(crate) const CUT: &str = "It holds more self-signatures that do not verify than are looked at: how it stands cannot \
     be told.";

/// What a signature stands behind.
enum Component {
    Key,
    UserId(UserID),
    Subkey(Subkey),
    Other,
}

/// Drops self-signatures that do not verify. Revocations are looked at first, then
/// what is newest.
pub(crate) fn proven(cert: Cert, stop: &AtomicBool) -> Proven {
    let key = cert.primary_key().key().clone();
    let handle = cert.key_handle();
    let packets: Vec<Packet> = cert
        .clone()
        .strip_secret_key_material()
        .into_packets()
        .collect();
    let mut own = Vec::new();
    let mut component = Component::Key;
    let mut components = Vec::new();
    for (at, packet) in packets.iter().enumerate() {
        match packet {
            Packet::Signature(signature) if is_by(signature, &handle) => {
                own.push((at, components.len(), signature));
                continue;
            }
            Packet::Signature(_) => continue,
            Packet::PublicKey(_) => continue,
            _ => {}
        }
        let next = match packet {
            Packet::UserID(id) => Component::UserId(id.clone()),
            Packet::PublicSubkey(key) => Component::Subkey(key.clone()),
            _ => Component::Other,
        };
        components.push(std::mem::replace(&mut component, next));
    }
    components.push(component);
    own.sort_by_key(|(_, _, signature)| rank(signature));

    // What nobody can compute costs nothing.
    if !algorithms::is_oversized(&key) && !algorithms::is_computable(&key) {
        return Proven {
            cert,
            is_cut: false,
        };
    }
    let work = Work::new(MAX_WORK, stop);
    let mut look = Look {
        verifier: Verifier::new(&key, MAX_FAILURES, &work),
        work: &work,
    };
    let mut is_cut = algorithms::is_oversized(&key) && !own.is_empty();
    let mut drops = vec![false; packets.len()];
    for (at, component, signature) in own {
        let holds = match is_cut {
            true => false,
            false => look
                .holds(signature, &components[component])
                .unwrap_or_else(|_| {
                    is_cut = true;
                    false
                }),
        };
        drops[at] = !holds;
    }
    if !drops.contains(&true) {
        return Proven { cert, is_cut };
    }
    let kept = packets.into_iter().zip(drops);
    let kept = kept.filter_map(|(packet, drop)| (!drop).then_some(packet));
    match Cert::from_packets(kept) {
        Ok(cert) => Proven { cert, is_cut },
        // It has its primary key, so this does not happen; if it does, nothing of
        // it is judged.
        Err(_) => Proven { cert, is_cut: true },
    }
}

struct Look<'l> {
    verifier: Verifier<'l>,
    work: &'l Work<'l>,
}

impl Look<'_> {
    fn holds(&mut self, signature: &Signature, of: &Component) -> Result<bool, TooMany> {
        self.work.go_on()?;
        let over = match of {
            Component::Key => Over::Key,
            Component::UserId(id) => Over::UserId(id),
            Component::Subkey(subkey) if algorithms::is_oversized(subkey) => return Ok(false),
            Component::Subkey(subkey) => Over::Subkey(subkey),
            Component::Other => return Ok(true),
        };
        // What stands in the wrong place is no forgery.
        Ok(self.verifier.may_be_about(signature, over)?
            && self.verifier.check(signature, over)? == Verdict::Good)
    }
}

/// Whether it claims to be a self-signature, as sequoia takes it.
fn is_by(signature: &Signature, owner: &KeyHandle) -> bool {
    let issuers = signature.get_issuers();
    issuers.is_empty() || issuers.iter().any(|issuer| issuer.aliases(owner))
}

fn rank(signature: &Signature) -> (bool, bool, Reverse<Option<std::time::SystemTime>>) {
    let is_revocation = matches!(
        signature.typ(),
        SignatureType::KeyRevocation
            | SignatureType::SubkeyRevocation
            | SignatureType::CertificationRevocation
    );
    (
        !is_revocation,
        // Those of the key say most.
        signature.typ() != SignatureType::KeyRevocation,
        Reverse(signature.signature_creation_time()),
    )
}
