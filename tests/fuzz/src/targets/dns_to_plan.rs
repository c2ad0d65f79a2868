//! A look-up in a network that says anything: its trail obeys the plan, its answer
//! follows from the trail, and nobody is connected to who must not be.

use std::collections::HashMap;
use std::time::Duration;

use http::StatusCode;
use openpgp_discovery::plan::Fallback;
use openpgp_discovery::transport::Response;
use openpgp_discovery::{
    Absence, EmailAddress, ErrorKind, Lookup, Method, Outcome, Source, Status, Step,
};
use tokio::time::Instant;
use url::Url;

use crate::kept::{assert_about, assert_genuine};
use crate::net::{Answer, BAD, Dns, GOOD, Net, block_on, headers};
use crate::{Input, program};

const VKS: &str = "keys.openpgp.org";
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
struct Options {
    wkd: bool,
    vks: bool,
    lenient: bool,
}

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let options = match input.octet() {
        0 => Options {
            wkd: true,
            vks: true,
            lenient: false,
        },
        1 => Options {
            wkd: true,
            vks: true,
            lenient: true,
        },
        bits => Options {
            wkd: bits & 2 == 0,
            vks: bits & 2 != 0 || bits & 4 == 0,
            lenient: bits & 1 != 0,
        },
    };
    let long = format!("alice@{}.example.org", [&*"d".repeat(58); 4].join("."));
    let address = [
        "alice@example.org",
        "alice@example.net",
        "Alice@EXAMPLE.org",
        "alice@localhost",
        "alice@a.internal",
        &long,
    ];
    let address: EmailAddress = input.pick(&address).parse().expect("an address");
    let domain = address.domain();
    let mut hosts = HashMap::new();
    input.octet();
    for host in [
        &format!("openpgpkey.{domain}"),
        domain,
        "redirected.example",
        VKS,
    ] {
        hosts.insert(host.to_owned(), dns(&mut input));
    }
    let mut answers = Vec::new();
    while !input.is_empty() && answers.len() < 12 {
        answers.push(answer(&mut input, domain));
    }

    let net = Net::new(hosts.clone(), answers);
    let mut builder = net.locator();
    if options.lenient {
        builder = builder.fallback(Fallback::Lenient);
    }
    if !options.wkd {
        builder = builder.no_wkd();
    }
    if !options.vks {
        builder = builder.no_vks();
    }
    let locator = builder.build().expect("somebody to ask");
    let (lookup, elapsed) = block_on(async {
        let start = Instant::now();
        (locator.locate(&address).await, start.elapsed())
    });
    assert!(
        elapsed <= DEADLINE + Duration::from_millis(5),
        "{elapsed:?}"
    );
    trail(&lookup, options, &hosts);
    answered(&lookup, options);
    requests(&lookup, options, net.take_asked());
    lookup.found().len()
}

fn dns(input: &mut Input<'_>) -> Dns {
    let parse = |text: &str| text.parse().expect("an address");
    let choice = input.octet();
    let bad = parse(BAD[usize::from(choice >> 4)]);
    match choice % 8 {
        0 => Dns::Addresses(GOOD.map(parse).to_vec()),
        1 => Dns::Addresses(vec![bad]),
        2 => Dns::Addresses(vec![bad, parse(GOOD[1])]),
        3 => Dns::Addresses(Vec::new()),
        4 => Dns::Fails(ErrorKind::Dns),
        5 => Dns::Fails(ErrorKind::Timeout),
        6 => Dns::Silence,
        _ => Dns::Addresses(vec![parse(GOOD[0])]),
    }
}

fn answer(input: &mut Input<'_>, domain: &str) -> Answer {
    const STATUSES: [u16; 20] = [
        200, 200, 404, 410, 404, 302, 301, 303, 307, 308, 401, 429, 500, 503, 204, 206, 300, 304,
        400, 100,
    ];
    const FAILURES: [ErrorKind; 4] = [
        ErrorKind::Connect,
        ErrorKind::Tls,
        ErrorKind::Http,
        ErrorKind::Timeout,
    ];
    let status = *input.pick(&STATUSES);
    let extras = input.octet();
    let location = match input.octet() {
        0 => "https://redirected.example/key".to_owned(),
        1 => format!("https://{domain}/key"),
        2 => format!("https://openpgpkey.{domain}/key"),
        3 => "/elsewhere?x#fragment".to_owned(),
        4 => "http://redirected.example/".to_owned(),
        5 => "https://127.0.0.1/".to_owned(),
        6 => "https://[::1]/".to_owned(),
        7 => "https://2130706433/".to_owned(),
        8 => "https://redirected.example:8443/".to_owned(),
        9 => "https://user:password@redirected.example/".to_owned(),
        10 => format!("https://{VKS}/vks/v1/by-email/x"),
        11 => "https://printer.local/".to_owned(),
        12 => "https://redirected.example./".to_owned(),
        13 => "//redirected.example/".to_owned(),
        14 => "file:///etc/passwd".to_owned(),
        15 => "https://".to_owned(),
        _ => {
            let count = input.octet();
            let octets = input.octets(count.into()).iter();
            octets
                .map(|octet| char::from(octet & 0x7f))
                .filter(|c| !c.is_control())
                .collect()
        }
    };
    let body = match extras % 4 {
        0 => Vec::new(),
        1 => b"<!DOCTYPE html><p>Not found".to_vec(),
        _ => program::body(&mut input.part()),
    };
    let mut fields = vec![("location", location.as_str())];
    fields.truncate(usize::from(extras & 4 == 0));
    let more = [
        ("content-type", "text/html"),
        ("content-encoding", "gzip"),
        ("retry-after", "3"),
    ];
    fields.extend(
        more.iter()
            .enumerate()
            .filter(|(bit, _)| extras & 8 << bit != 0)
            .map(|(_, field)| *field),
    );
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = Response::new(status, headers(&fields), body);
    if extras & 0x40 != 0 && extras & 0x80 != 0 {
        response = response.truncated();
    }
    let delay = Duration::from_millis(*input.pick(&[0, 0, 0, 1, 900, 5_000, 11_000, 40_000]));
    let failure = input.octet();
    let says = match failure {
        0..200 => Ok(response),
        _ => Err(FAILURES[usize::from(failure) % FAILURES.len()]),
    };
    Answer { delay, says }
}

/// The steps that were taken follow from each other, from the first to the last.
fn trail(lookup: &Lookup, options: Options, hosts: &HashMap<String, Dns>) {
    let address = lookup.address();
    let mut due = first(options, address);
    for attempt in lookup.attempts() {
        assert_eq!(Some(attempt.step()), due, "{:#?}", lookup.attempts());
        assert!(attempt.elapsed() <= DEADLINE + Duration::from_millis(5));
        due = after(attempt.step(), attempt.outcome(), options);
        if let Step::Resolve(_) = attempt.step() {
            let said = match hosts.get(attempt.target()) {
                _ if is_special(attempt.target()) => "blocked",
                Some(Dns::Addresses(addresses)) if addresses.is_empty() => "none",
                Some(Dns::Addresses(_)) => "some",
                _ => "failed",
            };
            let got = match attempt.outcome() {
                Outcome::Addresses => "some",
                Outcome::Absent(Absence::NoAddress) => "none",
                Outcome::Failed(error) if error.kind() == ErrorKind::Blocked => "blocked",
                Outcome::Failed(_) => "failed",
                other => panic!("DNS says {other:?}"),
            };
            assert_eq!(got, said, "{}", attempt.target());
        }
    }
    assert_eq!(due, None, "a step is missing: {:#?}", lookup.attempts());
}

fn is_special(host: &str) -> bool {
    host.ends_with("localhost") || host.ends_with(".internal")
}

fn first(options: Options, address: &EmailAddress) -> Option<Step> {
    Some(match (options.wkd, address.domain().len() <= 242) {
        (true, true) => Step::Resolve(Method::WkdAdvanced),
        (true, false) => Step::Resolve(Method::WkdDirect),
        (false, _) => Step::Ask(Method::VksByEmail),
    })
}

/// The table of the protocol, written down once more.
fn after(step: Step, outcome: &Outcome, options: Options) -> Option<Step> {
    use Method::{VksByEmail, WkdAdvanced, WkdDirect};
    let vks = options.vks.then_some(Step::Ask(VksByEmail));
    let blocked = matches!(outcome, Outcome::Failed(e) if e.kind() == ErrorKind::Blocked);
    let lenient = options.lenient && !blocked;
    match (step, outcome) {
        (Step::Ask(_), Outcome::Found(_)) | (Step::Ask(VksByEmail), _) => None,
        (Step::Resolve(method), Outcome::Addresses) => Some(Step::Ask(method)),
        (Step::Resolve(WkdAdvanced), Outcome::Absent(_)) => Some(Step::Resolve(WkdDirect)),
        (Step::Resolve(WkdAdvanced), Outcome::Failed(_)) if lenient => {
            Some(Step::Resolve(WkdDirect))
        }
        (Step::Ask(WkdAdvanced), Outcome::Absent(_) | Outcome::Failed(_)) if lenient => {
            Some(Step::Resolve(WkdDirect))
        }
        _ => vks,
    }
}

/// The answer follows from the trail.
fn answered(lookup: &Lookup, options: Options) {
    let outcomes = || lookup.attempts().iter().map(|attempt| attempt.outcome());
    let found = outcomes().find_map(|outcome| match outcome {
        Outcome::Found(count) => Some(*count),
        _ => None,
    });
    assert_eq!(lookup.found().len(), found.unwrap_or(0));
    let failed = outcomes().any(|outcome| matches!(outcome, Outcome::Failed(_)));
    let expected = match (found, failed) {
        (Some(0), _) => panic!("found none"),
        (Some(_), _) => Status::Found,
        (None, true) => Status::Failed,
        (None, false) => Status::NotFound,
    };
    assert_eq!(lookup.status(), expected);
    if expected == Status::NotFound {
        let last = lookup.attempts().last().expect("a step");
        let is_vks = last.method().source() == Source::Vks;
        assert_eq!(is_vks, options.vks, "the last source was not asked");
        assert!(matches!(
            last.outcome(),
            Outcome::Absent(_) | Outcome::Rejected
        ));
    }
    if outcomes().any(|outcome| matches!(outcome, Outcome::Rejected)) {
        assert!(!lookup.rejected().is_empty());
    }
    let last = lookup.attempts().last().expect("a step");
    for found in lookup.found() {
        assert_about(found.cert(), lookup.address());
        assert_genuine(found.cert());
        assert_eq!(found.provenance().method(), last.method());
        assert_eq!(found.provenance().url().scheme(), "https");
    }
    for attempt in lookup.attempts() {
        if let Some(error) = attempt.error() {
            let said = error.to_string();
            assert!(!said.to_lowercase().contains("alice"), "{said}");
            for bad in BAD.iter().map(|bad| bad.trim_end_matches(":0")) {
                assert!(
                    bad.len() < 8 || !said.contains(bad) || bad == "127.0.0.1",
                    "{said}"
                );
            }
        }
    }
}

/// Not more than was allowed, and an absence that somebody spoke.
fn requests(lookup: &Lookup, options: Options, asked: Vec<(Url, Option<StatusCode>)>) {
    assert!(asked.len() <= 2 * 4 + 2, "{asked:?}");
    if !options.vks {
        // Then it is a web server like any other.
        return;
    }
    let absent = |source, statuses: &[StatusCode]| {
        let claimed = lookup.attempts().iter().any(|attempt| {
            attempt.method().source() == source
                && matches!(attempt.outcome(), Outcome::Absent(Absence::NotThere))
        });
        let by_vks = |url: &Url| url.host_str() == Some(VKS);
        let spoken = asked.iter().any(|(url, status)| {
            by_vks(url) == (source == Source::Vks) && status.is_some_and(|s| statuses.contains(&s))
        });
        assert!(!claimed || spoken, "{source:?} did not say so: {asked:?}");
    };
    absent(Source::Wkd, &[StatusCode::NOT_FOUND, StatusCode::GONE]);
    absent(Source::Vks, &[StatusCode::NOT_FOUND]);
    // Directories do not lead to the key server.
    let is_first_asked = |url: &Url| url.path().starts_with("/vks/v1/by-email/");
    let at_vks = asked.iter().filter(|(url, _)| url.host_str() == Some(VKS));
    for (url, _) in at_vks {
        assert!(
            is_first_asked(url) && url.path() != "/vks/v1/by-email/x",
            "{url}"
        );
    }
}
