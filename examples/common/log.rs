//! Log events on stderr, for `-vv`.

use std::io::{self, Write};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::sanitize::clean;

/// Shows everything that the library says, and warnings of the crates below it.
pub(crate) fn start(verbose: u8) {
    if verbose < 2 {
        return;
    }
    let wanted = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("openpgp_discovery", LevelFilter::TRACE);
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(|| CleanStderr))
        .with(wanted)
        .init();
}

/// Standard error without what servers may have smuggled into an event.
struct CleanStderr;

impl Write for CleanStderr {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut stderr = io::stderr().lock();
        for line in text.lines() {
            writeln!(stderr, "{}", clean(line))?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
