//! What is done while it runs: on the progress bar, and with `-v` a line per step on
//! stderr.

use std::error::Error as _;
use std::fmt::Write as _;

use openpgp_discovery::{Attempt, Event};

use super::progress::Progress;
use super::sanitize::clean;

/// A listener for the locator.
pub(crate) fn watch(verbose: u8, progress: Progress) -> impl Fn(Event<'_>) + Send + Sync + 'static {
    let tell = move |progress: &Progress, line: String| {
        if verbose > 0 {
            progress.aside(|| eprintln!("{}", clean(&line)));
        }
    };
    move |event| match event {
        Event::Started { step, target, .. } | Event::KeyAsked { step, target, .. } => {
            progress.say(clean(&format!("{step} {target}")).into_owned());
        }
        Event::Finished {
            address, attempt, ..
        } => tell(&progress, line(&address.to_string(), attempt)),
        Event::KeyAnswered { attempt, .. } => tell(&progress, line(key(attempt), attempt)),
        _ => {}
    }
}

/// Which key was asked for: the URL ends with it.
fn key(attempt: &Attempt) -> &str {
    let path = attempt.url().map(|url| url.path());
    let name = path.and_then(|path| path.rsplit('/').next());
    name.unwrap_or("key server")
}

/// The step, and everything that is known about why it failed.
fn line(subject: &str, attempt: &Attempt) -> String {
    let ms = attempt.elapsed().as_secs_f64() * 1000.0;
    let mut line = format!("{subject}: {attempt} ({ms:.1} ms)");
    let mut cause = attempt.error().and_then(|error| error.source());
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(line, "; because: {error}");
        cause = error.source();
    }
    line
}
