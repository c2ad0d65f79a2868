use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::RevocationStatus;
use testbed::certs::{Recipe, Sample, cert};

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
