//! Publishing: what goes out, what comes back, and what stays secret.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::user_attribute::{Subpacket, UserAttribute};
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::types::SignatureType;
use openpgp_discovery::openpgp::{Cert, KeyHandle, Packet, PacketPile};
use openpgp_discovery::transport::Response;
use openpgp_discovery::vks::{AddressStatus, UploadToken};
use openpgp_discovery::{ErrorKind, Status};
use testbed::{Answer, Testbed, certs};

use super::{ALICE, client, user_ids};
use crate::{address, alice};

/// The certificate that was uploaded last, as it went over the wire.
fn sent(testbed: &Testbed) -> (Cert, PacketPile) {
    let requests = testbed.vks().requests();
    let request = requests.last().expect("a request");
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/vks/v1/upload");
    assert_eq!(request.headers["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body.as_object().expect("an object").len(), 1);
    let keytext = body["keytext"].as_str().expect("a keytext");
    assert!(keytext.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    assert!(!keytext.contains("Comment"), "{keytext}");
    let cert = Cert::from_bytes(keytext).expect("a certificate");
    (cert, PacketPile::from_bytes(keytext).expect("packets"))
}

/// A certificate with all that must not be published.
fn rich() -> Cert {
    let ago = SystemTime::now() - Duration::from_secs(86_400);
    let ids = [ALICE, "Private <private@example.net>", "no address"];
    let cert = certs::Recipe::new(&ids).created(ago).make().cert;
    let cert = certs::certified(&cert, &certs::cert(&["bob@example.org"]));
    let mut signer = cert
        .primary_key()
        .key()
        .clone()
        .parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("secret keys");
    let attribute =
        UserAttribute::new(&[Subpacket::Unknown(101, vec![7].into())]).expect("an attribute");
    let binding = SignatureBuilder::new(SignatureType::PositiveCertification);
    let bound = attribute
        .bind(&mut signer, &cert, binding)
        .expect("a binding");
    let local = SignatureBuilder::new(SignatureType::DirectKey)
        .set_exportable_certification(false)
        .and_then(|builder| builder.sign_direct_key(&mut signer, Some(cert.primary_key().key())))
        .expect("a local signature");
    let packets = [
        Packet::from(local),
        Packet::from(attribute),
        Packet::from(bound),
    ];
    let (cert, _) = cert.insert_packets(packets).expect("they fit");
    assert_eq!(cert.user_attributes().count(), 1);
    cert
}

#[tokio::test]
async fn an_upload_carries_what_was_named_and_no_secret() {
    let testbed = Testbed::start().await;
    let cert = rich();
    let client = client(testbed.locator());
    for (addresses, wanted) in [
        (vec![], vec![]),
        (vec![address("Alice@EXAMPLE.org")], vec![ALICE]),
        (
            vec![address("private@example.net"), alice()],
            vec![ALICE, "Private <private@example.net>"],
        ),
    ] {
        let upload = client.upload(&cert, &addresses).await.expect("taken");
        assert_eq!(*upload.fingerprint(), cert.fingerprint());
        let (sent, packets) = sent(&testbed);
        assert_eq!(sent.fingerprint(), cert.fingerprint());
        let mut ids = user_ids(&sent);
        ids.sort();
        assert_eq!(ids, wanted);
        assert_eq!(sent.user_attributes().count(), 0);
        assert_eq!(sent.keys().subkeys().count(), 2);
        assert_eq!(sent.bad_signatures().count(), 0);
        assert!(sent.userids().all(|id| id.certifications().count() == 0));
        for packet in packets.descendants() {
            match packet {
                Packet::SecretKey(_) | Packet::SecretSubkey(_) => panic!("a secret key"),
                Packet::Signature(signature) => {
                    assert!(signature.exportable().is_ok(), "a local signature");
                    let by = signature.get_issuers();
                    let owner = KeyHandle::from(cert.fingerprint());
                    assert!(by.iter().all(|by| by.aliases(&owner)), "by another");
                }
                _ => {}
            }
        }
    }
    assert!(cert.is_tsk(), "the caller's stays as it is");
}

#[tokio::test]
async fn an_address_that_the_certificate_lacks_is_an_error_before_anything_is_sent() {
    let testbed = Testbed::start().await;
    let client = client(testbed.locator());
    for addresses in [
        vec![address("bob@example.org")],
        vec![alice(), address("bob@example.org")],
    ] {
        let error = client
            .upload(&rich(), &addresses)
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error} {error:?}").contains("bob"), "{error:?}");
    }
    assert!(testbed.vks().requests().is_empty());
}

#[tokio::test]
async fn from_the_upload_to_the_published_address() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE, "Alice <alice@example.com>"]);
    let com = address("alice@example.com");
    let locator = testbed.locator().no_wkd().build().expect("builds");
    let client = locator.vks().expect("a key server");

    let both = [alice(), com.clone()];
    let upload = client.upload(&sample.cert, &both).await.expect("taken");
    assert_eq!(upload.addresses().len(), 2);
    assert_eq!(upload.status_of(&alice()), Some(AddressStatus::Unpublished));
    assert_eq!(upload.status_of(&address("bob@example.org")), None);
    assert_eq!(locator.locate(&alice()).await.status(), Status::NotFound);
    assert!(testbed.vks().mails().is_empty());

    // Kept somewhere meanwhile.
    let token = UploadToken::from(upload.token().expose().to_owned());
    let asked = [alice(), address("bob@example.org")];
    let locales = ["de_DE", "en_GB"];
    let upload = client
        .request_verify(&token, &asked, &locales)
        .await
        .expect("taken");
    assert_eq!(upload.status_of(&alice()), Some(AddressStatus::Pending));
    assert_eq!(upload.status_of(&com), Some(AddressStatus::Unpublished));
    let mails = testbed.vks().mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "alice@example.org");
    assert_eq!(mails[0].locales, locales);

    testbed.vks().follow_link(&alice());
    assert_eq!(locator.locate(&alice()).await.status(), Status::Found);
    let upload = client
        .request_verify(upload.token(), &[], &[])
        .await
        .expect("taken");
    assert_eq!(upload.status_of(&alice()), Some(AddressStatus::Published));
    assert_eq!(testbed.vks().mails().len(), 1, "no mail unasked");
    let requests = testbed.vks().requests();
    let last = requests.last().expect("a request");
    let body: serde_json::Value = serde_json::from_slice(&last.body).expect("JSON");
    assert!(body.get("locale").is_none(), "{body}");

    // A revoked User ID, and then a revoked certificate.
    let now = SystemTime::now();
    let less = certs::with_user_id_revoked(&sample.cert, "Alice <alice@example.com>", now);
    let upload = client.upload(&less, &both).await.expect("taken");
    assert_eq!(upload.status_of(&com), Some(AddressStatus::Revoked));
    let upload = client.upload(&sample.revoked(), &[]).await.expect("taken");
    assert!(upload.addresses().is_empty());
    assert_eq!(locator.locate(&alice()).await.status(), Status::NotFound);
}

#[tokio::test]
async fn what_a_server_refuses_is_told() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let client = client(testbed.locator());
    let upload = client.upload(&sample.cert, &[]).await.expect("taken");
    let fingerprint = sample.cert.fingerprint().to_hex();
    let other = certs::cert(&[ALICE]).cert.fingerprint().to_hex();
    let answer = |fpr: &str| {
        Answer::json(
            200,
            &format!(r#"{{"token":"t","key_fpr":"{fpr}","status":{{}}}}"#),
        )
    };
    let error = |text: &str| format!(r#"{{"error":"{text}"}}"#);
    for (planted, kind, said) in [
        (
            Answer::json(400, &error("Parsing of key data failed.")),
            ErrorKind::Http,
            "400: Parsing of key data failed.",
        ),
        (
            Answer::json(503, r#"{"message":"In maintenance\u001b[2J"}"#),
            ErrorKind::Http,
            "503: In maintenance[2J",
        ),
        (
            Answer::json(503, &error("Back soon")),
            ErrorKind::Http,
            "503: Back soon",
        ),
        (
            Answer::html("<h1>").body("x"),
            ErrorKind::BadAnswer,
            "not JSON",
        ),
        (Answer::status(413), ErrorKind::Http, "status 413"),
        (Answer::status(404), ErrorKind::Http, "status 404"),
        (Answer::status(201), ErrorKind::Http, "status 201"),
        (Answer::status(429), ErrorKind::RateLimited, "429"),
        (
            Answer::redirect(307, "/x"),
            ErrorKind::Redirect,
            "redirects",
        ),
        (
            Answer::ok(vec![b' '; 1 << 20]),
            ErrorKind::BadAnswer,
            "larger",
        ),
        (Answer::gzip(b"{}"), ErrorKind::BadAnswer, "encoding"),
        (
            Answer::json(200, &format!(r#"["{fingerprint}","{other}"]"#)),
            ErrorKind::BadAnswer,
            "several certificates",
        ),
        (
            Answer::json(200, "{}"),
            ErrorKind::BadAnswer,
            "no usable token",
        ),
    ] {
        testbed.vks().plant_upload(planted.clone());
        testbed.vks().plant_request_verify(planted);
        for error in [
            client.upload(&sample.cert, &[]).await.expect_err(said),
            client
                .request_verify(upload.token(), &[alice()], &[])
                .await
                .expect_err(said),
        ] {
            assert_eq!(error.kind(), kind, "{error}");
            let text = error.to_string();
            assert!(text.contains(said), "{text}");
            assert!(text.contains("127.0.0.1"), "{text}");
        }
    }
    testbed.vks().plant_upload(answer(&other));
    let error = client.upload(&sample.cert, &[]).await.expect_err("another");
    assert_eq!(error.kind(), ErrorKind::BadAnswer);
    testbed.vks().plant_upload(answer(&fingerprint));
    client.upload(&sample.cert, &[]).await.expect("taken");
}

#[tokio::test]
async fn an_expired_token() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let client = client(testbed.locator());
    let upload = client
        .upload(&sample.cert, &[alice()])
        .await
        .expect("taken");
    testbed.vks().expire_tokens();
    let error = client
        .request_verify(upload.token(), &[alice()], &[])
        .await
        .expect_err("expired");
    assert_eq!(error.kind(), ErrorKind::Http);
    assert!(
        error
            .to_string()
            .ends_with("Your session expired or is invalid")
    );
    assert!(testbed.vks().mails().is_empty());
}

/// Where everything that is logged goes.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_token_is_nowhere_to_be_read() {
    let lines = Lines::default();
    let sink = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || sink.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let client = client(testbed.locator());
    let upload = client
        .upload(&sample.cert, &[alice()])
        .await
        .expect("taken");
    let token = upload.token().expose().to_owned();
    assert!(token.len() > 20);
    let mut seen = vec![format!("{upload:?} {:?} {client:?}", upload.token())];
    client
        .request_verify(upload.token(), &[alice()], &[])
        .await
        .expect("taken");
    let echoes = [
        (400, format!(r#"{{"error":"bad token {token}"}}"#)),
        (400, format!(r#"{{"error":"bad token {}"}}"#, &token[3..20])),
        (400, token.clone()),
        (503, format!(r#"{{"message":"{token}"}}"#)),
        (200, token.clone()),
        (200, format!(r#"["{token}"]"#)),
        (200, format!(r#"{{"token":"{token}"}}"#)),
        (200, format!(r#"{{"token":"{token}""#)),
        (200, format!(r#"{{"token":"{token}","key_fpr":"{token}"}}"#)),
    ];
    for (status, body) in echoes {
        testbed.vks().plant_all(Answer::json(status, &body));
        let asked = client.request_verify(upload.token(), &[alice()], &[]).await;
        let error = asked.expect_err("refused");
        seen.push(format!("{error} {error:?}"));
    }
    let logged = lines.0.lock().expect("a lock").clone();
    seen.push(String::from_utf8_lossy(&logged).into_owned());
    assert!(seen.last().is_some_and(|log| log.contains("not published")));
    for text in seen {
        assert!(!text.contains(&token[3..11]), "{text}");
    }
    for line in String::from_utf8_lossy(&logged).lines() {
        assert!(
            !line.contains("openpgp_discovery") || !line.contains("alice"),
            "{line}"
        );
    }
}

/// The texts that a program may log while it hands requests on.
#[test]
fn requests_and_responses_do_not_show_their_bodies() {
    let response = Response::new(http::StatusCode::OK, http::HeaderMap::new(), "s3cret");
    let text = format!("{response:?}");
    assert!(!text.contains("s3cret") && text.contains('6'), "{text}");
}
