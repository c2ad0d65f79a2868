//! Whose a User ID is, where somebody tries to look like somebody else.

use openpgp_discovery::Reason;
use openpgp_discovery::filter::Filter;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::UserID;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::types::SignatureType;
use testbed::certs;

use super::*;
use crate::address;

/// Letters that look like others, or become them in other alphabets: not in a local
/// part. Case of ASCII letters does not count, and domains are compared as names.
#[test]
fn look_alikes_are_others() {
    for (asked, user_id, found) in [
        ("kim@example.org", "Kim <KIM@Example.ORG>", true),
        // The Kelvin sign, whose small letter is k.
        ("kim@example.org", "<\u{212a}im@example.org>", false),
        // A dotless i, whose capital letter is I, and a dotted capital I.
        ("kim@example.org", "<k\u{131}m@example.org>", false),
        ("kim@example.org", "<K\u{130}M@example.org>", false),
        // A long s, whose capital letter is S.
        ("susi@example.org", "<\u{17f}usi@example.org>", false),
        // Cyrillic а, Greek ο, letters of full width.
        ("anna@example.org", "<\u{430}nna@example.org>", false),
        ("otto@example.org", "<\u{3bf}tto@example.org>", false),
        ("anna@example.org", "<\u{ff41}nna@example.org>", false),
        ("anna@example.org", "<anna\u{ff20}example.org>", false),
        // Characters that nobody sees.
        ("anna@example.org", "<an\u{200b}na@example.org>", false),
        ("anna@example.org", "<an\u{ad}na@example.org>", false),
        ("anna@example.org", "<\u{202e}anna@example.org>", false),
        ("anna@example.org", "<anna\u{301}@example.org>", false),
        // Look-alikes of the domain.
        ("anna@example.org", "<anna@ex\u{430}mple.org>", false),
        ("anna@example.org", "<anna@example\u{2024}org>", false),
        ("anna@example.org", "<anna@examp1e.org>", false),
        ("anna@example.org", "<anna@example.org.evil.example>", false),
        ("anna@example.org", "<anna@evil.example/example.org>", false),
        // NUL and line breaks.
        ("anna@example.org", "<anna@example.org\0>", false),
        ("anna@example.org", "<anna\0@example.org>", false),
        ("anna@example.org", "anna@example.org\0", false),
        ("anna@example.org", "anna@example.org\0.evil.example", false),
        ("anna@example.org", "<anna@example.org\n>", false),
        ("anna@example.org", "<\nanna@example.org>", false),
        ("anna@example.org", "anna@example.org\r\n", false),
        (
            "anna@example.org",
            "<eve@b.example>\n<anna@example.org>",
            false,
        ),
        ("anna@example.org", "eve@b.example\nanna@example.org", false),
        // Where nothing but the name is odd, the address is hers.
        (
            "anna@example.org",
            "Eve (anna@example.org) <eve@b.example>",
            false,
        ),
        (
            "anna@example.org",
            "\"<eve@b.example>\" <anna@example.org>",
            true,
        ),
    ] {
        let asked = address(asked);
        let filtered = Filter::new().apply(&certs::cert(&[user_id]).binary(), &asked);
        let expected = match found {
            true => (1, Vec::new()),
            false => (0, vec![Reason::AddressNotCertified]),
        };
        assert_eq!(told(&filtered), expected, "{asked} {user_id:?}");
    }
}

/// Octets that are no text name nobody.
#[test]
fn broken_text_names_nobody() {
    for octets in [
        &b"\xff<alice@example.org>"[..],
        b"<alice@example.org>\xc3",
        b"\xc0\xbcalice@example.org>",
        b"<alice\xc0\x80@example.org>",
    ] {
        let id = UserID::from(octets);
        let (cert, _) = CertBuilder::new().add_userid(id).generate().expect("a key");
        let filtered = apply(&octets_of(&cert));
        let (kept, reasons) = told(&filtered);
        assert_eq!((kept, reasons), (0, vec![Reason::AddressNotCertified]));
    }
}

/// Who puts somebody's address into a User ID of their own has it: the directory says
/// whose keys it serves. What another key says about theirs binds nothing.
#[test]
fn a_certification_by_another_key_is_no_binding() {
    let (eve, _) = CertBuilder::new().generate().expect("a key");
    let (ca, _) = CertBuilder::new()
        .add_userid("CA <ca@example.org>")
        .generate()
        .expect("a key");
    let id = UserID::from(ALICE);
    let primary = eve.primary_key().key().clone();
    let sign = |by: &Cert, typ| {
        let signer = by.primary_key().key().clone().parts_into_secret();
        let mut signer = signer.and_then(|k| k.into_keypair()).expect("a secret");
        let signed = SignatureBuilder::new(typ)
            .set_issuer_fingerprint(by.fingerprint())
            .and_then(|b| b.sign_userid_binding(&mut signer, Some(&primary), &id));
        octets(signed.expect("a signature"))
    };
    let own = sign(&eve, SignatureType::PositiveCertification);
    let head = [octets(primary.clone()), octets(id.clone())].concat();
    for (name, signatures, kept) in [
        ("her own", own.clone(), 1),
        (
            "another's",
            sign(&ca, SignatureType::PositiveCertification),
            0,
        ),
        (
            "another's, in each way",
            [
                sign(&ca, SignatureType::GenericCertification),
                sign(&ca, SignatureType::CasualCertification),
                sign(&ca, SignatureType::PersonaCertification),
            ]
            .concat(),
            0,
        ),
        (
            "both, of which the other's is dropped",
            [sign(&ca, SignatureType::PositiveCertification), own].concat(),
            1,
        ),
    ] {
        // Also where the other key stands beside it.
        for beside in [Vec::new(), octets_of(&ca)] {
            let filtered = apply(&[&head[..], &signatures, &beside].concat());
            assert_eq!(filtered.kept().len(), kept, "{name}");
            for kept in filtered.kept() {
                let ids: Vec<_> = kept.cert().userids().collect();
                assert_eq!(ids[0].self_signatures().count(), 1, "{name}");
                assert_eq!(ids[0].certifications().count(), 0, "{name}");
            }
        }
    }
}
