//! Who is next: many items, of which those of one group share something.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::sleep;

use crate::BoxFuture;

/// How long one that waits keeps its place from the other groups, and a first one its
/// group from beginning.
const PATIENCE: Duration = Duration::from_secs(1);

/// One turn in so many is for a group that is not known to be quick, where there is one.
const OTHERS: usize = 64;

/// How much goes on at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// In all, without those that have been waiting for [`PATIENCE`]; with them,
    /// twice as many.
    pub(super) at_once: usize,
    /// In a group.
    pub(super) each: usize,
    /// Items that wait for their turn.
    pub(super) read_ahead: usize,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub(super) ended: usize,
    pub(super) running: usize,
    pub(super) waiting: usize,
}

type Run<T, O> = Box<dyn FnMut(T) -> BoxFuture<'static, O> + Send>;
type Key<T> = Box<dyn Fn(&T) -> Arc<str> + Send>;
type IsCrowded = Box<dyn Fn() -> bool + Send>;

/// What each item of a stream came to, as they end.
///
/// The groups take turns, those that are quick first. The first item of each goes
/// alone, for a while: it finds out what the others then need not. Behind it, the groups
/// share the places that there are. An item that takes long gives up its place, so that
/// slow groups do not hold up the others. Where it is crowded at what all groups share,
/// it does not, and none begins: it would only wait, and its time run out.
pub(super) struct Schedule<S: Stream, O> {
    source: Option<Pin<Box<S>>>,
    key: Key<S::Item>,
    run: Run<S::Item, O>,
    is_crowded: IsCrowded,
    shape: Shape,
    groups: HashMap<Arc<str>, Group<S::Item>>,
    /// Groups that may have a place for one of their items, in turn: those whose last
    /// item was quick.
    quick: VecDeque<Arc<str>>,
    /// The others, and those that have not begun.
    others: VecDeque<Arc<str>>,
    /// How many have had their turn since the last of the others.
    since_others: usize,
    running: FuturesUnordered<BoxFuture<'static, News<O>>>,
    /// How many of those running hold a place.
    placed: usize,
    waiting: usize,
    ended: usize,
}

struct Group<T> {
    waiting: VecDeque<T>,
    running: usize,
    /// One of it has ended, or takes long.
    is_known: bool,
    /// The last news of it was that one ended, before it took long.
    is_quick: bool,
    /// It waits for its turn, and has an item for it.
    has_turn: bool,
}

enum News<O> {
    Ended {
        group: Arc<str>,
        had_place: bool,
        output: O,
    },
    Slow {
        group: Arc<str>,
        rest: BoxFuture<'static, O>,
    },
}

impl<S: Stream, O: Send + 'static> Schedule<S, O>
where
    S::Item: 'static,
{
    /// `key` tells the group of an item; `run` begins it. Where it is crowded, some of
    /// those running wait for each other.
    pub(super) fn new(
        source: S,
        shape: Shape,
        key: impl Fn(&S::Item) -> Arc<str> + Send + 'static,
        run: impl FnMut(S::Item) -> BoxFuture<'static, O> + Send + 'static,
        is_crowded: impl Fn() -> bool + Send + 'static,
    ) -> Self {
        Self {
            source: Some(Box::pin(source)),
            key: Box::new(key),
            run: Box::new(run),
            is_crowded: Box::new(is_crowded),
            shape,
            groups: HashMap::new(),
            quick: VecDeque::new(),
            others: VecDeque::new(),
            since_others: 0,
            running: FuturesUnordered::new(),
            placed: 0,
            waiting: 0,
            ended: 0,
        }
    }

    fn so_far(&self) -> Count {
        Count {
            ended: self.ended,
            running: self.running.len(),
            waiting: self.waiting,
        }
    }

    /// Reads ahead.
    fn read(&mut self, context: &mut Context<'_>) {
        while self.waiting < self.shape.read_ahead
            && let Some(source) = &mut self.source
        {
            match source.as_mut().poll_next(context) {
                Poll::Ready(Some(item)) => self.enqueue(item),
                Poll::Ready(None) => self.source = None,
                Poll::Pending => return,
            }
        }
    }

    fn enqueue(&mut self, item: S::Item) {
        let name = (self.key)(&item);
        let group = self
            .groups
            .entry(Arc::clone(&name))
            .or_insert_with(|| Group {
                waiting: VecDeque::new(),
                running: 0,
                is_known: false,
                is_quick: false,
                has_turn: false,
            });
        group.waiting.push_back(item);
        self.waiting += 1;
        self.queue(name);
    }

    /// Gives the group a turn, if it has an item for it.
    fn queue(&mut self, name: Arc<str>) {
        let Some(group) = self.groups.get_mut(&name) else {
            return;
        };
        if group.has_turn || group.waiting.is_empty() {
            return;
        }
        group.has_turn = true;
        match group.is_quick {
            true => self.quick.push_back(name),
            false => self.others.push_back(name),
        }
    }

    /// The group whose turn it is. Those that are quick come first: what their last one
    /// left, a connection above all, is there for the next one now.
    fn turn(&mut self) -> Option<Arc<str>> {
        let is_others = self.quick.is_empty() || self.since_others + 1 >= OTHERS;
        if is_others && let Some(name) = self.others.pop_front() {
            self.since_others = 0;
            return Some(name);
        }
        self.since_others = (self.since_others + 1).min(OTHERS);
        self.quick.pop_front()
    }

    /// Begins as many as there are places for.
    fn begin(&mut self) {
        let all = self.shape.at_once;
        while self.placed < all
            && self.running.len() < all.saturating_mul(2)
            && (self.running.is_empty() || !(self.is_crowded)())
            && let Some(name) = self.turn()
        {
            let share = (all / self.groups.len().max(1)).clamp(1, self.shape.each);
            let Some(group) = self.groups.get_mut(&name) else {
                continue;
            };
            group.has_turn = false;
            let places = if group.is_known { share } else { 1 };
            if group.running >= places {
                // It has its turn back when one of it ends.
                continue;
            }
            let Some(item) = group.waiting.pop_front() else {
                continue;
            };
            group.running += 1;
            self.waiting -= 1;
            self.placed += 1;
            if group.running < places {
                self.queue(Arc::clone(&name));
            }
            let work = (self.run)(item);
            self.running.push(watched(name, work).boxed());
        }
    }

    fn end(&mut self, name: Arc<str>, had_place: bool) {
        self.ended += 1;
        self.placed -= usize::from(had_place);
        let Some(group) = self.groups.get_mut(&name) else {
            return;
        };
        group.running -= 1;
        if group.waiting.is_empty() && group.running == 0 {
            // What the first one found out is not lost with it.
            self.groups.remove(&name);
        } else {
            self.tells(name, had_place);
        }
    }

    /// An item of the group has ended, or takes long: its first one waits no longer.
    fn tells(&mut self, name: Arc<str>, is_quick: bool) {
        if let Some(group) = self.groups.get_mut(&name) {
            group.is_known = true;
            group.is_quick = is_quick;
            self.queue(name);
        }
    }
}

impl<S: Stream, O: Send + 'static> Stream for Schedule<S, O>
where
    S::Item: 'static,
{
    type Item = (O, Count);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            this.read(context);
            this.begin();
            match this.running.poll_next_unpin(context) {
                Poll::Ready(Some(News::Ended {
                    group,
                    had_place,
                    output,
                })) => {
                    this.end(group, had_place);
                    return Poll::Ready(Some((output, this.so_far())));
                }
                Poll::Ready(Some(News::Slow { group, rest })) => {
                    this.tells(Arc::clone(&group), false);
                    if (this.is_crowded)() {
                        this.running.push(watched(group, rest).boxed());
                    } else {
                        this.placed -= 1;
                        this.running.push(unplaced(group, rest).boxed());
                    }
                }
                Poll::Ready(None) if this.source.is_none() => return Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

// Nothing in it is pinned in place.
impl<S: Stream, O> Unpin for Schedule<S, O> {}

/// Runs it, and says so once it has been slow.
async fn watched<O: Send + 'static>(group: Arc<str>, work: BoxFuture<'static, O>) -> News<O> {
    match select(work, Box::pin(sleep(PATIENCE))).await {
        Either::Left((output, _)) => News::Ended {
            group,
            had_place: true,
            output,
        },
        Either::Right(((), rest)) => News::Slow { group, rest },
    }
}

/// Runs the rest of it, without a place.
async fn unplaced<O>(group: Arc<str>, rest: BoxFuture<'static, O>) -> News<O> {
    News::Ended {
        group,
        had_place: false,
        output: rest.await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;
    use tokio::time::Instant;

    use super::*;

    /// An item: its group, and how many milliseconds it takes.
    type Item = (&'static str, u64);

    /// Runs all, and tells of each when it began and ended, in milliseconds, and how
    /// many were running at most.
    async fn run(
        items: Vec<Item>,
        at_once: usize,
        each: usize,
    ) -> (Vec<(Item, u128, u128)>, usize) {
        let begin = Instant::now();
        let now = Arc::new(Mutex::new((0, 0)));
        let counts = now.clone();
        let shape = Shape {
            at_once,
            each,
            read_ahead: 1000,
        };
        let schedule = Schedule::new(
            stream::iter(items),
            shape,
            |item: &Item| item.0.into(),
            move |item| {
                let counts = counts.clone();
                async move {
                    let from = begin.elapsed().as_millis();
                    {
                        let mut counts = counts.lock().unwrap();
                        counts.0 += 1;
                        counts.1 = counts.0.max(counts.1);
                    }
                    sleep(Duration::from_millis(item.1)).await;
                    counts.lock().unwrap().0 -= 1;
                    (item, from, begin.elapsed().as_millis())
                }
                .boxed()
            },
            || false,
        );
        let all: Vec<_> = schedule.map(|(output, _)| output).collect().await;
        let most = now.lock().unwrap().1;
        (all, most)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_of_a_group_goes_alone() {
        let (all, most) = run(vec![("a", 100); 9], 8, 4).await;
        let begun: Vec<_> = all.iter().map(|(_, from, _)| *from).collect();
        assert_eq!(begun, [0, 100, 100, 100, 100, 200, 200, 200, 200]);
        assert_eq!(most, 4);
    }

    /// Or its last, where only one may go at a time.
    #[tokio::test(start_paused = true)]
    async fn a_slow_first_item_does_not_hold_up_its_group() {
        for (each, expected) in [(4, 1030), (1, 10_090)] {
            let mut items = vec![("a", 10_000)];
            items.extend([("a", 10); 9]);
            let (all, most) = run(items, 8, each).await;
            let ends = all.iter().filter(|(item, ..)| item.1 == 10);
            assert_eq!(ends.map(|(_, _, end)| *end).max(), Some(expected));
            assert_eq!(most, each);
        }
    }

    /// So that their connections are used while they are there.
    #[tokio::test(start_paused = true)]
    async fn what_has_begun_is_ended_first() {
        let groups = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let items = (0..5).flat_map(|_| groups.map(|group| (group, 100)));
        let (all, most) = run(items.collect(), 2, 4).await;
        assert_eq!((all.len(), most), (40, 2));
        let order: String = all.iter().map(|((group, _), ..)| *group).collect();
        // Two groups share the places; the others may each have had a first one.
        let last_of = |group| order.rfind(group).expect("it is there");
        assert!(last_of("a") < 12 && last_of("b") < 12, "{order}");
        assert!(last_of("c") < 24 && last_of("d") < 24, "{order}");
    }

    /// Only while it is quick: slow ones take turns with all.
    #[tokio::test(start_paused = true)]
    async fn slow_groups_that_have_begun_do_not_come_first() {
        let mut items = vec![("s", 10_000); 50];
        items.extend(vec![("t", 10_000); 50]);
        items.extend([("a", 10), ("a", 10), ("b", 10)]);
        let (all, _) = run(items, 1, 4).await;
        for group in ["a", "b"] {
            let of_it = all.iter().filter(|((name, _), ..)| *name == group);
            let last = of_it.map(|(_, _, end)| *end).max();
            assert!(last < Some(30_000), "{group}: {last:?}");
        }
    }

    /// However much of what has begun there is.
    #[tokio::test(start_paused = true)]
    async fn what_has_begun_does_not_keep_out_the_others() {
        let mut items = vec![("a", 100); 500];
        items.extend([("b", 100), ("c", 100)]);
        let (all, _) = run(items, 1, 4).await;
        let ends = |group| {
            let mut all = all.iter();
            all.position(|((name, _), ..)| *name == group).expect("one")
        };
        assert!(ends("b") <= 2 * OTHERS, "{}", ends("b"));
        assert!(ends("c") <= 3 * OTHERS, "{}", ends("c"));
    }

    #[tokio::test(start_paused = true)]
    async fn groups_take_turns_and_share() {
        // One long queue in front of small ones.
        let mut items = vec![("a", 100); 40];
        items.extend([("b", 100); 4]);
        items.extend([("c", 100); 4]);
        let (all, most) = run(items, 6, 4).await;
        assert_eq!(all.len(), 48);
        assert!(most <= 6, "{most}");
        let last_of = |group| {
            let ends = all.iter().filter(|((name, _), ..)| *name == group);
            ends.map(|(_, _, end)| *end).max()
        };
        // Two places each while there are three groups.
        assert_eq!(last_of("b"), Some(300));
        assert_eq!(last_of("c"), Some(300));
        assert!(last_of("a") >= Some(1000));
    }

    /// Groups that take ten seconds are more than there are places, and in front.
    #[tokio::test(start_paused = true)]
    async fn slow_groups_do_not_hold_up_the_others() {
        let slow = ["s0", "s1", "s2", "s3", "s4", "s5"];
        let mut items: Vec<Item> = slow.iter().map(|group| (*group, 10_000)).collect();
        items.extend([("a", 10), ("a", 10), ("b", 10)]);
        let (all, most) = run(items, 4, 4).await;
        assert_eq!(most, 8, "as many again, and no more");
        let first: Vec<_> = all[..3]
            .iter()
            .map(|((group, _), _, end)| (*group, *end))
            .collect();
        // Four places, given up after a second; two of the slow ones go on first.
        assert_eq!(first, [("a", 1010), ("b", 1010), ("a", 1020)]);
    }

    /// All meet at something that takes three seconds for each: nobody gives up a
    /// place for others who would only join the queue.
    #[tokio::test(start_paused = true)]
    async fn while_it_is_crowded_none_begins() {
        let shared = Arc::new(tokio::sync::Semaphore::new(1));
        let now = Arc::new(Mutex::new((0, 0)));
        let (queue, most) = (now.clone(), now.clone());
        let shape = Shape {
            at_once: 4,
            each: 4,
            read_ahead: 100,
        };
        let run = move |_| {
            let (shared, now) = (shared.clone(), now.clone());
            async move {
                {
                    let mut now = now.lock().unwrap();
                    now.0 += 1;
                    now.1 = now.0.max(now.1);
                }
                let _place = shared.acquire().await.unwrap();
                sleep(Duration::from_secs(3)).await;
                now.lock().unwrap().0 -= 1;
            }
            .boxed()
        };
        let items = (0..20).map(|n| format!("group{n}"));
        let key = |name: &String| name.as_str().into();
        let is_crowded = move || queue.lock().unwrap().0 > 2;
        let schedule = Schedule::new(stream::iter(items), shape, key, run, is_crowded);
        assert_eq!(schedule.count().await, 20);
        let most = most.lock().unwrap().1;
        assert!(most <= 6, "{most}: nearly as many again");
    }

    #[tokio::test(start_paused = true)]
    async fn all_come_out_whatever_the_shape() {
        for (at_once, each, read_ahead) in [(1, 1, 1), (2, 9, 3), (64, 16, 7), (3, 1, 1000)] {
            let groups = ["a", "b", "c", "d", "e", "f", "g"];
            let items: Vec<_> = (0..500).map(|n: usize| (groups[n * n % 7], n)).collect();
            let shape = Shape {
                at_once,
                each,
                read_ahead,
            };
            let key = |item: &(&str, usize)| item.0.into();
            let begun = |item: (&'static str, usize)| {
                let time = Duration::from_millis((item.1 * 37 % 1500) as u64);
                async move {
                    sleep(time).await;
                    item.1
                }
                .boxed()
            };
            let schedule = Schedule::new(stream::iter(items), shape, key, begun, || false);
            let mut out: Vec<_> = schedule
                .enumerate()
                .map(|(n, (item, count))| {
                    assert_eq!(count.ended, n + 1);
                    assert!(count.running <= 2 * at_once && count.waiting <= read_ahead);
                    item
                })
                .collect()
                .await;
            out.sort_unstable();
            assert!(out.into_iter().eq(0..500), "{shape:?}");
        }
    }

    /// A stream that has nothing yet is waited for.
    #[tokio::test(start_paused = true)]
    async fn items_may_come_late() {
        let late = stream::unfold(0, |n| async move {
            sleep(Duration::from_secs(5)).await;
            (n < 3).then_some((n, n + 1))
        });
        let shape = Shape {
            at_once: 4,
            each: 4,
            read_ahead: 4,
        };
        let run = |n: i32| async move { n }.boxed();
        let schedule = Schedule::new(late, shape, |_: &i32| "".into(), run, || false);
        let out: Vec<_> = schedule.map(|(n, _)| n).collect().await;
        assert_eq!(out, [0, 1, 2]);
    }
}
