//! The answer of a key server, merged into a certificate that is held: nothing is
//! lost, nothing forged comes in, no revocation goes.

use std::collections::{BTreeSet, HashMap};

use http::{HeaderMap, StatusCode};
use openpgp_discovery::openpgp::serialize::MarshalInto;
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::transport::Response;
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{
    CertStatus, Change, ChangeKind, Limits, Refresh, RefreshOutcome, RevocationKind,
};

use super::filter::limits;
use crate::kept::assert_no_revocation_hidden;
use crate::net::{Answer, Net, block_on};
use crate::{Input, pool, program};

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let how = input.octet();
    let held = &input.pick(&pool::get().certs).cert;
    let lets_in = how & 1 != 0;
    let limits = limits(&mut input);
    let two = how & 2 != 0;
    let first = program::body(&mut if two {
        input.part()
    } else {
        Input::new(input.rest())
    });
    let refresh = |held: &Cert, body: &[u8]| refresh(held, body, limits, lets_in);

    let one = refresh(held, &first);
    check(held, &one, lets_in);
    if limits == Limits::default() && one.is_conclusive() {
        assert_no_revocation_hidden(one.cert(), one.after(), &first);
    }

    // Idempotent, unless a limit let in a part alone: the next time it is the rest.
    let again = refresh(one.cert(), &first);
    check(one.cert(), &again, lets_in);
    if one.is_conclusive() {
        assert_same(one.cert(), again.cert(), "the same news twice");
        assert_ne!(again.outcome(), RefreshOutcome::Updated);
        assert_eq!(again.after(), one.after());
    }

    if two {
        let second = program::body(&mut input);
        let both = refresh(one.cert(), &second);
        check(one.cert(), &both, lets_in);
        let other = refresh(held, &second);
        check(held, &other, lets_in);
        let reverse = refresh(other.cert(), &first);
        check(other.cert(), &reverse, lets_in);
        let whole = [&one, &both, &other, &reverse];
        let whole = whole.iter().all(|refresh| refresh.is_conclusive());
        if whole && limits == Limits::default() {
            assert_same(both.cert(), reverse.cert(), "the order of news matters");
            assert_eq!(both.after(), reverse.after());
        }
    }
    one.changes().len()
}

fn refresh(held: &Cert, body: &[u8], limits: Limits, lets_in: bool) -> Refresh {
    let says = Ok(Response::new(
        StatusCode::OK,
        HeaderMap::new(),
        body.to_vec(),
    ));
    let delay = std::time::Duration::ZERO;
    let net = Net::new(HashMap::new(), vec![Answer { delay, says }]);
    let locator = net
        .locator()
        .no_wkd()
        .limits(limits)
        .vks_budget(Budget::unlimited());
    let locator = locator
        .refresh_user_ids(move |_| lets_in)
        .build()
        .expect("a locator");
    block_on(locator.refresh(held))
}

fn check(held: &Cert, refresh: &Refresh, lets_in: bool) {
    let cert = refresh.cert();
    assert_eq!(cert.fingerprint(), held.fingerprint());
    assert_eq!(cert.is_tsk(), held.is_tsk(), "secret keys came or went");
    let (before, after) = (parts(held), parts(cert));
    for part in &before {
        assert!(after.contains(part), "lost");
    }
    let changes = refresh.changes();
    if refresh.outcome() == RefreshOutcome::Updated {
        assert!(!changes.is_empty(), "news that change nothing");
        assert_ne!(after, before);
    } else {
        let is_withheld = |change: &Change| change.kind() == ChangeKind::NewsWithheld;
        assert!(changes.iter().all(is_withheld), "{changes:?}");
        assert_eq!(after, before, "{:?}", refresh.outcome());
    }
    let hard = |status: &CertStatus| {
        status
            .revocation()
            .is_some_and(|r| r.kind() == RevocationKind::Hard)
    };
    if hard(refresh.before()) {
        assert!(
            hard(refresh.after()),
            "{} after a hard revocation",
            refresh.after()
        );
    }
    genuine(held, cert, lets_in);
}

/// They have the same packets; says which are in one of them alone.
fn assert_same(one: &Cert, other: &Cert, what: &str) {
    let (one, other) = (parts(one), parts(other));
    let alone: Vec<_> = one.symmetric_difference(&other).collect();
    assert!(alone.is_empty(), "{what}: {alone:02x?}");
}

/// What is new was signed by its owner.
fn genuine(held: &Cert, cert: &Cert, lets_in: bool) {
    let pool = pool::get();
    let truth = &pool.truths[&cert.fingerprint()];
    for user_id in cert.userids() {
        let is_held = held
            .userids()
            .any(|known| known.userid() == user_id.userid());
        assert!(is_held || lets_in, "{:?} came in", user_id.userid());
        assert!(is_held || truth.user_ids.contains(user_id.userid().value()));
    }
    let attributes = |cert: &Cert| cert.user_attributes().count();
    assert_eq!(
        attributes(cert),
        attributes(held),
        "a User Attribute came in"
    );
    for subkey in cert.keys().subkeys() {
        assert!(
            truth.subkeys.contains(&subkey.key().fingerprint()),
            "a forged subkey came in"
        );
    }
    for packet in cert.clone().into_packets() {
        if let Packet::Signature(signature) = packet {
            assert!(
                pool.is_genuine(&signature),
                "{signature:?} came in, and is forged"
            );
        }
    }
}

/// The packets, as a set; of signatures without what nobody signed.
fn parts(cert: &Cert) -> BTreeSet<Vec<u8>> {
    let packets = cert.clone().into_packets().map(|packet| match packet {
        Packet::Signature(signature) => {
            let mut part = b"signature".to_vec();
            part.push(signature.typ().into());
            part.extend(
                signature
                    .hashed_area()
                    .to_vec()
                    .expect("memory does not fail"),
            );
            part
        }
        packet => packet.to_vec().expect("memory does not fail"),
    });
    packets.collect()
}
