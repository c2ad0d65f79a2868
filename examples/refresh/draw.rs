//! What came of a refresh, for people.

use openpgp_discovery::{Refresh, RefreshOutcome};

use super::answer::reason;
use super::common::calendar;
use super::common::page::Page;
use super::common::paint::{Paint, Tone};
use super::common::tally::Tally;

/// A headline; whose it is, how it stands, and what has changed.
pub(crate) fn refresh(refresh: &Refresh, paint: Paint) -> String {
    let mut page = Page::new(paint);
    let (mark, tone, what) = match refresh.outcome() {
        RefreshOutcome::Updated if refresh.error().is_some() => {
            ('!', Tone::Doubt, "updated, but there may be more news")
        }
        RefreshOutcome::Updated => ('✔', Tone::Good, "updated"),
        RefreshOutcome::Unchanged => ('✔', Tone::Good, "nothing new"),
        RefreshOutcome::NotFound => ('✘', Tone::Bad, "the key server does not have it"),
        _ => ('?', Tone::Doubt, "could not tell: it stands as it was"),
    };
    let fingerprint = refresh.cert().fingerprint().to_spaced_hex();
    page.headline(mark, tone, &fingerprint, what);
    if let Some(error) = refresh.error() {
        page.row("because", &error.to_string());
    }
    for user_id in refresh.cert().userids() {
        page.row(
            "User ID",
            &String::from_utf8_lossy(user_id.userid().value()),
        );
    }
    let (before, after) = (refresh.before().to_string(), refresh.after().to_string());
    let status = match before == after {
        true => after,
        false => format!("{before} → {after}"),
    };
    page.row("status", &status);
    if let Some(revocation) = refresh.revocation() {
        let when = revocation
            .created()
            .map_or_else(|| "at an unknown time".to_owned(), calendar::format);
        let how = format!("{}, {when}. {}", revocation.kind(), reason(revocation));
        page.row("revocation", &how);
    }
    for change in refresh.changes() {
        page.row("change", change.detail());
    }
    for rejection in refresh.rejected() {
        page.row("refused", &rejection.to_string());
    }
    for note in refresh.notes() {
        page.row("note", note);
    }
    page.line("");
    page.text
}

/// How many ended how. Nothing for a single one, which speaks for itself.
pub(crate) fn summary(tally: Tally, skipped: usize, paint: Paint) -> String {
    let total = tally.good + tally.none + tally.undetermined;
    if total < 2 && skipped == 0 {
        return String::new();
    }
    let mut line = format!(
        "{total} asked for: {} up to date, {} not at the key server, {} could not be told",
        tally.good, tally.none, tally.undetermined,
    );
    if skipped > 0 {
        line.push_str(&format!("; {skipped} left out, done before"));
    }
    format!("{}\n", paint.tint(Tone::Strong, &line))
}
