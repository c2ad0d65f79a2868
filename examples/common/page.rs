//! A report for people: a headline, and rows below it.

use super::paint::{Paint, Tone};
use super::sanitize::clean;

/// Everything that comes from outside passes through `clean` here.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) paint: Paint,
}

impl Page {
    pub(crate) fn new(paint: Paint) -> Self {
        Self {
            text: String::new(),
            paint,
        }
    }

    pub(crate) fn headline(&mut self, mark: char, tone: Tone, who: &str, what: &str) {
        let mark = self.paint.tint(tone, mark.encode_utf8(&mut [0; 4]));
        let who = self.paint.tint(Tone::Strong, &clean(who));
        let what = self.paint.tint(tone, &clean(what));
        self.line(&format!("{mark} {who}  {what}"));
    }

    pub(crate) fn row(&mut self, label: &str, value: &str) {
        let label = self.paint.tint(Tone::Faint, &format!("{label:<11}"));
        self.line(&format!("    {label}  {}", clean(value)));
    }

    /// A line that is clean already.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}
