//! The connections that are kept, of which there are never more than so many in all.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Client;

use crate::Error;
use crate::lock::lock;

/// Hosts in mind of each generation: there may be some to which no connection comes
/// about.
const HOSTS: usize = 4096;

/// Clients for hosts that come and go. reqwest bounds how many connections a host has,
/// and not how many all have together.
///
/// There are two generations. Once so many connections have been made, the older one
/// goes, with all that it keeps; the other takes its place, where its hosts find what
/// they had; and a new one begins. Clones share them.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

/// Makes a client that counts here how many connections it makes.
type Make = Box<dyn Fn(Arc<AtomicUsize>) -> Result<Client, Error> + Send + Sync>;

struct Shared {
    make: Make,
    /// By either generation, since the last change.
    made: Arc<AtomicUsize>,
    /// So many, and it is time for the next one.
    enough: usize,
    generations: Mutex<Generations>,
}

struct Generations {
    young: Generation,
    old: Option<Generation>,
}

struct Generation {
    client: Client,
    hosts: HashSet<String>,
}

impl Generation {
    fn new(client: Client) -> Self {
        Self {
            client,
            hosts: HashSet::new(),
        }
    }
}

impl Pool {
    /// At most `most` connections are kept, apart from those in use.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(super) fn new(
        most: usize,
        make: impl Fn(Arc<AtomicUsize>) -> Result<Client, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let made = Arc::default();
        let young = Generation::new(make(Arc::clone(&made))?);
        Ok(Self(Arc::new(Shared {
            make: Box::new(make),
            made,
            enough: (most / 2).max(1),
            generations: Mutex::new(Generations { young, old: None }),
        })))
    }

    /// The client that has connections to this host, if any has.
    pub(super) fn client(&self, host: &str) -> Client {
        let Self(shared) = self;
        let mut generations = lock(&shared.generations);
        let Generations { young, old } = &mut *generations;
        let is_enough = shared.made.load(Ordering::Relaxed) >= shared.enough;
        // It was made before, so it can be made; if not, more are kept than should be.
        if (is_enough || young.hosts.len() >= HOSTS)
            && let Ok(client) = (shared.make)(Arc::clone(&shared.made))
        {
            shared.made.store(0, Ordering::Relaxed);
            *old = Some(std::mem::replace(young, Generation::new(client)));
        }
        if let Some(old) = old.as_ref().filter(|old| old.hosts.contains(host))
            && !young.hosts.contains(host)
        {
            return old.client.clone();
        }
        if !young.hosts.contains(host) {
            young.hosts.insert(host.to_owned());
        }
        young.client.clone()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
