//! Runs the filter away from the threads that drive futures: what an answer costs
//! is for whoever wrote it to say, and must hold up nothing but itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::lock::lock;
use crate::{Error, ErrorKind};

/// As many at a time as the machine has processors, and never one alone: two
/// hostile answers have to come together to hold up a third. Clones share them.
///
/// All about one subject have to share all places but one. Who keeps asking about it
/// then waits for nobody but himself; the others find a place, or wait behind few.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Arc<Places>);

#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    /// How many of them one subject may take.
    share: usize,
    /// The shares of all subjects that have work to do or wait for it, and how many
    /// they are for.
    shares: Mutex<HashMap<String, (Arc<Semaphore>, usize)>>,
}

impl Default for Workers {
    fn default() -> Self {
        Self::with_places(available_parallelism().map_or(1, usize::from).max(2))
    }
}

/// A claim to a part of a subject's share.
struct Claim {
    places: Arc<Places>,
    subject: String,
    share: Arc<Semaphore>,
}

impl Claim {
    fn new(places: &Arc<Places>, subject: String) -> Self {
        let mut shares = lock(&places.shares);
        let (share, claims) = shares
            .entry(subject.clone())
            .or_insert_with(|| (Arc::new(Semaphore::new(places.share)), 0));
        *claims += 1;
        Self {
            places: Arc::clone(places),
            share: Arc::clone(share),
            subject,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut shares = lock(&self.places.shares);
        if let Some((_, claims)) = shares.get_mut(&self.subject) {
            *claims -= 1;
            if *claims == 0 {
                shares.remove(&self.subject);
            }
        }
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
    fn with_places(count: usize) -> Self {
        Self(Arc::new(Places {
            all: Arc::new(Semaphore::new(count)),
            share: count.saturating_sub(1).max(1),
            shares: Mutex::default(),
        }))
    }

    /// Judges the answer of a host, about a subject: whoever can make many such
    /// answers, and dear ones. `work` has to look at the flag, and to end when it is
    /// set: its place is not free before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`] at the deadline.
    pub(crate) async fn judge<T: Send + 'static>(
        &self,
        subject: String,
        host: &str,
        deadline: Instant,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let flag = Arc::new(AtomicBool::new(false));
        let _stop = Stop(Arc::clone(&flag));
        let claim = Claim::new(&self.0, subject);
        let work = async {
            // They are never closed; without them the limit would be the pool's. Who
            // waits for the second has the first: so the queue is short.
            let share = Arc::clone(&claim.share).acquire_owned().await.ok();
            let place = Arc::clone(&claim.places.all).acquire_owned().await.ok();
            let work = move || {
                let _held = (share, claim, place);
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

    use tokio::task::JoinHandle;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn whose() -> String {
        "example.org".to_owned()
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
            .judge(whose(), "example.org", deadline, endless(sender))
            .await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
        stopped.recv().expect("told to stop");
    }

    #[tokio::test]
    async fn dropping_stops_the_work_and_frees_the_place() {
        let workers = Workers::with_places(1);
        let (sender, stopped) = mpsc::channel();
        let (started, start) = tokio::sync::oneshot::channel();
        let endless = endless(sender);
        let work = move |stop: &AtomicBool| {
            started.send(()).unwrap();
            endless(stop);
        };
        tokio::select! {
            _ = workers.judge(whose(), "example.org", soon(), work) => panic!("it ended"),
            _ = start => {}
        }
        let next = workers.judge(whose(), "example.org", soon(), |_| 7).await;
        assert_eq!(next.unwrap(), 7);
        stopped.recv().expect("told to stop");
    }

    #[tokio::test]
    async fn a_panic_is_a_bad_answer() {
        let work = |_: &AtomicBool| panic!("a bug");
        let result: Result<(), _> = Workers::default()
            .judge(whose(), "example.org", soon(), work)
            .await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BadAnswer);
    }

    #[tokio::test]
    async fn one_subject_leaves_a_place_to_the_others() {
        for places in [2, 3] {
            let workers = Workers::with_places(places);
            let (sender, stopped) = mpsc::channel();
            let (started, start) = mpsc::channel();
            let flood = |_| {
                let (workers, started) = (workers.clone(), started.clone());
                let endless = endless(sender.clone());
                tokio::spawn(async move {
                    let work = move |stop: &AtomicBool| {
                        started.send(()).unwrap();
                        endless(stop);
                    };
                    workers.judge(whose(), "example.org", soon(), work).await
                })
            };
            let flood: Vec<_> = (0..8).map(flood).collect();
            let other = workers.judge("b".to_owned(), "example.org", soon(), move |_| {
                (1..places).for_each(|_| start.recv().unwrap());
                start.try_recv().is_err()
            });
            assert!(other.await.unwrap(), "so many and no more have begun");
            // All before the first place is free: none of them begins then.
            flood.iter().for_each(JoinHandle::abort);
            for one in flood {
                assert!(one.await.unwrap_err().is_cancelled());
            }
            (1..places).for_each(|_| stopped.recv().unwrap());
            // Their places are free as soon as their threads get that far.
            let all = u32::try_from(places).unwrap();
            let _all = workers.0.all.acquire_many(all).await.unwrap();
            assert!(lock(&workers.0.shares).is_empty());
        }
    }
}
