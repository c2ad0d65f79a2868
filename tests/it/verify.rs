//! Signatures, over the public API: certificates that are fresh already, so that
//! the key server is not asked.

use std::io::{Cursor, Write};
use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::stream::{LiteralWriter, Message, Signer};
use openpgp_discovery::verify::{Origin, VerdictOutcome, Verification, Verify};
use openpgp_discovery::{CertStatus, ErrorKind};
use testbed::{Testbed, certs};

const TEXT: &str = "Dear Bob\n";

fn signed(cert: &Cert, detached: bool) -> Vec<u8> {
    let signer = cert
        .keys()
        .with_policy(&StandardPolicy::new(), None)
        .for_signing()
        .secret()
        .next()
        .expect("a signing key")
        .key()
        .clone()
        .into_keypair()
        .expect("a secret key");
    let mut file = Vec::new();
    let builder = Signer::new(Message::new(&mut file), signer).expect("a signer");
    let mut message = match detached {
        true => builder.detached().build().expect("signs"),
        false => {
            let message = builder.build().expect("signs");
            LiteralWriter::new(message).build().expect("writes")
        }
    };
    message.write_all(TEXT.as_bytes()).expect("memory");
    message.finalize().expect("memory");
    file
}

fn fresh(verify: Verify, cert: Cert) -> Verify {
    verify
        .max_age(Duration::from_secs(60))
        .refreshed(cert, SystemTime::now())
}

fn outcomes(verification: &Verification) -> Vec<VerdictOutcome> {
    let verdicts = verification.signatures().iter();
    verdicts.map(|verdict| verdict.outcome()).collect()
}

#[tokio::test]
async fn with_what_is_fresh_nobody_is_asked() {
    let testbed = Testbed::start().await;
    let locator = testbed.locator().build().expect("builds");
    let sample = certs::cert(&["Alice <alice@example.org>"]);
    for (cert, sender, expected) in [
        (
            sample.cert.clone(),
            "alice@example.org",
            VerdictOutcome::Good,
        ),
        (
            sample.cert.clone(),
            "mallory@example.org",
            VerdictOutcome::Bad,
        ),
        (sample.revoked(), "alice@example.org", VerdictOutcome::Bad),
        (sample.retired(), "alice@example.org", VerdictOutcome::Bad),
    ] {
        // A retired key has signed later.
        let sender = sender.parse().expect("an address");
        let verify = fresh(locator.verify(), cert).sender(&sender);
        let signature = Cursor::new(signed(&sample.cert, true));
        let detached = verify
            .clone()
            .detached(signature, Cursor::new(TEXT))
            .await
            .expect("a signature");
        assert_eq!(outcomes(&detached), [expected], "{detached:?}");
        assert_eq!(detached.is_good(), expected == VerdictOutcome::Good);

        let message = Cursor::new(signed(&sample.cert, false));
        let mut message = verify.message(message).await.expect("a message");
        assert_eq!(outcomes(&message), [expected], "{message:?}");
        let mut out = Vec::new();
        match message.write_content(&mut out) {
            Ok(count) => assert_eq!(count, TEXT.len() as u64),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Message),
        }
        let handed_out = match expected {
            VerdictOutcome::Good => TEXT.as_bytes(),
            _ => &[],
        };
        assert_eq!(out, handed_out);
    }
    assert!(testbed.vks().requests().is_empty());
}

#[tokio::test]
async fn the_signer_is_told() {
    let testbed = Testbed::start().await;
    let locator = testbed.locator().build().expect("builds");
    let sample = certs::cert(&["Alice <alice@example.org>"]);
    let verification = fresh(locator.verify(), sample.cert.clone())
        .message(Cursor::new(signed(&sample.cert, false)))
        .await
        .expect("a message");
    let [verdict] = verification.signatures() else {
        panic!("{verification:?}");
    };
    assert!(verdict.is_fresh());
    assert_eq!(verdict.reason(), None);
    let signer = verdict.signer().expect("at hand");
    assert_eq!(signer.fingerprint(), sample.cert.fingerprint());
    assert_eq!(signer.origin(), Origin::Given);
    assert_eq!(signer.user_ids(), ["Alice <alice@example.org>"]);
    assert_eq!(signer.status(), Some(&CertStatus::Valid));
    assert_eq!(signer.status_at_signing(), Some(&CertStatus::Valid));
    assert!(!signer.cert().is_tsk());
}
