//! Many look-ups: what one of them finds out about a host or a name, the others
//! need not.
//!
//! [`schedule`] says who is next; [`names`] and [`hosts`] stand between the look-ups
//! and the seams, and hold what is shared.

use std::collections::HashSet;
use std::future::ready;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use futures_util::{FutureExt, Stream, StreamExt};

use crate::fetch::Fetcher;
use crate::locator::Inner;
use crate::lookup::Event;
use crate::{EmailAddress, KeyLocator, Lookup};

mod hosts;
mod names;
mod schedule;

use hosts::{Hosts, Queue};
use names::Names;
use schedule::{Count, Schedule, Shape};

/// So many addresses are read ahead: a few megabytes.
const READ_AHEAD: usize = 16_384;

impl KeyLocator {
    /// Looks up many addresses, several at once, and yields each look-up as it
    /// ends, in no certain order. An address that comes twice (by `==`, so the case
    /// of the local part counts) is looked up once and yielded once.
    ///
    /// * The domains take turns, and share
    ///   [`concurrency`](crate::KeyLocatorBuilder::concurrency); one alone has at most
    ///   [`concurrency_per_host`](crate::KeyLocatorBuilder::concurrency_per_host) of
    ///   it. Up to 16,384 addresses are read ahead for that. Those that are quick
    ///   go on first, while their connections are open; one turn in 64 at least is for
    ///   the others.
    /// * What one look-up finds out, the others need not: the first of a domain goes
    ///   alone, for a second at most, and the first request to a host, for two seconds
    ///   or a quarter of the time. Those behind it find what DNS said (for a minute) and
    ///   an open connection. (Where there are more domains than places for two each, one
    ///   look-up of a domain follows the other in any case.) A host that lets no connection come about, or fails three times
    ///   in a row (that, in any case, for a key server that the caller named), is left
    ///   alone for 30 seconds: meanwhile its look-ups could not tell,
    ///   with the [kind](crate::ErrorKind) of that failure and a sentence that says
    ///   that it was not asked.
    /// * One that waits for longer than a second gives up its place, up to as many
    ///   again as there are places: slow and dead domains do not hold up the others.
    /// * In memory are the addresses read ahead, the look-ups under way, and 16 octets
    ///   for each address that there was.
    /// * Two batches share the connections, the budget and what the resolver keeps, and
    ///   nothing else: each has places of its own, and learns by itself what is down.
    ///
    /// By default the key server may be asked 50 times, then once a minute: with
    /// many addresses that WKD does not know, set another
    /// [budget](crate::KeyLocatorBuilder::vks_budget), where the server's operator
    /// allows it, or be ready for
    /// [`ErrorKind::BudgetSpent`](crate::ErrorKind::BudgetSpent).
    ///
    /// Whenever a look-up ends, [`Event::Progress`] tells how far it is.
    ///
    /// # Time, and stopping
    ///
    /// The [deadline](crate::KeyLocatorBuilder::deadline) holds for each address by
    /// itself, from when its look-up begins. Waiting to begin does not count; waiting
    /// for the key server's budget, or for others at the same host, does.
    ///
    /// The look-ups go on while the stream is polled, and at no other time. A pause
    /// between two polls costs no more than itself, unless it comes near the deadline:
    /// then those under way time out, and their hosts count as failing. Whoever does
    /// something slow with each look-up polls meanwhile, with `for_each_concurrent` (up
    /// to its limit), or on a task of its own that sends them on.
    ///
    /// Dropping the stream stops it at once, and cancels what is under way. Where
    /// only the input ends, what has been read ahead is looked up still.
    ///
    /// The stream is one of the crates `futures-core` and `futures-util`; pin it
    /// ([`std::pin::pin!`]) to call `next`.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), openpgp_discovery::Error> {
    /// use futures_util::{StreamExt, stream};
    /// use openpgp_discovery::{EmailAddress, KeyLocator};
    ///
    /// let locator = KeyLocator::new()?;
    /// let addresses: Vec<EmailAddress> = vec!["a@example.org".parse()?, "b@example.org".parse()?];
    /// let lookups = locator.locate_all(stream::iter(addresses));
    /// lookups
    ///     .for_each(|lookup| async move { println!("{}: {}", lookup.address(), lookup.status()) })
    ///     .await;
    /// # Ok(()) }
    /// ```
    pub fn locate_all<S>(&self, addresses: S) -> impl Stream<Item = Lookup> + Send + use<S>
    where
        S: Stream<Item = EmailAddress> + Send,
    {
        let mut seen = Seen::default();
        let addresses = addresses.filter(move |address| ready(seen.is_new(address)));
        let shape = Shape {
            at_once: self.inner.concurrency,
            each: self.inner.concurrency_per_host,
            read_ahead: READ_AHEAD,
        };
        let (locator, queue) = self.sharing();
        let run = {
            let locator = locator.clone();
            move |address: EmailAddress| {
                let locator = locator.clone();
                async move { locator.locate(&address).await }.boxed()
            }
        };
        let domain = |address: &EmailAddress| address.domain().into();
        let is_crowded = move || queue.is_long();
        Schedule::new(addresses, shape, domain, run, is_crowded).map(move |(lookup, count)| {
            locator.emit(progress(count));
            lookup
        })
    }

    /// A clone for the look-ups of one batch, which share what they find out, and the
    /// queue that they have in common.
    pub(crate) fn sharing(&self) -> (Self, Queue) {
        let inner = &*self.inner;
        let hosts = Hosts::new(
            inner.fetcher.transport.clone(),
            inner.concurrency_per_host,
            inner.fetcher.key_server.clone(),
        );
        let queue = hosts.queue();
        let fetcher = Fetcher {
            dns: Arc::new(Names::new(inner.fetcher.dns.clone())),
            transport: Arc::new(hosts),
            ..inner.fetcher.clone()
        };
        let locator = Self {
            inner: Arc::new(Inner {
                fetcher,
                ..inner.clone()
            }),
            ..self.clone()
        };
        (locator, queue)
    }
}

fn progress(count: Count) -> Event<'static> {
    Event::Progress {
        ended: count.ended,
        running: count.running,
        waiting: count.waiting,
    }
}

/// The addresses that there were, each as 128 bits that nobody can foresee: that two
/// have the same is less likely than a broken machine.
#[derive(Default)]
struct Seen {
    addresses: HashSet<[u64; 2]>,
    states: [RandomState; 2],
}

impl Seen {
    fn is_new(&mut self, address: &EmailAddress) -> bool {
        let hash = self.states.each_ref().map(|state| state.hash_one(address));
        self.addresses.insert(hash)
    }
}
