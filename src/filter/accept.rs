//! Takes one certificate in, or refuses it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::{Cert, Fingerprint};

use super::binding::{Standing, reference_time};
use super::checked::Checked;
use super::deciding::Deciding;
use super::judge::{Judge, Judgement, designated, is_milder, revoked_subkeys};
use super::reduce::RawCert;
use super::verify::{Depth, verify};
use super::work::Work;
use super::{Filter, Kept, UserIdFilter};
use crate::keys::PrimaryKey;
use crate::{CertStatus, Reason, Rejection};

/// Verifies, decides whose it is, judges, and drops what was not asked for.
pub(super) fn accept(
    filter: &Filter,
    raw: &RawCert<'_>,
    keys: &[(Fingerprint, PrimaryKey)],
    now: SystemTime,
    work: &Work<'_>,
) -> Result<Kept, Rejection> {
    let refuse =
        |reason, detail: &str| Rejection::new(Some(raw.fingerprint.clone()), reason, detail);
    if !raw.matches {
        return Err(refuse(Reason::AddressNotCertified, "no User ID names it"));
    }
    if let Some(limit) = &raw.too_large {
        return Err(refuse(Reason::TooLarge, limit));
    }
    let deciding = Deciding {
        policy: &*filter.policy,
        now,
    };
    let depth = Depth::Deciding(deciding);
    let mut checked = verify(raw, keys, &filter.limits, depth, work)
        .map_err(|limit| refuse(Reason::TooLarge, limit.0))?;
    let time = reference_time(&checked, now);

    let mut bound = Vec::new();
    let mut keep = BTreeSet::new();
    let mut worst = Standing::Unbound;
    for user_id in &checked.user_ids {
        let standing = user_id.standing(time);
        if let Standing::Bound(from) = standing {
            if user_id.matches {
                bound.push((user_id.id.clone(), from));
            }
            if user_id.matches || filter.user_ids == UserIdFilter::All {
                keep.insert(user_id.id.value().to_vec());
            }
        } else if user_id.matches && worst != Standing::Uncomputable {
            worst = standing;
        }
    }
    if bound.is_empty() {
        return Err(match worst {
            Standing::Uncomputable => refuse(Reason::UnsupportedAlgorithm, ""),
            Standing::Revoked => refuse(Reason::AddressNotCertified, "its User ID is revoked"),
            _ => refuse(
                Reason::AddressNotCertified,
                "its User ID carries no valid self-signature",
            ),
        });
    }

    checked.subkeys.retain(|subkey| !subkey.bindings.is_empty());
    let designated = designated(&checked, time).cloned();
    let revoked_subkeys = revoked_subkeys(&checked, time);
    let judge = Judge {
        policy: &*filter.policy,
        time,
        bound: Some(&bound),
        designated: designated.as_ref(),
        revoked_subkeys: &revoked_subkeys,
    };
    let notes = (std::mem::take(&mut checked.notes), checked.is_cut);
    let whole = assemble(checked).map_err(|error| refuse(Reason::Malformed, &error.to_string()))?;
    Ok(keep_of(raw, whole, &keep, &judge, notes))
}

/// What is handed out of a certificate, and how it stands.
pub(super) fn keep_of(
    raw: &RawCert<'_>,
    whole: Cert,
    keep: &BTreeSet<Vec<u8>>,
    judge: &Judge<'_>,
    (mut notes, is_cut): (Vec<String>, bool),
) -> Kept {
    let (cert, judgement) = reduce(whole, keep, judge, &mut notes);
    Kept {
        user_ids_dropped: raw.user_id_count.saturating_sub(keep.len()),
        cert,
        status: judgement.status,
        can_encrypt: judgement.can_encrypt,
        notes,
        is_cut: raw.is_cut || is_cut,
    }
}

/// Drops the other User IDs. What was judged with them stands; where the
/// certificate promises something else without them, a note says so.
fn reduce(
    whole: Cert,
    keep: &BTreeSet<Vec<u8>>,
    judge: &Judge<'_>,
    notes: &mut Vec<String>,
) -> (Cert, Judgement) {
    let mut judgement = judge.judge(&whole);
    if whole.userids().all(|id| keep.contains(id.userid().value())) {
        return (whole, judgement);
    }
    let cert = whole.retain_userids(|id| keep.contains(id.userid().value()));
    let alone = judge.judge(&cert);
    if is_milder(&alone, &judgement) {
        notes.push(format!(
            "Its status hangs on a User ID that was dropped: without that one it would be {}.",
            describe(&alone)
        ));
    } else if is_milder(&judgement, &alone) {
        notes.push(format!(
            "Its status hangs on a User ID that was dropped: software that sees it without that \
             one may take it for {}.",
            describe(&alone)
        ));
    }
    // Whoever encrypts has to find the key in what is handed out.
    judgement.can_encrypt &= alone.can_encrypt;
    (cert, judgement)
}

fn describe(judgement: &Judgement) -> String {
    match (&judgement.status, judgement.can_encrypt) {
        (CertStatus::Valid, false) => "unable to encrypt".to_owned(),
        (CertStatus::Valid, true) => "valid and able to encrypt".to_owned(),
        (status, _) => status.to_string(),
    }
}

pub(super) fn assemble(checked: Checked) -> sequoia_openpgp::Result<Cert> {
    let mut packets = vec![Packet::PublicKey(checked.key)];
    let mut add = |component: Option<Packet>, signatures: Vec<Vec<_>>| {
        packets.extend(component);
        packets.extend(signatures.into_iter().flatten().map(Packet::Signature));
    };
    add(
        None,
        vec![
            checked.revocations,
            checked.direct,
            checked.designated,
            checked.unverified,
        ],
    );
    for user_id in checked.user_ids {
        add(
            Some(user_id.id.into()),
            vec![user_id.revocations, user_id.bindings],
        );
    }
    for subkey in checked.subkeys {
        add(
            Some(Packet::PublicSubkey(subkey.key)),
            vec![
                subkey.revocations,
                subkey.bindings,
                subkey.designated,
                subkey.unverified,
            ],
        );
    }
    Cert::from_packets(packets.into_iter())
}
