//! Which address gets which certificates.

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::wkd::publish::{Publication, Publisher, Why};
use openpgp_discovery::wkd::{Layout, Url};
use openpgp_discovery::{EmailAddress, ErrorKind};

use super::{ALICE, HOME, cert, days_ago, entry, plan, publisher, served, skipped, user_ids, why};

fn addresses(publication: &Publication) -> Vec<String> {
    let entries = publication.entries().iter();
    entries.map(|entry| entry.address().to_string()).collect()
}

fn paths(publication: &Publication, layout: Layout) -> Vec<String> {
    publication
        .files(layout)
        .map(|f| f.path().to_owned())
        .collect()
}

#[test]
fn each_address_of_the_domain_has_an_entry() {
    for (user_ids, expected) in [
        (&[ALICE][..], &["alice@example.org"][..]),
        (&["alice@example.org"], &["alice@example.org"]),
        (&[ALICE, HOME, "Alice"], &["alice@example.org"]),
        (
            &["b@example.org", "a@example.org"],
            &["a@example.org", "b@example.org"],
        ),
        (&["Joe.Doe@Example.ORG"], &["joe.doe@example.org"]),
        (
            &["JOE@example.org", "Joe <joe@example.org>"],
            &["joe@example.org"],
        ),
        (
            &["joe+lists@example.org", "joe@example.org"],
            &["joe+lists@example.org", "joe@example.org"],
        ),
        (
            &["\"joe\"@example.org", "joe@example.org"],
            &["\"joe\"@example.org", "joe@example.org"],
        ),
        (&["\u{c4}rger@example.org"], &["\u{c4}rger@example.org"]),
        (&["a@sub.example.org"], &[]),
        (&["a@example.org.example"], &[]),
        (&["a@example.org <b@home.example>"], &[]),
        (&["<a@example.org> <b@example.org>"], &[]),
        (&["A <a@example.org> (work)"], &[]),
        (&[], &[]),
    ] {
        let publication = plan([cert(user_ids)]);
        assert_eq!(addresses(&publication), expected, "{user_ids:?}");
        assert!(publication.skipped().is_empty(), "{user_ids:?}");
        for entry in publication.entries() {
            assert_eq!(entry.hash(), Url::new(entry.address()).hash());
            for id in user_ids {
                let Some(address) = EmailAddress::of_user_id(id.as_bytes()) else {
                    continue;
                };
                let same = Url::new(&address).hash() == entry.hash()
                    && address.domain() == publication.domain();
                let found = publication.entry(&address).map(|found| found.hash());
                assert_eq!(found == Some(entry.hash()), same, "{id}");
            }
        }
    }
}

#[test]
fn each_file_has_the_user_ids_that_match() {
    let publication = plan([cert(&[
        "Joe <JOE@example.org>",
        "joe@example.org",
        "\"joe\"@example.org",
        "joe+x@example.org",
        "joe@home.example",
    ])]);
    for (address, count) in [
        ("joe@example.org", 3),
        ("\"joe\"@example.org", 3),
        ("joe+x@example.org", 1),
    ] {
        let [served] = &served(&publication, address)[..] else {
            panic!("one certificate");
        };
        assert_eq!(served.userids().count(), count, "{address}");
    }
}

#[test]
fn who_is_quoted_on_one_key_and_not_on_the_other_is_one_mailbox() {
    let (quoted, plain) = (cert(&["\"joe\"@example.org"]), cert(&["joe@example.org"]));
    let publication = plan([quoted.clone(), plain.clone()]);
    for address in ["joe@example.org", "\"joe\"@example.org"] {
        let mut fingerprints = entry(&publication, address).fingerprints().to_vec();
        fingerprints.sort();
        let mut expected = [quoted.fingerprint(), plain.fingerprint()];
        expected.sort();
        assert_eq!(fingerprints, expected, "{address}");
    }
}

#[test]
fn names_of_files_are_hashes_alone() {
    let publication = plan([cert(&["Joe.Doe@Example.ORG", "a@example.org"])]);
    let (joe, a) = (
        "iy9q119eutrkn8s1mk4r39qejnbu3n5q",
        entry(&publication, "a@example.org").hash(),
    );
    assert_eq!(
        paths(&publication, Layout::Direct),
        [&format!("hu/{a}"), &format!("hu/{joe}"), "policy"]
    );
    assert_eq!(
        paths(&publication, Layout::Advanced),
        [
            &format!("example.org/hu/{a}"),
            &format!("example.org/hu/{joe}"),
            "example.org/policy"
        ]
    );
    for file in publication.files(Layout::Direct) {
        match file.entry() {
            Some(entry) => assert_eq!(entry.bytes(), file.bytes()),
            None => assert_eq!((file.path(), file.bytes()), ("policy", &b""[..])),
        }
    }
}

#[test]
fn hosts_of_both_methods() {
    let label = "d".repeat(62);
    let long = [&label, &label, &label, &label[..54]].join(".");
    for (domain, advanced) in [
        (
            "b\u{fc}cher.example",
            Some("openpgpkey.xn--bcher-kva.example"),
        ),
        (&long, None),
    ] {
        let publication = Publisher::new(domain).expect(domain).plan([], |_, _| true);
        assert_eq!(publication.host(Layout::Advanced).as_deref(), advanced);
        let direct = publication.host(Layout::Direct);
        assert_eq!(direct.as_deref(), Some(publication.domain()));
    }
}

#[test]
fn an_international_domain_is_one_in_every_spelling() {
    let cert = cert(&[
        "a@b\u{fc}cher.example",
        "b@xn--bcher-kva.example",
        "c@B\u{dc}CHER.example",
    ]);
    for domain in ["b\u{fc}cher.example", "XN--Bcher-kva.example"] {
        let publisher = Publisher::new(domain).expect("a domain");
        let publication = publisher.plan([cert.clone()], |_, _| true);
        assert_eq!(publication.domain(), "xn--bcher-kva.example");
        assert_eq!(publication.entries().len(), 3);
        let paths = paths(&publication, Layout::Advanced);
        assert!(
            paths
                .iter()
                .all(|path| path.starts_with("xn--bcher-kva.example/"))
        );
    }
}

#[test]
fn what_no_address_can_have_is_no_domain() {
    for domain in [
        "",
        "joe@example.org",
        "192.0.2.1",
        "a..b",
        "../x",
        "example.org.",
    ] {
        let error = Publisher::new(domain).expect_err(domain);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[test]
fn what_is_not_granted_is_in_no_file() {
    let (chief, mallory) = (
        cert(&["chief@example.org"]),
        cert(&["chief@example.org", ALICE]),
    );
    let publication = publisher().plan([mallory.clone(), chief.clone()], |address, cert| {
        address.to_string() != "chief@example.org" || cert.fingerprint() == chief.fingerprint()
    });
    assert_eq!(
        addresses(&publication),
        ["alice@example.org", "chief@example.org"]
    );
    let fingerprints = entry(&publication, "chief@example.org").fingerprints();
    assert_eq!(fingerprints, [chief.fingerprint()]);
    assert_eq!(
        skipped(&publication),
        [(
            "chief@example.org".to_owned(),
            mallory.fingerprint(),
            Why::NotGranted
        )]
    );
    let nothing = publisher().plan([mallory, chief], |_, _| false);
    assert!(nothing.entries().is_empty());
    assert_eq!(nothing.skipped().len(), 3);
}

#[test]
fn a_grant_is_asked_for_once_and_only_for_what_is_bound() {
    let unbound = UserIdAlone::on(&cert(&[HOME]), "chief@example.org");
    let twice = cert(&["Joe@example.org", "Joe <joe@example.org>"]);
    let mut asked = Vec::new();
    publisher().plan([unbound, twice.clone()], |address, cert| {
        asked.push((address.to_string(), cert.fingerprint()));
        true
    });
    assert_eq!(asked, [("joe@example.org".to_owned(), twice.fingerprint())]);
}

/// A User ID that nobody signed.
struct UserIdAlone;

impl UserIdAlone {
    fn on(cert: &Cert, user_id: &str) -> Cert {
        use openpgp_discovery::openpgp::packet::UserID;
        super::add(cert, [UserID::from(user_id).into()])
    }
}

#[test]
fn only_bound_user_ids_are_published() {
    use super::{binding, bound};
    use openpgp_discovery::openpgp::packet::UserID;
    let base = cert(&[HOME]);
    let revoked =
        |cert: &Cert, days| testbed::certs::with_user_id_revoked(cert, ALICE, days_ago(days));
    let once = bound(&base, ALICE, binding(days_ago(9)));
    let lapsed = binding(days_ago(9)).set_signature_validity_period(super::DAY);
    let local = binding(days_ago(9)).set_exportable_certification(false);
    let other = testbed::certs::cert(&["Bob <bob@example.net>"]);
    for (name, cert, expected) in [
        ("alone", UserIdAlone::on(&base, ALICE), Why::UserIdUnbound),
        (
            "certified by another key",
            testbed::certs::certified(&UserIdAlone::on(&base, ALICE), &other),
            Why::UserIdUnbound,
        ),
        (
            "no longer bound",
            bound(&base, ALICE, lapsed.expect("a short subpacket")),
            Why::UserIdUnbound,
        ),
        ("revoked", revoked(&once, 8), Why::UserIdRevoked),
        (
            "not yet bound",
            bound(&base, ALICE, binding(super::SystemTime::now() + super::DAY)),
            Why::NotYetValid,
        ),
        (
            "not to be exported",
            bound(&base, ALICE, local.expect("a short subpacket")),
            Why::UserIdNotExportable,
        ),
    ] {
        assert_eq!(why(&plan([cert])), expected, "{name}");
    }
    // Bound again; and what is revoked beside one that is not.
    let again = bound(&revoked(&once, 8), ALICE, binding(days_ago(7)));
    assert_eq!(user_ids(&super::served_alice(&plan([again]))), [ALICE]);
    let beside = bound(
        &revoked(&once, 8),
        "alice@example.org",
        binding(days_ago(9)),
    );
    let beside = super::add(&beside, [UserID::from("<alice@example.org>").into()]);
    let publication = plan([beside]);
    assert_eq!(
        user_ids(&super::served_alice(&publication)),
        ["alice@example.org"]
    );
    assert!(publication.skipped().is_empty());
}

#[test]
fn the_order_of_the_certificates_does_not_matter() {
    let certs = [
        cert(&[ALICE, "b@example.org"]),
        cert(&[ALICE]),
        cert(&["b@example.org", HOME]),
    ];
    let forth = plan(certs.clone());
    let back = plan(certs.into_iter().rev());
    let files = |publication: &Publication| -> Vec<(String, Vec<u8>)> {
        let files = publication.files(Layout::Direct);
        files
            .map(|f| (f.path().to_owned(), f.bytes().to_vec()))
            .collect()
    };
    assert_eq!(files(&forth), files(&back));
}

#[test]
fn a_policy_file_is_checked() {
    let publisher = publisher()
        .policy_file("protocol-version: 22")
        .expect("a line of it");
    let publication = publisher.plan([], |_, _| true);
    assert_eq!(publication.policy_file(), b"protocol-version: 22\n");
    let last = publication.files(Layout::Direct).last().expect("a file");
    assert_eq!(
        (last.path(), last.bytes()),
        ("policy", publication.policy_file())
    );
    let error = super::publisher()
        .policy_file("<html>")
        .expect_err("no keyword");
    assert_eq!(error.kind(), ErrorKind::Config);
}
