//! What is said beside the reports: of texts that are no subject, and how many were how.

use openpgp_discovery::AddressError;
use openpgp_discovery::wkd::check::Level;

use super::common::page::Page;
use super::common::paint::{Paint, Tone};
use super::common::tally::{Tally, Verdict};

/// How many subjects were how.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) ends: Tally,
    warnings: u64,
}

impl Counts {
    /// Counts one more.
    pub(crate) fn add(&mut self, worst: Level) {
        self.warnings += u64::from(worst == Level::Warning);
        self.ends.add(match worst {
            Level::Ok | Level::Info | Level::Warning => Verdict::Good,
            // Any other is no better than an error.
            _ => Verdict::None,
        });
    }
}

/// A text that nothing can be checked of.
pub(crate) fn not_one(subject: &str, error: &AddressError, paint: Paint) -> String {
    let mut page = Page::new(paint);
    page.headline('✘', Tone::Bad, subject, "neither an address nor a domain");
    page.row("because", &error.problem().to_string());
    page.line("");
    page.text
}

/// How many are how. Nothing for a single one, which speaks for itself.
pub(crate) fn summary(counts: &Counts, paint: Paint) -> String {
    let total = counts.ends.good + counts.ends.none;
    if total < 2 {
        return String::new();
    }
    let line = format!(
        "{total} checked: {} right, {} with warnings, {} with errors",
        counts.ends.good - counts.warnings,
        counts.warnings,
        counts.ends.none,
    );
    format!("{}\n", paint.tint(Tone::Strong, &line))
}
