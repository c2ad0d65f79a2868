//! What is published is judged as the whole is, or it is not published.

use std::sync::Arc;
use std::time::SystemTime;

use openpgp_discovery::CertStatus;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::{HashAlgorithm, KeyFlags, ReasonForRevocation};
use openpgp_discovery::openpgp::{Cert, Profile};
use openpgp_discovery::wkd::publish::{Publisher, Skipped, Why};
use testbed::certs::{Recipe, with_revocation, without_user_ids};

use super::{
    ALICE, DAY, HOME, POLICY, binding, bound, cert, days_ago, entry, plan, publisher, served,
    served_alice, user_ids, why,
};

fn status(cert: &Cert) -> CertStatus {
    CertStatus::of(cert, POLICY, SystemTime::now())
}

fn all() -> Publisher {
    publisher().include_revoked(true).include_expired(true)
}

#[test]
fn revoked_and_expired_ones_by_choice() {
    let expired = Recipe::new(&[ALICE])
        .created(days_ago(30))
        .valid_for(9 * DAY)
        .make()
        .cert;
    let hard = with_revocation(
        &cert(&[ALICE]),
        ReasonForRevocation::KeyCompromised,
        days_ago(3),
    );
    let soft = with_revocation(
        &cert(&[ALICE]),
        ReasonForRevocation::KeyRetired,
        days_ago(3),
    );
    for (cert, expected) in [
        (expired, Why::Expired),
        (hard, Why::Revoked),
        (soft, Why::Revoked),
    ] {
        assert_eq!(why(&plan([cert.clone()])), expected);
        let other = match expected {
            Why::Expired => publisher().include_revoked(true),
            _ => publisher().include_expired(true),
        };
        assert_eq!(why(&other.plan([cert.clone()], |_, _| true)), expected);
        let served = served_alice(&all().plan([cert.clone()], |_, _| true));
        assert_eq!(status(&served), status(&cert));
        assert_eq!(user_ids(&served), [ALICE]);
        assert_eq!(served.keys().count(), 3);
    }
}

#[test]
fn a_revoked_one_stands_behind_its_successor() {
    let old = with_revocation(
        &cert(&[ALICE]),
        ReasonForRevocation::KeySuperseded,
        days_ago(3),
    );
    let older = Recipe::new(&[ALICE]).created(days_ago(60)).make().cert;
    let new = Recipe::new(&[ALICE]).created(days_ago(3)).make().cert;
    let certs = [older.clone(), old.clone(), new.clone()];
    let publication = all().plan(certs, |_, _| true);
    assert_eq!(
        entry(&publication, "alice@example.org").fingerprints(),
        [new.fingerprint(), older.fingerprint(), old.fingerprint()]
    );
    let statuses: Vec<_> = served(&publication, "alice@example.org")
        .iter()
        .map(status)
        .collect();
    assert_eq!(
        statuses,
        [CertStatus::Valid, CertStatus::Valid, status(&old)]
    );
    assert!(statuses[2].is_revoked());
}

#[test]
fn copies_are_merged_before_anything_is_judged() {
    let whole = cert(&[ALICE]);
    let revoked = with_revocation(&whole, ReasonForRevocation::KeyCompromised, days_ago(3));
    let copy = without_user_ids(&revoked).strip_secret_key_material();
    for copies in [[whole.clone(), copy.clone()], [copy, whole]] {
        assert_eq!(why(&plan(copies.clone())), Why::Revoked);
        let served = served_alice(&all().plan(copies, |_, _| true));
        assert!(status(&served).is_revoked());
    }
}

#[test]
fn one_of_the_future_is_not_yet_published() {
    let tomorrow = Recipe::new(&[ALICE])
        .created(SystemTime::now() + DAY)
        .make()
        .cert;
    assert_eq!(
        why(&all().plan([tomorrow.clone()], |_, _| true)),
        Why::NotYetValid
    );
    let publisher = publisher().time(SystemTime::now() + 2 * DAY);
    let publication = publisher.plan([tomorrow.clone()], |_, _| true);
    assert_eq!(publication.entries().len(), 1);
    // Clocks differ.
    let soon = SystemTime::now() + std::time::Duration::from_secs(60);
    let soon = Recipe::new(&[ALICE]).created(soon).make().cert;
    assert_eq!(plan([soon]).entries().len(), 1);
}

#[test]
fn the_policy_decides_but_not_about_revocations() {
    let mut policy = StandardPolicy::new();
    policy.reject_hash(HashAlgorithm::SHA512);
    policy.reject_hash(HashAlgorithm::SHA256);
    let strict = all().policy(Arc::new(policy));
    let cert = cert(&[ALICE]);
    assert_eq!(
        why(&strict.plan([cert.clone()], |_, _| true)),
        Why::RejectedByPolicy
    );
    let revoked = with_revocation(&cert, ReasonForRevocation::KeyCompromised, days_ago(3));
    let served = served_alice(&strict.plan([revoked], |_, _| true));
    assert!(status(&served).is_revoked());
    assert_eq!(user_ids(&served), [ALICE]);
}

#[test]
fn an_expiration_on_the_key_itself_stays() {
    for profile in [Profile::RFC4880, Profile::RFC9580] {
        let (cert, _) = CertBuilder::new()
            .set_profile(profile)
            .expect("the backend knows it")
            .set_creation_time(days_ago(30))
            .set_validity_period(60 * DAY)
            .add_userid(HOME)
            .add_userid(ALICE)
            .add_transport_encryption_subkey()
            .generate()
            .expect("a certificate");
        let publication = plan([cert.clone()]);
        assert!(publication.entries()[0].notes().is_empty());
        let served = served_alice(&publication);
        assert_eq!(served.primary_key().self_signatures().count(), 1);
        let expires = |cert: &Cert| {
            let valid = cert.with_policy(POLICY, None).expect("a valid one");
            valid.primary_key().key_expiration_time()
        };
        assert!(expires(&served).is_some());
        assert_eq!(expires(&served), expires(&cert));
        let later = SystemTime::now() + 40 * DAY;
        let whole = CertStatus::of(&cert, POLICY, later);
        assert_eq!(whole, CertStatus::Expired);
        assert_eq!(CertStatus::of(&served, POLICY, later), whole);
    }
}

/// A certificate whose primary User ID, of another domain, says something else
/// about when it expires than that of the address.
fn torn(elsewhere: Option<u32>, here: Option<u32>) -> Cert {
    let (bare, _) = CertBuilder::new()
        .set_creation_time(days_ago(30))
        .add_transport_encryption_subkey()
        .generate()
        .expect("a certificate");
    let builder = |days: Option<u32>, primary| {
        binding(days_ago(20))
            .set_key_validity_period(days.map(|days| days * DAY))
            .and_then(|b| b.set_primary_userid(primary))
            .expect("short subpackets")
    };
    bound(
        &bound(&bare, HOME, builder(elsewhere, true)),
        ALICE,
        builder(here, false),
    )
}

#[test]
fn what_would_be_judged_differently_is_not_published() {
    for (elsewhere, here, expected) in [
        (None, None, None),
        (Some(40), Some(40), None),
        (Some(25), None, Some(Why::JudgedDifferently)),
        (Some(25), Some(40), Some(Why::JudgedDifferently)),
        (None, Some(25), Some(Why::JudgedDifferently)),
        (Some(25), Some(25), None),
    ] {
        let cert = torn(elsewhere, here);
        let publication = all().plan([cert.clone()], |_, _| true);
        match expected {
            None => {
                let served = served_alice(&publication);
                assert_eq!(status(&served), status(&cert));
                assert!(publication.entries()[0].notes().is_empty());
            }
            Some(expected) => assert_eq!(why(&publication), expected, "{elsewhere:?} {here:?}"),
        }
    }
    // Expired is what the whole is.
    assert_eq!(why(&plan([torn(Some(25), None)])), Why::Expired);
}

#[test]
fn what_could_no_longer_encrypt_is_not_published() {
    let (bare, _) = CertBuilder::new()
        .set_cipher_suite(CipherSuite::RSA2k)
        .set_creation_time(days_ago(30))
        .generate()
        .expect("a certificate");
    let certifies = KeyFlags::empty().set_certification();
    for (elsewhere, here, expected) in [
        (true, true, None),
        (true, false, Some(Why::JudgedDifferently)),
        (false, true, Some(Why::JudgedDifferently)),
        (false, false, None),
    ] {
        let builder = |encrypts, primary| {
            let flags = match encrypts {
                true => certifies.clone().set_transport_encryption(),
                false => certifies.clone(),
            };
            binding(days_ago(20))
                .set_key_flags(flags)
                .and_then(|b| b.set_primary_userid(primary))
                .expect("short subpackets")
        };
        let cert = bound(&bare, HOME, builder(elsewhere, true));
        let cert = bound(&cert, ALICE, builder(here, false));
        let publication = plan([cert]);
        match expected {
            Some(expected) => assert_eq!(why(&publication), expected),
            None => assert_eq!(publication.entries()[0].notes().is_empty(), here),
        }
    }
}

#[test]
fn another_date_of_expiration_is_told() {
    let cert = torn(Some(50), Some(40));
    let publication = plan([cert.clone()]);
    let [note] = publication.entries()[0].notes() else {
        panic!("one note");
    };
    assert_eq!(*note.fingerprint(), cert.fingerprint());
    let sentence = note.to_string();
    assert!(sentence.starts_with("It expires at 2"), "{sentence}");
    assert!(sentence.contains("with its other User IDs"), "{sentence}");
}

/// The file stays as it is, also on the day on which the whole certificate expires.
#[test]
fn what_would_outlive_the_whole_is_not_published() {
    for (whole, alone) in [(Some(40), Some(50)), (Some(40), None)] {
        let publication = plan([torn(whole, alone)]);
        let why: Vec<_> = publication.skipped().iter().map(Skipped::why).collect();
        assert_eq!(why, [Why::JudgedDifferently], "{whole:?} {alone:?}");
        assert!(publication.entries().is_empty());
    }
}

#[test]
fn what_cannot_encrypt_is_published_with_a_note() {
    let (cert, _) = CertBuilder::new()
        .add_userid(ALICE)
        .add_signing_subkey()
        .generate()
        .expect("a certificate");
    let publication = plan([cert]);
    let [note] = publication.entries()[0].notes() else {
        panic!("one note");
    };
    assert_eq!(
        note.sentence(),
        "It has no key that mail can be encrypted to."
    );
    served_alice(&publication);
}
