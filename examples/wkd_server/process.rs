//! How the program runs and ends. Unlike the other examples it has no items to count:
//! it ends when it is told to.

use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;
use tokio::runtime::Runtime;

use super::web::say;

/// After Ctrl-C, as shells count it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// It could not begin.
pub(crate) const FAILED: u8 = 3;

/// Runs it. Threads that read a file are not waited for in the end.
pub(crate) fn run(work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::from(FAILED);
        }
    };
    let code = runtime.block_on(work);
    runtime.shutdown_background();
    code
}

/// Ends when somebody wants the program to end, and says with which status: at Ctrl-C,
/// or as a service manager ends a program. What cannot be listened for has the system's
/// way.
pub(crate) async fn told_to_end() -> ExitCode {
    tokio::select! {
        biased;
        Ok(()) = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
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

/// Ends the program as clap does.
pub(crate) fn usage_error<Args: CommandFactory>(message: &str) -> ! {
    Args::command()
        .error(ErrorKind::ValueValidation, message)
        .exit()
}
