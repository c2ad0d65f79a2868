//! What is asked of the key server, and what becomes of its answers.

use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketValue};
use sequoia_openpgp::types::ReasonForRevocation;

use super::*;
use crate::verify::{Freshness, Origin, Required, VerdictOutcome};
use crate::{CertStatus, RevocationKind};

fn file(by: &[&Cert]) -> Vec<u8> {
    let signatures: Vec<_> = by
        .iter()
        .map(|cert| signed(Form::Inline, &mut subkey(cert), 500))
        .collect();
    Form::Inline.file(&signatures, TEXT)
}

async fn outcome(verify: Verify, file: Vec<u8>) -> (VerdictOutcome, bool, String) {
    let verification = Form::Inline.verify(verify, file, TEXT).await;
    let verdict = only(&verification);
    (
        verdict.outcome(),
        verdict.is_fresh(),
        verdict.reason().unwrap_or_default().to_owned(),
    )
}

fn hard_revoked(cert: &Cert) -> Cert {
    let revocation = cert
        .revoke(&mut primary(cert), ReasonForRevocation::KeyCompromised, b"")
        .expect("revokes");
    cert.clone()
        .insert_packets([revocation])
        .expect("its own")
        .0
}

/// Only a key ID is named.
fn by_key_id(cert: &Cert) -> Signature {
    let signer = subkey(cert);
    let id = signer.public().keyid();
    let template = Form::Inline
        .template()
        .set_signature_creation_time(ago(500))
        .and_then(|template| template.set_issuer(id))
        .expect("a template");
    let signature = Form::Inline.sign(template, &mut subkey(cert), TEXT);
    assert!(signature.issuer_fingerprints().next().is_none());
    signature
}

#[tokio::test]
async fn each_signer_is_asked_for_once_and_by_fingerprint() {
    let (given, other) = (alice(), alice());
    let source = Fake::with([given.clone(), other.clone()]);
    let file = file(&[&given, &other, &given]);
    let verification = verify(&source)
        .cert(given.clone())
        .message(Cursor::new(file));
    let verification = verification.await.expect("a message");
    assert!(verification.is_good());
    let origins: Vec<_> = verification
        .signatures()
        .iter()
        .map(|verdict| verdict.signer().expect("known").origin())
        .collect();
    assert_eq!(origins, [Origin::Given, Origin::Vks, Origin::Given]);
    let mut expected = vec![
        format!("refresh {:X}", given.fingerprint()),
        format!("fetch {:X}", subkey_fingerprint(&other)),
    ];
    expected.sort();
    assert_eq!(source.asked(), expected);
}

#[tokio::test]
async fn a_signer_is_described() {
    let cert = alice();
    let source = Fake::with([cert.clone()]);
    let verification = Form::Inline
        .verify(verify(&source).cert(cert.clone()), file(&[&cert]), TEXT)
        .await;
    let verdict = only(&verification);
    let signer = verdict.signer().expect("known");
    assert_eq!(signer.fingerprint(), cert.fingerprint());
    assert_eq!(*signer.key(), subkey_fingerprint(&cert));
    assert_eq!(verdict.issuer(), Some(&subkey_fingerprint(&cert).into()));
    assert_eq!(signer.user_ids(), ["Alice <alice@example.org>"]);
    assert_eq!(signer.names_sender(), None);
    assert_eq!(signer.status(), Some(&CertStatus::Valid));
    assert_eq!(signer.status_at_signing(), Some(&CertStatus::Valid));
    assert!(!signer.cert().is_tsk(), "no secret key");
}

#[tokio::test]
async fn news_decide() {
    let cert = alice();
    let source = Fake::with([hard_revoked(&cert)]);
    let (outcome, fresh, why) = outcome(verify(&source).cert(cert.clone()), file(&[&cert])).await;
    assert_eq!((outcome, fresh), (VerdictOutcome::Bad, true), "{why}");

    let verification = Form::Inline
        .verify(verify(&source).cert(cert.clone()), file(&[&cert]), TEXT)
        .await;
    let signer = only(&verification).signer().expect("known").clone();
    for status in [signer.status(), signer.status_at_signing()] {
        let Some(CertStatus::Revoked(revocation)) = status else {
            panic!("{status:?}");
        };
        assert_eq!(revocation.kind(), RevocationKind::Hard);
    }
}

#[tokio::test]
async fn freshness() {
    let cert = alice();
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let refreshed = |age: Duration| {
        let (cert, down) = (cert.clone(), Fake::down());
        let verify = verify(&down)
            .max_age(hour)
            .refreshed(cert, now - age)
            .time(now);
        (verify, down)
    };
    let good = VerdictOutcome::Good;
    let failed = VerdictOutcome::Failed;

    let (verify_, down) = refreshed(hour);
    assert_eq!(
        outcome(verify_, file(&[&cert])).await,
        (good, true, String::new())
    );
    assert!(down.asked().is_empty(), "no request");

    let (verify_, down) = refreshed(hour + Duration::from_secs(1));
    let (result, fresh, why) = outcome(verify_, file(&[&cert])).await;
    assert_eq!((result, fresh), (failed, false));
    assert!(why.contains("It is down."), "{why}");
    assert_eq!(down.asked().len(), 1);

    let (verify_, _) = refreshed(hour * 2);
    let lenient = verify_.freshness(Freshness::Lenient);
    assert_eq!(
        outcome(lenient, file(&[&cert])).await,
        (good, false, String::new())
    );

    // Not on the server: what is held stands.
    let empty = Fake::with([]);
    let held = verify(&empty).cert(cert.clone());
    assert_eq!(
        outcome(held, file(&[&cert])).await,
        (good, true, String::new())
    );

    // Unknown and nobody to ask.
    for freshness in [Freshness::Strict, Freshness::Lenient] {
        let unknown = verify(&Fake::down()).freshness(freshness);
        let (result, fresh, why) = outcome(unknown, file(&[&cert])).await;
        assert_eq!((result, fresh), (failed, false), "{why}");
    }
}

#[tokio::test]
async fn what_news_cannot_change_is_said_without_them() {
    let cert = alice();
    let expired = alice_who(|builder| builder.set_validity_period(days(300)));
    let tampered = {
        let signature = signed(Form::Inline, &mut subkey(&cert), 500);
        Form::Inline.file(&[signature], "other")
    };
    for (held, file, expected) in [
        (cert.clone(), tampered, VerdictOutcome::Bad),
        (hard_revoked(&cert), file(&[&cert]), VerdictOutcome::Bad),
        // It may have been extended.
        (expired.clone(), file(&[&expired]), VerdictOutcome::Failed),
    ] {
        let (outcome, _, why) = outcome(verify(&Fake::down()).cert(held), file).await;
        assert_eq!(outcome, expected, "{why}");
    }
}

#[tokio::test]
async fn key_ids_are_the_last_resort() {
    let (cert, other) = (alice(), alice());
    let id = subkey(&cert).public().keyid();
    let file = Form::Inline.file(&[by_key_id(&cert)], TEXT);
    let source = Fake::with([other, cert.clone()]);
    let (result, ..) = outcome(verify(&source), file.clone()).await;
    assert_eq!(result, VerdictOutcome::Good);
    assert_eq!(source.asked(), [format!("fetch {id:X}")]);

    // Held: no question but that for news.
    let source = Fake::with([]);
    let (result, ..) = outcome(verify(&source).cert(cert.clone()), file.clone()).await;
    assert_eq!(result, VerdictOutcome::Good);
    assert_eq!(
        source.asked(),
        [format!("refresh {:X}", cert.fingerprint())]
    );

    // Nobody has it.
    let (result, fresh, _) = outcome(verify(&Fake::with([])), file).await;
    assert_eq!((result, fresh), (VerdictOutcome::UnknownSigner, true));
}

#[tokio::test]
async fn hints_cause_no_request() {
    let cert = alice();
    let template = Form::Inline
        .template()
        .set_signature_creation_time(ago(500))
        .and_then(|t| t.set_signers_user_id("mallory@example.com"))
        .and_then(|t| t.set_preferred_key_server("https://mallory.example/key"))
        .expect("a template");
    let signature = Form::Inline.sign(template, &mut subkey(&cert), TEXT);
    let source = Fake::with([cert.clone()]);
    let file = Form::Inline.file(&[signature], TEXT);
    let (result, ..) = outcome(verify(&source), file).await;
    assert_eq!(result, VerdictOutcome::Good);
    assert_eq!(
        source.asked(),
        [format!("fetch {:X}", subkey_fingerprint(&cert))]
    );
}

#[tokio::test]
async fn a_subkey_that_is_news() {
    let cert = alice();
    let before = cert.clone().retain_subkeys(|_| false);
    let source = Fake::with([cert.clone()]);
    let file = file(&[&cert]);
    let verification = Form::Inline
        .verify(verify(&source).cert(before), file, TEXT)
        .await;
    let verdict = only(&verification);
    assert!(verdict.is_good(), "{verdict:?}");
    assert_eq!(verdict.signer().expect("known").origin(), Origin::Given);
}

#[tokio::test]
async fn another_certificate_than_asked_for() {
    struct Wrong(Cert);
    impl Source for Wrong {
        fn fetch<'a>(&'a self, _: &'a KeyHandle) -> BoxFuture<'a, Result<Vec<Cert>, String>> {
            Box::pin(async { Ok(vec![self.0.clone()]) })
        }
        fn refresh<'a>(&'a self, _: &'a Cert) -> BoxFuture<'a, Result<Cert, Doubt>> {
            Box::pin(async { Ok(self.0.clone()) })
        }
    }
    let cert = alice();
    let source = Arc::new(Wrong(alice()));
    let verify = Verify::new(source, Arc::new(StandardPolicy::new()));
    let (result, _, why) = outcome(verify, file(&[&cert])).await;
    assert_eq!(result, VerdictOutcome::Failed);
    assert!(why.contains("another certificate"), "{why}");
}

#[tokio::test]
async fn limits() {
    let certs: Vec<_> = (0..5).map(|_| alice()).collect();
    let file = file(&certs.iter().collect::<Vec<_>>());
    let outcomes = |verification: Verification| -> String {
        let verdicts = verification.signatures().iter();
        verdicts
            .map(|verdict| match verdict.outcome() {
                VerdictOutcome::Good => 'g',
                VerdictOutcome::Failed => 'f',
                _ => '?',
            })
            .collect()
    };
    let source = Fake::with(certs.clone());
    let message = |verify: Verify| Form::Inline.verify(verify, file.clone(), TEXT);

    let two = message(verify(&source).max_requests(2)).await;
    assert!(!two.is_good());
    assert_eq!(outcomes(two), "ggfff");
    assert_eq!(source.asked().len(), 2);

    let held = verify(&source).certs(certs.clone()).max_requests(2);
    assert_eq!(outcomes(message(held.clone()).await), "ggfff");
    let lenient = held.freshness(Freshness::Lenient);
    assert_eq!(
        outcomes(message(lenient).await),
        "ggfff",
        "a limit is a limit"
    );

    let three = message(verify(&source).max_signatures(3)).await;
    assert!(!three.is_good());
    let why = three.signatures()[3].reason().unwrap_or_default();
    assert!(why.contains("More than 3"), "{why}");
    assert_eq!(outcomes(three), "gggff");

    let one = message(verify(&source).max_signatures(3).required(Required::One)).await;
    assert!(one.is_good());
}

/// The numbers of SECURITY.md, with no limit set by hand.
#[tokio::test]
async fn limits_by_default() {
    let certs: Vec<_> = (0..18).map(|_| alice()).collect();
    let all = file(&certs.iter().collect::<Vec<_>>());
    let source = Fake::with(certs);
    let verification = Form::Inline.verify(verify(&source), all, TEXT).await;
    let verdicts = verification.signatures();
    assert_eq!(verdicts.len(), 18);
    for (n, verdict) in verdicts.iter().enumerate() {
        let why = verdict.reason().unwrap_or_default();
        assert_eq!(verdict.is_good(), n < 8, "{n}: {why}");
        assert_eq!(
            why.contains("More than 16 signatures"),
            n >= 16,
            "{n}: {why}"
        );
    }
    assert_eq!(source.asked().len(), 8, "requests");

    // One that claims to be made by six others, too.
    let cert = alice();
    let mut signature = signed(Form::Inline, &mut subkey(&cert), 500);
    for n in 0..6 {
        let other = Fingerprint::from_bytes(4, &[n; 20]).expect("a fingerprint");
        let other = Subpacket::new(SubpacketValue::IssuerFingerprint(other), false);
        let area = signature.unhashed_area_mut();
        area.add(other.expect("a subpacket")).expect("room");
    }
    assert_eq!(signature.issuer_fingerprints().count(), 7);
    let source = Fake::with([]);
    let file = Form::Inline.file(&[signature], TEXT);
    let (result, ..) = outcome(verify(&source), file).await;
    assert_eq!(result, VerdictOutcome::UnknownSigner);
    assert_eq!(source.asked().len(), 4, "issuers");
}

#[tokio::test]
async fn received() {
    let cert = alice();
    let source = Fake::with([cert.clone()]);
    let made = ago(500);
    let minutes = |n: u64| Duration::from_secs(60 * n);
    for (at, expected) in [
        (made + days(1), VerdictOutcome::Good),
        (made - minutes(4), VerdictOutcome::Good),
        (made - minutes(6), VerdictOutcome::Bad),
    ] {
        let (result, _, why) = outcome(verify(&source).received(at), file(&[&cert])).await;
        assert_eq!(result, expected, "{why}");
    }
}

#[tokio::test]
async fn a_signature_that_expires() {
    let cert = alice();
    let source = Fake::with([cert.clone()]);
    for (valid, expected) in [(499, VerdictOutcome::Bad), (501, VerdictOutcome::Good)] {
        let template = Form::Inline
            .template()
            .set_signature_creation_time(ago(500))
            .and_then(|t| t.set_signature_validity_period(days(valid)))
            .expect("a template");
        let signature = Form::Inline.sign(template, &mut subkey(&cert), TEXT);
        let file = Form::Inline.file(&[signature], TEXT);
        let (result, ..) = outcome(verify(&source), file).await;
        assert_eq!(result, expected);
    }
}

#[tokio::test]
async fn as_key_servers_publish_unconfirmed_certificates() {
    let cert = alice();
    let bare = cert.clone().retain_userids(|_| false);
    // Profile 4 has what it is about on its User ID; this one on the key too.
    let only_user_id = Cert::from_packets(bare.clone().into_packets().filter(
        |packet| !matches!(packet, Packet::Signature(s) if s.typ() == SignatureType::DirectKey),
    ))
    .expect("a certificate");
    let unknown = Fake::with([only_user_id.clone()]);
    let (result, _, why) = outcome(verify(&unknown), file(&[&cert])).await;
    assert_eq!(result, VerdictOutcome::Failed);
    assert!(why.contains("expires"), "{why}");
    // Merged with what is held, it is whole.
    let held = verify(&unknown).cert(cert.clone());
    assert_eq!(outcome(held, file(&[&cert])).await.0, VerdictOutcome::Good);

    let revocation = cert
        .revoke(
            &mut primary(&cert),
            ReasonForRevocation::KeyCompromised,
            b"",
        )
        .expect("revokes");
    let revoked = only_user_id
        .insert_packets([revocation])
        .expect("its own")
        .0;
    for verify in [
        verify(&Fake::with([revoked.clone()])),
        verify(&Fake::with([revoked.clone()])).cert(cert.clone()),
    ] {
        let (result, _, why) = outcome(verify, file(&[&cert])).await;
        assert_eq!(result, VerdictOutcome::Bad);
        assert!(why.contains("revoked for good"), "{why}");
    }
}

#[tokio::test]
async fn self_signatures_that_were_replaced() {
    // Of a thousand days ago; extended a day ago, the old statement thrown away.
    let old = alice_who(|builder| builder.set_validity_period(days(700)));
    let new: Vec<_> = old
        .set_expiration_time(
            &StandardPolicy::new(),
            ago(600),
            &mut primary(&old),
            Some(SystemTime::now() + days(100)),
        )
        .expect("extends");
    let replaced = Cert::from_packets(old.clone().into_packets().filter(|packet| match packet {
        Packet::Signature(s) => !matches!(
            s.typ(),
            SignatureType::DirectKey | SignatureType::PositiveCertification
        ),
        _ => true,
    }))
    .and_then(|cert| cert.insert_packets(new))
    .expect("a certificate")
    .0;
    let file = {
        let signature = signed(Form::Inline, &mut subkey(&old), 900);
        Form::Inline.file(&[signature], TEXT)
    };
    let source = Fake::with([replaced]);
    let verify = verify(&source).sender(&"alice@example.org".parse().expect("an address"));
    let (result, _, why) = outcome(verify, file).await;
    assert_eq!(result, VerdictOutcome::Good, "{why}");
}

#[tokio::test]
async fn weak_revocations_count() {
    let cert = alice();
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_hash_algo(HashAlgorithm::SHA1)
        .set_signature_creation_time(ago(10))
        .and_then(|builder| {
            builder.modify_hashed_area(|mut area| {
                let notation = SubpacketValue::NotationData(
                    sequoia_openpgp::packet::signature::subpacket::NotationData::new(
                        "nobody@knows.example",
                        b"x",
                        None,
                    ),
                );
                area.add(Subpacket::new(notation, true)?)?;
                Ok(area)
            })
        })
        .and_then(|builder| builder.sign_direct_key(&mut primary(&cert), cert.primary_key().key()))
        .expect("revokes");
    let revoked = cert
        .clone()
        .insert_packets([revocation])
        .expect("its own")
        .0;
    let (result, _, why) = outcome(verify(&Fake::with([revoked])), file(&[&cert])).await;
    assert_eq!(result, VerdictOutcome::Bad, "{why}");
    assert!(why.contains("revoked for good"), "{why}");
}

#[tokio::test]
async fn designated_revokers() {
    let (revoker, stranger) = (alice(), alice());
    let cert = alice_who(|builder| builder.set_revocation_keys(vec![(&revoker).into()]));
    let revoke = |by: &Cert| {
        let revocation = sequoia_openpgp::cert::CertRevocationBuilder::new()
            .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
            .and_then(|builder| builder.build(&mut primary(by), &cert, None))
            .expect("revokes");
        cert.clone()
            .insert_packets([revocation])
            .expect("about it")
            .0
    };
    let (by_revoker, by_stranger) = (revoke(&revoker), revoke(&stranger));
    for (certs, expected) in [
        (
            vec![by_revoker.clone(), revoker.clone()],
            VerdictOutcome::Bad,
        ),
        (vec![by_revoker], VerdictOutcome::Good),
        (vec![by_stranger, stranger], VerdictOutcome::Good),
    ] {
        let (result, _, why) = outcome(verify(&Fake::with(certs)), file(&[&cert])).await;
        assert_eq!(result, expected, "{why}");
    }
}

#[test]
fn results_can_be_shared() {
    fn check<T: Send + Sync>() {}
    check::<Verification>();
    check::<Verify>();
}
