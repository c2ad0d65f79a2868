//! Takes in certificates for a key that was asked for.

use std::collections::BTreeSet;
use std::time::SystemTime;

use sequoia_openpgp::{Fingerprint, KeyHandle};

use super::accept::{assemble, keep_of};
use super::binding::{Standing, reference_time};
use super::judge::{Judge, designated, revoked_subkeys};
use super::reduce::RawCert;
use super::verify::verify_all;
use super::work::Work;
use super::{Filter, Kept};
use crate::keys::PrimaryKey;
use crate::status::has_self_signature;
use crate::{Reason, Rejection};

/// Verifies, looks whether the key belongs to it, judges, and drops User IDs
/// that are revoked or that nobody bound.
pub(super) fn accept(
    filter: &Filter,
    raw: &RawCert<'_>,
    keys: &[(Fingerprint, PrimaryKey)],
    (key, now): (&KeyHandle, SystemTime),
    work: &Work<'_>,
) -> Result<Kept, Rejection> {
    let refuse =
        |reason, detail: &str| Rejection::new(Some(raw.fingerprint.clone()), reason, detail);
    let mut checked = verify_all(raw, keys, &filter.limits, work)?;
    // Anybody can add a stranger's subkey; it is there where the owner bound it.
    checked.subkeys.retain(|subkey| !subkey.bindings.is_empty());
    let is_asked = |fingerprint: Fingerprint| KeyHandle::from(fingerprint).aliases(key);
    let mut subkeys = checked.subkeys.iter();
    if !is_asked(raw.fingerprint.clone())
        && !subkeys.any(|subkey| is_asked(subkey.key.fingerprint()))
    {
        return Err(refuse(Reason::OtherKey, ""));
    }

    let time = reference_time(&checked, now);
    let keep: BTreeSet<Vec<u8>> = checked
        .user_ids
        .iter()
        .filter(|user_id| matches!(user_id.standing(time), Standing::Bound(_)))
        .map(|user_id| user_id.id.value().to_vec())
        .collect();
    let designated = designated(&checked, time).cloned();
    let revoked_subkeys = revoked_subkeys(&checked, time);
    let judge = Judge {
        policy: &*filter.policy,
        time,
        bound: None,
        designated: designated.as_ref(),
        revoked_subkeys: &revoked_subkeys,
    };
    let (mut notes, is_cut) = (std::mem::take(&mut checked.notes), checked.is_cut);
    let whole = assemble(checked).map_err(|error| refuse(Reason::Malformed, &error.to_string()))?;
    if !has_self_signature(&whole) {
        notes.push(UNKNOWN_EXPIRATION.to_owned());
    }
    Ok(keep_of(raw, whole, &keep, &judge, (notes, is_cut)))
}

const UNKNOWN_EXPIRATION: &str =
    "It came without the signatures that would tell when it expires and what it may be used for.";
