//! Of many self-signatures those that decide are verified first; what else there
//! is changes nothing but the history that is kept.

use std::time::{Duration, SystemTime};

use openpgp_discovery::filter::{Filter, Kept};
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::key::{PublicParts, SubordinateRole};
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{
    HashAlgorithm, KeyFlags, ReasonForRevocation, RevocationKey, SignatureType,
};
use openpgp_discovery::{CertStatus, Limits};
use testbed::certs;

use crate::alice;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ALICE: &str = "Alice <alice@example.org>";
const BOB: &str = "Bob <bob@example.org>";

/// A key of 900 days ago that certifies, with nothing signed yet.
struct Owner {
    key: Cert,
    signer: KeyPair,
    body: Vec<u8>,
    now: SystemTime,
}

/// What a binding says.
#[derive(Clone, Copy, Debug)]
struct Binding {
    /// Days before now; after, where it is negative.
    age: i32,
    /// Days for which the signature holds.
    holds: Option<u16>,
    /// Made with an algorithm that the policy rejects.
    is_weak: bool,
    /// Days from the key's creation for which the key is valid.
    key: Option<u16>,
}

const GOOD: Binding = Binding {
    age: 100,
    holds: None,
    is_weak: false,
    key: None,
};

fn days(count: u16) -> Duration {
    DAY * u32::from(count)
}

impl Owner {
    fn new() -> Self {
        let now = SystemTime::now();
        let (key, _) = CertBuilder::new()
            .set_creation_time(now - days(900))
            .add_subkey(KeyFlags::empty().set_transport_encryption(), None, None)
            .generate()
            .expect("a key");
        let primary = key.primary_key().key().clone();
        let signer = primary.parts_into_secret().and_then(|k| k.into_keypair());
        let mut owner = Self {
            signer: signer.expect("a secret"),
            key,
            body: Vec::new(),
            now,
        };
        let primary = owner.key.primary_key().key().clone();
        owner.push(primary);
        owner
    }

    fn push(&mut self, packet: impl Into<Packet>) {
        self.body.extend(packet.into().to_vec().expect("octets"));
    }

    fn builder(&self, typ: SignatureType, binding: Binding) -> SignatureBuilder {
        let away = DAY * binding.age.unsigned_abs();
        let at = match binding.age {
            ..0 => self.now + away,
            _ => self.now - away,
        };
        let hash = match binding.is_weak {
            true => HashAlgorithm::SHA1,
            false => HashAlgorithm::SHA256,
        };
        SignatureBuilder::new(typ)
            .set_hash_algo(hash)
            .set_signature_creation_time(at)
            .and_then(|b| match binding.holds {
                Some(holds) => b.set_signature_validity_period(days(holds)),
                None => Ok(b),
            })
            .and_then(|b| match binding.key {
                Some(valid) => b.set_key_validity_period(days(valid)),
                None => Ok(b),
            })
            .expect("a builder")
    }

    fn user_id(&mut self, id: &str, bindings: &[Binding], revoked: &[i32]) {
        let id = UserID::from(id);
        self.push(id.clone());
        let key = self.key.primary_key().key().clone();
        for &age in revoked {
            let binding = Binding { age, ..GOOD };
            let signature = self
                .builder(SignatureType::CertificationRevocation, binding)
                .set_reason_for_revocation(ReasonForRevocation::UIDRetired, b"")
                .and_then(|b| b.sign_userid_binding(&mut self.signer, Some(&key), &id));
            self.push(signature.expect("a signature"));
        }
        for &binding in bindings {
            let signature = self
                .builder(SignatureType::PositiveCertification, binding)
                .set_key_flags(KeyFlags::empty().set_certification())
                .and_then(|b| b.sign_userid_binding(&mut self.signer, Some(&key), &id));
            self.push(signature.expect("a signature"));
        }
    }

    fn subkey(&mut self, bindings: &[Binding], revoked: &[i32]) {
        let key = self.key.primary_key().key().clone();
        let subkey: Key<PublicParts, SubordinateRole> = {
            let mut subkeys = self.key.keys().subkeys();
            subkeys.next().expect("a subkey").key().clone()
        };
        self.push(subkey.clone());
        for &age in revoked {
            let binding = Binding { age, ..GOOD };
            let signature = self
                .builder(SignatureType::SubkeyRevocation, binding)
                .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
                .and_then(|b| b.sign_subkey_binding(&mut self.signer, Some(&key), &subkey));
            self.push(signature.expect("a signature"));
        }
        for &binding in bindings {
            let signature = self
                .builder(SignatureType::SubkeyBinding, binding)
                .set_key_flags(KeyFlags::empty().set_transport_encryption())
                .and_then(|b| b.sign_subkey_binding(&mut self.signer, Some(&key), &subkey));
            self.push(signature.expect("a signature"));
        }
    }

    fn apply(&self, verifications: usize) -> Result<Kept, String> {
        let mut limits = Limits::default();
        limits.verifications = verifications;
        let filter = Filter::new().limits(limits).time(self.now);
        let filtered = filter.apply(&self.body, &alice());
        match filtered.into_parts() {
            (mut kept, rejected) if rejected.is_empty() => Ok(kept.remove(0)),
            (_, rejected) => Err(rejected[0].to_string()),
        }
    }

    /// With as little arithmetic as there can be, and with as much as is wanted.
    fn least_and_most(&self) -> (Result<Kept, String>, Result<Kept, String>) {
        let is_limit = |refused: &String| refused.contains("too many signatures to verify");
        let enough = (1..200).find(|n| !self.apply(*n).as_ref().is_err_and(is_limit));
        let least = self.apply(enough.expect("an end"));
        (least, self.apply(usize::MAX))
    }
}

fn bindings_of(kept: &Kept) -> usize {
    let mut ids = kept.cert().userids();
    ids.next().map_or(0, |id| id.self_signatures().count())
}

#[test]
fn a_hundred_bindings_cost_as_much_as_one() {
    let ages = |ages: std::ops::Range<i32>| -> Vec<_> {
        ages.map(|age| Binding { age, ..GOOD }).collect()
    };
    for (name, bindings, kept, verified) in [
        ("all good", ages(10..110), 100, 1),
        ("one", ages(10..11), 1, 1),
        (
            // What the policy rejects does not end the search, and is no part of it.
            "weak ones are newer",
            ages(10..110)
                .into_iter()
                .map(|b| Binding {
                    is_weak: b.age < 60,
                    ..b
                })
                .collect(),
            100,
            2,
        ),
        (
            "expired ones are newer",
            ages(10..110)
                .into_iter()
                .map(|b| Binding {
                    holds: (b.age < 60).then_some(1),
                    ..b
                })
                .collect(),
            100,
            2,
        ),
        ("all later than now", ages(-110..-10), 100, 1),
    ] {
        let mut owner = Owner::new();
        owner.user_id(ALICE, &bindings, &[]);
        owner.subkey(&[GOOD], &[]);
        let (least, most) = owner.least_and_most();
        let (least, most) = (least.expect(name), most.expect(name));
        assert_eq!(least.status(), most.status(), "{name}");
        assert_eq!(least.can_encrypt(), most.can_encrypt(), "{name}");
        assert_eq!(bindings_of(&least), verified, "{name}");
        assert_eq!(bindings_of(&most), kept, "{name}");
        // Older messages can be judged by what a look-up brings by default.
        let usual = owner.apply(Limits::default().verifications).expect(name);
        assert_eq!(bindings_of(&usual), kept, "{name}");
    }
}

/// Whatever is left out, the answer is the same.
#[test]
fn what_is_left_out_decides_nothing() {
    let mut seed = 1u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut statuses = std::collections::BTreeSet::new();
    for round in 0..150 {
        let mut owner = Owner::new();
        let mut some = |most: u64| -> Vec<Binding> {
            (0..=random(most))
                .map(|_| Binding {
                    age: i32::try_from(random(880)).expect("small")
                        - 30 * i32::from(random(5) == 0),
                    holds: (random(3) == 0).then(|| u16::try_from(random(400) + 1).expect("small")),
                    is_weak: random(3) == 0,
                    key: (random(4) == 0).then(|| u16::try_from(random(1200) + 1).expect("small")),
                })
                .collect()
        };
        let (alice, bob, subkey) = (some(5), some(4), some(4));
        let revoked = |all: &[Binding]| match all {
            [first, _, third, ..] => vec![(first.age + third.age) / 2],
            _ => Vec::new(),
        };
        owner.user_id(ALICE, &alice, &revoked(&alice));
        owner.user_id(BOB, &bob, &revoked(&bob));
        owner.subkey(&subkey, &revoked(&subkey));
        let told = |outcome: Result<Kept, String>| {
            outcome.map(|kept| {
                let notes = kept.notes().to_vec();
                (kept.status().clone(), kept.can_encrypt(), notes)
            })
        };
        let (least, most) = owner.least_and_most();
        let (least, most) = (told(least), told(most));
        statuses.insert(format!(
            "{:?}",
            most.as_ref().map(|(status, can, _)| (status, can))
        ));
        assert_eq!(least, most, "{round}: {alice:?} {bob:?} {subkey:?}");
    }
    assert!(statuses.len() > 4, "{statuses:?}");
}

/// Two that were made in the same second: whichever of them counts, it is not the
/// order in an answer that decides.
#[test]
fn of_the_same_second_none_is_left_out() {
    let ends = Binding {
        key: Some(850),
        ..GOOD
    };
    for age in [100, -10] {
        let (good, ends) = (Binding { age, ..GOOD }, Binding { age, ..ends });
        for _ in 0..8 {
            let mut owner = Owner::new();
            owner.user_id(ALICE, &[good, ends], &[]);
            let alike = |mut owner: Owner| {
                owner.subkey(&[GOOD], &[]);
                let (least, most) = owner.least_and_most();
                let (least, most) = (least.expect("kept"), most.expect("kept"));
                assert_eq!(least.status(), most.status(), "{age}");
                assert_eq!(least.can_encrypt(), most.can_encrypt(), "{age}");
            };
            alike(owner);
        }
    }
}

/// One whom the owner named long ago may still revoke.
#[test]
fn an_old_signature_that_names_a_revoker_counts() {
    let revoker = certs::cert(&["Carol <carol@example.org>"]);
    let mut owner = Owner::new();
    let key = owner.key.primary_key().key().clone();
    for age in 1..60 {
        let mut builder = owner.builder(SignatureType::DirectKey, Binding { age, ..GOOD });
        if age == 59 {
            let (algorithm, fingerprint) = (key.pk_algo(), revoker.cert.fingerprint());
            let named = RevocationKey::new(algorithm, fingerprint, false);
            builder = builder.set_revocation_key(named).expect("a builder");
        }
        let signature = builder.sign_direct_key(&mut owner.signer, Some(&key));
        owner.push(signature.expect("a signature"));
    }
    let by = revoker.cert.primary_key().key().clone();
    let by = by.parts_into_secret().and_then(|key| key.into_keypair());
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
        .and_then(|b| b.sign_direct_key(&mut by.expect("a secret"), Some(&key)));
    owner.push(revocation.expect("a signature"));
    owner.user_id(ALICE, &[GOOD], &[]);
    owner.body.extend(revoker.binary());
    let mut limits = Limits::default();
    // A half of which is spent before any history.
    limits.verifications = 12;
    let filtered = Filter::new().limits(limits).apply(&owner.body, &alice());
    let [kept] = filtered.kept() else {
        panic!("{filtered:?}");
    };
    assert!(matches!(kept.status(), CertStatus::Revoked(_)));
    let direct = kept.cert().primary_key().self_signatures().count();
    assert!((2..15).contains(&direct), "{direct}");
}
