//! One run of the program: prints what came, counts it, keeps the certificates.

use std::io;

use anyhow::Context as _;
use openpgp_discovery::{Refresh, RefreshOutcome};

use super::Args;
use super::answer::Answer;
use super::common::cert_file::CertFile;
use super::common::exit::{Tally, Verdict};
use super::common::keyring::Keyring;
use super::common::paint::Paint;
use super::common::progress::Progress;
use super::common::{json, print};
use super::draw;
use super::gather::Gathered;

pub(crate) struct Session {
    json: bool,
    paint: Paint,
    progress: Progress,
    output: Option<CertFile>,
    tally: Tally,
    /// All that was read, with the news so far.
    keyring: Keyring,
    skipped: usize,
    /// Something could not be read.
    incomplete: bool,
}

impl Session {
    pub(crate) fn new(args: &Args, progress: Progress, gathered: Gathered) -> Self {
        for why in &gathered.broken {
            progress.aside(|| eprintln!("refresh: {why}"));
        }
        Self {
            json: args.network.json,
            paint: Paint::for_stdout(),
            progress,
            output: args.output.clone(),
            tally: Tally::default(),
            keyring: gathered.keyring,
            skipped: gathered.skipped,
            incomplete: !gathered.broken.is_empty(),
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
            self.keyring.add(refresh.into_cert());
        }
        self.print(&text)
    }

    /// The count, where there is more than one.
    pub(crate) fn summary(&self) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        self.print(&draw::summary(self.tally, self.skipped, self.paint))
    }

    /// Writes the file that was asked for.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        let Some(file) = &self.output else {
            return Ok(());
        };
        let name = file.path().display();
        match self.keyring.certs() {
            // An older file is worth more than an empty one.
            [] => eprintln!("refresh: nothing was read; {name} is not written"),
            certs => file
                .write(certs)
                .with_context(|| format!("cannot write {name}"))?,
        }
        Ok(())
    }

    /// Whether a file was asked for.
    pub(crate) fn has_output(&self) -> bool {
        self.output.is_some()
    }

    /// What could not be read could not be asked for.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.tally;
        if self.incomplete {
            tally.add(Verdict::Undetermined);
        }
        tally
    }

    fn print(&self, text: &str) -> io::Result<()> {
        self.progress.aside(|| print::stdout(text))
    }
}
