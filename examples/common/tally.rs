//! How the items ended, and what the exit status says of that.

use std::process::ExitCode;

use super::exit::UNDETERMINED;

/// How one item ended.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// Found, up to date, good.
    Good,
    /// Definitely none, bad, or not an address.
    None,
    /// Could not be determined.
    Undetermined,
}

/// How many items ended how.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) good: u64,
    pub(crate) none: u64,
    pub(crate) undetermined: u64,
}

impl Tally {
    /// Counts one more.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Good => &mut self.good,
            Verdict::None => &mut self.none,
            Verdict::Undetermined => &mut self.undetermined,
        };
        *count += 1;
    }

    /// 0, 1 or 3. "Could not tell" outranks "none": a caller who reads 1 relies on
    /// every item having an answer.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self {
                undetermined: 0,
                none: 0,
                ..
            } => ExitCode::SUCCESS,
            Self {
                undetermined: 0, ..
            } => ExitCode::from(1),
            _ => ExitCode::from(UNDETERMINED),
        }
    }
}
