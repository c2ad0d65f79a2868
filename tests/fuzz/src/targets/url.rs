//! The places of any address in a Web Key Directory.

use openpgp_discovery::{EmailAddress, wkd};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut count = 0;
    let text = String::from_utf8_lossy(data);
    // Also below a domain that is known to be good, and with such a local part.
    for text in [
        text.to_string(),
        format!("{text}@example.org"),
        format!("a@{text}"),
    ] {
        if let Ok(address) = text.parse() {
            places(&address);
            count += 1;
        }
    }
    count
}

fn places(address: &EmailAddress) {
    let domain = address.domain();
    let places = wkd::Url::new(address);
    let hash = places.hash();
    assert_eq!(hash.len(), 32);
    let alphabet = b"ybndrfg8ejkmcpqxot1uwisza345h769";
    assert!(
        hash.bytes().all(|octet| alphabet.contains(&octet)),
        "{hash}"
    );

    place(address, domain, &places.direct_text(), &["hu", hash]);
    assert_eq!(places.direct().as_str(), places.direct_text());

    let host = places.advanced_host();
    let text = places.advanced_text();
    assert_eq!(host.is_some(), text.is_some());
    assert_eq!(host.is_some(), domain.len() <= 242);
    assert_eq!(places.advanced().map(String::from), text);
    if let (Some(host), Some(text)) = (host, text) {
        assert_eq!(host, format!("openpgpkey.{domain}"));
        place(address, &host, &text, &[domain, "hu", hash]);
    }
}

/// A URL that others read as it was meant.
fn place(address: &EmailAddress, host: &str, text: &str, below: &[&str]) {
    let url = Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(url.as_str(), text, "a parser changes it");
    assert_eq!(url.scheme(), "https");
    assert_eq!(url.host(), Some(Host::Domain(host)));
    assert_eq!(url.port(), None);
    assert_eq!(
        (url.username(), url.password(), url.fragment()),
        ("", None, None)
    );
    let segments: Vec<_> = url.path_segments().expect("a path").collect();
    assert_eq!(segments, [&[".well-known", "openpgpkey"], below].concat());
    let local_part = url.query().and_then(|query| query.strip_prefix("l="));
    let local_part = percent_decode_str(local_part.expect("l=")).decode_utf8();
    assert_eq!(local_part.as_deref(), Ok(address.local_part()));
}
