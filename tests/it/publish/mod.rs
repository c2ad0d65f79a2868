//! From certificates to a directory.

mod addresses;
mod keyring;
mod least;
mod round_trip;
mod status;

use std::time::{Duration, SystemTime};

use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::cert::prelude::*;
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::prelude::*;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::{KeyFlags, SignatureType};
use openpgp_discovery::openpgp::{Cert, Fingerprint};
use openpgp_discovery::wkd::publish::{Entry, Publication, Publisher, Why};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ALICE: &str = "Alice <alice@example.org>";
const HOME: &str = "Alice at home <alice@home.example>";
const POLICY: &StandardPolicy<'_> = &StandardPolicy::new();

fn days_ago(days: u32) -> SystemTime {
    SystemTime::now() - days * DAY
}

fn publisher() -> Publisher {
    Publisher::new("example.org").expect("a domain")
}

/// All that the certificates ask for.
fn plan(certs: impl IntoIterator<Item = Cert>) -> Publication {
    publisher().plan(certs, |_, _| true)
}

/// A certificate of 30 days ago with these User IDs, the first one primary.
fn cert(user_ids: &[&str]) -> Cert {
    let recipe = testbed::certs::Recipe::new(user_ids);
    recipe.created(days_ago(30)).make().cert
}

fn add(cert: &Cert, packets: impl IntoIterator<Item = Packet>) -> Cert {
    let packets: Vec<_> = packets.into_iter().collect();
    let (cert, _) = cert.clone().insert_packets(packets).expect("they fit");
    cert
}

fn signer(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    key.parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("secret key material")
}

/// A binding of a User ID.
fn binding(at: SystemTime) -> SignatureBuilder {
    SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_signature_creation_time(at)
        .and_then(|b| b.set_key_flags(KeyFlags::empty().set_certification()))
        .expect("short subpackets")
}

/// The certificate with a User ID that is bound so.
fn bound(cert: &Cert, user_id: &str, builder: SignatureBuilder) -> Cert {
    let user_id = UserID::from(user_id);
    let binding = user_id.bind(&mut signer(cert), cert, builder);
    add(cert, [user_id.into(), binding.expect("a binding").into()])
}

fn entry<'p>(publication: &'p Publication, address: &str) -> &'p Entry {
    let address = address.parse().expect("an address");
    publication.entry(&address).expect("it is published")
}

/// What is served for an address, best first.
fn served(publication: &Publication, address: &str) -> Vec<Cert> {
    let entry = entry(publication, address);
    let parser = CertParser::from_bytes(entry.bytes()).expect("certificates");
    let certs: Vec<Cert> = parser.map(|cert| cert.expect("a certificate")).collect();
    let fingerprints: Vec<_> = certs.iter().map(Cert::fingerprint).collect();
    assert_eq!(fingerprints, entry.fingerprints());
    certs
}

/// The only certificate that is served for Alice.
fn served_alice(publication: &Publication) -> Cert {
    match &served(publication, "alice@example.org")[..] {
        [cert] => cert.clone(),
        certs => panic!("{} certificates", certs.len()),
    }
}

fn skipped(publication: &Publication) -> Vec<(String, Fingerprint, Why)> {
    let skipped = publication.skipped().iter();
    skipped
        .map(|s| (s.address().to_string(), s.fingerprint().clone(), s.why()))
        .collect()
}

/// Why the only certificate is not published for Alice.
fn why(publication: &Publication) -> Why {
    assert!(publication.entries().is_empty());
    match publication.skipped() {
        [skipped] => {
            let address: EmailAddress = "alice@example.org".parse().expect("an address");
            assert_eq!(*skipped.address(), address);
            assert!(skipped.why().to_string().ends_with('.'));
            skipped.why()
        }
        all => panic!("{all:?}"),
    }
}

fn user_ids(cert: &Cert) -> Vec<String> {
    cert.userids().map(|id| id.userid().to_string()).collect()
}
