//! Verifications of which one operation breaks.

use std::io::{Cursor, Write};
use std::time::{Duration, SystemTime};

use openpgp_discovery::RefreshOutcome;
use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::stream::{Message, Signer};
use openpgp_discovery::verify::{Freshness, Verdict, VerdictOutcome};
use testbed::{Answer, Testbed, certs};

use super::{Broken, Seams, walk};

const ALICE: &str = "Alice <alice@example.org>";
pub(crate) const TEXT: &str = "Dear Bob\n";

/// A detached signature.
pub(crate) fn signed(cert: &Cert) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let mut keys = cert
        .keys()
        .with_policy(&policy, None)
        .for_signing()
        .secret();
    let key = keys.next().expect("a signing key").key().clone();
    let mut signature = Vec::new();
    let signer = Signer::new(
        Message::new(&mut signature),
        key.into_keypair().expect("no password"),
    );
    let mut message = signer
        .and_then(|signer| signer.detached().build())
        .expect("signs");
    message.write_all(TEXT.as_bytes()).expect("memory");
    message.finalize().expect("memory");
    signature
}

async fn play(by: &Cert, given: Option<&Cert>, server: Option<&Cert>, outcome: VerdictOutcome) {
    let testbed = Testbed::start().await;
    if let Some(cert) = server {
        for key in cert.keys() {
            let answer = Answer::armored(cert);
            testbed.vks().plant_key(key.key().fingerprint(), answer);
        }
    }
    let signature = signed(by);
    let call = async |seams: &Seams| {
        let locator = seams.locator(&testbed).build().expect("builds");
        let verify = locator.verify().certs(given.cloned());
        let verification = verify
            .detached(Cursor::new(signature.clone()), Cursor::new(TEXT))
            .await
            .expect("a signature");
        let [verdict] = verification.signatures() else {
            panic!("{verification:?}");
        };
        verdict.clone()
    };
    walk(call, |calm, broken| {
        assert_eq!(calm.outcome(), outcome);
        judge(calm, broken, server);
    })
    .await;
}

fn judge(calm: &Verdict, broken: &Broken<Verdict>, server: Option<&Cert>) {
    use VerdictOutcome::{Bad, Failed, Good, UnknownSigner};

    let verdict = &broken.result;
    if broken.is_failure() {
        assert_eq!(verdict.outcome(), Failed, "{broken:?}");
    }
    if broken.is_harmless() {
        assert_eq!(verdict.outcome(), calm.outcome(), "{broken:?}");
    }
    match (calm.outcome(), verdict.outcome()) {
        (_, Failed) => {}
        (calm, now) if calm == now => {}
        // Of a part of a certificate that does not vouch for the key.
        (Good, Bad) => {}
        (Bad, Good) if server.is_some_and(|cert| broken.is_revocation_altered(cert)) => {}
        (calm, now) => panic!("{calm:?}, and now {now:?}: {broken:?}"),
    }
    if !matches!(verdict.outcome(), Good | UnknownSigner) {
        assert!(verdict.reason().is_some(), "{broken:?}");
    }
}

#[tokio::test]
async fn fetched() {
    let cert = certs::cert(&[ALICE]).cert;
    play(&cert, None, Some(&cert), VerdictOutcome::Good).await;
}

#[tokio::test]
async fn given_and_refreshed() {
    let cert = certs::cert(&[ALICE]).cert;
    play(&cert, Some(&cert), Some(&cert), VerdictOutcome::Good).await;
}

#[tokio::test]
async fn given_and_revoked_meanwhile() {
    let sample = certs::cert(&[ALICE]);
    let (cert, revoked) = (&sample.cert, sample.revoked());
    play(cert, Some(cert), Some(&revoked), VerdictOutcome::Bad).await;
}

#[tokio::test]
async fn fetched_and_revoked() {
    let sample = certs::cert(&[ALICE]);
    let revoked = sample.revoked();
    play(&sample.cert, None, Some(&revoked), VerdictOutcome::Bad).await;
}

#[tokio::test]
async fn unknown() {
    let cert = certs::cert(&[ALICE]).cert;
    play(&cert, None, None, VerdictOutcome::UnknownSigner).await;
}

/// News came, and then the answer broke off: they count, and what is missing may
/// be a revocation.
#[tokio::test]
async fn given_and_not_read_to_the_end() {
    use VerdictOutcome::{Bad, Failed, Good};

    let now = SystemTime::now();
    let ago = |days: u64| now - Duration::from_secs(days * 86_400);
    let sample = certs::Recipe::new(&[ALICE]).created(ago(9)).make();
    let cert = &sample.cert;
    let later = certs::expiring(cert, None, ago(2));
    for (news, strict, lenient) in [(later, Failed, Good), (sample.revoked(), Bad, Bad)] {
        let testbed = Testbed::start().await;
        // Two copies, of which the second is cut off.
        let mut answer = certs::binary(&news).repeat(2);
        answer.truncate(answer.len() - 10);
        testbed.vks().plant_all(Answer::ok(answer));
        let locator = Seams::default().locator(&testbed).build().expect("builds");
        let refresh = locator.refresh(cert).await;
        assert_eq!(refresh.outcome(), RefreshOutcome::Updated);
        assert!(!refresh.is_conclusive());

        for (freshness, expected) in [(Freshness::Strict, strict), (Freshness::Lenient, lenient)] {
            let verify = locator.verify().freshness(freshness).cert(cert.clone());
            let signature = Cursor::new(signed(cert));
            let verification = verify.detached(signature, Cursor::new(TEXT)).await;
            let verification = verification.expect("a signature");
            let [verdict] = verification.signatures() else {
                panic!("{verification:?}");
            };
            assert_eq!(verdict.outcome(), expected, "{freshness:?}: {verdict:?}");
            assert!(!verdict.is_fresh(), "{freshness:?}");
        }
    }
}

/// The signer's certificate came, and then the answer broke off: what is missing may
/// be a revocation.
#[tokio::test]
async fn fetched_and_not_read_to_the_end() {
    let cert = certs::cert(&[ALICE]).cert;
    let testbed = Testbed::start().await;
    // Two copies, of which the second is cut off.
    let mut answer = certs::binary(&cert).repeat(2);
    answer.truncate(answer.len() - 10);
    testbed.vks().plant_all(Answer::ok(answer));
    let locator = Seams::default().locator(&testbed).build().expect("builds");
    let signature = Cursor::new(signed(&cert));
    let verification = locator
        .verify()
        .detached(signature, Cursor::new(TEXT))
        .await;
    let verification = verification.expect("a signature");
    let [verdict] = verification.signatures() else {
        panic!("{verification:?}");
    };
    assert_eq!(verdict.outcome(), VerdictOutcome::Failed, "{verdict:?}");
    let why = verdict.reason().unwrap_or_default();
    assert!(why.contains("read to its end"), "{why}");
}
