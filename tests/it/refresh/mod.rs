//! News about certificates that are held.

mod batch;
mod changes;
mod damage;
mod network;
mod refused;
mod union;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use openpgp_discovery::dns::DnsResolver;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::key::{KeyRole, UnspecifiedRole};
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{KeyFlags, ReasonForRevocation, SignatureType};
use openpgp_discovery::openpgp::{Cert, Packet, Profile};
use openpgp_discovery::transport::{HttpTransport, Request, Response};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{
    BoxFuture, CertStatus, ChangeKind, Error, KeyLocator, KeyLocatorBuilder, Refresh,
    RefreshOutcome,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const ALICE: &str = "Alice <alice@example.org>";
pub(crate) const OTHER: &str = "Alice <alice@example.net>";

/// Days before and after now.
pub(crate) fn day(n: i32) -> SystemTime {
    let time = DAY * n.unsigned_abs();
    match n < 0 {
        true => SystemTime::now() - time,
        false => SystemTime::now() + time,
    }
}

/// A certificate of 30 days ago, with secret keys, a subkey that signs and one
/// that encrypts.
pub(crate) fn cert(user_ids: &[&str]) -> Cert {
    made(user_ids, Profile::RFC4880, None)
}

fn made(user_ids: &[&str], profile: Profile, valid_for: Option<Duration>) -> Cert {
    let builder = CertBuilder::new()
        .set_profile(profile)
        .expect("a profile")
        .set_creation_time(day(-30))
        .set_validity_period(valid_for)
        .add_signing_subkey()
        .add_transport_encryption_subkey();
    let builder = user_ids.iter().fold(builder, |b, id| b.add_userid(*id));
    builder.generate().expect("a certificate").0
}

pub(crate) fn signer(cert: &Cert) -> KeyPair {
    pair(cert.primary_key().key().clone())
}

fn pair<R: KeyRole>(key: Key<key::PublicParts, R>) -> KeyPair {
    let key = key.parts_into_secret().expect("secret key material");
    let key: Key<_, UnspecifiedRole> = key.role_into_unspecified();
    key.into_keypair().expect("no password")
}

fn add(cert: &Cert, packets: impl IntoIterator<Item = impl Into<Packet>>) -> Cert {
    let packets: Vec<Packet> = packets.into_iter().map(Into::into).collect();
    let (cert, _) = cert.clone().insert_packets(packets).expect("packets");
    cert
}

pub(crate) fn builder(typ: SignatureType, at: SystemTime) -> SignatureBuilder {
    SignatureBuilder::new(typ)
        .set_signature_creation_time(at)
        .expect("a time")
}

fn revoke(cert: &Cert, reason: Option<ReasonForRevocation>, at: SystemTime) -> Signature {
    let mut builder = builder(SignatureType::KeyRevocation, at);
    if let Some(reason) = reason {
        builder = builder
            .set_reason_for_revocation(reason, b"because")
            .expect("a reason");
    }
    builder
        .sign_direct_key(&mut signer(cert), Some(cert.primary_key().key()))
        .expect("a signature")
}

fn hard(cert: &Cert) -> Signature {
    revoke(cert, Some(ReasonForRevocation::KeyCompromised), day(-10))
}

fn soft(cert: &Cert, at: SystemTime) -> Signature {
    revoke(cert, Some(ReasonForRevocation::KeyRetired), at)
}

fn bind_with(cert: &Cert, id: &str, builder: SignatureBuilder) -> Signature {
    let primary = cert.primary_key().key();
    builder
        .sign_userid_binding(&mut signer(cert), Some(primary), &UserID::from(id))
        .expect("a signature")
}

/// A binding of that day with the usual preferences, of a key that is valid for so long.
fn bind(cert: &Cert, id: &str, at: SystemTime, valid_for: Option<Duration>) -> Signature {
    let mut user_ids = cert.userids();
    let known = user_ids.find(|known| known.userid().value() == id.as_bytes());
    let builder = match known.and_then(|known| known.self_signatures().next()) {
        Some(known) => SignatureBuilder::from(known.clone())
            .set_signature_creation_time(at)
            .expect("a time"),
        None => builder(SignatureType::PositiveCertification, at),
    };
    let builder = builder
        .set_key_flags(KeyFlags::empty().set_certification())
        .and_then(|b| b.set_key_validity_period(valid_for))
        .expect("a builder");
    bind_with(cert, id, builder)
}

pub(crate) fn revoke_user_id(cert: &Cert, id: &str, at: SystemTime) -> Signature {
    let builder = builder(SignatureType::CertificationRevocation, at)
        .set_reason_for_revocation(ReasonForRevocation::UIDRetired, b"")
        .expect("a reason");
    bind_with(cert, id, builder)
}

pub(crate) fn subkey(cert: &Cert, nth: usize) -> Key<key::PublicParts, key::SubordinateRole> {
    let mut subkeys = cert.keys().subkeys();
    subkeys.nth(nth).expect("a subkey").key().clone()
}

pub(crate) fn revoke_subkey(cert: &Cert, nth: usize, at: SystemTime) -> Signature {
    builder(SignatureType::SubkeyRevocation, at)
        .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
        .and_then(|b| {
            let primary = cert.primary_key().key();
            b.sign_subkey_binding(&mut signer(cert), Some(primary), &subkey(cert, nth))
        })
        .expect("a signature")
}

/// A binding of the subkey that encrypts.
fn bind_subkey(cert: &Cert, at: SystemTime, valid_for: Option<Duration>) -> Signature {
    builder(SignatureType::SubkeyBinding, at)
        .set_key_flags(KeyFlags::empty().set_transport_encryption())
        .and_then(|b| b.set_key_validity_period(valid_for))
        .and_then(|b| {
            let primary = cert.primary_key().key();
            b.sign_subkey_binding(&mut signer(cert), Some(primary), &subkey(cert, 1))
        })
        .expect("a signature")
}

/// Without secret keys.
pub(crate) fn bytes(cert: &Cert) -> Vec<u8> {
    cert.to_vec().expect("octets")
}

pub(crate) fn packet_bytes(packet: impl Into<Packet>) -> Vec<u8> {
    packet.into().to_vec().expect("octets")
}

fn without_user_ids(cert: &Cert) -> Cert {
    cert.clone().retain_userids(|_| false)
}

/// All packets, secret ones included, in an order of their own.
fn packets_of(cert: &Cert) -> Vec<Vec<u8>> {
    let packets = cert.as_tsk().into_packets();
    let mut packets: Vec<_> = packets.map(packet_bytes).collect();
    packets.sort();
    // sequoia may file one signature behind two components whose digests begin
    // alike: it says no more than once.
    packets.dedup();
    packets
}

/// A key server that answers all questions alike.
#[derive(Clone, Debug, Default)]
struct Canned(Arc<Mutex<Vec<u8>>>);

impl HttpTransport for Canned {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        assert!(request.url.path().starts_with("/vks/v1/by-fingerprint/"));
        let body = self.0.lock().expect("a lock").clone();
        Box::pin(async { Ok(Response::new(StatusCode::OK, HeaderMap::new(), body)) })
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

fn canned(body: &[u8]) -> KeyLocatorBuilder {
    let canned = Canned(Arc::new(Mutex::new(body.to_vec())));
    KeyLocator::builder()
        .resolver(Canned::default())
        .transport(canned)
        .vks_budget(Budget::unlimited())
}

/// Refreshes from a server that gives these octets.
pub(crate) async fn refresh(held: &Cert, body: &[u8]) -> Refresh {
    let locator = canned(body).build().expect("builds");
    let refresh = locator.refresh(held).await;
    assert_nothing_lost(held, &refresh);
    refresh
}

/// Monotone: each packet that was held is there.
fn assert_nothing_lost(held: &Cert, refresh: &Refresh) {
    let now = packets_of(refresh.cert());
    for packet in packets_of(held) {
        assert!(now.contains(&packet), "a packet was lost");
    }
    if refresh.outcome() != RefreshOutcome::Updated {
        assert_eq!(packets_of(held), now);
    }
}

pub(crate) fn kinds(refresh: &Refresh) -> Vec<ChangeKind> {
    refresh.changes().iter().map(|c| c.kind()).collect()
}

fn status(cert: &Cert) -> CertStatus {
    CertStatus::of(cert, &StandardPolicy::new(), SystemTime::now())
}
