//! How often a key server may be asked: a token bucket, kept on the client's side.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::lock::lock;
use crate::{Error, ErrorKind};

/// How often a key server may be asked.
///
/// Key servers limit the rate of requests and answer the rest with status 429.
/// A budget keeps a client below that limit: a request over it waits, inside its
/// deadline, or ends as [`ErrorKind::BudgetSpent`], which is a failure ("could
/// not tell, try again after …") and never "not found".
///
/// There are two rates: one for look-ups by e-mail, and one for everything else
/// (by fingerprint, by key ID, uploads, requests of confirmation mails), for
/// which no other limit is documented. Every request counts, a second try too.
///
/// Clones share one budget. A [`KeyLocator`](crate::KeyLocator) and its clones
/// do, too; a platform gives each of its tenants one of their own with
/// [`KeyLocator::with_vks_budget`](crate::KeyLocator::with_vks_budget), so that
/// one cannot spend everybody's.
///
/// ```
/// use openpgp_discovery::vks::Budget;
///
/// // What keys.openpgp.org documents, the default.
/// let default = Budget::documented();
/// // For an own server: bursts of 1,000, then 20 a second.
/// let own = Budget::new(1000, 20.0)?;
/// // The same, but by e-mail ten at once and then one in two seconds.
/// let apart = Budget::new(1000, 20.0)?.by_email(10, 0.5)?;
/// # Ok::<(), openpgp_discovery::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    by_email: Option<Arc<Bucket>>,
    other: Option<Arc<Bucket>>,
}

/// Which of the two rates a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    /// Look-ups by e-mail.
    ByEmail,
    /// Everything else.
    Other,
}

#[derive(Debug)]
struct Bucket {
    /// The time in which one token grows back.
    interval: Duration,
    /// The time in which a full bucket grows back.
    burst: Duration,
    /// When the bucket will be full again; in the past if it is.
    full_at: Mutex<Instant>,
}

impl Budget {
    /// What keys.openpgp.org documents: by e-mail a burst of 50, then one a
    /// minute; for everything else a burst of 1,000, then five a second.
    pub fn documented() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let fifth = Duration::from_millis(200);
        Self {
            by_email: Some(Bucket::new(minutes(1), minutes(50))),
            other: Some(Bucket::new(fifth, fifth * 1000)),
        }
    }

    /// `burst` requests at once, then `per_second` a second: by e-mail so many,
    /// and of everything else so many.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where `burst` is 0, or `per_second` is not a
    /// positive number or so small or large that it makes no sense (below one
    /// in a century for the whole burst, above a thousand million).
    pub fn new(burst: u32, per_second: f64) -> Result<Self, Error> {
        Self::unlimited()
            .by_email(burst, per_second)?
            .other(burst, per_second)
    }

    /// No limit: for an own server.
    pub fn unlimited() -> Self {
        Self {
            by_email: None,
            other: None,
        }
    }

    /// The same budget, with a rate of its own for look-ups by e-mail. They are
    /// counted afresh.
    ///
    /// # Errors
    ///
    /// As those of [`new`](Self::new).
    pub fn by_email(mut self, burst: u32, per_second: f64) -> Result<Self, Error> {
        self.by_email = Some(Bucket::of_rate(burst, per_second)?);
        Ok(self)
    }

    /// The same budget, with a rate of its own for everything but look-ups by
    /// e-mail: by fingerprint, by key ID, uploads, requests of confirmation
    /// mails. They are counted afresh.
    ///
    /// # Errors
    ///
    /// As those of [`new`](Self::new).
    pub fn other(mut self, burst: u32, per_second: f64) -> Result<Self, Error> {
        self.other = Some(Bucket::of_rate(burst, per_second)?);
        Ok(self)
    }

    /// Waits until a request may be made, and takes it off the budget.
    ///
    /// Dropping the future while it waits gives the request back.
    ///
    /// # Errors
    ///
    /// At once: [`ErrorKind::Timeout`] where the deadline is over already, which
    /// says nothing about the budget, and [`ErrorKind::BudgetSpent`] where the
    /// request could be made after the deadline only.
    pub(crate) async fn take(&self, rate: Rate, deadline: Instant) -> Result<(), Error> {
        let now = Instant::now();
        if now > deadline {
            let why = "no time was left to ask the key server";
            return Err(Error::new(ErrorKind::Timeout, why));
        }
        let bucket = match rate {
            Rate::ByEmail => &self.by_email,
            Rate::Other => &self.other,
        };
        let Some(bucket) = bucket else {
            return Ok(());
        };
        let at = bucket.reserve(now, deadline).map_err(|at| {
            Error::new(ErrorKind::BudgetSpent, "the key server was not asked")
                .with_retry_after(at.saturating_duration_since(now))
        })?;
        if at > now {
            let refund = Refund(bucket);
            sleep_until(at).await;
            std::mem::forget(refund);
        }
        Ok(())
    }
}

impl Bucket {
    fn new(interval: Duration, burst: Duration) -> Arc<Self> {
        Arc::new(Self {
            interval,
            burst,
            full_at: Mutex::new(Instant::now()),
        })
    }

    fn of_rate(burst: u32, per_second: f64) -> Result<Arc<Self>, Error> {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        let bad = |why| Error::new(ErrorKind::Config, format!("the key server's budget: {why}"));
        if burst == 0 {
            return Err(bad("a burst of 0 lets no request through"));
        }
        let interval = Duration::try_from_secs_f64(per_second.recip())
            .ok()
            .filter(|interval| !interval.is_zero());
        let interval = interval.ok_or_else(|| bad("the rate is not a positive number"))?;
        let full = interval
            .checked_mul(burst)
            .filter(|full| *full <= CENTURY)
            .ok_or_else(|| bad("the burst takes more than a century to grow back"))?;
        Ok(Self::new(interval, full))
    }

    /// Takes a token: when it may be used, or, where that is after the deadline,
    /// takes none and tells when one could be.
    fn reserve(&self, now: Instant, deadline: Instant) -> Result<Instant, Instant> {
        let mut full_at = self.full_at();
        let after = (*full_at).max(now) + self.interval;
        // Empty is a whole burst away from full; `None` is long past.
        let at = after.checked_sub(self.burst).unwrap_or(now).max(now);
        if at > deadline {
            return Err(at);
        }
        *full_at = after;
        Ok(at)
    }

    fn full_at(&self) -> MutexGuard<'_, Instant> {
        lock(&self.full_at)
    }
}

/// Gives a token back when it is dropped.
struct Refund<'a>(&'a Bucket);

impl Drop for Refund<'_> {
    fn drop(&mut self) {
        let mut full_at = self.0.full_at();
        if let Some(before) = full_at.checked_sub(self.0.interval) {
            *full_at = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn burst_then_rate() {
        let budget = Budget::new(3, 0.5).expect("a budget");
        let start = Instant::now();
        for waited in [0, 0, 0, 2, 4] {
            budget
                .clone()
                .take(Rate::ByEmail, after(60))
                .await
                .expect("inside the deadline");
            assert_eq!(start.elapsed().as_secs(), waited);
        }
        tokio::time::advance(Duration::from_secs(100)).await;
        let start = Instant::now();
        for waited in [0, 0, 0, 2] {
            budget
                .take(Rate::ByEmail, after(60))
                .await
                .expect("inside the deadline");
            assert_eq!(
                start.elapsed().as_secs(),
                waited,
                "never more than the burst"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn over_the_deadline_is_said_at_once_and_takes_nothing() {
        let budget = Budget::documented();
        for _ in 0..50 {
            budget
                .take(Rate::ByEmail, after(20))
                .await
                .expect("the burst");
        }
        let start = Instant::now();
        for _ in 0..3 {
            let error = budget
                .take(Rate::ByEmail, after(20))
                .await
                .expect_err("spent");
            assert_eq!(error.kind(), ErrorKind::BudgetSpent);
            assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        budget
            .take(Rate::ByEmail, after(61))
            .await
            .expect("a minute later");
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_over_is_a_timeout_and_takes_nothing() {
        let over = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        let full = Budget::new(1, 0.1).expect("a budget");
        for budget in [&full, &Budget::unlimited()] {
            for rate in [Rate::ByEmail, Rate::Other] {
                let error = budget.take(rate, over).await.expect_err("too late");
                assert_eq!(error.kind(), ErrorKind::Timeout, "{budget:?}");
                assert_eq!(error.retry_after(), None);
            }
        }
        let start = Instant::now();
        full.take(Rate::ByEmail, start).await.expect("untouched");
        // A spent one, too.
        let error = full.take(Rate::ByEmail, over).await.expect_err("too late");
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_wait_gives_its_request_back() {
        let budget = Budget::new(1, 0.1).expect("a budget");
        budget
            .take(Rate::ByEmail, after(60))
            .await
            .expect("the burst");
        let start = Instant::now();
        tokio::time::timeout(
            Duration::from_secs(1),
            budget.take(Rate::ByEmail, after(60)),
        )
        .await
        .expect_err("waits ten seconds");
        budget
            .take(Rate::ByEmail, after(60))
            .await
            .expect("the second");
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn two_rates_apart() {
        let budget = Budget::documented();
        let start = Instant::now();
        for n in 0..1010 {
            budget.take(Rate::Other, after(20)).await.expect("in time");
            assert_eq!(start.elapsed().as_secs(), u64::saturating_sub(n, 999) / 5);
        }
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        for _ in 0..50 {
            budget
                .take(Rate::ByEmail, after(0))
                .await
                .expect("untouched");
        }

        let budget = Budget::unlimited().by_email(1, 1.0).expect("a budget");
        budget
            .take(Rate::ByEmail, after(0))
            .await
            .expect("the burst");
        budget
            .take(Rate::ByEmail, after(0))
            .await
            .expect_err("spent");
        for _ in 0..1000 {
            budget.take(Rate::Other, after(0)).await.expect("no limit");
        }
        let budget = budget.other(2, 1.0).expect("a budget");
        budget
            .take(Rate::ByEmail, after(0))
            .await
            .expect_err("still spent");
        for _ in 0..2 {
            budget.take(Rate::Other, after(0)).await.expect("the burst");
        }
        budget.take(Rate::Other, after(0)).await.expect_err("spent");
    }

    #[tokio::test(start_paused = true)]
    async fn unlimited_never_waits() {
        let start = Instant::now();
        for _ in 0..1000 {
            Budget::unlimited()
                .take(Rate::ByEmail, start)
                .await
                .expect("no limit");
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[test]
    fn nonsense_is_refused() {
        for (burst, rate) in [
            (0, 1.0),
            (1, 0.0),
            (1, -1.0),
            (1, f64::NAN),
            (1, f64::INFINITY),
            (1, 1e-12),
            (u32::MAX, 1e-3),
            (1, f64::MIN_POSITIVE),
            (1, 1e300),
        ] {
            let error = Budget::new(burst, rate).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Config, "{burst} {rate}");
        }
    }
}
