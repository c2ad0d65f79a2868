//! One run of the program: prints answers, counts them, remembers what was found.

use std::io;

use openpgp_discovery::{Lookup, Status};

use super::Args;
use super::answer::Answer;
use super::common::cert_file::CertFile;
use super::common::certs::Certs;
use super::common::paint::Paint;
use super::common::progress::Progress;
use super::common::sanitize::clean;
use super::common::tally::{Tally, Verdict};
use super::common::{finish, json};
use super::draw;
use super::input::{Refused, Typed};

pub(crate) struct Session {
    json: bool,
    paint: Paint,
    progress: Progress,
    output: Option<CertFile>,
    tally: Tally,
    found: Certs,
    typed: Typed,
}

impl Session {
    pub(crate) fn new(args: &Args, progress: Progress) -> Self {
        Self {
            json: args.network.json,
            paint: Paint::for_stdout(),
            progress,
            output: args.output.clone(),
            tally: Tally::default(),
            found: Certs::default(),
            typed: Typed::default(),
        }
    }

    /// Takes an answer.
    pub(crate) fn lookup(&mut self, lookup: &Lookup) -> io::Result<()> {
        self.tally.add(match lookup.status() {
            Status::Found => Verdict::Good,
            Status::NotFound => Verdict::None,
            Status::Failed => Verdict::Undetermined,
        });
        self.remember(lookup);
        self.progress.advance();
        let address = self.typed.take(lookup.address());
        let text = if self.json {
            json::line(&Answer::of(lookup, address))?
        } else {
            draw::lookup(lookup, &address, self.paint)
        };
        self.progress.print(&text)
    }

    /// Takes what could not be looked up.
    pub(crate) fn refused(&mut self, refused: &Refused) -> io::Result<()> {
        match refused {
            Refused::NotAnAddress { text, problem } => {
                self.tally.add(Verdict::None);
                self.progress.advance();
                let text = if self.json {
                    json::line(&Answer::invalid(text, problem))?
                } else {
                    draw::invalid(text, problem, self.paint)
                };
                self.progress.print(&text)
            }
            Refused::Unreadable(error) => {
                self.tally.add(Verdict::Undetermined);
                let error = error.to_string();
                self.progress
                    .aside(|| eprintln!("locate: cannot read stdin: {}", clean(&error)));
                Ok(())
            }
        }
    }

    /// A text for people: nothing where the output is JSON.
    pub(crate) fn remark(&self, text: impl FnOnce(Paint) -> String) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        self.progress.print(&text(self.paint))
    }

    /// The count, where there is more than one.
    pub(crate) fn summary(&self) -> io::Result<()> {
        self.remark(|paint| draw::summary(self.tally, paint))
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Writes the file that was asked for, one of each fingerprint.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        let file = self.output.as_ref();
        finish::save("locate", file, &self.found, None, "nothing was found")
    }

    pub(crate) fn typed(&self) -> Typed {
        self.typed.clone()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Two addresses may share a certificate, each with a User ID of its own.
    fn remember(&mut self, lookup: &Lookup) {
        if self.output.is_none() {
            return;
        }
        for found in lookup.found() {
            self.found.add(found.cert().clone());
        }
    }
}
