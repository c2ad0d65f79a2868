//! An alarm clock with a thread of its own: tokio's goes by whole milliseconds and
//! rings up to two late, which adds up where a way takes a few dozen of them and an
//! exchange goes it eight times.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::log::lock;

/// Rings for as long as it is not dropped.
#[derive(Debug)]
pub(crate) struct Alarm(Arc<Clock>);

#[derive(Debug, Default)]
struct Clock {
    sleepers: Mutex<Sleepers>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Sleepers {
    /// By when they want to be woken, and by order of arrival.
    waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    arrived: u64,
    over: bool,
}

impl Alarm {
    pub(crate) fn start() -> io::Result<Self> {
        let clock = Arc::new(Clock::default());
        let rings = clock.clone();
        thread::Builder::new()
            .name("alarm".to_owned())
            .spawn(move || rings.run())?;
        Ok(Self(clock))
    }

    /// Not before this instant, and hardly later.
    pub(crate) async fn at(&self, due: Instant) {
        let (wake, woken) = oneshot::channel();
        {
            let mut sleepers = lock(&self.0.sleepers);
            sleepers.arrived += 1;
            let arrived = sleepers.arrived;
            sleepers.waiting.insert((due, arrived), wake);
        }
        self.0.changed.notify_one();
        // Nobody drops the sender: the clock runs for as long as this borrows it.
        let _ = woken.await;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        lock(&self.0.sleepers).over = true;
        self.0.changed.notify_one();
    }
}

impl Clock {
    fn run(&self) {
        let mut sleepers = lock(&self.sleepers);
        while !sleepers.over {
            let now = Instant::now();
            sleepers = match sleepers.waiting.first_entry() {
                None => self
                    .changed
                    .wait(sleepers)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(first) if first.key().0 <= now => {
                    // It may have given up waiting.
                    let _ = first.remove().send(());
                    sleepers
                }
                Some(first) => {
                    let left = first.key().0 - now;
                    let woken = self.changed.wait_timeout(sleepers, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
