//! What is published is what the crate's own look-ups accept.

use std::time::SystemTime;

use openpgp_discovery::filter::Filter;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::types::ReasonForRevocation;
use openpgp_discovery::openpgp::{Cert, Profile};
use openpgp_discovery::{CertStatus, EmailAddress};
use testbed::certs::{
    Recipe, certified, subkey, with_revocation, with_subkey, with_subkey_revoked, with_user_id,
};

use super::{ALICE, DAY, HOME, POLICY, cert, days_ago, publisher};

/// One of each sort, none of which is like another.
fn certs() -> Vec<Cert> {
    let (v6, _) = CertBuilder::new()
        .set_profile(Profile::RFC9580)
        .expect("the backend knows it")
        .set_validity_period(60 * DAY)
        .add_userid("A <v6@example.org>")
        .add_userid("v6@home.example")
        .add_signing_subkey()
        .add_transport_encryption_subkey()
        .generate()
        .expect("a certificate");
    let (signs, _) = CertBuilder::new()
        .add_userid("signs@example.org")
        .add_signing_subkey()
        .generate()
        .expect("a certificate");
    let old = cert(&[ALICE, HOME]);
    let changed = cert(&["Joe.Doe@Example.ORG", "joe.doe+x@example.org"]);
    let encryption = subkey(&changed, false);
    vec![
        v6,
        signs,
        with_revocation(&old, ReasonForRevocation::KeySuperseded, days_ago(2)),
        Recipe::new(&[HOME, ALICE]).created(days_ago(2)).make().cert,
        Recipe::new(&[ALICE])
            .created(days_ago(20))
            .valid_for(9 * DAY)
            .make()
            .cert,
        certified(
            &cert(&["\"a b\"@example.org", "\u{e4}@example.org"]),
            &testbed::certs::cert(&[HOME]),
        ),
        with_user_id(&cert(&[HOME]), "Bob <bob@example.org>", days_ago(4)),
        with_subkey(
            &with_subkey_revoked(
                &changed,
                &encryption,
                ReasonForRevocation::KeyCompromised,
                days_ago(4),
            ),
            false,
        ),
    ]
}

#[test]
fn the_filter_keeps_all_that_is_published() {
    let certs = certs();
    let publication = publisher()
        .include_revoked(true)
        .include_expired(true)
        .plan(certs.clone(), |_, _| true);
    assert!(
        publication.skipped().is_empty(),
        "{:?}",
        publication.skipped()
    );
    let addresses: Vec<_> = publication
        .entries()
        .iter()
        .map(|e| e.address().to_string())
        .collect();
    assert_eq!(
        addresses,
        [
            "\"a b\"@example.org",
            "alice@example.org",
            "bob@example.org",
            "joe.doe+x@example.org",
            "joe.doe@example.org",
            "signs@example.org",
            "v6@example.org",
            "\u{e4}@example.org",
        ]
    );
    for entry in publication.entries() {
        let filtered = Filter::new().apply(entry.bytes(), entry.address());
        assert!(filtered.rejected().is_empty(), "{:?}", filtered.rejected());
        let kept: Vec<_> = filtered
            .kept()
            .iter()
            .map(|k| k.cert().fingerprint())
            .collect();
        assert_eq!(kept, entry.fingerprints(), "{}", entry.address());
        for kept in filtered.kept() {
            let fingerprint = kept.cert().fingerprint();
            let whole = certs.iter().find(|cert| cert.fingerprint() == fingerprint);
            let whole = whole.expect("one of those");
            assert_eq!(
                *kept.status(),
                CertStatus::of(whole, POLICY, SystemTime::now())
            );
            assert_eq!(kept.user_ids_dropped(), 0);
            assert!(kept.notes().is_empty(), "{:?}", kept.notes());
            for id in kept.cert().userids() {
                let address = EmailAddress::of_user_id(id.userid().value());
                assert!(address.is_some_and(|a| a.matches(entry.address())));
            }
            assert!(kept.cert().userids().next().is_some());
            assert_eq!(
                kept.is_usable(),
                kept.status().is_valid() && whole.fingerprint() != certs[1].fingerprint()
            );
        }
    }
}
