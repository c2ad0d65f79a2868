//! Standard output that may be a pipe whose reader has gone.

use std::io::{self, Write as _};

/// Writes the text and hands it over at once, so that a reader sees each result
/// when it is there. Where `println!` would panic, this is an error.
pub(crate) fn stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
