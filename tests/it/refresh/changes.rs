//! What has changed.

use openpgp_discovery::openpgp::types::{HashAlgorithm, RevocationKey};
use openpgp_discovery::{Outcome, RevocationKind};

use super::*;

fn new_subkey(cert: &Cert) -> Cert {
    let policy = StandardPolicy::new();
    KeyBuilder::new(KeyFlags::empty().set_storage_encryption())
        .subkey(cert.with_policy(&policy, None).expect("valid"))
        .expect("a subkey")
        .attach_cert()
        .expect("a certificate")
}

#[tokio::test]
async fn every_kind() {
    use ChangeKind::*;
    let cert = cert(&[ALICE, OTHER]);
    let expiring = made(&[ALICE, OTHER], Profile::RFC4880, Some(60 * DAY));
    let retired = add(&cert, [soft(&cert, day(-10))]);
    let half = add(&cert, [revoke_user_id(&cert, OTHER, day(-10))]);
    let sha256 = builder(SignatureType::PositiveCertification, day(-1))
        .set_hash_algo(HashAlgorithm::SHA256)
        .set_key_flags(KeyFlags::empty().set_certification())
        .expect("a builder");
    let extended = {
        let policy = StandardPolicy::new();
        let signatures = expiring
            .set_expiration_time(&policy, None, &mut signer(&expiring), Some(day(365)))
            .expect("signatures");
        add(&expiring, signatures)
    };
    let without = |nth: usize| {
        let gone = subkey(&cert, nth).fingerprint();
        cert.clone()
            .retain_subkeys(|subkey| subkey.key().fingerprint() != gone)
    };
    for (name, held, published, expected) in [
        ("nothing", &cert, cert.clone(), vec![]),
        ("less", &cert, without_user_ids(&without(1)), vec![]),
        (
            "hard",
            &cert,
            add(&cert, [hard(&cert)]),
            vec![(Revoked, "compromised (hard, ")],
        ),
        (
            "soft",
            &cert,
            retired.clone(),
            vec![(Revoked, "no longer used (soft, ")],
        ),
        (
            "soft, then hard",
            &retired,
            add(&cert, [hard(&cert)]),
            vec![(Revoked, "revoked for good")],
        ),
        (
            "lifted",
            &retired,
            add(&cert, [bind(&cert, ALICE, day(-1), None)]),
            vec![(RevocationLifted, "newer self-signature lifted")],
        ),
        (
            "extended",
            &expiring,
            extended,
            vec![(Expiration, "instead of at ")],
        ),
        (
            "shortened",
            &cert,
            add(&cert, [bind(&cert, ALICE, day(-1), Some(31 * DAY))]),
            vec![(Expiration, "instead of never")],
        ),
        (
            "new subkey",
            &cert,
            new_subkey(&cert),
            vec![(SubkeyAdded, "is new; it never expires")],
        ),
        (
            "a subkey that was not held",
            &without(0),
            cert.clone(),
            vec![(SubkeyAdded, "is new")],
        ),
        (
            "subkey revoked",
            &cert,
            add(&cert, [revoke_subkey(&cert, 1, day(-1))]),
            vec![(SubkeyRevoked, "is revoked: no longer used (soft")],
        ),
        (
            "subkey lifted",
            &add(&cert, [revoke_subkey(&cert, 1, day(-10))]),
            add(&cert, [bind_subkey(&cert, day(-1), None)]),
            vec![(RevocationLifted, "The subkey")],
        ),
        (
            "subkey expires",
            &cert,
            add(&cert, [bind_subkey(&cert, day(-1), Some(90 * DAY))]),
            vec![(SubkeyExpiration, "instead of never")],
        ),
        (
            "User ID revoked",
            &cert,
            half.clone(),
            vec![(UserIdRevoked, "<alice@example.net>\" is revoked: no longer")],
        ),
        (
            "User ID restored",
            &half,
            add(&cert, [bind(&cert, OTHER, day(-1), None)]),
            vec![(UserIdRestored, "bound again")],
        ),
        (
            "newer self-signature",
            &cert,
            add(&cert, [bind_with(&cert, OTHER, sha256)]),
            vec![(SelfSignature, "made with SHA256 instead of SHA512")],
        ),
        (
            "older self-signature",
            &cert,
            add(&cert, [bind(&cert, ALICE, day(-30) + DAY / 24, None)]),
            vec![(SelfSignature, "newer self-signature")],
        ),
        (
            "something that is too late",
            &add(&cert, [bind(&cert, ALICE, day(-2), None)]),
            add(&cert, [soft(&cert, day(-10))]),
            vec![(Other, "not in effect: no longer used")],
        ),
        (
            "an older binding",
            &add(&cert, [bind(&cert, ALICE, day(-2), None)]),
            add(&cert, [bind(&cert, ALICE, day(-5), None)]),
            vec![(Other, "change nothing")],
        ),
    ] {
        let refreshed = refresh(held, &bytes(&published)).await;
        let wanted = match expected.is_empty() {
            true => RefreshOutcome::Unchanged,
            false => RefreshOutcome::Updated,
        };
        assert_eq!(refreshed.outcome(), wanted, "{name}: {refreshed:?}");
        let told: Vec<_> = expected.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds(&refreshed), told, "{name}: {:?}", refreshed.changes());
        for (change, (_, sentence)) in refreshed.changes().iter().zip(&expected) {
            assert!(change.detail().contains(sentence), "{name}: {change}");
            assert!(change.detail().ends_with('.'), "{name}: {change}");
        }
        assert_eq!(*refreshed.before(), status(held), "{name}");
        assert_eq!(*refreshed.after(), status(refreshed.cert()), "{name}");
        assert!(matches!(refreshed.attempt().outcome(), Outcome::Found(1)));
        // Once more brings nothing.
        let again = refresh(refreshed.cert(), &bytes(&published)).await;
        assert_eq!(again.outcome(), RefreshOutcome::Unchanged, "{name}");
        assert_eq!(kinds(&again), [], "{name}");
    }
}

#[tokio::test]
async fn a_revocation_without_user_ids() {
    for profile in [Profile::RFC4880, Profile::RFC9580] {
        let cert = made(&[ALICE], profile, None);
        let published = without_user_ids(&add(&cert, [hard(&cert)]));
        // As a key server publishes it, and as one that gives the key alone.
        let primary: Packet = cert.primary_key().key().clone().into();
        let bare = [
            packet_bytes(Packet::PublicKey(cert.primary_key().key().clone())),
            packet_bytes(hard(&cert)),
        ];
        drop(primary);
        for body in [bytes(&published), bare.concat()] {
            let refreshed = refresh(&cert, &body).await;
            assert_eq!(refreshed.outcome(), RefreshOutcome::Updated);
            assert_eq!(kinds(&refreshed), [ChangeKind::Revoked]);
            assert!(refreshed.before().is_valid());
            let revocation = refreshed.revocation().expect("revoked");
            assert_eq!(revocation.kind(), RevocationKind::Hard);
            assert_eq!(refreshed.cert().userids().count(), 1);
            assert!(refreshed.cert().is_tsk(), "the secret keys stay");
        }
    }
}

#[tokio::test]
async fn other_user_ids_stay_out_and_their_news_are_told() {
    let whole = made(&[ALICE, OTHER], Profile::RFC4880, Some(31 * DAY));
    let held = whole
        .clone()
        .retain_userids(|id| id.userid().value() == ALICE.as_bytes());
    let extended = bind(&whole, OTHER, day(-1), Some(400 * DAY));
    let published =
        add(&whole, [extended]).retain_userids(|id| id.userid().value() == OTHER.as_bytes());
    let body = bytes(&published);

    let refreshed = refresh(&held, &body).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Unchanged);
    assert_eq!(kinds(&refreshed), [ChangeKind::NewsWithheld]);
    let told = refreshed.changes()[0].to_string();
    assert!(told.contains("alice@example.net"), "{told}");

    let locator = canned(&body)
        .refresh_user_ids(|id| id.value() == OTHER.as_bytes())
        .build()
        .expect("builds");
    let refreshed = locator.refresh(&held).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Updated);
    assert!(kinds(&refreshed).contains(&ChangeKind::UserIdAdded));
    assert_eq!(refreshed.cert().userids().count(), 2);
    let again = locator.refresh(refreshed.cert()).await;
    assert_eq!(again.outcome(), RefreshOutcome::Unchanged);

    // One that nobody bound does not come in, whoever lets it.
    let unbound = [
        packet_bytes(UserID::from("mallory")),
        packet_bytes(bind(&cert(&["m"]), "mallory", day(-1), None)),
    ];
    let locator = canned(&[bytes(&held), unbound.concat()].concat())
        .refresh_user_ids(|_| true)
        .build()
        .expect("builds");
    let refreshed = locator.refresh(&held).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Unchanged);
}

#[tokio::test]
async fn certifications_by_others_neither_come_nor_go() {
    let cert = cert(&[ALICE]);
    let friend = super::cert(&["friend"]);
    let by_friend = |at| {
        let primary = cert.primary_key().key();
        builder(SignatureType::GenericCertification, at)
            .sign_userid_binding(&mut signer(&friend), Some(primary), &UserID::from(ALICE))
            .expect("a signature")
    };
    let held = add(&cert, [by_friend(day(-5))]);
    let published = add(&cert, [by_friend(day(-4))]);
    let refreshed = refresh(&held, &bytes(&published)).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Unchanged);
}

#[tokio::test]
async fn a_designated_revoker_whose_certificate_is_there() {
    let revoker = cert(&["revoker"]);
    let named = RevocationKey::new(
        revoker.primary_key().key().pk_algo(),
        revoker.fingerprint(),
        false,
    );
    let cert = CertBuilder::new()
        .set_creation_time(day(-30))
        .add_userid(ALICE)
        .set_revocation_keys(vec![named])
        .generate()
        .expect("a certificate")
        .0;
    let revocation = builder(SignatureType::KeyRevocation, day(-1))
        .sign_direct_key(&mut signer(&revoker), Some(cert.primary_key().key()))
        .expect("a signature");
    let revoked = add(&cert, [revocation]);

    let both = [bytes(&revoked), bytes(&revoker)].concat();
    let refreshed = refresh(&cert, &both).await;
    assert_eq!(kinds(&refreshed), [ChangeKind::Revoked]);
    let again = refresh(refreshed.cert(), &both).await;
    assert_eq!(again.outcome(), RefreshOutcome::Unchanged);
    assert!(again.before().is_revoked());

    // Nobody can tell whether it is the revoker's: kept, and without effect.
    let refreshed = refresh(&cert, &bytes(&revoked)).await;
    assert_eq!(kinds(&refreshed), [ChangeKind::Other]);
    assert_eq!(refreshed.after(), &CertStatus::Valid);
    assert_eq!(refreshed.notes().len(), 1);
}

/// An update leaves everything else as it is, what nobody understands too.
#[tokio::test]
async fn what_is_held_stays_through_an_update() {
    let cert = cert(&[ALICE]);
    let friend = super::cert(&["friend"]);
    let primary = cert.primary_key().key();
    let certification = builder(SignatureType::GenericCertification, day(-5))
        .sign_userid_binding(&mut signer(&friend), Some(primary), &UserID::from(ALICE))
        .expect("a signature");
    let by_friend = builder(SignatureType::KeyRevocation, day(-5))
        .sign_direct_key(&mut signer(&friend), Some(primary))
        .expect("a signature");
    let picture = UserAttribute::new(&[user_attribute::Subpacket::Unknown(
        100,
        vec![1, 2, 3].into(),
    )])
    .expect("an attribute");
    let bound = builder(SignatureType::PositiveCertification, day(-5))
        .sign_user_attribute_binding(&mut signer(&cert), Some(primary), &picture)
        .expect("a signature");
    let held = add(&cert, [certification, by_friend]);
    let held = add(&held, [Packet::from(UserID::from("unbound"))]);
    let held = add(&held, [Packet::from(picture), bound.into()]);
    assert_eq!(held.user_attributes().count(), 1);

    let published = without_user_ids(&add(&cert, [hard(&cert)]));
    let refreshed = refresh(&held, &bytes(&published)).await;
    assert_eq!(refreshed.outcome(), RefreshOutcome::Updated);
    let (was, is) = (packets_of(&held), packets_of(refreshed.cert()));
    assert_eq!(is.len(), was.len() + 1, "the revocation and nothing else");
}
