//! The header walk, sequoia's split into raw packets, the filter and a full parse
//! of certificates with many User IDs, as ratios of one run.
//!
//! What a signature costs is paid once and then remembered by sequoia, for the
//! filter and for the parse alike: the figures leave it out.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench filter
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use openpgp_discovery::filter::{Filter, Filtered, packets};
use openpgp_discovery::{EmailAddress, Limits, Reason};
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::cert::raw::RawCertParser;
use sequoia_openpgp::packet::prelude::*;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::{KeyFlags, SignatureType};
use sequoia_openpgp::{Cert, Result};

/// The least number of samples, and the least time to spend on them.
const SAMPLES: u32 = 5;
const SAMPLING: Duration = Duration::from_millis(300);

fn main() -> Result<()> {
    let address: EmailAddress = "alice@example.org".parse()?;
    // A run of the tests only asks whether this works at all.
    let quick = !std::env::args().any(|argument| argument == "--bench");

    println!(
        "{:>32} {:>9} {:>9} {:>9} {:>9}  {:>11} {:>12}",
        "in µs:", "walk", "raw split", "filter", "parse", "filter/split", "parse/filter"
    );
    for (user_ids, signed) in [(1, false), (100, false), (20_000, false), (20_000, true)] {
        let user_ids = if quick { user_ids.min(100) } else { user_ids };
        let body = certificate(user_ids, signed)?;
        let mut limits = Limits::default();
        if signed {
            if !quick {
                expect(&Filter::new().apply(&body, &address), Err(Reason::TooLarge));
            }
            limits.body = body.len();
        }
        let filter = Filter::new().limits(limits);
        expect(&filter.apply(&body, &address), Ok(()));

        let walk = fastest(quick, || packets(&body).filter(|p| p.is_ok()).count());
        let split = fastest(quick, || {
            RawCertParser::from_bytes(&body).map(|certs| certs.filter(|c| c.is_ok()).count())
        });
        let filtered = fastest(quick, || filter.apply(&body, &address));
        let parse = fastest(quick, || Cert::from_bytes(&body));
        println!(
            "{user_ids:>6} User IDs, others {:<8} {:>9.1} {:>9.1} {:>9.1} {:>9.1}  {:>11.2} {:>12.1}",
            if signed { "signed" } else { "unsigned" },
            micros(walk),
            micros(split),
            micros(filtered),
            micros(parse),
            micros(filtered) / micros(split),
            micros(parse) / micros(filtered),
        );
    }
    Ok(())
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

/// What is measured has to be right.
fn expect(filtered: &Filtered, expected: std::result::Result<(), Reason>) {
    match (filtered.kept(), filtered.rejected(), expected) {
        ([kept], [], Ok(())) => assert_eq!(kept.cert().userids().count(), 1),
        ([], [rejection], Err(reason)) => assert_eq!(rejection.reason(), reason),
        other => panic!("unexpected: {other:?}"),
    }
}

fn fastest<T>(quick: bool, mut run: impl FnMut() -> T) -> Duration {
    let (begin, mut samples, mut fastest) = (Instant::now(), 0, Duration::MAX);
    loop {
        let start = Instant::now();
        black_box(run());
        fastest = fastest.min(start.elapsed());
        samples += 1;
        if quick || (samples >= SAMPLES && begin.elapsed() >= SAMPLING) {
            return fastest;
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
