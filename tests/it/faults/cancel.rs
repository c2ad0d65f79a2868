//! Dropped at any await point, a call leaves nothing behind: no task, no socket,
//! no request of the budget, no place among those who judge.

use std::future::poll_fn;
use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;

use openpgp_discovery::openpgp;
use openpgp_discovery::openpgp::packet::Signature;
use openpgp_discovery::openpgp::policy::{HashAlgoSecurity, Policy};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{ErrorKind, KeyLocator, RefreshOutcome, Status, wkd};
use testbed::{Answer, Testbed, Trouble, certs};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::Seams;
use super::signers::{TEXT, signed};
use crate::{ADVANCED, AMPLE, SHORT, alice, locate};

const ALICE: &str = "Alice <alice@example.org>";

/// Polls a future until it has been pending once more than so many times, and
/// drops it there. What it gives, if it ended before.
async fn cut<T>(mut times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if times == 0 => Poll::Ready(None),
        Poll::Pending => {
            times -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Polls a future until this holds, and drops it there.
async fn cut_when<T>(mut holds: impl FnMut() -> bool, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    let cut = poll_fn(|context| match future.as_mut().poll(context) {
        _ if holds() => Poll::Ready(()),
        Poll::Ready(_) => panic!("it ended"),
        Poll::Pending => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    });
    timeout(AMPLE, cut).await.expect("it comes so far");
}

/// All tasks: the client's, and one of the testbed for each open connection.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until no more tasks are left than these; the testbed has to notice that
/// a connection has ended.
async fn settle(tasks_then: usize, what: &str) {
    let settled = async {
        while tasks() > tasks_then {
            yield_now().await;
        }
    };
    let settled = timeout(Duration::from_secs(5), settled).await;
    assert!(
        settled.is_ok(),
        "{what}: {} tasks instead of {tasks_then}",
        tasks()
    );
}

/// Cuts a call at each await point in its turn; after each cut the same locator
/// has to do the whole.
async fn walk(testbed: &Testbed, call: impl AsyncFn(&KeyLocator) -> bool) {
    let mut cuts = 0;
    let mut reached = 0;
    for times in 0.. {
        let begin = tasks();
        let seams = Seams::default();
        let locator = seams.locator(testbed).build().expect("builds");
        let result = cut(times, call(&locator)).await;
        assert_eq!(seams.pending(), 0, "cut {times}: an operation goes on");
        reached = reached.max(seams.ops().len());
        let is_over = result.is_some();
        assert!(result.unwrap_or(true), "in peace it succeeds");
        let next = timeout(AMPLE, call(&locator)).await;
        assert!(next.expect("it ends"), "after cut {times}");
        drop(locator);
        settle(begin, &format!("cut {times}")).await;
        if is_over {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > reached, "{cuts} cuts for {reached} operations");
}

fn path() -> String {
    let url = wkd::Url::new(&alice()).advanced().expect("a short domain");
    url.path().to_owned()
}

#[tokio::test]
async fn lookups() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    // As many steps as there can be.
    let hop = Answer::redirect(302, "https://hop.example.net/there");
    testbed.host(ADVANCED).serve(&path(), hop);
    testbed.host("hop.example.net");
    testbed.vks().confirm(&alice(), &sample.cert);
    walk(&testbed, async |locator| {
        locate(locator).await.status() == Status::Found
    })
    .await;
    testbed.wkd_advanced(&alice(), sample.binary());
    walk(&testbed, async |locator| {
        locate(locator).await.usable().is_some()
    })
    .await;
}

#[tokio::test]
async fn refreshes() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    testbed.vks().upload(&sample.revoked());
    walk(&testbed, async |locator| {
        let refresh = locator.refresh(&sample.cert).await;
        refresh.outcome() == RefreshOutcome::Updated
    })
    .await;
}

#[tokio::test]
async fn verifications() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let signature = signed(&sample.cert);
    walk(&testbed, async |locator| {
        let signature = Cursor::new(signature.clone());
        let verification = locator
            .verify()
            .detached(signature, Cursor::new(TEXT))
            .await;
        verification.expect("a signature").is_good()
    })
    .await;
}

/// Where a server keeps silent, its connection is closed with the look-up that
/// waits for it: not with the locator, nor some time later.
#[tokio::test]
async fn waiting_for_a_server() {
    type Plant = fn(&Testbed);
    let hosts: [(&str, Plant); 3] = [
        ("DNS", |testbed| {
            testbed.host(ADVANCED);
            testbed.name(ADVANCED).trouble(Trouble::Mute);
        }),
        ("the directory", |testbed| {
            testbed.host(ADVANCED).serve_all(Answer::silent());
        }),
        ("the body", |testbed| {
            testbed.host(ADVANCED).serve_all(Answer::stall("begins"));
        }),
    ];
    for (what, plant) in hosts {
        let testbed = Testbed::start().await;
        plant(&testbed);
        let seams = Seams::default();
        let locator = seams.locator(&testbed).build().expect("builds");
        let asked = || match what {
            "DNS" => testbed.queries().len() >= 2,
            _ => !testbed.requests().is_empty(),
        };
        let mut begin = tasks();
        for times in 0..3 {
            testbed.forget_log();
            cut_when(asked, locate(&locator)).await;
            assert_eq!(seams.pending(), 0, "{what}");
            if times == 0 && what == "DNS" {
                // The resolver's way to its server, which it keeps.
                begin += 1;
            }
            settle(begin, what).await;
        }
    }

    let testbed = Testbed::start().await;
    testbed.vks().plant_all(Answer::silent());
    let sample = certs::cert(&[ALICE]);
    let locator = Seams::default().locator(&testbed).build().expect("builds");
    let begin = tasks();
    let asked = || !testbed.vks().requests().is_empty();
    cut_when(asked, locator.refresh(&sample.cert)).await;
    settle(begin, "a refresh").await;
    testbed.forget_log();
    let signature = Cursor::new(signed(&sample.cert));
    let verify = locator.verify().detached(signature, Cursor::new(TEXT));
    cut_when(asked, verify).await;
    settle(begin, "a verification").await;
}

/// A policy that says when it is asked, and does not answer in the same round.
#[derive(Debug, Default)]
struct Slow {
    is_asked: AtomicBool,
    round: AtomicUsize,
}

/// The round in which everything is answered.
const LAST: usize = usize::MAX;

impl Policy for Slow {
    fn signature(&self, _: &Signature, _: HashAlgoSecurity) -> openpgp::Result<()> {
        let round = self.round.load(SeqCst);
        self.is_asked.store(true, SeqCst);
        while round != LAST && self.round.load(SeqCst) == round {
            std::thread::yield_now();
        }
        Ok(())
    }
}

/// Ends what waits, also where a test fails.
struct Over(Arc<Slow>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.round.store(LAST, SeqCst);
    }
}

/// More look-ups are dropped while they are judged than there are places.
#[tokio::test]
async fn being_judged() {
    let testbed = Testbed::start().await;
    testbed.wkd_advanced(&alice(), certs::cert(&[ALICE]).binary());
    let policy = Arc::new(Slow::default());
    let over = Over(policy.clone());
    let seams = Seams::default();
    let builder = seams.locator(&testbed).policy(policy.clone());
    let locator = builder.build().expect("builds");
    let places = available_parallelism().map_or(1, usize::from).max(2);
    for _ in 0..=places {
        policy.is_asked.store(false, SeqCst);
        cut_when(|| policy.is_asked.load(SeqCst), locate(&locator)).await;
        policy.round.fetch_add(1, SeqCst);
    }
    drop(over);
    assert_eq!(locate(&locator).await.status(), Status::Found);
}

/// What is taken off the budget is what the key server was asked, wherever the
/// look-up was dropped.
#[tokio::test]
async fn the_budget() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&[ALICE]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let (mut spent, mut kept) = (0, 0);
    for times in 0.. {
        let seams = Seams::default();
        let one = Budget::new(1, 0.001).expect("a budget");
        let builder = seams.locator(&testbed).vks_budget(one);
        let locator = builder.build().expect("builds");
        let is_over = cut(times, locate(&locator)).await.is_some();
        let is_asked = seams.ops().iter().any(|op| op.what.contains("/vks/v1/"));
        let next = locate(&locator).await;
        if is_asked {
            spent += 1;
            let error = next.error().expect("the budget is spent");
            assert_eq!(error.kind(), ErrorKind::BudgetSpent, "cut {times}");
            let wait = error.retry_after().expect("a time");
            assert!(wait <= Duration::from_secs(1000), "{wait:?}");
        } else {
            kept += 1;
            assert_eq!(next.status(), Status::Found, "cut {times}");
        }
        if is_over {
            break;
        }
    }
    assert!(spent > 0 && kept > 0, "{spent} and {kept}");
}

/// Dropped while it waits for its turn, a look-up gives its turn back.
#[tokio::test]
async fn waiting_for_the_budget() {
    let testbed = Testbed::start().await;
    testbed.vks().confirm(&alice(), &certs::cert(&[ALICE]).cert);
    let one = Budget::new(1, 0.001).expect("a budget");
    let seams = Seams::default();
    let builder = seams.locator(&testbed).no_wkd().vks_budget(one);
    let patient = builder.deadline(AMPLE * 1000).build().expect("builds");
    assert_eq!(locate(&patient).await.status(), Status::Found);
    for _ in 0..3 {
        assert!(cut(0, locate(&patient)).await.is_none(), "it waits");
    }
    let error = locate(&patient.with_deadline(SHORT)).await;
    let wait = error.error().and_then(|error| error.retry_after());
    let wait = wait.expect("the budget is spent");
    assert!(wait <= Duration::from_secs(1000), "{wait:?}");
}

/// A deadline of nothing is over before anybody is asked: that is no word about
/// the budget, of which all is left.
#[tokio::test]
async fn no_time_at_all_is_a_timeout() {
    let testbed = Testbed::start().await;
    testbed.vks().confirm(&alice(), &certs::cert(&[ALICE]).cert);
    let one = Budget::new(1, 0.001).expect("a budget");
    let seams = Seams::default();
    let builder = seams.locator(&testbed).no_wkd().vks_budget(one);
    let locator = builder.deadline(AMPLE).build().expect("builds");
    let lookup = locate(&locator.with_deadline(Duration::ZERO)).await;
    let error = lookup.error().expect("a failure");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(error.retry_after(), None);
    assert!(testbed.vks().requests().is_empty());
    assert_eq!(locate(&locator).await.status(), Status::Found);
}
