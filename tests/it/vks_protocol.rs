//! The key server's whole protocol: by fingerprint and key ID; uploads and
//! confirmation mails are in `publish`.

mod publish;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::{ReasonForRevocation, RevocationStatus};
use openpgp_discovery::openpgp::{Cert, Fingerprint, KeyHandle, KeyID, Packet};
use openpgp_discovery::vks::{Budget, Client, KeyLookup};
use openpgp_discovery::{
    Absence, ErrorKind, Event, KeyLocator, KeyLocatorBuilder, Method, Outcome, Reason, Status, Step,
};
use testbed::{Answer, Testbed, certs};

use crate::{SHORT, address, alice};

const ALICE: &str = "Alice <alice@example.org>";
const V6: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";

fn client(builder: KeyLocatorBuilder) -> Client {
    let locator = builder.build().expect("builds");
    locator.vks().expect("a key server")
}

async fn by_key(client: &Client, handle: &KeyHandle) -> KeyLookup {
    match handle {
        KeyHandle::Fingerprint(fingerprint) => client.by_fingerprint(fingerprint).await,
        KeyHandle::KeyID(id) => client.by_key_id(id).await,
    }
}

/// One word for how a look-up ended, with the kind of a failure.
fn end(lookup: &KeyLookup) -> String {
    match lookup.attempt().outcome() {
        Outcome::Found(count) => format!("found {count}"),
        Outcome::Absent(Absence::NotThere) => "absent".to_owned(),
        Outcome::Absent(Absence::PerhapsUnsupported) => "perhaps unsupported".to_owned(),
        Outcome::Failed(error) => format!("{:?}", error.kind()),
        outcome => panic!("{outcome:?}"),
    }
}

fn user_ids(cert: &Cert) -> Vec<String> {
    let ids = cert.userids().map(|id| id.userid().value().to_vec());
    ids.map(|id| String::from_utf8(id).expect("UTF-8"))
        .collect()
}

#[tokio::test]
async fn found_by_primary_key_and_subkeys_but_not_by_those_that_only_encrypt() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    testbed
        .vks()
        .upload(&certs::cert(&["other@example.org"]).cert);
    testbed.vks().confirm(&alice(), &sample.cert);
    let client = client(testbed.locator());

    let primary = sample.cert.fingerprint();
    let signs = certs::subkey(&sample.cert, true);
    let encrypts = certs::subkey(&sample.cert, false);
    for (fingerprint, found) in [(&primary, true), (&signs, true), (&encrypts, false)] {
        for handle in [
            KeyHandle::from(fingerprint),
            KeyID::from(fingerprint).into(),
        ] {
            testbed.forget_log();
            let lookup = by_key(&client, &handle).await;
            assert_eq!(lookup.handle(), &handle);
            assert!(lookup.error().is_none(), "{:?}", lookup.error());
            assert!(lookup.rejected().is_empty());
            let cert = lookup.cert().map(Cert::fingerprint);
            assert_eq!(cert, found.then(|| primary.clone()), "{handle}");
            let status = if found {
                Status::Found
            } else {
                Status::NotFound
            };
            assert_eq!(lookup.status(), status, "{handle}");

            let (method, kind) = match handle {
                KeyHandle::Fingerprint(_) => (Method::VksByFingerprint, "by-fingerprint"),
                KeyHandle::KeyID(_) => (Method::VksByKeyId, "by-keyid"),
            };
            assert_eq!(lookup.attempt().step(), Step::Ask(method));
            let target = format!("/vks/v1/{kind}/{}", handle.to_hex().to_uppercase());
            assert_eq!(testbed.vks().requests()[0].target, target);
            let url = lookup.attempt().url().expect("a URL");
            assert_eq!(url.path(), target);
            assert_eq!(lookup.into_result().expect("no failure").is_some(), found);
        }
    }
}

/// What cannot be known to any key server is not asked for.
#[tokio::test]
async fn keys_that_cannot_be_asked_for() {
    let testbed = Testbed::start().await;
    let client = client(testbed.locator());
    for handle in [
        KeyHandle::from(Fingerprint::from_bytes(3, &[7; 16]).expect("an old fingerprint")),
        KeyID::wildcard().into(),
        KeyID::from_bytes(&[1, 2, 3, 4]).into(),
    ] {
        let lookup = by_key(&client, &handle).await;
        assert_eq!(end(&lookup), "Config", "{handle}");
        assert_eq!(lookup.status(), Status::Failed);
        assert_eq!(lookup.attempt().url(), None);
    }
    assert!(testbed.vks().requests().is_empty());
}

#[tokio::test]
async fn without_user_ids_where_none_is_confirmed_and_where_the_key_is_revoked() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE, "Alice <alice@example.com>"]);
    let fingerprint = sample.cert.fingerprint();
    let locator = testbed.locator().no_wkd().build().expect("builds");
    let client = locator.vks().expect("a key server");

    testbed.vks().upload(&sample.cert);
    let lookup = client.by_fingerprint(&fingerprint).await;
    assert_eq!(lookup.status(), Status::Found);
    assert_eq!(user_ids(lookup.cert().expect("found")), [""; 0]);
    assert!(lookup.kept()[0].status().is_valid());

    testbed.vks().confirm(&alice(), &sample.cert);
    let lookup = client.by_fingerprint(&fingerprint).await;
    assert_eq!(user_ids(lookup.cert().expect("found")), [ALICE]);
    assert_eq!(locator.locate(&alice()).await.status(), Status::Found);

    for revoked in [sample.retired(), sample.revoked()] {
        testbed.vks().upload(&revoked);
        assert_eq!(locator.locate(&alice()).await.status(), Status::NotFound);
        let lookup = client.by_fingerprint(&fingerprint).await;
        let cert = lookup.cert().expect("found");
        assert_eq!(user_ids(cert), [""; 0]);
        let status = cert.revocation_status(&StandardPolicy::new(), None);
        assert!(matches!(status, RevocationStatus::Revoked(_)), "{status:?}");
        assert!(lookup.kept()[0].status().is_revoked());
        assert!(!lookup.kept()[0].can_encrypt());
    }
}

/// What became of a certificate since comes with it.
#[tokio::test]
async fn changes_are_published() {
    let testbed = Testbed::start().await;
    let ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 86_400);
    let old = certs::Recipe::new(&[ALICE]).created(ago(30)).make().cert;
    let new = certs::with_subkey(&old, true);
    let gone = certs::subkey(&old, true);
    let new = certs::with_subkey_revoked(&new, &gone, ReasonForRevocation::KeyCompromised, ago(2));
    let new = certs::with_user_id(&new, "Alice <alice@example.net>", ago(1));
    let new = certs::with_user_id_revoked(&new, ALICE, ago(1));
    let new = certs::certified(&new, &certs::cert(&["bob@example.org"]));
    testbed.vks().confirm(&alice(), &new);
    testbed.vks().confirm(&address("alice@example.net"), &new);

    let client = client(testbed.locator());
    let lookup = client.by_fingerprint(&old.fingerprint()).await;
    let cert = lookup.cert().expect("found");
    // A revoked User ID is not published, confirmed or not.
    assert_eq!(user_ids(cert), ["Alice <alice@example.net>"]);
    assert!(cert.userids().all(|id| id.certifications().count() == 0));
    assert_eq!(cert.keys().subkeys().count(), 3);
    let policy = StandardPolicy::new();
    let revoked: Vec<_> = cert
        .keys()
        .subkeys()
        .filter(|key| {
            matches!(
                key.revocation_status(&policy, None),
                RevocationStatus::Revoked(_)
            )
        })
        .map(|key| key.key().fingerprint())
        .collect();
    assert_eq!(revoked, [gone]);
}

#[tokio::test]
async fn a_version_6_key_that_is_not_there_may_be_unsupported() {
    let testbed = Testbed::start().await;
    let client = client(testbed.locator());
    let v6: Fingerprint = V6.parse().expect("a fingerprint");
    let v4: Fingerprint = V6[..40].parse().expect("a fingerprint");
    for (fingerprint, status, wanted) in [
        (&v6, 404, "perhaps unsupported"),
        (&v6, 400, "perhaps unsupported"),
        (&v6, 500, "Http"),
        (&v4, 404, "absent"),
        (&v4, 400, "Http"),
    ] {
        testbed
            .vks()
            .plant_key(fingerprint.clone(), Answer::status(status));
        let lookup = client.by_fingerprint(fingerprint).await;
        assert_eq!(end(&lookup), wanted, "{fingerprint} {status}");
        if status == 404 {
            assert_eq!(lookup.status(), Status::NotFound);
        }
        if wanted == "perhaps unsupported" {
            let said = lookup.attempt().to_string();
            assert!(said.contains("may not support version 6"), "{said}");
        }
    }
    assert!(testbed.vks().requests()[0].target.ends_with(V6));
}

#[tokio::test]
async fn statuses_by_handle() {
    let sample = certs::cert(&[ALICE]);
    let testbed = Testbed::start().await;
    let client = client(testbed.locator());
    for handle in [
        KeyHandle::from(sample.cert.fingerprint()),
        sample.cert.keyid().into(),
    ] {
        for (answer, wanted, asked) in [
            (Answer::status(404), "absent", 1),
            (Answer::status(410), "Http", 1),
            (Answer::status(400), "Http", 1),
            (Answer::status(204), "Http", 1),
            (Answer::status(429), "RateLimited", 1),
            (Answer::status(500), "Http", 2),
            (Answer::status(503), "Http", 2),
            (Answer::redirect(302, "/elsewhere"), "Redirect", 1),
            (
                Answer::redirect(301, "https://keys.example.org/"),
                "Redirect",
                1,
            ),
            (Answer::ok(""), "BadAnswer", 1),
            (Answer::ok("garbage"), "BadAnswer", 1),
            (Answer::ok(b"\xc6\xff\xff"), "BadAnswer", 1),
            (Answer::html("<html></html>"), "BadAnswer", 1),
            (Answer::gzip(&sample.armored()), "BadAnswer", 1),
            (Answer::ok(vec![b'x'; 2 << 20]), "BadAnswer", 1),
            (Answer::endless("x"), "BadAnswer", 1),
            // The server labels whatever it sends as it likes.
            (
                Answer::armored(&sample.cert).header("content-type", "text/html"),
                "found 1",
                1,
            ),
            (Answer::ok(sample.binary()), "found 1", 1),
        ] {
            testbed.forget_log();
            testbed.vks().plant_key(handle.clone(), answer.clone());
            let lookup = by_key(&client, &handle).await;
            assert_eq!(end(&lookup), wanted, "{answer:?}");
            assert_eq!(testbed.vks().requests().len(), asked, "{answer:?}");
            if wanted == "BadAnswer" {
                assert_eq!(lookup.rejected().len(), 1, "{answer:?}");
                assert_eq!(lookup.status(), Status::Failed);
            }
        }
    }
}

#[tokio::test]
async fn a_second_try_where_it_may_help() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let fingerprint = sample.cert.fingerprint();
    testbed.vks().upload(&sample.cert);
    let client = client(testbed.locator());
    let soon = || Answer::status(429).header("retry-after", "1");
    for (times, answer, wanted, asked) in [
        (1, Answer::status(502), "found 1", 2),
        (2, Answer::status(502), "Http", 2),
        (1, soon(), "found 1", 2),
        (2, soon(), "RateLimited", 2),
        (1, Answer::status(429), "RateLimited", 1),
    ] {
        let vks = testbed.vks();
        testbed.forget_log();
        vks.plant_key_first(times, fingerprint.clone(), answer.clone());
        let lookup = client.by_fingerprint(&fingerprint).await;
        assert_eq!(end(&lookup), wanted, "{times} {answer:?}");
        assert_eq!(vks.requests().len(), asked, "{times} {answer:?}");
        // Used up: what the server knows is next.
        assert_eq!(end(&client.by_fingerprint(&fingerprint).await), "found 1");
    }
}

#[tokio::test]
async fn it_ends_within_the_deadline() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let client = client(testbed.locator().deadline(SHORT));
    for answer in [
        Answer::silent(),
        Answer::stall("-----BEGIN PGP"),
        Answer::drip("x".repeat(100)),
    ] {
        testbed.vks().plant_all(answer);
        let start = Instant::now();
        let lookup = client.by_fingerprint(&sample.cert.fingerprint()).await;
        assert_eq!(end(&lookup), "Timeout");
        let error = client
            .upload(&sample.cert, &[])
            .await
            .expect_err("too late");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

/// A stranger's certificate: its own, with somebody else's subkey put in.
fn with_stolen_subkey(thief: &Cert, victim: &Cert) -> Cert {
    let stolen = victim.keys().subkeys().next().expect("a subkey");
    let packets: Vec<Packet> = thief
        .clone()
        .strip_secret_key_material()
        .into_packets()
        .chain([Packet::from(stolen.key().clone())])
        .chain(stolen.self_signatures().cloned().map(Packet::from))
        .collect();
    Cert::from_packets(packets.into_iter()).expect("a certificate")
}

#[tokio::test]
async fn the_wrong_certificate_is_refused() {
    let testbed = Testbed::start().await;
    let (sample, other) = (certs::cert(&[ALICE]), certs::cert(&[ALICE]));
    let subkey = certs::subkey(&sample.cert, true);
    let client = client(testbed.locator());
    let both = [sample.binary(), other.binary()].concat();
    for (asked, answer, status, reasons) in [
        (
            sample.cert.fingerprint(),
            Answer::armored(&other.cert),
            Status::Failed,
            &[Reason::OtherKey][..],
        ),
        (
            subkey.clone(),
            Answer::armored(&with_stolen_subkey(&other.cert, &sample.cert)),
            Status::Failed,
            &[Reason::OtherKey],
        ),
        (
            sample.cert.fingerprint(),
            Answer::ok(sample.secret()),
            Status::Failed,
            &[Reason::SecretKey],
        ),
        (
            sample.cert.fingerprint(),
            Answer::ok(&both),
            Status::Found,
            &[Reason::OtherKey],
        ),
        (subkey, Answer::armored(&sample.cert), Status::Found, &[]),
    ] {
        testbed.vks().plant_key(asked.clone(), answer);
        let lookup = client.by_fingerprint(&asked).await;
        assert_eq!(lookup.status(), status);
        let found: Vec<_> = lookup.rejected().iter().map(|r| r.reason()).collect();
        assert_eq!(found, reasons);
        if status == Status::Found {
            let cert = lookup.into_result().expect("found").expect("found");
            assert_eq!(cert.fingerprint(), sample.cert.fingerprint());
        } else {
            assert!(lookup.cert().is_none());
            let error = lookup.into_result().expect_err("a failure");
            assert_eq!(error.kind(), ErrorKind::BadAnswer);
        }
    }
}

/// No address goes out with a question about a key.
#[tokio::test]
async fn no_address_in_questions_about_keys() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let client = client(testbed.locator());
    client.by_fingerprint(&sample.cert.fingerprint()).await;
    client.by_key_id(&sample.cert.keyid()).await;
    let requests = testbed.vks().requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.body.is_empty());
        let all = format!("{} {:?}", request.target, request.headers).to_lowercase();
        for word in ["alice", "example", "@", "%40"] {
            assert!(!all.contains(word), "{all}");
        }
    }
    assert!(testbed.queries().is_empty());
    assert!(testbed.requests().is_empty());
}

#[tokio::test]
async fn two_budgets() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let budget = Budget::new(1, 0.001)
        .and_then(|budget| budget.other(3, 0.001))
        .expect("a budget");
    let builder = testbed.locator().no_wkd().vks_budget(budget);
    let locator = builder.build().expect("builds");
    let client = locator.vks().expect("a key server");
    let fingerprint = sample.cert.fingerprint();

    assert_eq!(end(&client.by_fingerprint(&fingerprint).await), "found 1");
    assert_eq!(
        end(&client.by_key_id(&fingerprint.clone().into()).await),
        "found 1"
    );
    let token = client.upload(&sample.cert, &[]).await.expect("taken");
    // Spent, for this handle and any other; by e-mail it is counted apart.
    let again = locator.clone().vks().expect("a key server");
    assert_eq!(
        end(&again.by_fingerprint(&fingerprint).await),
        "BudgetSpent"
    );
    for error in [
        again.upload(&sample.cert, &[]).await.expect_err("spent"),
        again
            .request_verify(token.token(), &[], &[])
            .await
            .expect_err("spent"),
    ] {
        assert_eq!(error.kind(), ErrorKind::BudgetSpent);
        assert!(error.retry_after() > Some(Duration::from_secs(900)));
    }
    assert_eq!(locator.locate(&alice()).await.status(), Status::Found);
    assert_eq!(testbed.vks().requests().len(), 4);
}

#[tokio::test]
async fn no_key_server_no_handle() {
    let testbed = Testbed::start().await;
    let locator = testbed.locator().no_vks().build().expect("builds");
    assert!(locator.vks().is_none());
}

#[tokio::test]
async fn the_default_server_is_asked_over_https() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    let builder = KeyLocator::builder()
        .resolver(testbed.dns())
        .guard(testbed.guard())
        .trust_anchor(testbed.ca_der());
    let client = client(builder);
    client.upload(&sample.cert, &[]).await.expect("taken");
    let lookup = client.by_fingerprint(&sample.cert.fingerprint()).await;
    assert_eq!(lookup.status(), Status::Found);
    assert_eq!(lookup.attempt().target(), "keys.openpgp.org");
    assert_eq!(testbed.requests_to("keys.openpgp.org").len(), 2);
}

/// The first question goes over it; asked for again, it is the same one.
#[tokio::test]
async fn a_connection_ahead() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let budget = Budget::new(1, 0.001).expect("a budget");
    let locator = testbed.locator().vks_budget(budget);
    let locator = locator.build().expect("builds");
    let client = locator.vks().expect("a key server");
    for _ in 0..2 {
        client.connect().await.expect("connected");
    }
    let lookup = locator.locate(&alice()).await;
    assert_eq!(
        lookup.status(),
        Status::Found,
        "the budget is whole: {lookup:?}"
    );
    assert_eq!(testbed.vks_connections(), 1);
    let asked = testbed.vks().requests();
    let asked: Vec<_> = asked
        .iter()
        .map(|r| format!("{} {}", r.method, r.target))
        .collect();
    let question = "GET /vks/v1/by-email/alice%40example.org";
    assert_eq!(asked, ["HEAD /", "HEAD /", question]);

    // Whatever it answers; but not nothing.
    testbed.vks().plant_all(Answer::status(500));
    client.connect().await.expect("connected");
    testbed.vks().plant_all(Answer::silent());
    let hasty = locator.with_deadline(SHORT).vks().expect("a key server");
    let error = hasty.connect().await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn events() {
    let testbed = Testbed::start().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let client = client(testbed.locator().on_event(move |event| {
        let line = match event {
            Event::KeyAsked { step, target, .. } => format!("{step} {target}"),
            Event::KeyAnswered { attempt, .. } => attempt.to_string(),
            event => panic!("{event:?}"),
        };
        sink.lock().expect("a lock").push(line);
    }));
    let nobody: Fingerprint = V6[..40].parse().expect("a fingerprint");
    client.by_fingerprint(&nobody).await;
    assert_eq!(
        *told.lock().expect("a lock"),
        [
            "VKS by fingerprint 127.0.0.1",
            "VKS by fingerprint 127.0.0.1: nothing there"
        ]
    );
}
