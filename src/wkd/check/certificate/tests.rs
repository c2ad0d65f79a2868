use std::sync::Arc;

use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::policy::{AsymmetricAlgorithm, HashAlgoSecurity, StandardPolicy};
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::{HashAlgorithm, KeyFlags, SignatureType};
use sequoia_openpgp::{Cert, Profile};

use super::*;
use crate::filter::Filter;
use crate::wkd::check::report::Finding;

const ALICE: &str = "Alice <alice@example.org>";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn now() -> SystemTime {
    SystemTime::now()
}

fn recipe() -> CertBuilder<'static> {
    CertBuilder::new()
        .add_userid(ALICE)
        .set_creation_time(now() - 100 * DAY)
}

fn made(builder: CertBuilder<'_>) -> Cert {
    builder.generate().unwrap().0
}

fn good() -> Cert {
    made(recipe().add_transport_encryption_subkey())
}

/// With a subkey for encryption that is good for so many days since it was made.
fn encrypting_for(days: u32) -> Cert {
    made(recipe().add_subkey(
        KeyFlags::empty().set_transport_encryption(),
        days * DAY,
        None,
    ))
}

fn octets(certs: &[&Cert]) -> Vec<u8> {
    certs
        .iter()
        .flat_map(|cert| cert.to_vec().unwrap())
        .collect()
}

fn findings(body: &[u8], policy: Arc<dyn Policy>, mailbox_only: bool) -> Findings {
    let address = "alice@example.org".parse().unwrap();
    let filtered = Filter::new().policy(policy.clone()).apply(body, &address);
    let entry = Entry {
        filtered: &filtered,
        octets: body.len(),
        is_armored: false,
        address: &address,
        mailbox_only,
    };
    let mut findings = Findings::of(None);
    judge(&entry, &*policy, now(), &mut findings);
    for finding in &findings.list {
        let is_bad = finding.level() >= Level::Warning;
        assert_eq!(finding.remedy().is_some(), is_bad, "{finding:?}");
    }
    findings
}

fn graver(findings: &Findings) -> Vec<(Check, Level)> {
    let list = findings.list.iter();
    list.filter(|finding| finding.level() > Level::Info)
        .map(|finding| (finding.check(), finding.level()))
        .collect()
}

fn standard() -> Arc<dyn Policy> {
    Arc::new(StandardPolicy::new())
}

#[test]
fn certificates_and_what_is_said_of_them() {
    use Level::{Error, Warning};
    let revoked = {
        let (cert, revocation) = recipe().generate().unwrap();
        cert.insert_packets([revocation]).unwrap().0
    };
    let expired = made(
        recipe()
            .set_validity_period(50 * DAY)
            .add_transport_encryption_subkey(),
    );
    let soon = made(
        recipe()
            .set_validity_period(120 * DAY)
            .add_transport_encryption_subkey(),
    );
    let other = made(CertBuilder::new().add_userid("Bob <bob@example.org>"));
    let v6 = made(
        recipe()
            .set_profile(Profile::RFC9580)
            .unwrap()
            .add_transport_encryption_subkey(),
    );
    let secret = good().as_tsk().to_vec().unwrap();
    type Row = (&'static str, Vec<u8>, Vec<(Check, Level)>);
    let table: Vec<Row> = vec![
        ("good", octets(&[&good()]), vec![]),
        ("of version 6", octets(&[&v6]), vec![]),
        ("a revoked one beside", octets(&[&revoked, &good()]), vec![]),
        (
            "an expired one beside",
            octets(&[&expired, &good()]),
            vec![],
        ),
        (
            "revoked",
            octets(&[&revoked]),
            vec![(Check::Revoked, Error)],
        ),
        (
            "expired",
            octets(&[&expired]),
            vec![(Check::Expired, Error)],
        ),
        (
            "soon",
            octets(&[&soon]),
            vec![(Check::ExpiresSoon, Warning)],
        ),
        ("soon, and a lasting one", octets(&[&soon, &good()]), vec![]),
        (
            "encrypts not for long",
            octets(&[&encrypting_for(110)]),
            vec![(Check::ExpiresSoon, Warning)],
        ),
        ("encrypts for long", octets(&[&encrypting_for(200)]), vec![]),
        (
            "encrypts no more",
            octets(&[&encrypting_for(90)]),
            vec![(Check::EncryptionKey, Error)],
        ),
        (
            "never encrypted",
            octets(&[&made(recipe())]),
            vec![(Check::EncryptionKey, Error)],
        ),
        (
            "another's",
            octets(&[&other]),
            vec![(Check::Address, Error)],
        ),
        (
            "another's beside",
            octets(&[&other, &good()]),
            vec![(Check::Address, Warning)],
        ),
        ("secret", secret.clone(), vec![(Check::SecretKey, Error)]),
        (
            "secret, and another's",
            [secret, octets(&[&other])].concat(),
            vec![(Check::SecretKey, Error), (Check::Address, Warning)],
        ),
        ("nothing", vec![], vec![(Check::Malformed, Error)]),
        (
            "of a version to come",
            b"\xc6\x02\x09\x00".to_vec(),
            vec![(Check::Algorithm, Error)],
        ),
        (
            "one of a version to come behind",
            [octets(&[&good()]), b"\xc6\x02\x09\x00".to_vec()].concat(),
            vec![(Check::Algorithm, Warning)],
        ),
        (
            "a broken one in front",
            [vec![0xc6, 3, 4, 0, 0], octets(&[&good()])].concat(),
            vec![(Check::Malformed, Warning)],
        ),
    ];
    for (name, body, mut expected) in table {
        let findings = findings(&body, standard(), false);
        let mut found = graver(&findings);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}: {findings:?}");
    }
}

#[test]
fn the_newest_is_what_the_owner_has_to_see_to() {
    let old = made(
        recipe()
            .set_creation_time(now() - 400 * DAY)
            .set_validity_period(90 * DAY),
    );
    let (newer, revocation) = recipe().generate().unwrap();
    let newer = newer.insert_packets([revocation]).unwrap().0;
    let findings = findings(&octets(&[&old, &newer]), standard(), false);
    assert_eq!(graver(&findings), [(Check::Revoked, Level::Error)]);
}

#[test]
fn algorithms_that_a_policy_finds_too_weak() {
    let mut no_subkey = StandardPolicy::new();
    no_subkey.reject_asymmetric_algo(AsymmetricAlgorithm::Cv25519);
    let mut no_hash = StandardPolicy::new();
    no_hash.reject_hash(HashAlgorithm::SHA512);
    no_hash.reject_hash(HashAlgorithm::SHA256);
    // The subkey alone is bound by a signature that is too weak.
    #[derive(Debug)]
    struct NoSubkeyBinding(StandardPolicy<'static>);
    impl Policy for NoSubkeyBinding {
        fn signature(&self, s: &Signature, sec: HashAlgoSecurity) -> sequoia_openpgp::Result<()> {
            match s.typ() {
                SignatureType::SubkeyBinding => {
                    Err(sequoia_openpgp::Error::PolicyViolation("SHA-1".into(), None).into())
                }
                _ => self.0.signature(s, sec),
            }
        }
    }
    let policies: [Arc<dyn Policy>; 3] = [
        Arc::new(no_subkey),
        Arc::new(no_hash),
        Arc::new(NoSubkeyBinding(StandardPolicy::new())),
    ];
    for policy in policies {
        let findings = findings(&octets(&[&good()]), policy, false);
        assert_eq!(
            graver(&findings),
            [(Check::Algorithm, Level::Error)],
            "{findings:?}"
        );
    }
}

#[test]
fn a_choice_is_told_where_there_is_one() {
    let made_as = |profile| {
        let builder = recipe().set_profile(profile).unwrap();
        made(builder.add_transport_encryption_subkey())
    };
    let (four, six) = (made_as(Profile::RFC4880), made_as(Profile::RFC9580));
    let (revoked, revocation) = recipe().generate().unwrap();
    let revoked = revoked.insert_packets([revocation]).unwrap().0;
    for (certs, is_choice) in [
        (vec![&four], false),
        (vec![&four, &six], false),
        (vec![&four, &revoked], false),
        (vec![&four, &good()], true),
    ] {
        let findings = findings(&octets(&certs), standard(), false);
        let told = findings
            .list
            .iter()
            .find(|finding| finding.check() == Check::Address && finding.level() == Level::Info);
        assert_eq!(told.is_some(), is_choice, "{findings:?}");
        for cert in certs.into_iter().filter(|_| is_choice) {
            let detail = told.unwrap().detail();
            assert!(detail.contains(&cert.fingerprint().to_string()), "{detail}");
        }
    }
}

#[test]
fn sentences_are_whole() {
    for cert in [encrypting_for(90), made(recipe())] {
        let findings = findings(&octets(&[&cert]), standard(), false);
        let error = findings.list.iter().find(|f| f.level() == Level::Error);
        let detail = error.unwrap().detail();
        let again = detail.get(1..).unwrap_or_default();
        assert!(!again.contains("The certificate"), "{detail}");
    }
}

#[test]
fn bare_addresses_where_the_policy_wants_them() {
    let bare = made(
        CertBuilder::new()
            .add_userid("Alice@Example.ORG")
            .add_transport_encryption_subkey(),
    );
    for (cert, expected) in [
        (bare, vec![]),
        (good(), vec![(Check::Policy, Level::Warning)]),
    ] {
        let findings = findings(&octets(&[&cert]), standard(), true);
        assert_eq!(graver(&findings), expected);
    }
}

#[test]
fn large_answers() {
    for (octets, level) in [
        (2_000, Level::Ok),
        (LARGE, Level::Ok),
        (LARGE + 1, Level::Info),
        (CLIENTS_READ, Level::Info),
        (CLIENTS_READ + 1, Level::Error),
    ] {
        let mut findings = Findings::of(None);
        judge_size(octets, &mut findings);
        assert_eq!(findings.list[0].level(), level, "{octets}");
    }
}

/// What is no fault is said too, and what a fault beside a good certificate is.
#[test]
fn what_else_is_said() {
    let lasting = made(
        recipe()
            .set_validity_period(400 * DAY)
            .set_profile(Profile::RFC9580)
            .unwrap()
            .add_transport_encryption_subkey(),
    );
    let address = "alice@example.org".parse().unwrap();
    // A primary key of more octets than any has, beside it.
    let oversized = [&[0xc6, 0xff, 0, 0, 0x50, 0][..], &[4; 0x5000]].concat();
    for (is_cut, tail, check, level, part) in [
        (false, &[][..], Check::Algorithm, Level::Info, "version 6"),
        (false, &[], Check::ExpiresSoon, Level::Ok, "used until"),
        (false, &[], Check::Other, Level::Info, "A note."),
        (false, &[], Check::Malformed, Level::Ok, "well-formed"),
        (true, &[], Check::Malformed, Level::Warning, "A part of"),
        (false, &oversized, Check::Size, Level::Warning, "oversized"),
    ] {
        let body = [&octets(&[&lasting])[..], tail].concat();
        let mut filtered = Filter::new().apply(&body, &address);
        filtered.kept[0].is_cut = is_cut;
        filtered.kept[0].notes.push("A note.".to_owned());
        let entry = Entry {
            filtered: &filtered,
            octets: body.len(),
            is_armored: false,
            address: &address,
            mailbox_only: false,
        };
        let mut findings = Findings::of(None);
        judge(&entry, &*standard(), now(), &mut findings);
        let is_it = |f: &&Finding| f.check() == check && f.detail().contains(part);
        let found = findings.list.iter().find(is_it);
        let found = found.unwrap_or_else(|| panic!("{part}: {findings:?}"));
        assert_eq!(found.level(), level, "{part}");
    }
}
