//! Work that blocks.

use std::thread;

use tokio::sync::oneshot;

/// Runs it on a thread that is not waited for when the program ends: reading stdin may
/// last for ever.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, done) = oneshot::channel();
    // Nobody listens any more where the program ends already.
    thread::spawn(move || sender.send(work()).ok());
    Ok(done.await?)
}
