//! Colour, where somebody is there to see it.

use std::env;
use std::io::{self, IsTerminal as _};

/// Whether to colour.
#[derive(Clone, Copy)]
pub(crate) struct Paint(bool);

/// What a text is about.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubt,
    Strong,
    Faint,
}

impl Paint {
    /// Only on a terminal that is no dumb one, and where <https://no-color.org> is
    /// not asked for.
    pub(crate) fn for_stdout() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self(io::stdout().is_terminal() && !unwanted && !dumb)
    }

    /// The text, coloured. Sanitise it before.
    pub(crate) fn tint(self, tone: Tone, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Doubt => "33",
            Tone::Strong => "1",
            Tone::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
