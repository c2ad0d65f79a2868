//! The layer that breaks things: it stands between a locator and the testbed's
//! real resolver and transport, counts what goes through, and spoils one of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use openpgp_discovery::dns::DnsResolver;
use openpgp_discovery::transport::{HttpTransport, Request, ReqwestTransport, Response};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{BoxFuture, Error, ErrorKind, Event, KeyLocator, KeyLocatorBuilder};
use testbed::{Fault, TestDns, Testbed};

use crate::DIRECT;

/// What is done to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// It fails so.
    Fail(ErrorKind),
    /// It never ends.
    Hang,
    /// It takes two seconds more.
    Late,
    /// DNS: the name leads to an inner address.
    Inner,
    /// DNS: the name leads to a port that is closed.
    Closed,
    /// The answer has this status instead.
    Status(u16),
    /// 429, and the server says when to come back.
    Busy,
    /// The body goes on, and is not read further.
    CutOff,
    /// Half of the body is taken for the whole.
    Half,
    /// The body is empty.
    Empty,
    /// The body is something else.
    Garbage,
    /// The body is a web page, labelled as one.
    WebPage,
    /// The body is labelled as compressed.
    Labelled,
    /// A redirect to nowhere.
    NoLocation,
    /// One bit of the body is another: at so many eighths of it.
    Flip(usize),
}

impl Break {
    pub(super) const ALL: [Self; 27] = [
        Self::Fail(ErrorKind::Dns),
        Self::Fail(ErrorKind::Connect),
        Self::Fail(ErrorKind::Tls),
        Self::Fail(ErrorKind::Http),
        Self::Fail(ErrorKind::Timeout),
        Self::Hang,
        Self::Late,
        Self::Inner,
        Self::Closed,
        Self::Status(204),
        Self::Status(400),
        Self::Status(500),
        Self::Status(503),
        Self::Status(429),
        Self::Busy,
        Self::CutOff,
        Self::Half,
        Self::Empty,
        Self::Garbage,
        Self::WebPage,
        Self::Labelled,
        Self::NoLocation,
        Self::Flip(0),
        Self::Flip(1),
        Self::Flip(3),
        Self::Flip(5),
        Self::Flip(8),
    ];
}

/// What has become of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// Nothing but that it took time.
    None,
    /// It brought no answer, and whoever waits for it can tell.
    Failure,
    /// The answer says something else than the server did. Whether that can be
    /// told depends on what was hit.
    Damage,
}

/// One operation: what, and during which step of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) what: String,
    pub(super) step: usize,
}

/// What went through, shared by both seams.
#[derive(Clone, Debug, Default)]
pub(super) struct Seams(Arc<State>);

#[derive(Debug, Default)]
struct State {
    plan: Option<(usize, Break)>,
    ops: Mutex<Vec<Op>>,
    harm: Mutex<Option<Harm>>,
    /// What an answer was made.
    body: Mutex<Option<Bytes>>,
    /// How many steps of the trail have ended.
    steps: AtomicUsize,
    pending: AtomicUsize,
    /// The broken operation hangs, or is late.
    is_asleep: AtomicBool,
    /// The clock stands still, and jumps to whatever is waited for.
    is_paused: AtomicBool,
}

impl Seams {
    pub(super) fn breaking(plan: Option<(usize, Break)>) -> Self {
        Self(Arc::new(State {
            plan,
            ..State::default()
        }))
    }

    /// A locator whose world is the testbed, seen through this.
    pub(super) fn locator(&self, testbed: &Testbed) -> KeyLocatorBuilder {
        let transport = ReqwestTransport::builder()
            .trust_anchor(testbed.ca_der())
            .build();
        let closed = "closed.example.net";
        testbed.host(closed).fault(Fault::Refused);
        let seams = self.clone();
        KeyLocator::builder()
            .resolver(Dns {
                inner: testbed.dns(),
                seams: self.clone(),
                closed: testbed.host_addr(closed),
            })
            .transport(Http {
                inner: transport.expect("a transport"),
                seams: self.clone(),
            })
            .guard(testbed.guard())
            .vks(testbed.vks_url())
            .vks_budget(Budget::unlimited())
            .on_event(move |event| {
                if matches!(event, Event::Finished { .. } | Event::KeyAnswered { .. }) {
                    seams.0.steps.fetch_add(1, SeqCst);
                }
            })
    }

    pub(super) fn ops(&self) -> Vec<Op> {
        lock(&self.0.ops).clone()
    }

    /// What was broken, if its turn came and it could be broken so.
    pub(super) fn harm(&self) -> Option<Harm> {
        *lock(&self.0.harm)
    }

    /// The body that was damaged, as it came out.
    pub(super) fn damaged(&self) -> Option<Bytes> {
        lock(&self.0.body).take()
    }

    /// How many operations are under way.
    pub(super) fn pending(&self) -> usize {
        self.0.pending.load(SeqCst)
    }

    /// Lets the clock run again.
    pub(super) fn resume(&self) {
        if self.0.is_paused.swap(false, SeqCst) {
            tokio::time::resume();
        }
    }

    fn pause(&self) {
        if !self.0.is_paused.swap(true, SeqCst) {
            tokio::time::pause();
        }
    }

    fn fall_asleep(&self) -> Asleep {
        self.0.is_asleep.store(true, SeqCst);
        self.pause();
        Asleep(self.clone())
    }

    /// Counts an operation, and tells what is to be done to it.
    fn begin(&self, what: String) -> (Option<Break>, Pending) {
        self.resume();
        let mut ops = lock(&self.0.ops);
        let n = ops.len();
        ops.push(Op {
            what,
            step: self.0.steps.load(SeqCst),
        });
        self.0.pending.fetch_add(1, SeqCst);
        let planned = self.0.plan.filter(|(at, _)| *at == n);
        (planned.map(|(_, how)| how), Pending(self.clone()))
    }

    /// Waits for the advanced method's host, which is asked for beside this one:
    /// meanwhile the clock must not jump.
    async fn alone(&self, host: &str) {
        let is_ahead = host == DIRECT && self.0.steps.load(SeqCst) == 0;
        while is_ahead && self.pending() > 1 {
            tokio::task::yield_now().await;
        }
    }

    fn did(&self, harm: Harm) {
        *lock(&self.0.harm) = Some(harm);
    }

    /// What both kinds of operation can suffer. `Ok` goes on.
    async fn suffer(&self, how: Option<Break>) -> Result<(), Error> {
        match how {
            Some(Break::Fail(kind)) => {
                self.did(Harm::Failure);
                Err(Error::new(kind, "broken on purpose"))
            }
            Some(Break::Hang) => {
                self.did(Harm::Failure);
                let _asleep = self.fall_asleep();
                std::future::pending().await
            }
            Some(Break::Late) => {
                self.did(Harm::None);
                let asleep = self.fall_asleep();
                tokio::time::sleep(Duration::from_secs(2)).await;
                drop(asleep);
                self.resume();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What an answer can suffer.
    fn spoil(&self, how: Break, answer: Response) -> Response {
        let with = |status, name, value| {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            Response::new(status, headers, answer.body.clone())
        };
        let (status, headers) = (answer.status, answer.headers.clone());
        let body = |body: Vec<u8>| Response::new(status, headers.clone(), body);
        let is_body = status == StatusCode::OK && !answer.body.is_empty();
        let (harm, spoiled) = match how {
            Break::Status(code) if status.as_u16() != code => {
                let status = StatusCode::from_u16(code).expect("a status");
                // Whatever the body is.
                let body = answer.body.clone();
                (Harm::Failure, Response::new(status, HeaderMap::new(), body))
            }
            Break::Busy => {
                // Whoever comes back finds the clock running.
                self.pause();
                let answer = with(StatusCode::TOO_MANY_REQUESTS, RETRY_AFTER, "1");
                (Harm::Failure, answer)
            }
            Break::NoLocation => {
                let answer = with(StatusCode::FOUND, CONTENT_TYPE, "text/plain");
                assert!(!answer.headers.contains_key(LOCATION));
                (Harm::Failure, answer)
            }
            Break::CutOff if is_body => (Harm::Failure, answer.truncated()),
            Break::Empty if is_body => (Harm::Failure, body(Vec::new())),
            Break::Garbage if is_body => (Harm::Failure, body(vec![0x5a; answer.body.len()])),
            Break::WebPage if is_body => {
                let page = "<!DOCTYPE html><title>Welcome to the hotel</title>";
                let mut answer = with(StatusCode::OK, CONTENT_TYPE, "text/html");
                answer.body = page.into();
                (Harm::Failure, answer)
            }
            Break::Labelled if is_body => (
                Harm::Failure,
                with(StatusCode::OK, CONTENT_ENCODING, "gzip"),
            ),
            Break::Half if is_body => {
                let half = answer.body[..answer.body.len() / 2].to_vec();
                (Harm::Damage, body(half))
            }
            Break::Flip(eighth) if is_body => {
                let mut octets = answer.body.to_vec();
                let at = (octets.len() - 1) * eighth / 8;
                octets[at] ^= 0x04;
                (Harm::Damage, body(octets))
            }
            _ => return answer,
        };
        if harm == Harm::Damage {
            *lock(&self.0.body) = Some(spoiled.body.clone());
        }
        self.did(harm);
        spoiled
    }
}

/// An operation under way.
struct Pending(Seams);

impl Drop for Pending {
    fn drop(&mut self) {
        let Self(seams) = self;
        let before = seams.0.pending.fetch_sub(1, SeqCst);
        // None is left but the one that sleeps.
        if before == 2 && seams.0.is_asleep.load(SeqCst) {
            seams.pause();
        }
    }
}

/// The broken operation sleeps, beside which others may be made meanwhile.
struct Asleep(Seams);

impl Drop for Asleep {
    fn drop(&mut self) {
        self.0.0.is_asleep.store(false, SeqCst);
    }
}

#[derive(Debug)]
struct Dns {
    inner: TestDns,
    seams: Seams,
    closed: SocketAddr,
}

impl DnsResolver for Dns {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            let (how, _pending) = self.seams.begin(format!("dns {host}"));
            if how.is_some() {
                self.seams.alone(host).await;
            }
            self.seams.suffer(how).await?;
            let answer = self.inner.addresses(host).await?;
            let lie = match how {
                Some(Break::Inner) => ([10, 0, 0, 1], 443).into(),
                Some(Break::Closed) => self.closed,
                _ => return Ok(answer),
            };
            // Where there is no address, a lie about it is an answer.
            self.seams.did(match answer.is_empty() {
                true => Harm::Damage,
                false => Harm::Failure,
            });
            Ok(vec![lie])
        })
    }
}

#[derive(Debug)]
struct Http {
    inner: ReqwestTransport,
    seams: Seams,
}

impl HttpTransport for Http {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        Box::pin(async move {
            let what = format!("{} {}", request.method, request.url);
            let (how, _pending) = self.seams.begin(what);
            self.seams.suffer(how).await?;
            let answer = self.inner.send(request).await?;
            Ok(match how {
                Some(how) => self.seams.spoil(how, answer),
                None => answer,
            })
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
