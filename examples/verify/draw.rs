//! A verdict for people.

use openpgp_discovery::verify::{Origin, Signer, Verdict, VerdictOutcome};
use openpgp_discovery::{CertStatus, EmailAddress};

use super::common::calendar;
use super::common::page::Page;
use super::common::paint::{Paint, Tone};

/// A headline, why, and who signed when.
pub(crate) fn verdict(verdict: &Verdict, sender: Option<&EmailAddress>, paint: Paint) -> String {
    let mut page = Page::new(paint);
    let (mark, tone, what) = match verdict.outcome() {
        VerdictOutcome::Good => ('✔', Tone::Good, "good: this key made it"),
        VerdictOutcome::Bad => ('✘', Tone::Bad, "bad: do not rely on it"),
        VerdictOutcome::UnknownSigner => ('✘', Tone::Bad, "nobody has the signer's certificate"),
        _ => ('?', Tone::Doubt, "could not tell"),
    };
    page.headline(mark, tone, "signature", what);
    if let Some(reason) = verdict.reason() {
        let label = match verdict.is_good() {
            true => "note",
            false => "because",
        };
        page.row(label, reason);
    }
    if let Some(issuer) = verdict.issuer() {
        page.row("by the key", &issuer.to_spaced_hex());
    }
    if let Some(created) = verdict.created() {
        page.row("made", &calendar::format(created));
    }
    if let Some(signer) = verdict.signer() {
        whose(&mut page, verdict, signer, sender);
    }
    page.line("");
    page.text
}

fn whose(page: &mut Page, verdict: &Verdict, signer: &Signer, sender: Option<&EmailAddress>) {
    page.row("certificate", &signer.fingerprint().to_spaced_hex());
    for user_id in signer.user_ids() {
        page.row("User ID", user_id);
    }
    let origin = match (signer.origin(), verdict.is_fresh()) {
        (Origin::Given, true) => "given, and fresh",
        (Origin::Given, false) => "given; the key server has said nothing about it",
        _ => "the key server, where anybody can put one",
    };
    page.row("from", origin);
    page.row("then", &status(signer.status_at_signing()));
    page.row("now", &status(signer.status()));
    match (sender, signer.names_sender()) {
        (Some(sender), Some(true)) => page.row("sender", &format!("it names {sender}")),
        (Some(sender), _) => page.row("sender", &format!("it does not name {sender}")),
        (None, _) if verdict.is_good() => {
            page.row("sender", "not checked: --sender says whose it has to be");
        }
        (None, _) => {}
    }
}

fn status(status: Option<&CertStatus>) -> String {
    status.map_or_else(|| "cannot be told".to_owned(), ToString::to_string)
}
