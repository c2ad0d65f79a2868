//! What is published of a certificate, and what is not.

use std::time::SystemTime;

use openpgp_discovery::filter::packets;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::user_attribute::{Image, Subpacket};
use openpgp_discovery::openpgp::types::{
    KeyFlags, ReasonForRevocation, RevocationKey, SignatureType,
};
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::publish::{Keep, Publication};
use testbed::certs::{certified, subkey, with_subkey_revoked};

use super::{
    ALICE, DAY, HOME, POLICY, add, cert, days_ago, plan, publisher, served_alice, signer, user_ids,
};

fn keeping(keep: Keep, cert: &Cert) -> Cert {
    served_alice(&publisher().keep(keep).plan([cert.clone()], |_, _| true))
}

fn newest_only(cert: &Cert) -> Cert {
    served_alice(
        &publisher()
            .newest_only(true)
            .plan([cert.clone()], |_, _| true),
    )
}

/// All octets of a directory.
fn octets(publication: &Publication) -> Vec<u8> {
    let files = publication.files(Layout::Advanced);
    files.flat_map(|file| file.bytes().to_vec()).collect()
}

/// How many bindings each part has: User IDs, then the subkey that signs, then that
/// for encryption.
fn bindings(cert: &Cert) -> [usize; 3] {
    let of_subkey = |signs| {
        let fingerprint = subkey(cert, signs);
        let mut subkeys = cert.keys().subkeys();
        let subkey = subkeys.find(|key| key.key().fingerprint() == fingerprint);
        subkey.expect("a subkey").self_signatures().count()
    };
    let of_user_ids = cert.userids().map(|id| id.self_signatures().count()).sum();
    [of_user_ids, of_subkey(true), of_subkey(false)]
}

#[test]
fn other_user_ids_are_in_no_file() {
    let cert = cert(&[HOME, ALICE, "Alice Cooper"]);
    let publication = plan([cert.clone()]);
    assert_eq!(user_ids(&served_alice(&publication)), [ALICE]);
    let octets = octets(&publication);
    for text in ["home", "Cooper"] {
        assert!(
            !octets.windows(text.len()).any(|w| w == text.as_bytes()),
            "{text}"
        );
    }
    let entry = &publication.entries()[0];
    assert!(entry.bytes().len() < entry.whole_octets());
    assert_eq!(entry.whole_octets(), testbed::certs::binary(&cert).len());
}

#[test]
fn secret_keys_are_in_no_file() {
    let cert = cert(&[ALICE]);
    assert!(cert.is_tsk());
    let octets = octets(&plan([cert]));
    let tags: Vec<u8> = packets(&octets)
        .map(|p| p.expect("a packet").tag())
        .collect();
    assert_eq!(tags[0], 6);
    assert!(!tags.contains(&5) && !tags.contains(&7), "{tags:?}");
}

#[test]
fn certifications_by_others_go() {
    let cert = certified(&cert(&[ALICE]), &testbed::certs::cert(&["bob@example.net"]));
    let count = |cert: &Cert| {
        cert.userids()
            .map(|id| id.certifications().count())
            .sum::<usize>()
    };
    assert_eq!(count(&cert), 1);
    assert_eq!(count(&served_alice(&plan([cert.clone()]))), 0);
    let kept = keeping(Keep::nothing().third_party_signatures(true), &cert);
    assert_eq!(count(&kept), 1);
}

#[test]
fn user_attributes_go() {
    let base = cert(&[ALICE]);
    let image = Subpacket::Image(Image::JPEG(vec![0xff, 0xd8, 7].into()));
    let photo = UserAttribute::new(&[image]).expect("an attribute");
    let binding = photo.bind(&mut signer(&base), &base, super::binding(days_ago(20)));
    let bound = add(
        &base,
        [photo.clone().into(), binding.expect("a binding").into()],
    );
    let alone = add(&base, [Packet::from(photo)]);
    for (cert, kept) in [(bound, 1), (alone, 0)] {
        assert_eq!(cert.user_attributes().count(), 1);
        let served = served_alice(&plan([cert.clone()]));
        assert_eq!(served.user_attributes().count(), 0);
        let keep = keeping(Keep::nothing().user_attributes(true), &cert);
        assert_eq!(keep.user_attributes().count(), kept);
    }
}

#[test]
fn expired_subkeys_go() {
    let (cert, _) = CertBuilder::new()
        .set_creation_time(days_ago(30))
        .add_userid(ALICE)
        .add_subkey(KeyFlags::empty().set_signing(), 9 * DAY, None)
        .add_subkey(KeyFlags::empty().set_transport_encryption(), None, None)
        .generate()
        .expect("a certificate");
    let old = subkey(&cert, true);
    let has = |cert: &Cert| {
        cert.keys()
            .subkeys()
            .any(|key| key.key().fingerprint() == old)
    };
    let served = served_alice(&plan([cert.clone()]));
    assert!(!has(&served));
    assert_eq!(served.keys().subkeys().count(), 1);
    assert!(has(&keeping(Keep::nothing().expired_subkeys(true), &cert)));
    // A revoked one stays, expired or not.
    let revoked = with_subkey_revoked(
        &cert,
        &old,
        ReasonForRevocation::KeyCompromised,
        days_ago(5),
    );
    assert!(has(&served_alice(&plan([revoked]))));
}

#[test]
fn a_subkey_of_which_nobody_knows_goes() {
    let cert = cert(&[ALICE]);
    let other = super::cert(&[]);
    let key = other
        .keys()
        .subkeys()
        .next()
        .expect("a subkey")
        .key()
        .clone();
    let cert = add(&cert, [Packet::from(key)]);
    assert_eq!(cert.keys().subkeys().count(), 3);
    assert_eq!(served_alice(&plan([cert])).keys().subkeys().count(), 2);
}

#[test]
fn revoked_subkeys_stay_with_all_revocations() {
    let cert = cert(&[ALICE]);
    let old = subkey(&cert, false);
    let once = with_subkey_revoked(&cert, &old, ReasonForRevocation::KeyRetired, days_ago(5));
    let twice = with_subkey_revoked(
        &once,
        &old,
        ReasonForRevocation::KeyCompromised,
        days_ago(4),
    );
    let publication = plan([twice]);
    let served = served_alice(&publication);
    let mut subkeys = served.keys().subkeys();
    let served = subkeys
        .find(|key| key.key().fingerprint() == old)
        .expect("it");
    assert_eq!(served.self_revocations().count(), 2);
    assert_eq!(served.self_signatures().count(), 1);
    let [note] = publication.entries()[0].notes() else {
        panic!("one note");
    };
    assert_eq!(
        note.sentence(),
        "It has no key that mail can be encrypted to."
    );
}

/// The certificate of 30 days ago, with all bindings made anew at this time.
fn bound_again(cert: &Cert, at: SystemTime) -> Cert {
    let mut packets: Vec<Packet> = Vec::new();
    for user_id in cert.userids() {
        let binding = user_id
            .userid()
            .bind(&mut signer(cert), cert, super::binding(at));
        packets.extend([
            user_id.userid().clone().into(),
            binding.expect("a binding").into(),
        ]);
    }
    for (signs, flags) in [
        (true, KeyFlags::empty().set_signing()),
        (false, KeyFlags::empty().set_transport_encryption()),
    ] {
        let fingerprint = subkey(cert, signs);
        let mut subkeys = cert.keys().subkeys();
        let key = subkeys.find(|key| key.key().fingerprint() == fingerprint);
        let key = key.expect("a subkey").key().clone();
        let mut builder = SignatureBuilder::new(SignatureType::SubkeyBinding)
            .set_signature_creation_time(at)
            .and_then(|b| b.set_key_flags(flags))
            .expect("short subpackets");
        if signs {
            let pair = key
                .clone()
                .parts_into_secret()
                .and_then(|key| key.into_keypair());
            let back = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
                .set_signature_creation_time(at)
                .and_then(|b| {
                    b.sign_primary_key_binding(&mut pair?, cert.primary_key().key(), &key)
                });
            let embedded = builder.set_embedded_signature(back.expect("a back signature"));
            builder = embedded.expect("a short signature");
        }
        let binding = key.bind(&mut signer(cert), cert, builder);
        packets.extend([Packet::from(key), binding.expect("a binding").into()]);
    }
    add(cert, packets)
}

#[test]
fn of_bindings_the_newest_stays_and_for_what_signs_the_oldest() {
    let cert = bound_again(&bound_again(&cert(&[ALICE]), days_ago(20)), days_ago(10));
    assert_eq!(bindings(&cert), [3, 3, 3]);
    let served = served_alice(&plan([cert.clone()]));
    assert_eq!(bindings(&served), [2, 2, 1]);
    let newest = newest_only(&cert);
    assert_eq!(bindings(&newest), [1, 1, 1]);
    let all = keeping(Keep::nothing().old_self_signatures(true), &cert);
    assert_eq!(bindings(&all), [3, 3, 3]);
    for served in [&served, &newest, &all] {
        let made = |cert: &Cert| {
            let user_id = cert.userids().next().expect("a User ID");
            user_id
                .self_signatures()
                .next()
                .and_then(|s| s.signature_creation_time())
        };
        assert_eq!(made(served), made(&cert));
    }
    // What was signed in between.
    for (served, verifies) in [(served, true), (newest, false), (cert, true)] {
        let keys = served.keys().with_policy(POLICY, days_ago(25));
        assert_eq!(keys.alive().for_signing().count() == 1, verifies);
    }
}

#[test]
fn what_claims_to_be_older_and_was_forged_is_not_taken() {
    let good = cert(&[ALICE]);
    let forged = UserID::from(ALICE).bind(
        &mut signer(&cert(&[])),
        &good,
        super::binding(days_ago(99))
            .set_issuer_fingerprint(good.fingerprint())
            .expect("a short subpacket"),
    );
    let spoilt = add(
        &good,
        [
            UserID::from(ALICE).into(),
            forged.expect("a signature").into(),
        ],
    );
    let octets = |cert: Cert| plan([cert]).entries()[0].bytes().clone();
    assert_eq!(octets(spoilt), octets(good));
}

#[test]
fn revocations_by_those_whom_the_owner_named_stay() {
    let (revoker, stranger) = (cert(&["bob@example.net"]), cert(&["eve@example.net"]));
    let key = RevocationKey::new(
        revoker.primary_key().key().pk_algo(),
        revoker.fingerprint(),
        false,
    );
    let (naming, _) = CertBuilder::general_purpose(Some(ALICE))
        .set_creation_time(days_ago(30))
        .set_revocation_keys(vec![key])
        .generate()
        .expect("a certificate");
    let by = |cert: &Cert, by: &Cert| {
        let revocation = CertRevocationBuilder::new()
            .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
            .and_then(|b| b.build(&mut signer(by), cert, None));
        add(cert, [revocation.expect("a revocation").into()])
    };
    let both = by(&by(&naming, &revoker), &stranger);
    let all = |cert: &Cert| cert.primary_key().other_revocations().count();
    assert_eq!(all(&both), 2);
    // The revoker's certificate is not at hand: nobody can tell here.
    for served in [served_alice(&plan([both.clone()])), newest_only(&both)] {
        assert_eq!(all(&served), 1);
        let revocation = served.primary_key().other_revocations().next().expect("it");
        assert!(
            revocation
                .verify_primary_key_revocation(
                    revoker.primary_key().key(),
                    both.primary_key().key()
                )
                .is_ok()
        );
        let keys = served.revocation_keys(POLICY).count();
        assert_eq!(keys, 1, "it is named still");
    }
    let kept = keeping(Keep::nothing().third_party_signatures(true), &both);
    assert_eq!(all(&kept), 2);
    // It is at hand: the certificate is revoked.
    let publication = plan([both.clone(), revoker.clone()]);
    assert_eq!(super::why(&publication), super::Why::Revoked);
    let publication = publisher()
        .include_revoked(true)
        .plan([both, revoker], |_, _| true);
    assert_eq!(all(&served_alice(&publication)), 1);
}
