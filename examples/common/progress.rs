//! A progress bar on stderr; only on a terminal.

use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::print;

/// The bar, or nothing where there is no terminal.
#[derive(Clone, Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `total` is `None` where it is not known beforehand. Not shown where the lines
    /// of `-v` tell the same.
    pub(crate) fn new(total: Option<u64>, verbose: u8) -> Self {
        let target = match verbose {
            // Hides itself where stderr is no terminal.
            0 => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{bar:24} {pos}/{len}  {wide_msg}",
            None => "{spinner} {pos}  {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self(bar)
    }

    /// What is happening now. Sanitise it before.
    pub(crate) fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// One item is done.
    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }

    /// Runs something that prints, with the bar out of its way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Prints on stdout, with the bar out of its way.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        self.aside(|| print::stdout(text))
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
