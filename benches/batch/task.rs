//! What a client is to do, and for whom.

use std::fmt::Debug;
use std::time::Duration;

use crate::Result;

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Ours,
    /// Ours, over HTTP/2 where that can be had.
    OursHttp2,
    SequoiaNet,
}

/// What is done with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Locate,
    Refresh,
}

/// In which order the addresses come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// One of each domain, then the next of each.
    Interleaved,
    /// All of a domain, then all of the next.
    ByDomain,
}

/// What a tenth of the domains is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenth {
    Alive,
    /// Not asked for.
    LeftOut,
    /// Asked for in vain: no connection is ever answered.
    Dead,
}

/// One run of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) who: Who,
    pub(crate) work: Work,
    pub(crate) order: Order,
    pub(crate) tenth: Tenth,
    pub(crate) domains: usize,
    pub(crate) per_domain: usize,
    pub(crate) deadline: Option<Duration>,
    pub(crate) concurrency: Option<usize>,
}

impl Task {
    /// As arguments of a command.
    pub(crate) fn to_arguments(self) -> [String; 8] {
        let deadline = self.deadline.map_or(0, |deadline| deadline.as_millis());
        [
            format!("{:?}", self.who),
            format!("{:?}", self.work),
            format!("{:?}", self.order),
            format!("{:?}", self.tenth),
            self.domains.to_string(),
            self.per_domain.to_string(),
            deadline.to_string(),
            self.concurrency.unwrap_or(0).to_string(),
        ]
    }

    pub(crate) fn from_arguments(arguments: &[String]) -> Result<Self> {
        let [
            who,
            work,
            order,
            tenth,
            domains,
            per_domain,
            deadline,
            concurrency,
        ] = arguments
        else {
            return Err("a client's arguments are for this bench alone".into());
        };
        let deadline = Duration::from_millis(deadline.parse()?);
        let concurrency = concurrency.parse()?;
        Ok(Self {
            who: named(&[Who::Ours, Who::OursHttp2, Who::SequoiaNet], who)?,
            work: named(&[Work::Locate, Work::Refresh], work)?,
            order: named(&[Order::Interleaved, Order::ByDomain], order)?,
            tenth: named(&[Tenth::Alive, Tenth::LeftOut, Tenth::Dead], tenth)?,
            domains: domains.parse()?,
            per_domain: per_domain.parse()?,
            deadline: (!deadline.is_zero()).then_some(deadline),
            concurrency: (concurrency > 0).then_some(concurrency),
        })
    }

    /// The addresses, in order.
    pub(crate) fn addresses(self) -> impl Iterator<Item = String> + Send {
        let (domains, per_domain) = (self.domains, self.per_domain);
        (0..domains * per_domain)
            .map(move |n| match self.order {
                Order::Interleaved => (n % domains, n / domains),
                Order::ByDomain => (n / per_domain, n % per_domain),
            })
            .filter(move |(domain, _)| self.tenth != Tenth::LeftOut || !is_in_tenth(*domain))
            .map(|(domain, user)| address(domain, user))
    }

    /// Whether this host is never to answer.
    pub(crate) fn is_dead(self, host: &str) -> bool {
        let number = host.strip_prefix("openpgpkey.d");
        let number = number.and_then(|rest| rest.split_once('.')?.0.parse().ok());
        self.tenth == Tenth::Dead && number.is_some_and(is_in_tenth)
    }

    /// How many of the addresses can be found, and how many not.
    pub(crate) fn expected(self) -> (usize, usize) {
        let tenth = (0..self.domains).filter(|&domain| is_in_tenth(domain));
        let tenth = tenth.count() * self.per_domain;
        let all = self.domains * self.per_domain;
        match self.tenth {
            Tenth::Alive => (all, 0),
            Tenth::LeftOut => (all - tenth, 0),
            Tenth::Dead => (all - tenth, tenth),
        }
    }
}

/// The address of this user of this domain.
pub(crate) fn address(domain: usize, user: usize) -> String {
    format!("user{user}@d{domain}.example.org")
}

fn is_in_tenth(domain: usize) -> bool {
    domain % 10 == 3
}

fn named<T: Copy + Debug>(all: &[T], name: &str) -> Result<T> {
    let one = all.iter().find(|one| format!("{one:?}") == name);
    one.copied()
        .ok_or_else(|| format!("what is {name}?").into())
}
