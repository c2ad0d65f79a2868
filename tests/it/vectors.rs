//! The vectors of the protocol sheet: addresses, their places in a Web Key
//! Directory, and what DANE would hash.

use openpgp_discovery::{AddressProblem, EmailAddress, wkd};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wkd {
    address: String,
    local_part: Option<String>,
    domain: Option<String>,
    hash: Option<String>,
    /// Also absent where the host would be too long.
    advanced_url: Option<String>,
    direct_url: Option<String>,
    error_hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dane {
    address: String,
    /// In the form that is hashed.
    local_part: String,
    domain: String,
    #[serde(rename = "owner_name")]
    _owner_name: Option<String>,
}

fn wkd() -> Vec<Wkd> {
    serde_json::from_str(include_str!("../vectors/wkd.json")).unwrap()
}

#[test]
fn every_accepted_address_has_its_places_in_wkd() {
    let mut count = 0;
    for vector in wkd().into_iter().filter(|v| v.error_hint.is_none()) {
        let text = &vector.address;
        let address: EmailAddress = text.parse().unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!(Some(address.local_part()), vector.local_part.as_deref());
        assert_eq!(Some(address.domain()), vector.domain.as_deref());

        let url = wkd::Url::new(&address);
        assert_eq!(Some(url.hash()), vector.hash.as_deref(), "{text}");
        assert_eq!(url.advanced_text(), vector.advanced_url, "{text}");
        assert_eq!(Some(url.direct_text()), vector.direct_url, "{text}");
        assert_eq!(url.advanced().map(String::from), vector.advanced_url);
        assert_eq!(Some(url.direct().into()), vector.direct_url);
        let host = vector.advanced_url.as_deref().map(|url| {
            let (host, _) = url["https://".len()..].split_once('/').unwrap();
            host.to_owned()
        });
        assert_eq!(url.advanced_host(), host);
        count += 1;
    }
    assert_eq!(count, 32);
}

#[test]
fn every_refused_address_is_refused_for_the_right_reason_at_the_right_place() {
    use AddressProblem as P;
    let expected = [
        ("", P::Empty, 0),
        ("joe", P::NoAt, 3),
        ("joe@", P::DomainEmpty, 4),
        ("joe@doe@example.org", P::SecondAt, 7),
        ("Joe Doe <joe@example.org>", P::WhiteSpace, 3),
        ("joe(comment)@example.org", P::LocalPartCharacter, 3),
        (" joe@example.org", P::WhiteSpace, 0),
        ("joe doe@example.org", P::WhiteSpace, 3),
        ("jo\0e@example.org", P::Control, 2),
        ("joe..doe@example.org", P::LocalPartDot, 4),
        ("joe@example.org.", P::TrailingDot, 15),
        ("joe@[192.0.2.1]", P::AddressLiteral, 4),
        ("joe@[IPv6:2001:db8::1]", P::AddressLiteral, 4),
        ("joe@example.123", P::Numeric, 12),
        ("joe@exa_mple.org", P::DomainCharacter, 7),
        ("joe@example.org:8443", P::DomainCharacter, 15),
        (
            "joe@dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd.example.org",
            P::LabelTooLong,
            4,
        ),
        ("\"joe@example.org", P::QuoteNotClosed, 0),
    ];
    let vectors: Vec<_> = wkd()
        .into_iter()
        .filter(|v| v.error_hint.is_some())
        .collect();
    let texts: Vec<_> = vectors.iter().map(|v| v.address.as_str()).collect();
    assert_eq!(
        texts,
        expected.map(|(text, ..)| text),
        "the table is complete"
    );
    for (text, problem, at) in expected {
        let error = text.parse::<EmailAddress>().unwrap_err();
        assert_eq!((error.problem(), error.at()), (problem, at), "{text:?}");
    }
}

#[test]
fn every_address_has_the_form_that_dane_hashes() {
    let vectors: Vec<Dane> = serde_json::from_str(include_str!("../vectors/dane.json")).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let text = &vector.address;
        let address: EmailAddress = text.parse().unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!(address.dane_local_part(), vector.local_part, "{text}");
        assert_eq!(address.domain(), vector.domain, "{text}");
    }
}
