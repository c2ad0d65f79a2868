//! Refreshes of which one operation breaks.

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::{Refresh, RefreshOutcome};
use testbed::{Answer, Testbed, certs};

use super::{Broken, Seams, assert_part_of, packets, strictness, walk};

const ALICE: &str = "Alice <alice@example.org>";

async fn play(held: &Cert, server: Option<&Cert>, outcome: RefreshOutcome) {
    let testbed = Testbed::start().await;
    if let Some(cert) = server {
        // As it is: with the User IDs that nobody confirmed.
        let answer = Answer::armored(cert);
        testbed.vks().plant_key(cert.fingerprint(), answer);
    }
    let call = async |seams: &Seams| {
        let locator = seams.locator(&testbed).build().expect("builds");
        locator.refresh(held).await
    };
    walk(call, |calm, broken| {
        assert_eq!(calm.outcome(), outcome);
        judge(calm, broken, held, server);
    })
    .await;
}

fn judge(calm: &Refresh, broken: &Broken<Refresh>, held: &Cert, server: Option<&Cert>) {
    let refresh = &broken.result;
    let now = packets(refresh.cert());
    for packet in packets(held) {
        assert!(now.contains(&packet), "lost: {broken:?}");
    }
    let known: Vec<_> = [Some(held), server].into_iter().flatten().collect();
    assert_part_of(refresh.cert(), &known, broken);
    assert!(
        strictness(refresh.after()) >= strictness(refresh.before()),
        "{broken:?}"
    );
    if broken.is_failure() {
        assert_eq!(refresh.outcome(), RefreshOutcome::Failed, "{broken:?}");
        assert_eq!(refresh.after(), calm.before(), "{broken:?}");
        assert_eq!(now, packets(held), "{broken:?}");
        assert!(refresh.error().is_some(), "{broken:?}");
    } else if broken.is_harmless() {
        assert_eq!(refresh.outcome(), calm.outcome(), "{broken:?}");
        assert_eq!(refresh.after(), calm.after(), "{broken:?}");
    } else if server.is_some_and(|cert| broken.is_revocation_altered(cert)) {
        assert_eq!(refresh.after(), refresh.before(), "{broken:?}");
    } else if refresh.is_conclusive() {
        // Whatever was damaged, all of it was read.
        assert_eq!(refresh.outcome(), calm.outcome(), "{broken:?}");
        assert_eq!(refresh.after(), calm.after(), "{broken:?}");
    }
}

#[tokio::test]
async fn revoked_meanwhile() {
    let sample = certs::cert(&[ALICE]);
    play(
        &sample.cert,
        Some(&sample.revoked()),
        RefreshOutcome::Updated,
    )
    .await;
}

#[tokio::test]
async fn retired_meanwhile() {
    let sample = certs::cert(&[ALICE]);
    play(
        &sample.cert,
        Some(&sample.retired()),
        RefreshOutcome::Updated,
    )
    .await;
}

#[tokio::test]
async fn nothing_new() {
    let sample = certs::cert(&[ALICE]);
    play(&sample.cert, Some(&sample.cert), RefreshOutcome::Unchanged).await;
}

#[tokio::test]
async fn revoked_already() {
    let sample = certs::cert(&[ALICE]);
    play(
        &sample.revoked(),
        Some(&sample.cert),
        RefreshOutcome::Unchanged,
    )
    .await;
}

#[tokio::test]
async fn not_there() {
    let sample = certs::cert(&[ALICE]);
    play(&sample.cert, None, RefreshOutcome::NotFound).await;
}
