//! Verifies what a certificate says about itself, revocations first, and drops
//! what fails. What verifies here is remembered by sequoia, so that its own
//! look at the certificate costs a hash and no second arithmetic.

use std::collections::BTreeSet;

use sequoia_openpgp::Fingerprint;
use sequoia_openpgp::packet::{Signature, UserID};
use sequoia_openpgp::policy::HashAlgoSecurity;

use super::checked::{Checked, CheckedSubkey, CheckedUserId};
use super::deciding::{Decided, Deciding};
use super::limits::Limits;
use super::misplaced::{UNCHECKED_ON_SUBKEY, UNCHECKED_ON_USER_ID, misplaced};
use super::packets::RawPacket;
use super::primary::Primary;
use super::reduce::{RawCert, RawSubkey};
use super::revokers::Others;
use super::search::Search;
use super::signature::Head;
use super::subkeys::Subkeys;
use super::verifier::{Over, Verdict, Verifier, signature, signatures};
use super::work::{TooMany, Work};
use crate::algorithms;
use crate::keys::{PrimaryKey, Subkey};
use crate::{Reason, Rejection};

/// How much is verified, beside the revocations.
#[derive(Clone, Copy, Debug)]
pub(super) enum Depth<'d> {
    /// Every self-signature: old messages may hang on it.
    All,
    /// What decides how each component stands; of the rest, as much of what is
    /// kept as half the work pays for.
    Deciding(Deciding<'d>),
}

impl<'d> Depth<'d> {
    fn deciding(self) -> Option<Deciding<'d>> {
        match self {
            Self::All => None,
            Self::Deciding(deciding) => Some(deciding),
        }
    }
}

/// Verifies all of a certificate, or refuses it.
pub(super) fn verify_all(
    cert: &RawCert<'_>,
    keys: &[(Fingerprint, PrimaryKey)],
    limits: &Limits,
    work: &Work<'_>,
) -> Result<Checked, Rejection> {
    let refuse =
        |reason, detail: &str| Rejection::new(Some(cert.fingerprint.clone()), reason, detail);
    if let Some(limit) = &cert.too_large {
        return Err(refuse(Reason::TooLarge, limit));
    }
    if !algorithms::is_computable(&cert.key) {
        return Err(refuse(Reason::UnsupportedAlgorithm, ""));
    }
    verify(cert, keys, limits, Depth::All, work).map_err(|limit| refuse(Reason::TooLarge, limit.0))
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
    let subkeys = Subkeys::of(cert)?;
    let mut search = Search::new();
    let mut checked = revocations(cert, &subkeys.read, &mut verifier, &mut search)?;

    let mut look = Look {
        depth,
        revokers: BTreeSet::new(),
        verifier: &mut verifier,
    };
    let own = look.bindings(&cert.signatures, Over::Key, cert.key.hash_algo_security())?;
    checked.direct = own.good;
    let mut rests = vec![(Place::Key, own.rest)];
    for (at, (key, raw)) in subkeys.read.iter().enumerate() {
        let security = key.hash_algo_security();
        let bound = look.bindings(&raw.signatures, Over::Subkey(key), security)?;
        checked.subkeys[at].bindings = bound.good;
        rests.push((Place::Subkey(at), bound.rest));
    }
    let mut primary = Primary::of(cert, depth.deciding());
    // Those that are kept come first, then the others, the most important before.
    for (at, raw) in cert.user_ids.iter().enumerate() {
        if primary.is_not(raw) {
            continue;
        }
        let user_id = &mut checked.user_ids[at];
        let security = user_id.id.hash_algo_security();
        let bound = look.bindings(&raw.signatures, Over::UserId(&user_id.id), security)?;
        user_id.bindings = bound.good;
        user_id.uncomputable |= bound.uncomputable;
        if user_id.revocations.is_empty() && !user_id.uncomputable {
            primary.offer(raw, &user_id.bindings, security);
        }
        rests.push((Place::UserId(at), bound.rest));
    }

    let mut room = cert.room;
    let mut others = Others {
        cert,
        keys,
        verifier: &mut verifier,
        search: &mut search,
        room: &mut room,
    };
    others.revoke(&mut checked, &subkeys)?;
    misplaced(
        &mut checked,
        &mut search,
        &mut verifier,
        &subkeys,
        &mut room,
    );
    history(&mut checked, rests, &mut verifier, work);
    Ok(checked)
}

/// The components, with the revocations that verify.
fn revocations(
    cert: &RawCert<'_>,
    subkeys: &[(Subkey, &RawSubkey<'_>)],
    verifier: &mut Verifier<'_>,
    search: &mut Search,
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
        is_cut: false,
    };
    let mut look = Revocations {
        verifier,
        search,
        moved: Vec::new(),
    };
    let (good, uncomputable) = look.good(&cert.signatures, Over::Key, &[])?;
    checked.revocations = good;
    if uncomputable {
        checked.note(UNCHECKED_REVOCATION);
    }
    let places: Vec<_> = subkeys.iter().map(|(key, _)| Over::Subkey(key)).collect();
    for (key, raw) in subkeys {
        let over = Over::Subkey(key);
        let (revocations, uncomputable) = look.good(&raw.signatures, over, &places)?;
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
    for (at, signature) in std::mem::take(&mut look.moved) {
        checked.subkeys[at].revocations.push(signature);
    }
    let ids = cert.user_ids.iter().filter(|raw| raw.keeps);
    let ids: Vec<_> = ids.map(|raw| UserID::from(raw.packet.body())).collect();
    let places: Vec<_> = ids.iter().map(Over::UserId).collect();
    for raw in &cert.user_ids {
        let id = UserID::from(raw.packet.body());
        let over = Over::UserId(&id);
        // Else it was set aside, and is tried later.
        let places = if raw.matches { &places[..] } else { &[] };
        let (revocations, uncomputable) = look.good(&raw.signatures, over, places)?;
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
    let mut kept: Vec<_> = checked.user_ids.iter_mut().filter(|id| id.keeps).collect();
    for (at, signature) in look.moved {
        kept[at].revocations.push(signature);
    }
    Ok(checked)
}

/// Looks at the revocations of one component after the other.
struct Revocations<'l, 'k> {
    verifier: &'l mut Verifier<'k>,
    search: &'l mut Search,
    /// Those that verify for another place than that where they stand.
    moved: Vec<(usize, Signature)>,
}

impl Revocations<'_, '_> {
    /// Those that verify, and whether there is one that nobody here can compute.
    /// One that is about something else is tried for the other `places`.
    fn good(
        &mut self,
        all: &[RawPacket<'_>],
        over: Over<'_>,
        places: &[Over<'_>],
    ) -> Result<(Vec<Signature>, bool), TooMany> {
        let (mut good, mut uncomputable) = (Vec::new(), false);
        for signature in signatures(&of_sort(all, true)) {
            match self.verifier.look(&signature, over)? {
                Verdict::Good => good.push(self.verifier.owned(signature)),
                Verdict::Uncomputable => uncomputable = true,
                Verdict::Bad => {}
                // A key revocation may stand here and be about another key.
                Verdict::Elsewhere if matches!(over, Over::Key) => {}
                Verdict::Elsewhere => {
                    let places = places.iter().copied();
                    match self.search.place(&signature, places, self.verifier)? {
                        Some(at) => self.moved.push((at, self.verifier.owned(signature))),
                        None => drop(self.verifier.fail()?),
                    }
                }
            }
        }
        Ok((good, uncomputable))
    }
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
                Verdict::Bad | Verdict::Elsewhere => {}
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

fn of_sort<'a>(all: &[RawPacket<'a>], revocations: bool) -> Vec<RawPacket<'a>> {
    let is_revocation =
        |packet: &RawPacket<'_>| Head::parse(packet.body()).map(|head| head.is_revocation());
    all.iter()
        .filter(|packet| is_revocation(packet) == Some(revocations))
        .copied()
        .collect()
}
