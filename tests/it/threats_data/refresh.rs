//! A directory that is behind the times, or wants to be.

use openpgp_discovery::{CertStatus, RevocationKind};
use testbed::{Answer, Testbed, certs};

use crate::alice;

/// Who serves an old copy hides a revocation from a look-up, but not from a refresh:
/// that asks the key server, whatever the directory says.
#[tokio::test]
async fn an_old_copy_hides_no_revocation_from_a_refresh() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[super::ALICE]);
    testbed.wkd_advanced(&alice(), sample.binary());
    let fingerprint = sample.cert.fingerprint();
    let revoked = sample.revoked();
    testbed
        .vks()
        .plant_key(fingerprint, Answer::armored(&revoked));
    let locator = testbed.locator().build().expect("builds");
    let lookup = locator.locate(&alice()).await;
    let [kept] = lookup.found() else {
        panic!("{lookup:?}");
    };
    assert_eq!(kept.status(), &CertStatus::Valid);
    let refresh = locator.refresh(kept.cert()).await;
    let revocation = refresh.after().revocation().expect("a revocation");
    assert_eq!(revocation.kind(), RevocationKind::Hard);
    // And what is known now is not forgotten over the old copy.
    testbed
        .vks()
        .plant_key(sample.cert.fingerprint(), Answer::armored(&sample.cert));
    let again = locator.refresh(refresh.cert()).await;
    assert!(again.after().is_revoked());
}
