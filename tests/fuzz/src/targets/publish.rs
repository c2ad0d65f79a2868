//! Any certificates, published: what is served belongs to its address, and whoever
//! gets it judges it as the whole.

use std::collections::BTreeSet;

use openpgp_discovery::filter::{Filter, Kept};
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::serialize::{MarshalInto, Serialize as _};
use openpgp_discovery::openpgp::{Cert, Packet};
use openpgp_discovery::wkd::publish::{Entry, Publisher, Why};
use openpgp_discovery::{Limits, wkd};

use super::filter::time;
use crate::kept::{assert_about, assert_genuine, octets};
use crate::{Input, pool, program};

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let (how, time) = (input.octet(), time(&mut input));
    let is = |bit: u8| how & 1 << bit != 0;
    let domain = *input.pick(&["example.org", "example.net", "example.com"]);
    let body = program::body(&mut input);
    let Ok(certs) = CertParser::from_bytes(&body) else {
        return 0;
    };
    // Sequoia reads some that it cannot write.
    let is_whole = |cert: &Cert| cert.to_vec().is_ok();
    let certs: Vec<Cert> = certs.filter_map(Result::ok).filter(is_whole).collect();
    let refused = if is(0) { certs.first() } else { None }.map(Cert::fingerprint);

    let publisher = Publisher::new(domain).expect("a domain").time(time);
    let publisher = publisher
        .include_revoked(is(1))
        .include_expired(is(2))
        .newest_only(is(3));
    let publication = publisher.plan(certs.clone(), |address, cert| {
        assert_eq!(address.domain(), domain);
        Some(cert.fingerprint()) != refused
    });

    let filter = Filter::new().time(time);
    let hashes: BTreeSet<_> = publication.entries().iter().map(Entry::hash).collect();
    assert_eq!(hashes.len(), publication.entries().len(), "a hash twice");
    for entry in publication.entries() {
        assert_eq!(entry.address().domain(), domain);
        assert_eq!(entry.hash(), wkd::Url::new(entry.address()).hash());
        assert_eq!(
            publication.entry(entry.address()).map(Entry::hash),
            Some(entry.hash())
        );
        let refused = refused
            .iter()
            .any(|refused| entry.fingerprints().contains(refused));
        assert!(!refused, "published against the caller's word");
        served(entry, &certs, &filter);
    }
    for skipped in publication.skipped() {
        let entry = publication.entry(skipped.address());
        let published = entry.is_some_and(|e| e.fingerprints().contains(skipped.fingerprint()));
        assert!(!published, "published and skipped: {skipped:?}");
        let not_granted = Some(skipped.fingerprint()) == refused.as_ref();
        assert!(
            skipped.why() != Why::NotGranted || not_granted,
            "{skipped:?}"
        );
    }
    publication.entries().len()
}

/// What is served for an address goes through the filter, and is judged as the
/// whole.
fn served(entry: &Entry, certs: &[Cert], filter: &Filter) {
    let whole: Vec<u8> = merged(certs).iter().flat_map(in_place).collect();
    let with_revokers = [entry.bytes(), &*whole_of("bob", certs)].concat();
    let published: Vec<Cert> = CertParser::from_bytes(entry.bytes())
        .and_then(Iterator::collect)
        .expect("what is served can be read");
    let fingerprints: Vec<_> = published.iter().map(Cert::fingerprint).collect();
    assert_eq!(fingerprints, entry.fingerprints());
    for cert in &published {
        assert_genuine(cert);
        assert_about(cert, entry.address());
    }
    let get = |body: &[u8]| filter.apply(body, entry.address()).into_parts().0;
    let (judged_alone, judged_whole) = (get(&with_revokers), get(&whole));
    let find = |all: &[Kept], cert: &Cert| {
        let mut all = all.iter();
        all.find(|kept| kept.cert().fingerprint() == cert.fingerprint())
            .cloned()
    };
    for cert in &published {
        let within_limits = published.len() <= Limits::default().certs;
        let Some(alone) = find(&judged_alone, cert) else {
            assert!(
                !within_limits,
                "{} is served and refused",
                cert.fingerprint()
            );
            continue;
        };
        // Of the whole, the filter may refuse what it takes too long to verify.
        if let Some(whole) = find(&judged_whole, cert) {
            assert_eq!(alone.status(), whole.status(), "{}", cert.fingerprint());
            assert_eq!(
                alone.is_usable(),
                whole.is_usable(),
                "{}",
                cert.fingerprint()
            );
        }
    }
}

/// Copies of a certificate as one, each signature where it belongs.
fn merged(certs: &[Cert]) -> Vec<Cert> {
    let mut all: Vec<Cert> = Vec::new();
    for cert in certs {
        let known = all
            .iter()
            .position(|known| known.fingerprint() == cert.fingerprint());
        match known {
            Some(at) => {
                let known = all.swap_remove(at);
                all.push(
                    known
                        .merge_public(cert.clone())
                        .expect("the same fingerprint"),
                );
            }
            None => all.push(cert.clone()),
        }
    }
    all
}

/// A certificate without signatures that are out of place: those of another one,
/// which the filter would take for its news.
fn in_place(cert: &Cert) -> Vec<u8> {
    let bad: Vec<_> = cert.bad_signatures().collect();
    let is_bad = |packet: &Packet| match packet {
        Packet::Signature(signature) => bad.contains(&signature),
        _ => false,
    };
    let mut out = Vec::new();
    for packet in cert.clone().into_packets().filter(|packet| !is_bad(packet)) {
        packet.serialize(&mut out).expect("memory does not fail");
    }
    out
}

/// A certificate of the pool, who may revoke others, where it is among these.
fn whole_of(name: &str, certs: &[Cert]) -> Vec<u8> {
    let known = pool::get().cert(name).fingerprint();
    let mut all = certs.iter().filter(|cert| cert.fingerprint() == known);
    all.next().map(octets).unwrap_or_default()
}
