//! Verifies what a certificate says about itself, revocations first, and drops
//! what fails. What verifies here is remembered by sequoia, so that its own
//! look at the certificate costs a hash and no second arithmetic.

use std::collections::BTreeSet;

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::{Packet, Signature, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::policy::HashAlgoSecurity;

use super::algorithms;
use super::checked::{Checked, CheckedSubkey, CheckedUserId};
use super::deciding::{Decided, Deciding};
use super::keys::{PrimaryKey, Subkey};
use super::limits::Limits;
use super::packets::RawPacket;
use super::reduce::{RawCert, RawSubkey};
use super::revokers::revoked_by_others;
use super::signature::Head;
use super::verifier::{Over, Verdict, Verifier, signature, signatures};
use super::work::{TooMany, Work};

/// How much is verified, beside the revocations.
#[derive(Clone, Copy, Debug)]
pub(super) enum Depth<'d> {
    /// Every self-signature: old messages may hang on it.
    All,
    /// What decides how each component stands; of the rest, as much of what is
    /// kept as half the work pays for.
    Deciding(Deciding<'d>),
}

/// Verifies a certificate. `keys` are the primary keys that came with the same
/// answer: among them may be a designated revoker's.
pub(super) fn verify(
    cert: &RawCert<'_>,
    keys: &[(Fingerprint, PrimaryKey)],
    limits: &Limits,
    depth: Depth<'_>,
    work: &Work<'_>,
) -> Result<Checked, TooMany> {
    let mut verifier = Verifier::new(&cert.key, limits.failed_verifications, work);
    let subkeys = subkeys(cert)?;
    let mut checked = revocations(cert, &subkeys, &mut verifier)?;

    let mut look = Look {
        depth,
        revokers: BTreeSet::new(),
        verifier: &mut verifier,
    };
    let own = look.bindings(&cert.signatures, Over::Key, cert.key.hash_algo_security())?;
    checked.direct = own.good;
    let mut rests = vec![(Place::Key, own.rest)];
    for (at, (key, raw)) in subkeys.iter().enumerate() {
        let security = key.hash_algo_security();
        let bound = look.bindings(&raw.signatures, Over::Subkey(key), security)?;
        checked.subkeys[at].bindings = bound.good;
        rests.push((Place::Subkey(at), bound.rest));
    }
    for (at, raw) in cert.user_ids.iter().enumerate() {
        let user_id = &mut checked.user_ids[at];
        let security = user_id.id.hash_algo_security();
        let bound = look.bindings(&raw.signatures, Over::UserId(&user_id.id), security)?;
        user_id.bindings = bound.good;
        user_id.uncomputable |= bound.uncomputable;
        rests.push((Place::UserId(at), bound.rest));
    }

    let foreign: Vec<_> = subkeys.iter().map(|(_, raw)| &raw.foreign[..]).collect();
    revoked_by_others(&mut checked, &mut verifier, cert, &foreign, keys)?;
    history(&mut checked, rests, &mut verifier, work);
    Ok(checked)
}

fn subkeys<'r, 'a>(cert: &'r RawCert<'a>) -> Result<Vec<(Subkey, &'r RawSubkey<'a>)>, TooMany> {
    let subkeys: Vec<_> = cert
        .subkeys
        .iter()
        .filter_map(|raw| match Packet::from_bytes(raw.packet.bytes()) {
            Ok(Packet::PublicSubkey(key)) => Some((key, raw)),
            _ => None,
        })
        .collect();
    match subkeys.iter().any(|(key, _)| algorithms::is_oversized(key)) {
        true => Err(TooMany("an oversized subkey")),
        false => Ok(subkeys),
    }
}

/// The components, with the revocations that verify.
fn revocations(
    cert: &RawCert<'_>,
    subkeys: &[(Subkey, &RawSubkey<'_>)],
    verifier: &mut Verifier<'_>,
) -> Result<Checked, TooMany> {
    let mut checked = Checked {
        key: cert.key.clone(),
        direct: Vec::new(),
        revocations: Vec::new(),
        user_ids: Vec::new(),
        subkeys: Vec::new(),
        designated: Vec::new(),
        unverified: Vec::new(),
        notes: cert.notes.clone(),
    };
    let (good, uncomputable) = good_revocations(&cert.signatures, Over::Key, verifier)?;
    checked.revocations = good;
    if uncomputable {
        checked.note(UNCHECKED_REVOCATION);
    }
    for (key, raw) in subkeys {
        let over = Over::Subkey(key);
        let (revocations, uncomputable) = good_revocations(&raw.signatures, over, verifier)?;
        if uncomputable {
            checked.note(UNCHECKED_ON_SUBKEY);
        }
        checked.subkeys.push(CheckedSubkey {
            key: key.clone(),
            bindings: Vec::new(),
            revocations,
            designated: Vec::new(),
            unverified: Vec::new(),
        });
    }
    for raw in &cert.user_ids {
        let id = UserID::from(raw.packet.body());
        let over = Over::UserId(&id);
        let (revocations, uncomputable) = good_revocations(&raw.signatures, over, verifier)?;
        if uncomputable {
            checked.note(UNCHECKED_ON_USER_ID);
        }
        checked.user_ids.push(CheckedUserId {
            id,
            matches: raw.matches,
            keeps: raw.keeps,
            bindings: Vec::new(),
            revocations,
            uncomputable: uncomputable || raw.has_unknown,
        });
    }
    Ok(checked)
}

/// The revocations of one component that verify, and whether there is one that
/// nobody here can compute.
fn good_revocations(
    all: &[RawPacket<'_>],
    over: Over<'_>,
    verifier: &mut Verifier<'_>,
) -> Result<(Vec<Signature>, bool), TooMany> {
    let (mut good, mut uncomputable) = (Vec::new(), false);
    for signature in signatures(&of_sort(all, true)) {
        match verifier.check(&signature, over)? {
            Verdict::Good => good.push(signature),
            Verdict::Uncomputable => uncomputable = true,
            Verdict::Bad => {}
        }
    }
    Ok((good, uncomputable))
}

/// Looks at what else the owner says.
struct Look<'l, 'k> {
    depth: Depth<'l>,
    /// Whom the owner named.
    revokers: BTreeSet<Fingerprint>,
    verifier: &'l mut Verifier<'k>,
}

impl Look<'_, '_> {
    fn bindings<'a>(
        &mut self,
        all: &[RawPacket<'a>],
        over: Over<'_>,
        security: HashAlgoSecurity,
    ) -> Result<Decided<'a>, TooMany> {
        let bindings = of_sort(all, false);
        if let Depth::Deciding(deciding) = self.depth {
            if let Over::Subkey(subkey) = over
                && deciding.is_dead(subkey, &bindings)
            {
                return Ok(Decided {
                    rest: bindings,
                    ..Decided::default()
                });
            }
            let verify = |signature: &Signature| self.verifier.check(signature, over);
            return deciding.look(bindings.into_iter(), security, &mut self.revokers, verify);
        }
        let mut decided = Decided::default();
        for signature in signatures(&bindings) {
            match self.verifier.check(&signature, over)? {
                Verdict::Good => decided.good.push(signature),
                Verdict::Uncomputable => decided.uncomputable = true,
                Verdict::Bad => {}
            }
        }
        Ok(decided)
    }
}

/// Where a signature belongs.
#[derive(Clone, Copy)]
enum Place {
    Key,
    Subkey(usize),
    UserId(usize),
}

/// Takes in what decides nothing today, and does for older messages, as far as
/// that costs little. Where there is an end of it, nothing is wrong.
fn history(
    checked: &mut Checked,
    rests: Vec<(Place, Vec<RawPacket<'_>>)>,
    verifier: &mut Verifier<'_>,
    work: &Work<'_>,
) {
    for (place, rest) in rests {
        for packet in rest {
            if !work.has_half() {
                return;
            }
            let Some(signature) = signature(&packet) else {
                continue;
            };
            let (over, list) = match place {
                Place::Key => (Over::Key, &mut checked.direct),
                Place::Subkey(at) => {
                    let subkey = &mut checked.subkeys[at];
                    (Over::Subkey(&subkey.key), &mut subkey.bindings)
                }
                Place::UserId(at) => {
                    let user_id = &mut checked.user_ids[at];
                    if !user_id.keeps {
                        break;
                    }
                    (Over::UserId(&user_id.id), &mut user_id.bindings)
                }
            };
            match verifier.check(&signature, over) {
                Ok(Verdict::Good) => list.push(signature),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

const UNCHECKED_REVOCATION: &str =
    "It carries a revocation whose algorithm cannot be computed, which was not counted.";
const UNCHECKED_ON_SUBKEY: &str = "It carries a revocation of a subkey whose algorithm cannot be \
     computed, which was not counted.";
const UNCHECKED_ON_USER_ID: &str = "It carries a revocation of a User ID whose algorithm cannot \
     be computed, which was not counted.";

fn of_sort<'a>(all: &[RawPacket<'a>], revocations: bool) -> Vec<RawPacket<'a>> {
    let is_revocation =
        |packet: &RawPacket<'_>| Head::parse(packet.body()).map(|head| head.is_revocation());
    all.iter()
        .filter(|packet| is_revocation(packet) == Some(revocations))
        .copied()
        .collect()
}
