//! The answer of a directory, filtered for an address.

use std::time::Duration;

use openpgp_discovery::filter::{Filter, Filtered};
use openpgp_discovery::{EmailAddress, Limits, Reason, UserIdFilter};

use crate::kept::{assert_about, assert_genuine, assert_no_revocation_hidden, octets, severity};
use crate::{Input, pool, program};

const ADDRESSES: &[&str] = &[
    "alice@example.org",
    "Alice@EXAMPLE.org",
    "\"alice\"@example.org",
    "alice@example.net",
    "bob@example.org",
    "mallory@example.com",
    "\u{430}lice@example.org",
];

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let address: EmailAddress = input.pick(ADDRESSES).parse().expect("an address");
    let limits = limits(&mut input);
    let user_ids = *input.pick(&[UserIdFilter::Matching, UserIdFilter::All]);
    let filter = Filter::new()
        .limits(limits)
        .user_ids(user_ids)
        .time(time(&mut input));
    let body = program::body(&mut input);

    let filtered = filter.apply(&body, &address);
    check(&filtered, &body, &limits);
    for kept in filtered.kept() {
        match user_ids {
            UserIdFilter::Matching => assert_about(kept.cert(), &address),
            _ => assert!(kept.cert().userids().any(|id| {
                let named = EmailAddress::of_user_id(id.userid().value());
                named.is_some_and(|named| named.matches(&address))
            })),
        }
    }
    again(&filter, &address, &filtered);
    filtered.kept().len()
}

/// The usual limits, or small ones.
pub(crate) fn limits(input: &mut Input<'_>) -> Limits {
    let mut limits = Limits::default();
    let which = input.octet();
    let set = |bit: u8, limit: &mut usize, to| {
        if which & 1 << bit != 0 {
            *limit = to;
        }
    };
    set(0, &mut limits.packets, 20);
    set(1, &mut limits.certs, 2);
    set(2, &mut limits.cert, 1500);
    set(3, &mut limits.user_ids, 2);
    set(4, &mut limits.other_user_ids, 1);
    set(5, &mut limits.self_signatures, 2);
    set(6, &mut limits.failed_verifications, 2);
    set(7, &mut limits.verifications, 8);
    if which == 0xff {
        (limits.body, limits.body_by_key, limits.subkeys) = (3000, 3000, 2);
        limits.foreign_revocations = 1;
    }
    limits
}

/// The time of the pool, or one before or after.
pub(crate) fn time(input: &mut Input<'_>) -> std::time::SystemTime {
    const DAY: u64 = 24 * 3600;
    let days = |days| Duration::from_secs(days * DAY);
    match input.octet() % 8 {
        0..=4 => pool::now(),
        5 => pool::now() - days(175),
        6 => pool::now() + days(2000),
        _ => pool::now() - days(5000),
    }
}

/// What must hold whatever was asked.
pub(crate) fn check(filtered: &Filtered, body: &[u8], limits: &Limits) {
    assert!(
        !filtered.kept().is_empty() || !filtered.rejected().is_empty(),
        "neither kept nor rejected"
    );
    assert!(filtered.kept().len() <= limits.certs);
    let mut sum = 0;
    let mut fingerprints = Vec::new();
    for kept in filtered.kept() {
        let cert = kept.cert();
        assert_genuine(cert);
        if *limits == Limits::default() && !kept.is_cut() {
            assert_no_revocation_hidden(cert, kept.status(), body);
        }
        assert!(!kept.is_usable() || kept.can_encrypt() && kept.status().is_valid());
        assert!(
            !fingerprints.contains(&cert.fingerprint()),
            "twice the same certificate"
        );
        fingerprints.push(cert.fingerprint());
        assert!(cert.userids().count() <= limits.user_ids.max(1));
        assert!(cert.keys().subkeys().count() <= limits.subkeys);
        sum += octets(cert).len();
    }
    assert!(
        sum <= 2 * body.len() + 4096,
        "{} octets made {sum}",
        body.len()
    );
    let usable: Vec<_> = filtered
        .kept()
        .iter()
        .map(|kept| kept.is_usable())
        .collect();
    assert!(
        usable.is_sorted_by(|a, b| a >= b),
        "an unusable one before a usable one"
    );
    if filtered
        .rejected()
        .iter()
        .any(|r| r.reason() == Reason::TooMany)
    {
        assert!(
            *limits != Limits::default()
                || filtered.rejected().len() > 1
                || !filtered.kept().is_empty()
        );
    }
}

/// What came out goes through again, and comes out the same.
fn again(filter: &Filter, address: &EmailAddress, first: &Filtered) {
    let bodies: Vec<_> = first
        .kept()
        .iter()
        .map(|kept| octets(kept.cert()))
        .collect();
    for (kept, body) in first.kept().iter().zip(bodies) {
        let second = filter.apply(&body, address);
        let [same] = second.kept() else {
            panic!("kept once and not again: {:?}", second.rejected());
        };
        assert_eq!(octets(same.cert()), body, "not the same again");
        assert!(second.rejected().is_empty(), "{:?}", second.rejected());
        // What another User ID promised is told.
        let hangs = |note: &String| note.starts_with("Its status hangs on a User ID");
        assert!(
            severity(same.status()) <= severity(kept.status()) || kept.notes().iter().any(hangs),
            "{} alone, {} before",
            same.status(),
            kept.status()
        );
        let third = filter.apply(&body, address);
        assert_eq!(third.kept()[0].status(), same.status());
        assert_eq!(third.kept()[0].is_usable(), same.is_usable());
    }
}
