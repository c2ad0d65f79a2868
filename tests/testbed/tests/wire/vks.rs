use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use testbed::{Answer, Testbed, certs};

use crate::client::{get, http};

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

async fn by_email(t: &Testbed, path: &str) -> reqwest::Response {
    let url = t
        .vks_url()
        .join(&format!("vks/v1/by-email/{path}"))
        .unwrap();
    http(t).build().unwrap().get(url).send().await.unwrap()
}

#[tokio::test]
async fn a_confirmed_address_is_found_with_its_user_id_alone() {
    let t = Testbed::start().await;
    let sample = certs::cert(&["Alice <Alice@Example.org>", "Alice <alice@other.example>"]);
    t.vks().confirm(&address("alice@example.org"), &sample.cert);
    let answer = by_email(&t, "ALICE%40example.org").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pgp-keys");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["cache-control"], "no-cache");
    let body = answer.bytes().await.unwrap();
    assert!(body.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    let cert = Cert::from_bytes(&body).unwrap();
    assert_eq!(cert.fingerprint(), sample.cert.fingerprint());
    let user_ids: Vec<_> = cert.userids().map(|u| u.userid().to_string()).collect();
    assert_eq!(user_ids, ["Alice <Alice@Example.org>"]);
    assert!(!cert.is_tsk());

    assert_eq!(by_email(&t, "alice@other.example").await.status(), 404);
    t.vks()
        .confirm(&address("alice@other.example"), &sample.cert);
    assert_eq!(by_email(&t, "alice@other.example").await.status(), 200);
}

#[tokio::test]
async fn what_is_not_confirmed_or_malformed_is_said_in_a_mislabelled_sentence() {
    let t = Testbed::start().await;
    t.vks().upload(&certs::cert(&["<bob@example.org>"]).cert);
    for (path, status, body) in [
        (
            "bob@example.org",
            404,
            "No key found for email address bob@example.org",
        ),
        ("bob", 400, "malformed e-mail address"),
    ] {
        let answer = by_email(&t, path).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(answer.text().await.unwrap(), body);
    }
    let paths: Vec<_> = t
        .vks()
        .requests()
        .iter()
        .map(|r| r.target.clone())
        .collect();
    assert_eq!(
        paths,
        ["/vks/v1/by-email/bob@example.org", "/vks/v1/by-email/bob"]
    );
    assert!(t.requests().is_empty());
}

#[tokio::test]
async fn a_revoked_certificate_loses_its_addresses() {
    let t = Testbed::start().await;
    for revoke in [certs::Sample::revoked, certs::Sample::retired] {
        let sample = certs::cert(&["<carol@example.org>"]);
        t.vks().confirm(&address("carol@example.org"), &sample.cert);
        assert_eq!(by_email(&t, "carol@example.org").await.status(), 200);
        t.vks().upload(&revoke(&sample));
        assert_eq!(by_email(&t, "carol@example.org").await.status(), 404);
    }
}

#[tokio::test]
async fn an_address_belongs_to_the_certificate_that_confirmed_it_last() {
    let t = Testbed::start().await;
    let dave = address("dave@example.org");
    let (old, new) = (
        certs::cert(&["<dave@example.org>"]),
        certs::cert(&["<dave@example.org>"]),
    );
    t.vks().confirm(&dave, &old.cert).confirm(&dave, &new.cert);
    let body = by_email(&t, "dave@example.org")
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(
        Cert::from_bytes(&body).unwrap().fingerprint(),
        new.cert.fingerprint()
    );
}

#[tokio::test]
async fn planted_answers_go_first() {
    let t = Testbed::start().await;
    let erin = address("erin@example.org");
    let sample = certs::cert(&["<erin@example.org>"]);
    t.vks()
        .confirm(&erin, &sample.cert)
        .plant_first(1, &erin, Answer::status(429).header("retry-after", "3"))
        .plant_all_first(2, Answer::status(503));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(by_email(&t, "erin%40example.org").await.status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 429, 200]);
    t.vks().plant(&erin, Answer::ok("garbage"));
    assert_eq!(
        by_email(&t, "erin%40example.org")
            .await
            .text()
            .await
            .unwrap(),
        "garbage"
    );
    t.vks().plant_all(Answer::hang_up());
    let url = t
        .vks_url()
        .join("vks/v1/by-email/erin%40example.org")
        .unwrap();
    assert!(http(&t).build().unwrap().get(url).send().await.is_err());
}

#[tokio::test]
async fn it_is_keys_openpgp_org_as_well() {
    let t = Testbed::start().await;
    let path = "/vks/v1/by-email/frank@example.org";
    let answer = get(&t, "keys.openpgp.org", path).await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!((t.vks().requests().len(), t.requests().len()), (1, 1));
    assert_eq!(t.vks_connections(), 0);
}

/// As the web server in front of it does: only files of exactly this name.
#[tokio::test]
async fn keys_by_their_digits() {
    let t = Testbed::start().await;
    let sample = certs::cert(&["<alice@example.org>"]);
    t.vks().upload(&sample.cert);
    let fingerprint = sample.cert.fingerprint().to_hex();
    let id = sample.cert.keyid().to_hex();
    let signs = certs::subkey(&sample.cert, true).to_hex();
    let encrypts = certs::subkey(&sample.cert, false).to_hex();
    let long = "0".repeat(64);
    for (kind, digits, status) in [
        ("by-fingerprint", &fingerprint[..], 200),
        ("by-fingerprint", &signs, 200),
        ("by-fingerprint", &encrypts, 404),
        ("by-fingerprint", &fingerprint.to_lowercase(), 404),
        ("by-fingerprint", &long, 404),
        ("by-fingerprint", &id, 400),
        ("by-fingerprint", "x", 400),
        ("by-keyid", &id, 200),
        ("by-keyid", &signs[24..], 200),
        ("by-keyid", &encrypts[24..], 404),
        ("by-keyid", &id.to_lowercase(), 404),
        ("by-keyid", &fingerprint, 400),
        ("by-keyid", &id[8..], 400),
    ] {
        let url = t
            .vks_url()
            .join(&format!("vks/v1/{kind}/{digits}"))
            .unwrap();
        let answer = http(&t).build().unwrap().get(url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{kind} {digits}");
    }
}

#[tokio::test]
async fn uploads_that_are_refused() {
    let t = Testbed::start().await;
    let sample = certs::cert(&["<alice@example.org>"]);
    let keytext = |octets: &[u8]| {
        let text = String::from_utf8(octets.to_vec()).unwrap();
        format!(r#"{{"keytext":"{}"}}"#, text.replace('\n', "\\n"))
    };
    let secret = sample.cert.as_tsk().armored().to_vec().unwrap();
    let json = "application/json";
    for (label, body, status, said) in [
        (json, keytext(&sample.armored()), 200, "unpublished"),
        ("text/plain", keytext(&sample.armored()), 400, "malformed"),
        (json, keytext(&secret), 400, "secret"),
        (json, keytext(b"garbage"), 400, "Parsing"),
        (json, "{}".to_owned(), 400, "keytext"),
        (json, "x".repeat(1_100_000), 413, "Too Large"),
    ] {
        let url = t.vks_url().join("vks/v1/upload").unwrap();
        let request = http(&t).build().unwrap().post(url);
        let request = request.header("content-type", label).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{said}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(said), "{text}");
    }
}
