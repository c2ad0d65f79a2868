//! The filter beside sequoia's split into raw packets and its parse, as ratios of one
//! run: certificates with many User IDs, and what Debian's keyring holds.
//!
//! Who verified a good signature once need not do so again: sequoia remembers it in the
//! whole process. So there are two figures for the largest certificate:
//! - *warm*: everything is done over and over in this process, so that good signatures
//!   cost nothing, the filter and the parse alike;
//! - *cold*: every sample is the first thing that a process of its own does, so that
//!   the filter pays for all that it verifies. The parse verifies nothing; it hashes.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench filter
//! cargo bench -p openpgp-discovery-benches --bench filter -- /a/keyring.gpg
//! ```
//!
//! Without another one, the keyring is where Debian's package debian-keyring puts it;
//! where it is missing, that is said, and what needs it is left out.

use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use openpgp_discovery::filter::{Filter, Filtered, packets};
use openpgp_discovery::{EmailAddress, Limits, Reason};
use openpgp_discovery_benches::{Bench, is_quick};
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::cert::raw::RawCertParser;
use sequoia_openpgp::packet::prelude::*;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::{KeyFlags, SignatureType};
use sequoia_openpgp::{Cert, Result};

const DEBIAN: &str = "/usr/share/keyrings/debian-keyring.gpg";
const PUBLIC_KEY: u8 = 6;

/// Asks for one sample: the filter for an address, or the parse.
const SAMPLE: &str = "--sample";

const WALK: &str = "header walk";
const SPLIT: &str = "sequoia: raw split";
const FILTER: &str = "filter";
const PARSE: &str = "sequoia: parse";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(SAMPLE) {
        return sample(arguments.next().as_deref());
    }
    made()?;
    let mut rest = first.into_iter().chain(arguments);
    let path = rest.find(|argument| !argument.starts_with("--"));
    debian(Path::new(path.as_deref().unwrap_or(DEBIAN)))
}

/// Certificates made for this.
fn made() -> Result<()> {
    let address: &EmailAddress = &"alice@example.org".parse()?;
    for (user_ids, signed) in [(1, false), (100, false), (20_000, false), (20_000, true)] {
        let user_ids = if is_quick() {
            user_ids.min(100)
        } else {
            user_ids
        };
        let body = certificate(user_ids, signed)?;
        let mut limits = Limits::default();
        if signed {
            if !is_quick() {
                expect(&Filter::new().apply(&body, address), Err(Reason::TooLarge));
            }
            limits.body = body.len();
        }
        let others = if signed { "signed" } else { "unsigned" };
        let title = format!("{user_ids} User IDs, all but one of others, these {others}");
        measure(&title, &body, address, limits);
    }
    Ok(())
}

/// The largest certificate of a keyring, and one out of all.
fn debian(path: &Path) -> Result<()> {
    let Ok(keyring) = std::fs::read(path) else {
        println!("left out, for want of a keyring: {}", path.display());
        return Ok(());
    };
    let largest = largest(&keyring);
    let addresses = addresses(&Cert::from_bytes(largest)?);
    let is_kept =
        |address: &&EmailAddress| !Filter::new().apply(largest, address).kept().is_empty();
    let Some(address) = addresses.iter().find(is_kept) else {
        println!(
            "left out, for want of a certificate with an address: {}",
            path.display()
        );
        return Ok(());
    };
    let size = largest.len() / 1024;
    let title = format!("the largest certificate of a keyring, {size} KiB, warm");
    measure(&title, largest, address, Limits::default());

    let text = &address.to_string();
    Bench::new("the same, cold")
        .timed_case(FILTER, || in_a_process_of_its_own(Some(text), largest))
        .timed_case(PARSE, || in_a_process_of_its_own(None, largest))
        .peer(PARSE)
        .run();

    let mut limits = Limits::default();
    (limits.body, limits.packets, limits.certs) = (keyring.len(), usize::MAX, usize::MAX);
    let title = format!(
        "one certificate out of the keyring, {} KiB",
        keyring.len() / 1024
    );
    measure(&title, &keyring, address, limits);
    Ok(())
}

fn measure(title: &str, body: &[u8], address: &EmailAddress, limits: Limits) {
    let filter = &Filter::new().limits(limits);
    expect(&filter.apply(body, address), Ok(()));
    Bench::new(title)
        .case(WALK, || packets(body).filter(|p| p.is_ok()).count())
        .case(SPLIT, || {
            RawCertParser::from_bytes(body).map(|certs| certs.filter(|c| c.is_ok()).count())
        })
        .case(FILTER, || filter.apply(body, address))
        .case(PARSE, || {
            CertParser::from_bytes(body).map(|certs| certs.filter(|c| c.is_ok()).count())
        })
        .floor(SPLIT)
        .peer(PARSE)
        .run();
}

/// What is measured has to be right.
fn expect(filtered: &Filtered, expected: std::result::Result<(), Reason>) {
    match (filtered.kept(), filtered.rejected(), expected) {
        ([kept], _, Ok(())) => assert!(kept.cert().userids().count() >= 1),
        ([], [rejection], Err(reason)) => assert_eq!(rejection.reason(), reason),
        other => panic!("unexpected: {other:?}"),
    }
}

/// One sample in another process: for an address the filter, else the parse.
fn in_a_process_of_its_own(address: Option<&str>, body: &[u8]) -> Duration {
    let run = || -> std::io::Result<String> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SAMPLE)
            .args(address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // Its end is closed behind the last octet.
        child
            .stdin
            .take()
            .map_or(Ok(()), |mut to| to.write_all(body))?;
        let output = child.wait_with_output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let nanoseconds = run().expect("this program, once more");
    Duration::from_nanos(nanoseconds.trim().parse().expect("a figure"))
}

/// That process.
fn sample(address: Option<&str>) -> Result<()> {
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    let address: Option<EmailAddress> = address.map(str::parse).transpose()?;
    let begin = Instant::now();
    match address {
        Some(address) => expect(&black_box(Filter::new().apply(&body, &address)), Ok(())),
        None => drop(black_box(Cert::from_bytes(&body)?)),
    }
    println!("{}", begin.elapsed().as_nanos());
    Ok(())
}

/// The longest run of packets that begins with a primary key.
fn largest(keyring: &[u8]) -> &[u8] {
    let mut begins = Vec::new();
    let mut at = 0;
    for packet in packets(keyring).map_while(std::result::Result::ok) {
        if packet.tag() == PUBLIC_KEY {
            begins.push(at);
        }
        at += packet.bytes().len();
    }
    begins.push(at);
    let certs = begins.windows(2).map(|edges| &keyring[edges[0]..edges[1]]);
    certs.max_by_key(|cert| cert.len()).unwrap_or_default()
}

fn addresses(cert: &Cert) -> Vec<EmailAddress> {
    let ids = cert.userids();
    ids.filter_map(|id| EmailAddress::of_user_id(id.userid().value()))
        .collect()
}

/// A certificate of which one User ID is Alice's and bound.
fn certificate(user_ids: usize, signed: bool) -> Result<Vec<u8>> {
    let (cert, _) = CertBuilder::general_purpose(Some("Alice <alice@example.org>")).generate()?;
    let primary = cert.primary_key().key();
    let mut signer = primary.clone().parts_into_secret()?.into_keypair()?;
    let mut body = cert.to_vec()?;
    for n in 1..user_ids {
        let id = UserID::from(format!("User {n} <user{n}@example.org>"));
        let binding = if signed {
            Some(
                SignatureBuilder::new(SignatureType::PositiveCertification)
                    .set_signature_creation_time(SystemTime::now())?
                    .set_key_flags(KeyFlags::empty().set_certification())?
                    .sign_userid_binding(&mut signer, Some(primary), &id)?,
            )
        } else {
            None
        };
        body.extend(Packet::from(id).to_vec()?);
        if let Some(binding) = binding {
            body.extend(Packet::from(binding).to_vec()?);
        }
    }
    Ok(body)
}
