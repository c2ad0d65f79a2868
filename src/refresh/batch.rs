//! Many certificates: in no order that would tell who holds them.

use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use sequoia_openpgp::Cert;
use tokio::time::{Instant, sleep};

use super::Refresh;
use crate::KeyLocator;

/// So many certificates are read ahead, and shuffled.
const WINDOW: usize = 256;

impl KeyLocator {
    /// Refreshes many certificates, several at once
    /// ([`concurrency`](crate::KeyLocatorBuilder::concurrency)), and yields each
    /// [`Refresh`] as it ends. The deadline holds for each certificate by itself.
    ///
    /// Each certificate that goes in comes out, also one that comes twice: its
    /// copies may hold different things, and each is refreshed with a request of
    /// its own. Merge them before to save requests.
    ///
    /// The [budget](crate::KeyLocatorBuilder::vks_budget) holds. What does not
    /// get its turn within the deadline ends as
    /// [`ErrorKind::BudgetSpent`](crate::ErrorKind::BudgetSpent), with the time
    /// after which to try again. A key server that is down is left alone for
    /// 30 seconds, as by [`locate_all`](Self::locate_all), and those whose turn comes
    /// meanwhile end at once, as could not tell: collect them, and try again later.
    ///
    /// There is no [`Event::Progress`](crate::Event::Progress): count what comes out.
    /// For slow consumers and for stopping holds what does for
    /// [`locate_all`](Self::locate_all).
    ///
    /// # Privacy
    ///
    /// The order is shuffled: 256 certificates are read ahead, so nothing is
    /// asked before as many are there or the stream has ended. The requests can be
    /// spread over a time
    /// ([`refresh_spread`](crate::KeyLocatorBuilder::refresh_spread)). All the
    /// same, the key server sees one address on the network ask for all of them,
    /// and **all requests over one connection can be linked**: together they show
    /// who your correspondents are.
    ///
    /// ```no_run
    /// # async fn run(certs: Vec<openpgp_discovery::openpgp::Cert>) -> Result<(), openpgp_discovery::Error> {
    /// use futures_util::{StreamExt, stream};
    /// use openpgp_discovery::KeyLocator;
    ///
    /// let locator = KeyLocator::new()?;
    /// locator
    ///     .refresh_all(stream::iter(certs))
    ///     .for_each(|refresh| async move {
    ///         println!("{}: {}", refresh.cert().fingerprint(), refresh.outcome());
    ///     })
    ///     .await;
    /// # Ok(()) }
    /// ```
    pub fn refresh_all<S>(&self, certs: S) -> impl Stream<Item = Refresh> + Send + use<S>
    where
        S: Stream<Item = Cert> + Send,
    {
        let (locator, _) = self.sharing();
        // All of them meet at the key server: those that wait there for longer than one
        // answer takes only use up their time.
        let places = self.inner.concurrency_per_host.saturating_mul(2);
        let at_once = self.inner.concurrency.min(places);
        shuffled(certs, self.inner.refresh_spread)
            .map(move |cert| {
                let locator = locator.clone();
                async move { locator.refreshed(cert).await }
            })
            .buffer_unordered(at_once)
    }
}

/// Items on their way.
struct Shuffle<S: Stream> {
    source: Option<Pin<Box<S>>>,
    window: Vec<S::Item>,
    random: Random,
    /// When the last one is due.
    end: Instant,
}

/// The items of a stream in random order, within a window, and with pauses of
/// random length that take about so long in all.
fn shuffled<S>(source: S, spread: Duration) -> impl Stream<Item = S::Item> + Send
where
    S: Stream + Send,
    S::Item: Send,
{
    let shuffle = Shuffle {
        source: Some(Box::pin(source)),
        window: Vec::new(),
        random: Random::default(),
        end: Instant::now() + spread,
    };
    unfold(shuffle, |mut shuffle| async move {
        let item = shuffle.next().await?;
        Some((item, shuffle))
    })
}

impl<S: Stream> Shuffle<S> {
    async fn next(&mut self) -> Option<S::Item> {
        while let Some(source) = &mut self.source
            && self.window.len() < WINDOW
        {
            match source.next().await {
                Some(item) => self.window.push(item),
                None => self.source = None,
            }
        }
        if self.window.is_empty() {
            return None;
        }
        let pause = self.pause();
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let at = self.random.below(self.window.len());
        Some(self.window.swap_remove(at))
    }

    /// From nothing to twice what is due to each of those that are known to come.
    fn pause(&mut self) -> Duration {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return left;
        }
        let coming = self.source.as_ref().map_or(0, |s| s.size_hint().0);
        let coming = self.window.len().saturating_add(coming);
        let mean = left / u32::try_from(coming).unwrap_or(u32::MAX).max(1);
        let share = self.random.below(2001);
        (mean * u32::try_from(share).unwrap_or_default() / 1000).min(left)
    }
}

/// Random enough to shuffle with: the keys of the standard library's hash maps.
#[derive(Default)]
struct Random {
    state: RandomState,
    count: u64,
}

impl Random {
    /// A number from 0 up to, and without, `end`; 0 where there is none.
    fn below(&mut self, end: usize) -> usize {
        self.count = self.count.wrapping_add(1);
        let random = self.state.hash_one(self.count);
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        // Not exactly uniform, by one part in 2^64 / end.
        usize::try_from(random % end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_come_out_in_another_order() {
        let start = Instant::now();
        for count in [0, 1, 2, 255, 256, 257, 1000] {
            let all: Vec<usize> = (0..count).collect();
            let mut out: Vec<_> = shuffled(stream::iter(all.clone()), Duration::ZERO)
                .collect()
                .await;
            assert!(count < 255 || out != all, "{count} in order");
            out.sort_unstable();
            assert_eq!(out, all);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn spread_over_a_time() {
        const HOUR: Duration = Duration::from_secs(3600);
        let start = Instant::now();
        let times: Vec<_> = shuffled(stream::iter(0..900), HOUR)
            .map(|_| start.elapsed())
            .collect()
            .await;
        assert!(
            times[899] <= HOUR && times[899] > HOUR / 2,
            "{:?}",
            times[899]
        );
        assert!(
            times[450] > HOUR / 4 && times[450] < HOUR * 3 / 4,
            "{:?}",
            times[450]
        );
        // Not in a beat.
        assert!(times[2] - times[1] != times[1] - times[0]);
    }
}
