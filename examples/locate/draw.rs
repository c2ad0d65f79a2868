//! The answer for people: what happened, and why.

use std::fmt::Write as _;

use openpgp_discovery::{
    Absence, Attempt, CertStatus, Found, Lookup, Method, Outcome, Status, Step,
};

use super::common::page::Page;
use super::common::paint::{Paint, Tone};
use super::common::sanitize::clean;
use super::common::tally::Tally;

/// A look-up: a headline, the certificates, what was refused, the trail.
pub(crate) fn lookup(lookup: &Lookup, address: &str, paint: Paint) -> String {
    let mut page = Page::new(paint);
    match (lookup.status(), lookup.usable()) {
        (Status::Found, Some(best)) => page.headline('✔', Tone::Good, address, whence(best)),
        (Status::Found, None) => page.headline('!', Tone::Doubt, address, "found, but not usable"),
        (Status::NotFound, _) => page.headline(
            '✘',
            Tone::Bad,
            address,
            "no certificate: every source that was asked says so",
        ),
        (Status::Failed, _) => page.headline(
            '?',
            Tone::Doubt,
            address,
            "could not tell: a source failed, and no other has it",
        ),
    }
    if let (Status::Failed, Some(error)) = (lookup.status(), lookup.error()) {
        page.row("because", &error.to_string());
    }
    for found in lookup.found() {
        certificate(&mut page, found);
    }
    for rejection in lookup.rejected() {
        let of = rejection
            .fingerprint()
            .map_or_else(String::new, |known| format!("{}: ", known.to_spaced_hex()));
        page.row("refused", &format!("{of}{rejection}"));
    }
    trail(&mut page, lookup.attempts());
    page.text
}

/// A text that is not an address.
pub(crate) fn invalid(text: &str, problem: &str, paint: Paint) -> String {
    let mut page = Page::new(paint);
    page.headline('✘', Tone::Bad, text, "not an e-mail address");
    page.row("because", problem);
    page.line("");
    page.text
}

/// How many ended how. Nothing for a single one, which speaks for itself.
pub(crate) fn summary(tally: Tally, paint: Paint) -> String {
    let total = tally.good + tally.none + tally.undetermined;
    if total < 2 {
        return String::new();
    }
    let line = format!(
        "{total} addresses: {} found, {} without a certificate, {} could not be told",
        tally.good, tally.none, tally.undetermined,
    );
    format!("{}\n", paint.tint(Tone::Strong, &line))
}

fn certificate(page: &mut Page, found: &Found) {
    page.row("certificate", &found.cert().fingerprint().to_spaced_hex());
    for user_id in found.cert().userids() {
        page.row(
            "User ID",
            &String::from_utf8_lossy(user_id.userid().value()),
        );
    }
    page.row("status", &standing(found));
    for note in found.notes() {
        page.row("note", note);
    }
    page.row("from", found.provenance().url().as_str());
}

fn trail(page: &mut Page, attempts: &[Attempt]) {
    let paint = page.paint;
    let steps: Vec<String> = attempts.iter().map(|one| one.step().to_string()).collect();
    let step_width = width(steps.iter().map(String::as_str));
    let target_width = width(attempts.iter().map(Attempt::target));
    for (number, (attempt, step)) in attempts.iter().zip(&steps).enumerate() {
        let is_last = number + 1 == attempts.len();
        let branch = paint.tint(Tone::Faint, if is_last { "└─" } else { "├─" });
        let ms = attempt.elapsed().as_secs_f64() * 1000.0;
        let where_to = format!(
            "{step:<step_width$}  {:<target_width$}  {ms:>8.1} ms",
            clean(attempt.target()),
        );
        let (tone, said) = outcome(attempt);
        let said = paint.tint(tone, &clean(&said));
        page.line(&format!("    {branch} {where_to}  {said}"));
    }
    page.line("");
}

fn whence(found: &Found) -> &'static str {
    match found.provenance().method() {
        Method::WkdAdvanced => "found in the domain's directory, advanced method",
        Method::WkdDirect => "found in the domain's directory, direct method",
        Method::VksByEmail => "found at the key server",
        _ => "found",
    }
}

/// How a certificate stands, and what it is good for.
fn standing(found: &Found) -> String {
    let mut text = found.status().to_string();
    if let CertStatus::Revoked(revocation) = found.status() {
        // Writing to a String cannot fail.
        let _ = write!(text, " ({})", revocation.kind());
        if !revocation.message().is_empty() {
            let _ = write!(text, ": \"{}\"", revocation.message());
        }
    }
    text.push_str(match found.can_encrypt() {
        true => ", can encrypt",
        false => ", cannot encrypt",
    });
    text
}

/// What came of a step, and what follows from it.
fn outcome(attempt: &Attempt) -> (Tone, String) {
    let said = attempt.outcome().to_string();
    match (attempt.step(), attempt.outcome()) {
        (Step::Resolve(Method::WkdAdvanced), Outcome::Addresses) => {
            (Tone::Faint, format!("{said}: the advanced method applies"))
        }
        (Step::Resolve(Method::WkdAdvanced), Outcome::Absent(Absence::NoAddress)) => {
            (Tone::Faint, format!("{said}: the direct method applies"))
        }
        (_, Outcome::Found(_)) => (Tone::Good, said),
        (_, Outcome::Failed(_) | Outcome::Rejected) => (Tone::Doubt, said),
        _ => (Tone::Faint, said),
    }
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts
        .map(|text| clean(text).chars().count())
        .max()
        .unwrap_or(0)
}
