//! When the program ends: it has no work that comes to an end, it is told to.

use std::process::ExitCode;

use super::common::exit;
use super::common::run::interrupt;

/// Ends when somebody wants the program to end, and says with which status: at Ctrl-C,
/// or as a service manager ends a program. What cannot be listened for has the system's
/// way.
pub(crate) async fn told_to_end() -> ExitCode {
    tokio::select! {
        biased;
        () = interrupt() => ExitCode::from(exit::INTERRUPTED),
        () = terminated() => ExitCode::SUCCESS,
    }
}

async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            terminate.recv().await;
            return;
        }
    }
    std::future::pending::<()>().await;
}
