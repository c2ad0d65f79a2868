//! What a look-up does while it runs: on the progress bar, and with `-v` a line per
//! step on stderr.

use std::error::Error as _;
use std::fmt::Write as _;

use openpgp_discovery::{Attempt, EmailAddress, Event};

use super::progress::Progress;
use super::sanitize::clean;

/// A listener for the locator.
pub(crate) fn watch(verbose: u8, progress: Progress) -> impl Fn(Event<'_>) + Send + Sync + 'static {
    move |event| match event {
        Event::Started { step, target, .. } => {
            progress.say(clean(&format!("{step} {target}")).into_owned());
        }
        Event::Finished {
            address, attempt, ..
        } if verbose > 0 => {
            let line = line(address, attempt);
            progress.aside(|| eprintln!("{}", clean(&line)));
        }
        _ => {}
    }
}

/// The step, and everything that is known about why it failed.
fn line(address: &EmailAddress, attempt: &Attempt) -> String {
    let ms = attempt.elapsed().as_secs_f64() * 1000.0;
    let mut line = format!("{address}: {attempt} ({ms:.1} ms)");
    let mut cause = attempt.error().and_then(|error| error.source());
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(line, "; because: {error}");
        cause = error.source();
    }
    line
}
