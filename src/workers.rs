//! Runs the filter away from the threads that drive futures: what an answer costs
//! is for whoever wrote it to say, and must hold up nothing but itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind};

/// As many at a time as the machine has processors, and never one alone: two
/// hostile answers have to come together to hold up a third. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Default for Workers {
    fn default() -> Self {
        let count = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(count.max(2))))
    }
}

/// Tells the work to stop, once nobody waits for it.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Workers {
    /// Judges the answer of a host. `work` has to look at the flag, and to end
    /// when it is set: its place is not free before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`] at the deadline.
    pub(crate) async fn judge<T: Send + 'static>(
        &self,
        host: &str,
        deadline: Instant,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let flag = Arc::new(AtomicBool::new(false));
        let _stop = Stop(Arc::clone(&flag));
        let places = Arc::clone(&self.0);
        let work = async {
            // It is never closed; without it the limit would be the pool's.
            let place = places.acquire_owned().await.ok();
            let work = move || {
                let _place = place;
                work(&flag)
            };
            spawn_blocking(work).await
        };
        match timeout_at(deadline, work).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => {
                let why = format!("the answer of {host} could not be judged");
                Err(Error::new(ErrorKind::BadAnswer, why).with_source(error))
            }
            Err(_) => {
                let why = format!("judging the answer of {host} took too long");
                Err(Error::new(ErrorKind::Timeout, why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// Work that goes on until it is told to stop, and then says so. Where nobody tells
    /// it, it gives up without a word: a runtime does not end before such work does.
    fn endless(stopped: mpsc::Sender<()>) -> impl FnOnce(&AtomicBool) + Send {
        let patience = Instant::now() + Duration::from_secs(10);
        move |stop| {
            while !stop.load(Ordering::Relaxed) {
                if Instant::now() > patience {
                    return;
                }
                std::thread::yield_now();
            }
            stopped.send(()).unwrap();
        }
    }

    #[tokio::test]
    async fn ends_at_the_deadline_and_stops_the_work() {
        let (sender, stopped) = mpsc::channel();
        let deadline = Instant::now() + Duration::from_millis(50);
        let result = Workers::default()
            .judge("example.org", deadline, endless(sender))
            .await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
        stopped.recv().expect("told to stop");
    }

    #[tokio::test]
    async fn dropping_stops_the_work_and_frees_the_place() {
        let workers = Workers(Arc::new(Semaphore::new(1)));
        let (sender, stopped) = mpsc::channel();
        let (started, start) = tokio::sync::oneshot::channel();
        let endless = endless(sender);
        let work = move |stop: &AtomicBool| {
            started.send(()).unwrap();
            endless(stop);
        };
        tokio::select! {
            _ = workers.judge("example.org", soon(), work) => panic!("it ended"),
            _ = start => {}
        }
        let next = workers.judge("example.org", soon(), |_| 7).await;
        assert_eq!(next.unwrap(), 7);
        stopped.recv().expect("told to stop");
    }

    #[tokio::test]
    async fn a_panic_is_a_bad_answer() {
        let work = |_: &AtomicBool| panic!("a bug");
        let result: Result<(), _> = Workers::default().judge("example.org", soon(), work).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BadAnswer);
    }
}
