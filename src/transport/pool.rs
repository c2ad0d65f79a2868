//! The connections that are kept, of which there are never more than so many in all.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Client;

use crate::Error;
use crate::lock::lock;

/// A client for each host: reqwest bounds how many connections a host has, and not how
/// many all have together. With its client go the connections that a host left, so
/// nothing but its own requests can keep them.
///
/// Where there are too many, those of the host go that has not been asked for the
/// longest time. Clones share them.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

/// Makes a client that counts here how many connections it begins.
type Make = Box<dyn Fn(Arc<AtomicUsize>) -> Result<Client, Error> + Send + Sync>;

struct Shared {
    make: Make,
    /// Of one host, and of all.
    each: usize,
    most: usize,
    hosts: Mutex<Hosts>,
}

#[derive(Default)]
struct Hosts {
    by_name: HashMap<String, Host>,
    /// How often one was asked for.
    clock: u64,
}

struct Host {
    client: Client,
    begun: Arc<AtomicUsize>,
    /// Each request under way has a clone.
    in_use: InUse,
    last: u64,
}

/// Keeps the client of a host among the others.
#[derive(Clone, Default)]
pub(super) struct InUse(Arc<()>);

impl Host {
    /// How many connections it may have: at least the one that is wanted.
    fn count(&self, each: usize) -> usize {
        self.begun.load(Ordering::Relaxed).clamp(1, each)
    }

    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.in_use.0) > 1
    }
}

impl Pool {
    /// At most `most` connections are kept, `each` (one or more) to one host.
    pub(super) fn new(
        each: usize,
        most: usize,
        make: impl Fn(Arc<AtomicUsize>) -> Result<Client, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            make: Box::new(make),
            each,
            most,
            hosts: Mutex::default(),
        }))
    }

    /// The client for this host, to be dropped behind the other part. There is none
    /// where the hosts in use have all the room.
    pub(super) fn client(&self, host: &str) -> Option<(Client, InUse)> {
        let Self(shared) = self;
        let mut hosts = lock(&shared.hosts);
        let Hosts { by_name, clock } = &mut *hosts;
        *clock += 1;
        if let Some(known) = by_name.get_mut(host) {
            known.last = *clock;
            let client = (known.client.clone(), known.in_use.clone());
            make_room(by_name, shared.each, shared.most);
            return Some(client);
        }
        if make_room(by_name, shared.each, shared.most.checked_sub(1)?) {
            let begun = Arc::default();
            let known = Host {
                client: (shared.make)(Arc::clone(&begun)).ok()?,
                begun,
                in_use: InUse::default(),
                last: *clock,
            };
            let client = (known.client.clone(), known.in_use.clone());
            by_name.insert(host.to_owned(), known);
            return Some(client);
        }
        None
    }
}

/// Lets hosts go until so many connections are left. Fails where those in use have more.
fn make_room(hosts: &mut HashMap<String, Host>, each: usize, most: usize) -> bool {
    let mut count: usize = hosts.values().map(|host| host.count(each)).sum();
    while count > most {
        let at_rest = hosts.iter().filter(|(_, host)| !host.is_in_use());
        let Some((name, host)) = at_rest.min_by_key(|(_, host)| host.last) else {
            return false;
        };
        count -= host.count(each);
        let name = name.clone();
        hosts.remove(&name);
    }
    true
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
