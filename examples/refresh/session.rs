//! One run of the program: prints what came, counts it, keeps the certificates.

use std::io;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use openpgp_discovery::{Refresh, RefreshOutcome};

use super::Args;
use super::answer::Answer;
use super::common::cert_file::CertFile;
use super::common::certs::Certs;
use super::common::exit;
use super::common::paint::Paint;
use super::common::progress::Progress;
use super::common::sanitize::clean;
use super::common::tally::{Tally, Verdict};
use super::common::{finish, json};
use super::draw;
use super::gather::Gathered;

pub(crate) struct Session {
    json: bool,
    paint: Paint,
    progress: Progress,
    output: Option<CertFile>,
    tally: Tally,
    /// All that was read, with the news so far.
    held: Certs,
    skipped: usize,
    /// Something could not be read.
    incomplete: bool,
    /// Writing would lose that.
    would_lose: bool,
}

impl Session {
    pub(crate) fn new(args: &Args, progress: Progress, gathered: Gathered) -> Self {
        for why in &gathered.broken {
            progress.aside(|| eprintln!("refresh: {why}"));
        }
        if let Some(output) = args.output.as_ref().filter(|_| gathered.would_lose) {
            let name = clean(&output.path().to_string_lossy()).into_owned();
            progress.aside(|| {
                eprintln!("refresh: {name} was not read as a whole, and is not written over");
            });
        }
        Self {
            json: args.network.json,
            paint: Paint::for_stdout(),
            progress,
            output: args.output.clone(),
            tally: Tally::default(),
            held: gathered.held,
            skipped: gathered.skipped,
            incomplete: !gathered.broken.is_empty(),
            would_lose: gathered.would_lose,
        }
    }

    /// Takes an answer.
    pub(crate) fn refreshed(&mut self, refresh: Refresh) -> io::Result<()> {
        self.tally.add(match (refresh.outcome(), refresh.error()) {
            // There may be more than what came.
            (_, Some(_)) => Verdict::Undetermined,
            (RefreshOutcome::Updated | RefreshOutcome::Unchanged, None) => Verdict::Good,
            (RefreshOutcome::NotFound, None) => Verdict::None,
            _ => Verdict::Undetermined,
        });
        self.progress.advance();
        let text = if self.json {
            json::line(&Answer::of(&refresh))?
        } else {
            draw::refresh(&refresh, self.paint)
        };
        // First kept, then printed: what was printed is left out the next time.
        if refresh.outcome() == RefreshOutcome::Updated {
            self.held.add(refresh.into_cert());
        }
        self.progress.print(&text)
    }

    /// The count, where there is more than one.
    pub(crate) fn summary(&self) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        self.progress
            .print(&draw::summary(self.tally, self.skipped, self.paint))
    }

    /// Writes the file that was asked for.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        if self.would_lose {
            return Ok(());
        }
        // `verify --max-age` goes by its date.
        let modified = (!self.is_fresh()).then_some(UNIX_EPOCH);
        let file = self.output.as_ref();
        finish::save("refresh", file, &self.held, modified, "nothing was read")
    }

    /// The exit status, where all was asked for that was to be.
    pub(crate) fn code(&self) -> ExitCode {
        let mut tally = self.tally;
        // What could not be read could not be asked for.
        if self.incomplete {
            tally.add(Verdict::Undetermined);
        }
        tally.code()
    }

    /// The exit status, where the reader of stdout has gone. It may have what it wanted,
    /// but the file is not what was asked for.
    pub(crate) fn closed(&self) -> ExitCode {
        if self.output.is_none() {
            return self.code();
        }
        eprintln!("refresh: stdout is closed: not all were asked for");
        ExitCode::from(exit::UNDETERMINED)
    }

    /// Whether the key server has answered for each that is held.
    fn is_fresh(&self) -> bool {
        let Tally {
            good,
            none,
            undetermined,
        } = self.tally;
        let held = u64::try_from(self.held.certs().len());
        undetermined == 0 && !self.incomplete && held == Ok(good + none)
    }
}
