//! What is served, and to whom.

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::publish::Publisher;
use openpgp_discovery::{Method, Status, Step};
use testbed::Testbed;
use testbed::certs::{self, Recipe};

use super::super::{DAY, days_ago, scratch};
use super::{
    ALICE, HOST, Server, advanced, direct, domain, keyring, new_tls, replace, text, tls_files,
};
use crate::address;

#[test]
fn it_serves_what_would_be_written_by_both_methods_to_many_tenants() {
    let directory = scratch("server-tenants");
    let alice = certs::cert(&["Alice <Alice@example.org>", "Alice <alice@home.example>"]).cert;
    let bob = certs::cert(&["Bob <bob+list@example.org>", "Bob <bob@bücher.example>"]).cert;
    let (first, second) = (
        keyring(&directory, "first.pgp", &[&alice]),
        keyring(&directory, "second.pgp", &[&bob]),
    );
    let server = Server::start(&[
        "--domain",
        &domain("Example.ORG", &first),
        "--domain",
        &domain("example.org", &second),
        "--domain",
        &domain("bücher.example", &second),
    ]);
    assert_eq!(server.scheme, "http");

    let mut served = 0;
    for (name, certs) in [
        ("example.org", vec![&alice, &bob]),
        ("xn--bcher-kva.example", vec![&bob]),
    ] {
        let certs = certs.into_iter().cloned();
        let publisher = Publisher::new(name).expect("a domain");
        let publication = publisher.plan(certs, |_, _| true);
        for (layout, host) in [
            (Layout::Advanced, format!("openpgpkey.{name}")),
            (Layout::Advanced, "wkd.service.example:8443".to_owned()),
            (Layout::Direct, name.to_owned()),
        ] {
            for file in publication.files(layout) {
                let target = format!("/.well-known/openpgpkey/{}", file.path());
                let reply = server.get(&host, &target);
                assert_eq!(reply.status, 200, "{host} {target}");
                assert_eq!(reply.body, file.bytes(), "{host} {target}");
                served += 1;
            }
        }
    }
    assert_eq!(served, 3 * (2 + 1 + 1 + 1));

    let reply = server.get(HOST, &advanced(ALICE));
    assert_eq!(
        reply.field("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(reply.field("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(
        reply.field("content-length"),
        Some(&*reply.body.len().to_string())
    );
    let parsed: Vec<Cert> = CertParser::from_bytes(&reply.body)
        .and_then(Iterator::collect)
        .expect("certificates");
    let [cert] = &parsed[..] else {
        panic!("{} certificates", parsed.len());
    };
    assert_eq!(cert.fingerprint(), alice.fingerprint());
    assert!(!cert.is_tsk());
    let user_ids: Vec<_> = cert
        .userids()
        .map(|id| id.userid().value().to_vec())
        .collect();
    assert_eq!(user_ids, [b"Alice <Alice@example.org>"]);
    assert_eq!(server.get("example.org", &direct(ALICE)).body, reply.body);

    let head = server.ask("HEAD", HOST, &advanced(ALICE), "");
    assert_eq!(head.fields(), reply.fields());
    assert!(head.body.is_empty());
    let condition = format!("If-None-Match: {}\r\n", reply.field("etag").expect("a tag"));
    let unchanged = server.ask("GET", HOST, &advanced(ALICE), &condition);
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.field("etag"), reply.field("etag"));
    assert_ne!(unchanged.field("content-length"), Some("0"));
    let changed = server.ask(
        "GET",
        HOST,
        &advanced(ALICE),
        "If-None-Match: \"other\"\r\n",
    );
    assert_eq!((changed.status, changed.body), (200, reply.body));
}

#[test]
fn whatever_is_not_there_is_the_same_404() {
    let directory = scratch("server-404");
    let alice = certs::cert(&["Alice <alice@example.org>"]).cert;
    let first = keyring(&directory, "first.pgp", &[&alice]);
    let server = Server::start(&["--domain", &domain("example.org", &first)]);
    let missing = server.get(HOST, &advanced("nobody@example.org"));
    assert_eq!(missing.status, 404);
    let there = advanced(ALICE);
    let (path, _) = there.split_once('?').expect("a query");
    for (method, host, target) in [
        ("GET", HOST, advanced("alice@elsewhere.example")),
        ("GET", HOST, advanced("alice@home.example")),
        ("GET", HOST, format!("{path}?l=bob")),
        ("GET", HOST, format!("{path}/")),
        ("GET", HOST, format!("{path}/../x")),
        ("GET", HOST, path.replace("example.org", "example%2Eorg")),
        ("GET", HOST, path.replace("/hu/", "//hu/")),
        ("GET", HOST, "/.well-known/openpgpkey/".to_owned()),
        (
            "GET",
            HOST,
            "/.well-known/openpgpkey/example.org/hu/".to_owned(),
        ),
        ("GET", HOST, "/".to_owned()),
        ("GET", HOST, "/../../etc/passwd".to_owned()),
        ("GET", HOST, direct(ALICE)),
        ("GET", "elsewhere.example", direct(ALICE)),
        (
            "GET",
            "127.0.0.1",
            "/.well-known/openpgpkey/policy".to_owned(),
        ),
        ("POST", HOST, there.clone()),
        ("DELETE", HOST, there.clone()),
        ("OPTIONS", HOST, there.clone()),
        ("OPTIONS", HOST, "*".to_owned()),
        ("BREW", HOST, there.clone()),
    ] {
        let reply = server.ask(method, host, &target, "");
        assert_eq!(reply.status, 404, "{method} {host} {target}");
        assert_eq!(reply.fields(), missing.fields(), "{method} {host} {target}");
        assert_eq!(reply.body, missing.body, "{method} {host} {target}");
    }
}

#[test]
fn what_is_published_is_the_operators_choice() {
    let directory = scratch("server-choice");
    let month = days_ago(30);
    let old = Recipe::new(&["<alice@example.org>"]).created(month).make();
    let (revoked, new) = (old.revoked(), certs::cert(&["<alice@example.org>"]).cert);
    let expired = Recipe::new(&["<bob@example.org>"])
        .created(month)
        .valid_for(DAY)
        .make()
        .cert;
    let claims = certs::cert(&["<alice@example.org>", "<carol@example.org>"]).cert;
    let path = keyring(
        &directory,
        "keyring.pgp",
        &[&revoked, &new, &expired, &claims],
    );
    let named = domain("example.org", &path);
    let allow = directory.join("allow");
    let lines = [
        format!(
            "# who has what\n\nALICE@example.org {}\n",
            new.fingerprint()
        ),
        format!("  alice@Example.org\t{}\n", revoked.fingerprint()),
        format!("bob@example.org {}\n", expired.fingerprint()),
    ];
    replace(&allow, lines.concat().as_bytes());
    let allow_name = allow.to_str().expect("UTF-8");
    let fingerprints = |server: &Server, of: &str| {
        let reply = server.get(HOST, &advanced(of));
        if reply.status == 404 {
            return Vec::new();
        }
        let certs = CertParser::from_bytes(&reply.body).expect("certificates");
        let mut fingerprints: Vec<_> = certs
            .map(|cert| cert.expect("a certificate").fingerprint())
            .collect();
        fingerprints.sort();
        fingerprints
    };
    let sorted = |certs: &[&Cert]| {
        let mut fingerprints: Vec<_> = certs.iter().map(|cert| cert.fingerprint()).collect();
        fingerprints.sort();
        fingerprints
    };

    let server = Server::start(&["--domain", &named]);
    server.says("claimed by several");
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new, &claims]));
    assert_eq!(fingerprints(&server, "bob@example.org"), []);
    assert_eq!(
        fingerprints(&server, "carol@example.org"),
        sorted(&[&claims])
    );

    let server = Server::start(&[
        "--domain",
        &named,
        "--include-revoked",
        "--include-expired",
        "--allow",
        allow_name,
    ]);
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new, &revoked]));
    assert_eq!(
        fingerprints(&server, "bob@example.org"),
        sorted(&[&expired])
    );
    assert_eq!(fingerprints(&server, "carol@example.org"), []);
    replace(&allow, b"alice@example.org nonsense\n");
    server.says("stays as it was");
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new, &revoked]));
    replace(&allow, lines[0].as_bytes());
    server.says("serving 1 address");
    assert_eq!(fingerprints(&server, ALICE), sorted(&[&new]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crates_own_look_ups_find_what_it_serves() {
    let directory = scratch("server-locate");
    let sample = certs::cert(&["Alice <alice@example.org>", "<alice@elsewhere.example>"]);
    let bob = certs::cert(&["Bob <Bob.B@customer.example>"]);
    let path = keyring(&directory, "keyring.pgp", &[&sample.cert, &bob.cert]);
    let pair = new_tls(&[HOST, "customer.example"]);
    let (cert, key) = tls_files(&directory, "tls", &pair);
    let server = Server::start(&[
        "--cert",
        text(&cert),
        "--key",
        text(&key),
        "--domain",
        &domain("example.org", &path),
        "--domain",
        &domain("customer.example", &path),
    ]);
    assert_eq!(server.scheme, "https");
    let testbed = Testbed::start().await;
    for host in [HOST, "customer.example"] {
        testbed.host(host).points_at(server.address);
    }
    let locator = testbed
        .locator()
        .guard(testbed.guard().allow_socket(server.address))
        .trust_anchor(pair.cert.der().to_vec())
        .no_vks()
        .build()
        .expect("a locator");
    for (of, method, cert) in [
        (
            "alice@example.org",
            Some(Method::WkdAdvanced),
            Some(&sample.cert),
        ),
        (
            "ALICE@example.org",
            Some(Method::WkdAdvanced),
            Some(&sample.cert),
        ),
        (
            "bob.b@customer.example",
            Some(Method::WkdDirect),
            Some(&bob.cert),
        ),
        ("nobody@example.org", None, None),
    ] {
        let lookup = locator.locate(&address(of)).await;
        let expected = match cert {
            Some(_) => Status::Found,
            None => Status::NotFound,
        };
        assert_eq!(lookup.status(), expected, "{lookup:?}");
        for found in lookup.found() {
            assert_eq!(
                Some(found.cert().fingerprint()),
                cert.map(Cert::fingerprint)
            );
            assert_eq!(found.cert().userids().count(), 1);
        }
        let mut asked = lookup
            .attempts()
            .iter()
            .filter_map(|attempt| match attempt.step() {
                Step::Ask(method) => Some(method),
                _ => None,
            });
        assert!(method.is_none() || asked.next_back() == method);
    }
}
