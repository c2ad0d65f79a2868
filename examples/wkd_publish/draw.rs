//! What was published, and what was not, for people.

use std::collections::HashSet;

use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::publish::{File, Publication, Skipped, Written};

use super::common::page::Page;
use super::common::paint::{Paint, Tone};

/// How a run ended.
pub(crate) struct Report<'a> {
    pub(crate) publication: &'a Publication,
    pub(crate) written: &'a Written,
    pub(crate) layout: Layout,
    /// The directory, as it was given.
    pub(crate) out: &'a str,
    pub(crate) is_dry: bool,
    pub(crate) paint: Paint,
}

impl Report<'_> {
    /// A block for each file, one for each certificate that is in none, what became of
    /// old files, the count, and what to do next.
    pub(crate) fn draw(&self) -> String {
        let mut page = Page::new(self.paint);
        let unchanged: HashSet<&str> = self.written.unchanged().iter().map(|p| &**p).collect();
        for file in self.publication.files(self.layout) {
            self.file(&mut page, &file, unchanged.contains(file.path()));
        }
        for skipped in self.publication.skipped() {
            not_published(&mut page, skipped);
        }
        for path in self.written.removed() {
            let what = self.tense("removed: it is not published any more", "to be removed");
            page.headline('−', Tone::Bad, path, what);
        }
        for path in self.written.stale() {
            let what = "stale, and still served: --remove-stale takes it away";
            page.headline('!', Tone::Doubt, path, what);
        }
        self.summary(&mut page);
        self.next(&mut page);
        page.text
    }

    fn file(&self, page: &mut Page, file: &File<'_>, is_same: bool) {
        let what = match is_same {
            true => "unchanged",
            false => self.tense("written", "to be written"),
        };
        let Some(entry) = file.entry() else {
            page.headline('✔', Tone::Good, "policy", what);
            page.row("file", file.path());
            return page.line("");
        };
        page.headline('✔', Tone::Good, &entry.address().to_string(), what);
        let size = match (file.bytes().len(), entry.whole_octets()) {
            (octets, whole) if whole > octets => {
                format!("{octets} octets of {whole}: only what this address needs")
            }
            (octets, _) => format!("{octets} octets"),
        };
        page.row("file", file.path());
        page.row("size", &size);
        for fingerprint in entry.fingerprints() {
            page.row("certificate", &fingerprint.to_spaced_hex());
        }
        for note in entry.notes() {
            page.row("note", note.sentence());
        }
        page.line("");
    }

    fn summary(&self, page: &mut Page) {
        if !self.written.removed().is_empty() || !self.written.stale().is_empty() {
            page.line("");
        }
        let count = |number: usize, one: &str, many: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {many}"),
        };
        let line = format!(
            "{} of {} published: {} {}, {} unchanged; {} not published",
            count(self.publication.entries().len(), "address", "addresses"),
            self.publication.domain(),
            count(self.written.written().len(), "file", "files"),
            self.tense("written", "to be written"),
            self.written.unchanged().len(),
            count(self.publication.skipped().len(), "claim", "claims"),
        );
        let line = self.paint.tint(Tone::Strong, &line);
        page.line(&line);
    }

    fn next(&self, page: &mut Page) {
        let domain = self.publication.domain();
        if self.is_dry {
            page.row("next", "the same without --dry-run");
            return;
        }
        let host = match self.layout {
            Layout::Direct => domain.to_owned(),
            _ => format!("openpgpkey.{domain}"),
        };
        page.row(
            "next",
            &format!(
                "serve {} at https://{host}/.well-known/openpgpkey/",
                self.out
            ),
        );
        if let Layout::Direct = self.layout {
            page.row(
                "",
                &format!("see that openpgpkey.{domain} has no address in DNS"),
            );
        }
        page.row(
            "",
            &format!("test it: cargo run --release --example wkd_check -- {domain}"),
        );
    }

    fn tense(&self, done: &'static str, to_do: &'static str) -> &'static str {
        match self.is_dry {
            true => to_do,
            false => done,
        }
    }
}

fn not_published(page: &mut Page, skipped: &Skipped) {
    let address = skipped.address().to_string();
    page.headline('✘', Tone::Bad, &address, "not published");
    page.row("certificate", &skipped.fingerprint().to_spaced_hex());
    page.row("because", &skipped.why().to_string());
    page.line("");
}
