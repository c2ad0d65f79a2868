//! Directories in memory.

use super::*;
use crate::wkd::Url;
use crate::wkd::publish::{Publication, Publisher};
use sequoia_openpgp::cert::CertBuilder;

fn publication(domain: &str, addresses: &[&str]) -> Publication {
    let certs = addresses.iter().map(|address| {
        let builder = CertBuilder::general_purpose(Some(format!("<{address}>")));
        builder.generate().unwrap().0
    });
    Publisher::new(domain).unwrap().plan(certs, |_, _| true)
}

/// What is answered for an address, by both methods: the same.
fn served(directory: &InMemory, address: &str) -> Option<Vec<u8>> {
    let address: crate::EmailAddress = address.parse().unwrap();
    let url = Url::new(&address);
    let answers = [url.advanced().unwrap(), url.direct()].map(|url| {
        let request = http::Request::get(url.as_str()).body(()).unwrap();
        now(answer(directory, &Request::from(&request)))
    });
    let [advanced, direct] = answers;
    assert_eq!(advanced.status, direct.status);
    assert_eq!(advanced.headers, direct.headers);
    assert_eq!(advanced.body, direct.body);
    (advanced.status == StatusCode::OK).then(|| advanced.body.to_vec())
}

fn has_policy(directory: &InMemory, domain: &str) -> bool {
    let path = advanced(&format!("{domain}/policy"));
    now(answer(directory, &Request::new(&Method::GET, None, &path))).status == StatusCode::OK
}

#[test]
fn each_domain_has_what_was_planned_for_it_and_is_replaced_as_a_whole() {
    let directory = InMemory::new();
    assert_eq!(served(&directory, "joe@example.org"), None);
    assert!(!has_policy(&directory, "example.org"));
    let first = publication("Example.ORG", &["Joe@example.org", "jane@example.org"]);
    let other = publication("bücher.example", &["joe@bücher.example"]);
    directory.publish(&first);
    directory.publish(&other);
    for entry in first.entries().iter().chain(other.entries()) {
        let body = served(&directory, entry.address().vks());
        assert_eq!(body.as_deref(), Some(&entry.bytes()[..]));
    }
    assert_ne!(
        served(&directory, "JOE@example.org"),
        served(&directory, "joe@bücher.example")
    );
    assert!(has_policy(&directory, "example.org"));

    let second = publication("example.org", &["jim@example.org"]);
    directory.publish(&second);
    assert_eq!(served(&directory, "joe@example.org"), None);
    assert!(served(&directory, "jim@example.org").is_some());
    assert!(served(&directory, "joe@bücher.example").is_some());

    // One without a certificate is served all the same.
    directory.publish(&publication("example.org", &[]));
    assert!(has_policy(&directory, "example.org"));
    assert_eq!(served(&directory, "jim@example.org"), None);
    assert!(directory.remove("example.org"));
    assert!(!directory.remove("example.org"));
    assert!(!has_policy(&directory, "example.org"));

    directory.replace([&first, &second]);
    assert_eq!(served(&directory, "joe@example.org"), None);
    assert!(served(&directory, "jim@example.org").is_some());
    assert!(!has_policy(&directory, "xn--bcher-kva.example"));
}

#[test]
fn an_answer_is_from_the_one_or_from_the_other() {
    let directory = InMemory::new();
    let both = [(); 2].map(|()| publication("example.org", &["joe@example.org"]));
    let known = [&both[0].entries()[0], &both[1].entries()[0]].map(|entry| entry.bytes());
    directory.publish(&both[0]);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..500 {
                let body = served_once(&directory);
                assert!(known.iter().any(|known| body == known[..]));
            }
        });
        while !reader.is_finished() {
            both.iter()
                .for_each(|publication| directory.publish(publication));
            directory.replace(&both);
        }
    });
}

fn served_once(directory: &InMemory) -> Vec<u8> {
    let address: crate::EmailAddress = "joe@example.org".parse().unwrap();
    let url = Url::new(&address).direct();
    let request = http::Request::get(url.as_str()).body(()).unwrap();
    now(answer(directory, &Request::from(&request)))
        .body
        .to_vec()
}
