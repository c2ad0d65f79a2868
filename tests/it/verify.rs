//! Signatures, over the public API: certificates that are fresh already, so that
//! the key server is not asked, and what the key server says.

mod revokers;

use std::io::{Cursor, Write};
use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::stream::{LiteralWriter, Message, Signer};
use openpgp_discovery::verify::{Freshness, Origin, VerdictOutcome, Verification, Verify};
use openpgp_discovery::{CertStatus, ErrorKind};
use testbed::{Answer, Testbed, certs};

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

/// Whether a request asks for one of the keys of a certificate, and nothing else.
fn asks_for(target: &str, cert: &Cert) -> bool {
    let fingerprint = target.strip_prefix("/vks/v1/by-fingerprint/");
    cert.keys()
        .any(|key| fingerprint == Some(key.key().fingerprint().to_hex().as_str()))
}

/// What the key server says of a signer decides, and only keys are asked for.
#[tokio::test]
async fn the_key_server_has_the_last_word() {
    use VerdictOutcome::{Bad, Failed, Good, UnknownSigner};

    type Plant = fn(&Testbed, &certs::Sample);
    let plants: [(&str, Plant, bool, VerdictOutcome, VerdictOutcome, bool); 8] = [
        (
            "known there",
            |t, s| {
                t.vks().upload(&s.cert);
            },
            false,
            Good,
            Good,
            true,
        ),
        (
            "not known there",
            |_, _| (),
            false,
            UnknownSigner,
            UnknownSigner,
            true,
        ),
        (
            "given, and known there",
            |t, s| {
                t.vks().upload(&s.cert);
            },
            true,
            Good,
            Good,
            true,
        ),
        (
            "given, and not known there",
            |_, _| (),
            true,
            Good,
            Good,
            true,
        ),
        (
            "given, and revoked there",
            |t, s| {
                t.vks().upload(&s.revoked());
            },
            true,
            Bad,
            Bad,
            true,
        ),
        (
            "revoked there",
            |t, s| {
                t.vks().upload(&s.revoked());
            },
            false,
            Bad,
            Bad,
            true,
        ),
        (
            "given, and nobody there",
            |t, _| {
                t.vks().plant_all(Answer::status(503));
            },
            true,
            Failed,
            Good,
            false,
        ),
        (
            "nobody there",
            |t, _| {
                t.vks().plant_all(Answer::status(503));
            },
            false,
            Failed,
            Failed,
            false,
        ),
    ];
    for (what, plant, given, strict, lenient, fresh) in plants {
        for (freshness, expected) in [(Freshness::Strict, strict), (Freshness::Lenient, lenient)] {
            let testbed = Testbed::start().await;
            let sample = certs::cert(&["Alice <alice@example.org>"]);
            plant(&testbed, &sample);
            let locator = testbed.locator().build().expect("builds");
            let mut verify = locator.verify().freshness(freshness);
            if given {
                verify = verify.cert(sample.cert.clone());
            }
            let sender = "alice@example.org".parse().expect("an address");
            let verification = verify
                .sender(&sender)
                .message(Cursor::new(signed(&sample.cert, false)))
                .await
                .expect("a message");
            let [verdict] = verification.signatures() else {
                panic!("{verification:?}");
            };
            // A confirmed address is what names the sender: without one, the
            // certificate comes without User IDs.
            let named = given || expected != Good;
            let expected = if named { expected } else { Failed };
            assert_eq!(verdict.outcome(), expected, "{what}: {verdict:?}");
            if expected == Good {
                assert_eq!(verdict.is_fresh(), fresh, "{what}");
            }
            let requests = testbed.vks().requests();
            assert!(!requests.is_empty(), "{what}");
            for request in requests {
                assert!(asks_for(&request.target, &sample.cert), "{what}");
            }
            assert!(
                testbed.queries().is_empty() && testbed.requests().is_empty(),
                "{what}"
            );
        }
    }
}

/// Neither a preferred key server nor a Signer's User ID causes a request, and
/// what was refreshed a moment ago is not asked for again.
#[tokio::test]
async fn one_question_a_signer() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["Alice <alice@example.org>"]);
    let alice = "alice@example.org".parse().expect("an address");
    testbed.vks().confirm(&alice, &sample.cert);
    let locator = testbed.locator().build().expect("builds");
    let verification = locator
        .verify()
        .sender(&alice)
        .detached(Cursor::new(signed(&sample.cert, true)), Cursor::new(TEXT))
        .await
        .expect("a signature");
    let [verdict] = verification.signatures() else {
        panic!("{verification:?}");
    };
    assert!(verdict.is_good(), "{verdict:?}");
    let signer = verdict.signer().expect("fetched");
    assert_eq!(signer.origin(), Origin::Vks);
    assert_eq!(signer.names_sender(), Some(true));
    assert_eq!(
        testbed.vks().requests().len(),
        1,
        "what was just fetched is fresh"
    );

    // What was fetched serves the next time, for as long as the caller says.
    let cert = signer.cert().clone();
    let verification = fresh(locator.verify(), cert)
        .detached(Cursor::new(signed(&sample.cert, true)), Cursor::new(TEXT))
        .await
        .expect("a signature");
    assert!(verification.is_good());
    assert_eq!(testbed.vks().requests().len(), 1);
}
