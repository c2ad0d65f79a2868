//! How a run may end before its work does.

use std::io;

use clap::CommandFactory;
use clap::error::ErrorKind;

/// Ends at Ctrl-C. Where that cannot be listened for, never: the system's way holds.
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whether the reader of stdout has gone: it has what it wanted.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Ends the program as clap does.
pub(crate) fn usage_error<Args: CommandFactory>(message: &str) -> ! {
    Args::command()
        .error(ErrorKind::ValueValidation, message)
        .exit()
}
