//! How a program runs, and how it may end before its work does.

use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;
use tokio::runtime::Runtime;

use super::exit;

/// Runs the work to its end. Threads that read from a terminal or an idle pipe are not
/// waited for.
pub(crate) fn run(program: &str, work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{program}: {error}");
            return ExitCode::from(exit::UNDETERMINED);
        }
    };
    let code = runtime.block_on(work);
    runtime.shutdown_background();
    code
}

/// Ends at Ctrl-C. Where that cannot be listened for, never: the system's way holds.
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Ends the program as clap does.
pub(crate) fn usage_error<Args: CommandFactory>(message: &str) -> ! {
    Args::command()
        .error(ErrorKind::ValueValidation, message)
        .exit()
}
