//! Certificates in hand and answers about them, made to hide news or to keep
//! whoever asks busy.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, StatusCode};
use openpgp_discovery::dns::DnsResolver;
use openpgp_discovery::filter::Filter;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::{KeyPair, mpi};
use openpgp_discovery::openpgp::packet::key::{KeyRole, UnspecifiedRole};
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::signature::subpacket::{
    Subpacket, SubpacketTag, SubpacketValue,
};
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{Curve, KeyFlags, ReasonForRevocation, SignatureType};
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::transport::{HttpTransport, Request, Response};
use openpgp_discovery::verify::{VerdictOutcome, Verification, Verify};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{BoxFuture, Error, KeyLocator, RefreshOutcome};
use tokio::time::timeout;

use crate::AMPLE;

const ALICE: &str = "Alice <alice@example.org>";
const TEXT: &str = "Dear Bob\n";

/// Answers by the fingerprint or key ID that the path ends with.
#[derive(Clone, Debug, Default)]
struct Canned(Arc<Mutex<Answers>>);

type Answers = Vec<(String, Vec<u8>)>;

impl HttpTransport for Canned {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        let path = request.url.path().to_owned();
        let all = self.0.lock().expect("a lock");
        let found = all.iter().find(|(end, _)| path.ends_with(end.as_str()));
        let (status, body) = match found {
            Some((_, body)) => (StatusCode::OK, body.clone()),
            None => (StatusCode::NOT_FOUND, Vec::new()),
        };
        Box::pin(async move { Ok(Response::new(status, HeaderMap::new(), body)) })
    }
}

impl DnsResolver for Canned {
    fn addresses<'a>(
        &'a self,
        host: &'a str,
    ) -> BoxFuture<'a, Result<Vec<std::net::SocketAddr>, Error>> {
        panic!("{host}: nothing is resolved")
    }
}

fn locator(answers: &[(&Cert, Vec<u8>)]) -> KeyLocator {
    let mut all = Vec::new();
    for (cert, body) in answers {
        for key in cert.keys() {
            all.push((key.key().fingerprint().to_hex(), body.clone()));
        }
    }
    KeyLocator::builder()
        .resolver(Canned::default())
        .transport(Canned(Arc::new(Mutex::new(all))))
        .vks_budget(Budget::unlimited())
        .build()
        .expect("builds")
}

fn ago(days: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(days * 86_400)
}

fn builder() -> CertBuilder<'static> {
    CertBuilder::new()
        .set_creation_time(ago(30))
        .add_userid(ALICE)
        .add_signing_subkey()
}

fn cert() -> Cert {
    builder().generate().expect("a certificate").0
}

fn pair<R: KeyRole>(key: Key<key::PublicParts, R>) -> KeyPair {
    let key = key.parts_into_secret().expect("secret key material");
    let key: Key<_, UnspecifiedRole> = key.role_into_unspecified();
    key.into_keypair().expect("no password")
}

fn primary(cert: &Cert) -> KeyPair {
    pair(cert.primary_key().key().clone())
}

fn subkey(cert: &Cert) -> Key<key::PublicParts, key::SubordinateRole> {
    cert.keys()
        .subkeys()
        .next()
        .expect("a subkey")
        .key()
        .clone()
}

fn bytes(cert: &Cert) -> Vec<u8> {
    cert.to_vec().expect("octets")
}

fn detached(mut signer: KeyPair) -> Vec<u8> {
    let signature = SignatureBuilder::new(SignatureType::Binary)
        .sign_message(&mut signer, TEXT)
        .expect("signs");
    Packet::from(signature).to_vec().expect("octets")
}

async fn judged(verify: Verify, signature: Vec<u8>) -> Verification {
    verify
        .detached(Cursor::new(signature), Cursor::new(TEXT))
        .await
        .expect("a signature")
}

fn outcome(verification: &Verification) -> VerdictOutcome {
    verification.signatures()[0].outcome()
}

/// A certificate as GnuPG makes it, with the back signature in the unhashed area.
fn with_back_signature(unhashed: bool) -> Cert {
    let cert = CertBuilder::new()
        .set_creation_time(ago(30))
        .add_userid(ALICE)
        .generate()
        .unwrap()
        .0;
    let key: Key<key::SecretParts, key::SubordinateRole> = {
        let mut key = Key4::generate_ecc(true, Curve::Ed25519).unwrap();
        key.set_creation_time(ago(29)).unwrap();
        key.into()
    };
    let public = key.clone().parts_into_public();
    let mut sub = pair(key.clone().parts_into_public());
    let back = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
        .set_signature_creation_time(ago(29))
        .unwrap()
        .sign_primary_key_binding(&mut sub, cert.primary_key().key(), &public)
        .unwrap();
    let mut binding = SignatureBuilder::new(SignatureType::SubkeyBinding)
        .set_signature_creation_time(ago(29))
        .unwrap()
        .set_key_flags(KeyFlags::empty().set_signing())
        .unwrap()
        .sign_subkey_binding(&mut primary(&cert), None, &public)
        .unwrap();
    if unhashed {
        binding
            .unhashed_area_mut()
            .add(Subpacket::new(SubpacketValue::EmbeddedSignature(back), false).unwrap())
            .unwrap();
    }
    let mut packets: Vec<Packet> = cert.as_tsk().into_packets().collect();
    packets.push(Packet::SecretSubkey(key));
    packets.push(binding.into());
    let octets: Vec<u8> = packets.iter().flat_map(|p| p.to_vec().unwrap()).collect();
    Cert::from_bytes(&octets).unwrap()
}

/// Whoever gave the caller a copy without what stands in the unhashed area has
/// taken the subkey away for good: refresh says "unchanged".
#[tokio::test]
async fn a_back_signature_in_the_unhashed_area_is_news() {
    let whole = with_back_signature(true);
    // The same signature, without its unhashed area.
    let stripped: Vec<Packet> = whole
        .clone()
        .strip_secret_key_material()
        .into_packets()
        .map(|packet| match packet {
            Packet::Signature(mut s) if s.typ() == SignatureType::SubkeyBinding => {
                s.unhashed_area_mut()
                    .remove_all(SubpacketTag::EmbeddedSignature);
                s.into()
            }
            packet => packet,
        })
        .collect();
    let held = Cert::from_packets(stripped.into_iter()).unwrap();
    let signature = detached(pair(subkey(&whole)));
    let none = locator(&[(&whole, bytes(&whole))]);
    assert_eq!(
        outcome(&judged(none.verify(), signature.clone()).await),
        VerdictOutcome::Good,
        "control"
    );
    let refresh = none.refresh(&held).await;
    let policy = StandardPolicy::new();
    let can_sign = |cert: &Cert| {
        cert.keys()
            .subkeys()
            .with_policy(&policy, None)
            .for_signing()
            .count()
    };
    let again = none.refresh(refresh.cert()).await;
    assert_eq!(again.outcome(), RefreshOutcome::Unchanged);
    let v = judged(none.verify().cert(held.clone()), signature).await;
    assert_eq!(
        (can_sign(refresh.cert()), outcome(&v)),
        (1, VerdictOutcome::Good),
        "{} {:?} {:?}",
        refresh.outcome(),
        refresh.notes(),
        v.signatures()[0].reason()
    );
}

/// A stranger's certificate that carries Alice's key, unbound, keeps Alice's from
/// being looked for.
#[tokio::test]
async fn an_unbound_key_shadows_nobody() {
    let (alice, mallory) = (cert(), cert());
    let mut packets: Vec<Packet> = mallory
        .clone()
        .strip_secret_key_material()
        .into_packets()
        .collect();
    packets.push(Packet::PublicSubkey(subkey(&alice)));
    // Any signature keeps it there.
    let some = mallory
        .keys()
        .subkeys()
        .next()
        .unwrap()
        .bundle()
        .self_signatures()
        .next()
        .unwrap()
        .clone();
    packets.push(some.into());
    let trap = Cert::from_packets(packets.into_iter()).unwrap();
    let locator = locator(&[(&alice, bytes(&alice)), (&mallory, bytes(&mallory))]);
    let signature = detached(pair(subkey(&alice)));
    assert_eq!(
        outcome(&judged(locator.verify(), signature.clone()).await),
        VerdictOutcome::Good,
        "control"
    );
    let v = judged(locator.verify().cert(trap), signature).await;
    assert_eq!(
        outcome(&v),
        VerdictOutcome::Good,
        "{:?}",
        v.signatures()[0].reason()
    );
}

/// What stands behind junk was not read; that is no "unchanged".
#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_is_no_confirmation() {
    let alice = cert();
    let revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
        .and_then(|b| b.sign_direct_key(&mut primary(&alice), None))
        .expect("a signature");
    let revocation = Packet::from(revocation).to_vec().unwrap();
    let signature = detached(pair(subkey(&alice)));
    let body = [&bytes(&alice)[..], b"\n", &revocation].concat();
    let locator = locator(&[(&alice, body)]);
    let refresh = locator.refresh(&alice).await;
    let v = judged(locator.verify().cert(alice.clone()), signature).await;
    assert!(
        refresh.outcome() != RefreshOutcome::Unchanged && !v.is_good(),
        "{} error {:?} rejected {:?} notes {:?}; {:?}",
        refresh.outcome(),
        refresh.error(),
        refresh.rejected(),
        refresh.notes(),
        outcome(&v)
    );
}

/// Alice's certificate with so many forged self-signatures that claim to be hers.
fn flooded(count: u32, typ: SignatureType) -> Cert {
    let alice = cert();
    let mut packets: Vec<Packet> = Vec::new();
    let mut all: Vec<Packet> = alice
        .clone()
        .strip_secret_key_material()
        .into_packets()
        .collect();
    let id = alice.userids().next().unwrap().userid().clone();
    for n in 0..count {
        let mut sign = primary(&alice);
        let at = ago(29) + Duration::from_secs(n.into());
        let b = SignatureBuilder::new(typ)
            .set_signature_creation_time(at)
            .unwrap();
        let s = match typ {
            SignatureType::KeyRevocation => b.sign_direct_key(&mut sign, None).unwrap(),
            _ => b.sign_userid_binding(&mut sign, None, &id).unwrap(),
        };
        let Signature::V4(v4) = &s else { panic!() };
        // The digest's first octets are right, the rest is not.
        let forged = Signature4::new(
            s.typ(),
            s.pk_algo(),
            s.hash_algo(),
            s.hashed_area().clone(),
            s.unhashed_area().clone(),
            *v4.digest_prefix(),
            match s.mpis() {
                mpi::Signature::EdDSA { r, .. } => mpi::Signature::EdDSA {
                    r: r.clone(),
                    s: mpi::MPI::new(&[1; 31]),
                },
                mpi::Signature::Ed25519 { s } => {
                    let mut s = s.clone();
                    s[40] ^= 1;
                    mpi::Signature::Ed25519 { s }
                }
                _ => panic!(),
            },
        );
        packets.push(Signature::from(forged).into());
    }
    let at = match typ {
        SignatureType::KeyRevocation => 1,
        _ => {
            1 + all
                .iter()
                .position(|p| matches!(p, Packet::UserID(_)))
                .unwrap()
        }
    };
    all.splice(at..at, packets);
    Cert::from_packets(all.into_iter()).unwrap()
}

/// A certificate out of a hostile file holds up the thread that drives futures,
/// beyond the deadline.
///
/// A machine that is busy with something else makes everything late. So what it
/// takes is compared with what all of the work takes on the same thread, and a
/// moment at which nobody else was in the way is enough: who does all of the work,
/// or does it on that thread, never has one.
#[tokio::test(flavor = "current_thread")]
async fn a_hostile_certificate_in_hand_ends_at_the_deadline() {
    let held = flooded(20_000, SignatureType::KeyRevocation);
    let mut all = Vec::new();
    for _ in 0..5 {
        let (took, blocked, outcome) = watched(&held).await;
        let whole = held.clone();
        let start = Instant::now();
        assert_eq!(whole.primary_key().self_revocations().count(), 0);
        let whole = start.elapsed();
        if took < Duration::from_secs(1).max(whole / 2)
            && blocked < Duration::from_millis(300).max(whole / 3)
        {
            return;
        }
        all.push(format!(
            "{outcome} after {took:?}; the executor stood still for {blocked:?}, and would \
             need {whole:?} for all of it"
        ));
    }
    panic!("{all:#?}");
}

/// Refreshes it: how long that takes, and for how long at most nothing else is
/// driven meanwhile.
async fn watched(held: &Cert) -> (Duration, Duration, RefreshOutcome) {
    let locator = KeyLocator::builder()
        .resolver(Canned::default())
        .transport(Canned::default())
        .deadline(Duration::from_millis(500))
        .build()
        .expect("builds");
    let ticks = Arc::new(Mutex::new((Instant::now(), Duration::ZERO)));
    let ticker = ticks.clone();
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let mut t = ticker.lock().unwrap();
            t.1 = t.1.max(t.0.elapsed());
            t.0 = Instant::now();
        }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    let refresh = timeout(AMPLE, locator.refresh(held)).await;
    let refresh = refresh.expect("it ends"); // 404
    let took = start.elapsed();
    tokio::time::sleep(Duration::from_millis(50)).await;
    ticking.abort();
    let blocked = ticks.lock().unwrap().1;
    (took, blocked, refresh.outcome())
}

/// What nobody signed does not come in with a new signature.
#[tokio::test]
async fn junk_in_the_unhashed_area_stays_out() {
    let alice = cert();
    let mut revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
        .and_then(|b| b.sign_direct_key(&mut primary(&alice), None))
        .expect("a signature");
    let junk = SubpacketValue::Unknown {
        tag: SubpacketTag::Private(100),
        body: vec![7; 60_000],
    };
    let junk = Subpacket::new(junk, false).expect("a subpacket");
    revocation.unhashed_area_mut().add(junk).expect("room");
    let revocation = Packet::from(revocation).to_vec().expect("octets");
    let body = [&revocation[..], &bytes(&alice)].concat();
    let refresh = locator(&[(&alice, body)]).refresh(&alice).await;
    assert!(refresh.after().is_revoked());
    let more = bytes(refresh.cert()).len() - bytes(&alice).len();
    assert!(more < 500, "{more}");
}

/// sequoia reads a fingerprint of an unknown version, and does not write it: who gets
/// a certificate has to be able to store it.
#[tokio::test]
async fn what_can_be_read_and_not_written_stays_out() {
    let alice = cert();
    let of_version_9 = SubpacketValue::Unknown {
        tag: SubpacketTag::IssuerFingerprint,
        body: [&[9][..], &[7; 20]].concat(),
    };
    let of_version_9 = Subpacket::new(of_version_9, false).expect("a subpacket");
    let mut revocation = SignatureBuilder::new(SignatureType::KeyRevocation)
        .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
        .and_then(|b| b.sign_direct_key(&mut primary(&alice), None))
        .expect("a signature");
    let area = revocation.unhashed_area_mut();
    area.add(of_version_9).expect("room");
    let revocation = Packet::from(revocation).to_vec().expect("octets");
    let body = [&bytes(&alice)[..], &revocation].concat();

    let filtered = Filter::new().apply(&body, &crate::alice());
    let [kept] = filtered.kept() else {
        panic!("one certificate")
    };
    assert!(kept.status().is_revoked());
    kept.cert().to_vec().expect("octets");

    let refresh = locator(&[(&alice, body)]).refresh(&alice).await;
    assert!(refresh.after().is_revoked());
    refresh.cert().to_vec().expect("octets");
}
