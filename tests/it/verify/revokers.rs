//! Revocations by others: on the key server they stand in the certificate that
//! they revoke, and the revoker's certificate is another answer.

use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::types::{ReasonForRevocation, SignatureType};
use openpgp_discovery::openpgp::{Packet, crypto::KeyPair};
use openpgp_discovery::{ChangeKind, RefreshOutcome, RevocationKind};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const UNCHECKED: &str = "in the name of the designated revoker";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Certificate,
    SigningSubkey,
    EncryptionSubkey,
}

/// Of thirty days ago.
fn trusting(revoker: &Cert) -> Cert {
    CertBuilder::new()
        .set_creation_time(SystemTime::now() - 30 * DAY)
        .add_userid("Alice <alice@example.org>")
        .add_signing_subkey()
        .add_transport_encryption_subkey()
        .set_revocation_keys(vec![revoker.into()])
        .generate()
        .expect("a certificate")
        .0
}

fn someone() -> Cert {
    let recipe = certs::Recipe::new(&["Rosa <rosa@example.org>"]);
    recipe.created(SystemTime::now() - 60 * DAY).make().cert
}

fn primary(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone().parts_into_secret();
    key.and_then(|key| key.into_keypair()).expect("secret")
}

/// The certificate as it is published once somebody revoked it, or a subkey of it.
fn revoked(cert: &Cert, what: What, by: &Cert, reason: ReasonForRevocation) -> Cert {
    let key = cert.primary_key().key();
    let builder = |typ| {
        SignatureBuilder::new(typ)
            .set_signature_creation_time(SystemTime::now() - DAY)
            .and_then(|builder| builder.set_reason_for_revocation(reason, b"because"))
            .expect("subpackets")
    };
    let packets: Vec<Packet> = if what == What::Certificate {
        let revocation = builder(SignatureType::KeyRevocation)
            .sign_direct_key(&mut primary(by), Some(key))
            .expect("a signature");
        vec![revocation.into()]
    } else {
        let wanted = certs::subkey(cert, what == What::SigningSubkey);
        let subkey = cert
            .keys()
            .subkeys()
            .map(|subkey| subkey.key().clone())
            .find(|key| key.fingerprint() == wanted)
            .expect("a subkey");
        let revocation = builder(SignatureType::SubkeyRevocation)
            .sign_subkey_binding(&mut primary(by), Some(key), &subkey)
            .expect("a signature");
        vec![subkey.into(), revocation.into()]
    };
    cert.clone().insert_packets(packets).expect("they fit").0
}

async fn verdict(verify: Verify, cert: &Cert) -> (VerdictOutcome, Option<String>) {
    let verification = verify
        .detached(Cursor::new(signed(cert, true)), Cursor::new(TEXT))
        .await
        .expect("a signature");
    let [verdict] = verification.signatures() else {
        panic!("{verification:?}");
    };
    (verdict.outcome(), verdict.reason().map(str::to_owned))
}

/// For a signer that is fetched, and for one that is given and refreshed.
#[tokio::test]
async fn the_revoker_is_asked_for_and_decides() {
    use ReasonForRevocation::{KeyCompromised, KeyRetired};
    use What::{Certificate, EncryptionSubkey, SigningSubkey};

    let (good, bad) = (VerdictOutcome::Good, VerdictOutcome::Bad);
    for (what, reason, expected, why) in [
        (
            Certificate,
            KeyCompromised,
            bad,
            "certificate is revoked for good",
        ),
        (Certificate, KeyRetired, bad, "revoked before it was made"),
        (
            SigningSubkey,
            KeyCompromised,
            bad,
            "subkey is revoked for good",
        ),
        (
            SigningSubkey,
            KeyRetired,
            bad,
            "subkey was revoked before it was made",
        ),
        (EncryptionSubkey, KeyCompromised, good, ""),
    ] {
        for given in [false, true] {
            let testbed = Testbed::start().await;
            let revoker = someone();
            let cert = trusting(&revoker);
            testbed
                .vks()
                .upload(&revoked(&cert, what, &revoker, reason));
            testbed.vks().upload(&revoker);
            let locator = testbed.locator().build().expect("builds");
            let mut verify = locator.verify();
            if given {
                verify = verify.cert(cert.clone());
            }
            let (outcome, told) = verdict(verify, &cert).await;
            let name = format!("{what:?}, {reason:?}, given: {given}: {told:?}");
            assert_eq!(outcome, expected, "{name}");
            let told = told.unwrap_or_default();
            assert!(told.contains(why), "{name}");
            assert_eq!(told.is_empty(), why.is_empty(), "{name}");
            for request in testbed.vks().requests() {
                let target = &request.target;
                assert!(
                    asks_for(target, &cert) || asks_for(target, &revoker),
                    "{name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_revoker_whose_certificate_cannot_be_had() {
    let (good, failed) = (VerdictOutcome::Good, VerdictOutcome::Failed);
    for what in [What::Certificate, What::SigningSubkey] {
        for (is_down, freshness, expected) in [
            (false, Freshness::Strict, good),
            (false, Freshness::Lenient, good),
            (true, Freshness::Strict, failed),
            (true, Freshness::Lenient, good),
        ] {
            for given in [false, true] {
                let testbed = Testbed::start().await;
                let revoker = someone();
                let cert = trusting(&revoker);
                let reason = ReasonForRevocation::KeyCompromised;
                testbed
                    .vks()
                    .upload(&revoked(&cert, what, &revoker, reason));
                if is_down {
                    let answer = Answer::status(503);
                    testbed.vks().plant_key(revoker.fingerprint(), answer);
                }
                let locator = testbed.locator().build().expect("builds");
                let mut verify = locator.verify().freshness(freshness);
                if given {
                    verify = verify.cert(cert.clone());
                }
                let (outcome, why) = verdict(verify, &cert).await;
                let name = format!("{what:?}, {is_down}, {freshness:?}, {given}: {why:?}");
                assert_eq!(outcome, expected, "{name}");
                assert!(why.is_some_and(|why| why.contains(UNCHECKED)), "{name}");
                let requests = testbed.vks().requests();
                assert!(
                    requests.iter().any(|r| asks_for(&r.target, &revoker)),
                    "{name}"
                );
            }
        }
    }
}

/// One whom the owner did not name can say what they want.
#[tokio::test]
async fn strangers_revoke_nothing() {
    for what in [What::Certificate, What::SigningSubkey] {
        let testbed = Testbed::start().await;
        let (revoker, stranger) = (someone(), someone());
        let cert = trusting(&revoker);
        let reason = ReasonForRevocation::KeyCompromised;
        testbed
            .vks()
            .upload(&revoked(&cert, what, &stranger, reason));
        testbed.vks().upload(&stranger);
        let locator = testbed.locator().build().expect("builds");
        let (outcome, why) = verdict(locator.verify(), &cert).await;
        assert_eq!((outcome, why), (VerdictOutcome::Good, None));
        assert_eq!(testbed.vks().requests().len(), 1);
        let refresh = locator.refresh(&cert).await;
        assert_eq!(refresh.outcome(), RefreshOutcome::Unchanged);
    }
}

/// What a refresh cannot verify it keeps: it counts as soon as the revoker's
/// certificate is at hand.
#[tokio::test]
async fn a_refresh_keeps_what_it_cannot_verify() {
    for what in [What::Certificate, What::EncryptionSubkey] {
        let testbed = Testbed::start().await;
        let revoker = someone();
        let cert = trusting(&revoker);
        let reason = ReasonForRevocation::KeyCompromised;
        let published = revoked(&cert, what, &revoker, reason);
        testbed.vks().upload(&published);
        let locator = testbed.locator().build().expect("builds");

        let first = locator.refresh(&cert).await;
        assert_eq!(first.outcome(), RefreshOutcome::Updated);
        let kinds: Vec<_> = first.changes().iter().map(|c| c.kind()).collect();
        assert_eq!(kinds, [ChangeKind::Other], "{:?}", first.changes());
        // What nobody verified is not told as the revoker's words.
        assert!(!first.changes()[0].to_string().contains("because"));
        assert_eq!(first.after(), &CertStatus::Valid);
        assert_eq!(first.notes().len(), 1);

        let again = locator.refresh(first.cert()).await;
        assert_eq!(again.outcome(), RefreshOutcome::Unchanged);
        assert_eq!(again.after(), &CertStatus::Valid);
        assert_eq!(again.notes(), first.notes(), "it is still not verified");

        // Now it can be.
        let both = [certs::binary(&published), certs::binary(&revoker)].concat();
        testbed
            .vks()
            .plant_key(cert.fingerprint(), Answer::ok(both));
        let last = locator.refresh(first.cert()).await;
        assert_eq!(last.outcome(), RefreshOutcome::Unchanged);
        assert!(last.notes().is_empty(), "{:?}", last.notes());
        let kind = last
            .after()
            .revocation()
            .map(|revocation| revocation.kind());
        let expected = (what == What::Certificate).then_some(RevocationKind::Hard);
        assert_eq!(kind, expected);

        // At once.
        let last = locator.refresh(&cert).await;
        let kinds: Vec<_> = last.changes().iter().map(|c| c.kind()).collect();
        let expected = match what {
            What::Certificate => ChangeKind::Revoked,
            _ => ChangeKind::SubkeyRevoked,
        };
        assert_eq!(kinds, [expected], "{:?}", last.changes());
    }
}

/// Whoever can write into an answer cannot make what is held grow without end.
#[tokio::test]
async fn there_is_a_limit_to_what_nobody_verified() {
    let testbed = Testbed::start().await;
    let revoker = someone();
    let cert = trusting(&revoker);
    let key = cert.primary_key().key();
    let many = |from: u64| {
        let all = (from..from + 40).map(|n| {
            SignatureBuilder::new(SignatureType::KeyRevocation)
                .set_signature_creation_time(SystemTime::now() - DAY - Duration::from_secs(n))
                .and_then(|b| b.sign_direct_key(&mut primary(&revoker), Some(key)))
                .expect("a signature")
        });
        let with = cert.clone().insert_packets(all.map(Packet::from));
        certs::binary(&with.expect("they fit").0)
    };
    let locator = testbed.locator().build().expect("builds");
    let mut held = cert.clone();
    for from in [0, 40, 80] {
        let answer = Answer::ok(many(from));
        testbed.vks().plant_key(cert.fingerprint(), answer);
        let refresh = locator.refresh(&held).await;
        held = refresh.cert().clone();
        assert_eq!(held.primary_key().other_revocations().count(), 32);
        assert_eq!(refresh.notes().len(), 2, "{:?}", refresh.notes());
    }
}
