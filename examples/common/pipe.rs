//! A reader of stdout that goes before all is printed.

use std::io;

/// Whether the reader of stdout has gone: it has what it wanted.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
