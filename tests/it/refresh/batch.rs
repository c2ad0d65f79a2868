//! Many certificates.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use openpgp_discovery::openpgp::Fingerprint;
use testbed::Testbed;

use super::*;

#[tokio::test]
async fn nine_hundred_certificates_are_nine_hundred_requests() {
    let testbed = Testbed::start().await;
    let certs: Vec<Cert> = (0..900)
        .map(|n| {
            let (cert, _) = CertBuilder::new()
                .add_userid(format!("u{n}@example.org"))
                .generate()
                .expect("a certificate");
            cert
        })
        .collect();
    // One in three is revoked since, one in three not there.
    for (n, cert) in certs.iter().enumerate() {
        match n % 3 {
            0 => testbed.vks().upload(cert),
            1 => testbed
                .vks()
                .upload(&add(cert, [revoke(cert, None, day(0))])),
            _ => testbed.vks(),
        };
    }
    let locator = testbed
        .locator()
        .vks_budget(Budget::unlimited())
        .build()
        .expect("builds");
    let asked: Vec<Fingerprint> = certs.iter().map(Cert::fingerprint).collect();
    let refreshed: Vec<Refresh> = locator.refresh_all(stream::iter(certs)).collect().await;

    let out: HashSet<_> = refreshed.iter().map(|r| r.cert().fingerprint()).collect();
    assert_eq!(out, asked.iter().cloned().collect());
    for outcome in [
        RefreshOutcome::Unchanged,
        RefreshOutcome::Updated,
        RefreshOutcome::NotFound,
    ] {
        let of_that = refreshed.iter().filter(|r| r.outcome() == outcome);
        assert_eq!(of_that.count(), 300, "{outcome}");
    }
    assert!(refreshed.iter().all(|r| r.cert().userids().count() == 1));

    let requests = testbed.vks().requests();
    assert_eq!(requests.len(), 900);
    let order: Vec<_> = asked
        .iter()
        .map(|f| format!("/vks/v1/by-fingerprint/{f:X}"))
        .collect();
    let seen: Vec<_> = requests.iter().map(|r| r.target.clone()).collect();
    assert_ne!(seen, order, "shuffled");
    assert_eq!(
        seen.into_iter().collect::<HashSet<_>>(),
        order.into_iter().collect()
    );
}

#[tokio::test]
async fn each_copy_comes_out() {
    let secret = cert(&[ALICE]);
    let public = secret.clone().strip_secret_key_material();
    let news = add(&public, [hard(&secret)]);
    let locator = canned(&bytes(&news)).build().expect("builds");
    let all = locator.refresh_all(stream::iter([secret, public]));
    let all: Vec<_> = all.collect().await;
    assert!(all.iter().all(|r| r.outcome() == RefreshOutcome::Updated));
    assert_eq!(all.iter().filter(|r| r.cert().is_tsk()).count(), 1);
}

#[tokio::test]
async fn refreshes_can_be_spawned() {
    let cert = cert(&[ALICE]);
    let locator = canned(&bytes(&cert)).build().expect("builds");
    let one = tokio::spawn({
        let (locator, cert) = (locator.clone(), cert.clone());
        async move { locator.refresh(&cert).await.outcome() }
    });
    assert_eq!(one.await.expect("no panic"), RefreshOutcome::Unchanged);
    let all = tokio::spawn(
        locator
            .refresh_all(stream::iter([cert]))
            .collect::<Vec<_>>(),
    );
    assert_eq!(all.await.expect("no panic").len(), 1);
}
