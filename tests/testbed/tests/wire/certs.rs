use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::{ReasonForRevocation, RevocationStatus};
use testbed::certs::{self, Recipe, Sample, cert};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn an_ordinary_one() {
    let sample = cert(&["Alice <alice@example.org>", "<alice@example.com>"]);
    let policy = &StandardPolicy::new();
    for (octets, secret) in [
        (sample.binary(), false),
        (sample.armored(), false),
        (sample.secret(), true),
    ] {
        let read = Cert::from_bytes(&octets).unwrap();
        assert_eq!(read.fingerprint(), sample.cert.fingerprint());
        assert_eq!(read.is_tsk(), secret);
        let valid = read.with_policy(policy, None).unwrap();
        assert_eq!(valid.userids().count(), 2);
        assert_eq!(valid.keys().alive().for_signing().count(), 1);
        assert_eq!(valid.keys().alive().for_transport_encryption().count(), 1);
    }
    assert!(
        sample
            .armored()
            .starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    );
}

#[test]
fn revoked_hard_and_soft() {
    let sample = cert(&["<alice@example.org>"]);
    let policy = &StandardPolicy::new();
    // What was signed before a soft revocation stays good; hard ones reach back.
    for (revoke, reaches_back) in [
        (Sample::revoked as fn(&Sample) -> Cert, true),
        (Sample::retired, false),
    ] {
        let revoked = revoke(&sample);
        let status = |at| {
            matches!(
                revoked.revocation_status(policy, at),
                RevocationStatus::Revoked(_)
            )
        };
        assert!(status(None));
        let before = sample.cert.primary_key().key().creation_time() - DAY;
        assert_eq!(status(Some(before)), reaches_back);
    }
}

#[test]
fn from_another_time() {
    let now = SystemTime::now();
    let expired = Recipe::new(&["<a@example.org>"])
        .created(now - 9 * DAY)
        .valid_for(DAY)
        .make();
    let policy = &StandardPolicy::new();
    assert!(
        expired
            .cert
            .with_policy(policy, None)
            .unwrap()
            .alive()
            .is_err()
    );
    let ahead = Recipe::new(&["<a@example.org>"]).created(now + DAY).make();
    assert!(ahead.cert.with_policy(policy, None).is_err());
    assert!(ahead.cert.with_policy(policy, now + 2 * DAY).is_ok());
}

/// What happens to a certificate, step by step.
#[test]
fn a_life() {
    let policy = &StandardPolicy::new();
    let now = SystemTime::now();
    let id = "<a@example.org>";
    let young = Recipe::new(&[id])
        .created(now - 90 * DAY)
        .valid_for(DAY)
        .make();

    let extended = certs::expiring(&young.cert, Some(now + DAY), now - 3 * DAY);
    let alive = |cert: &Cert, at| cert.with_policy(policy, at).unwrap().alive().is_ok();
    assert!(!alive(&young.cert, now));
    assert!(alive(&extended, now) && !alive(&extended, now + 2 * DAY));

    let forever = certs::expiring(&extended, None, now - 2 * DAY);
    assert!(alive(&forever, now + 900 * DAY));
    assert!(!alive(
        &certs::expiring(&forever, Some(now), now - DAY),
        now + DAY
    ));
    let signing = |cert: &Cert| {
        let valid = cert.with_policy(policy, None).unwrap();
        valid.keys().revoked(false).for_signing().count()
    };
    let first = certs::subkey(&forever, true);
    let more = certs::with_subkey(&forever, true);
    assert_eq!((signing(&forever), signing(&more)), (1, 2));
    let reason = ReasonForRevocation::KeySuperseded;
    let less = certs::with_subkey_revoked(&more, &first, reason, now - DAY);
    assert_eq!(signing(&less), 1);
    let more = certs::with_subkey(&forever, false);
    assert_eq!(more.keys().subkeys().count(), 3);
    assert_eq!(signing(&more), 1);

    let revoked = |cert: &Cert, at| {
        let status = cert.revocation_status(policy, at);
        matches!(status, RevocationStatus::Revoked(_))
    };
    let sample = Recipe::new(&[id]).created(now - 90 * DAY).make();
    for (reason, reaches_back) in [
        (ReasonForRevocation::KeyRetired, false),
        (ReasonForRevocation::KeyCompromised, true),
    ] {
        let dead = certs::with_revocation(&sample.cert, reason, now - 9 * DAY);
        assert!(revoked(&dead, now));
        assert_eq!(revoked(&dead, now - 20 * DAY), reaches_back);
        // A newer self-signature lifts a soft one.
        let again = certs::with_user_id(&dead, id, now - DAY);
        assert_eq!(revoked(&again, now), reaches_back);
        assert_eq!(again.userids().count(), 1);
    }

    let two = certs::with_user_id(&sample.cert, "<b@example.org>", now - 9 * DAY);
    let ids = |cert: &Cert| {
        let valid = cert.with_policy(policy, None).unwrap();
        valid.userids().revoked(false).count()
    };
    assert_eq!(ids(&two), 2);
    let one = certs::with_user_id_revoked(&two, "<b@example.org>", now - DAY);
    assert_eq!(ids(&one), 1);
    assert_eq!(ids(&certs::with_user_id(&one, "<b@example.org>", now)), 2);
    assert_eq!(certs::without_user_ids(&two).userids().count(), 0);

    let certified = certs::certified(&two, &young);
    assert!(
        certified
            .userids()
            .all(|id| id.certifications().count() == 1)
    );
}
