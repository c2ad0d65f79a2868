//! What a path answers: well-behaved, misbehaved or never.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{HeaderMap, Response, StatusCode};
use openpgp_discovery::openpgp::Cert;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// What a path answers.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    delay: Duration,
    pub(crate) manner: Manner,
}

/// How an answer goes over the wire.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// These octets, with their length.
    Whole(Bytes),
    /// These pieces, without a length ("chunked" in HTTP/1.1).
    Pieces(VecDeque<Bytes>),
    /// This piece again and again, until the client goes away.
    Endless(Bytes),
    /// One octet a second.
    Drip(Bytes),
    /// These octets, and then nothing, with the body still open.
    Stall(Bytes),
    /// Not even a status.
    Silent,
    /// The connection is closed.
    HangUp,
    /// These octets instead of HTTP, and what comes behind them.
    Raw(Bytes, End),
}

/// What comes behind raw octets.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// TLS is ended, and the connection with it.
    Close,
    /// The connection ends, and TLS does not say so: anybody on the way can do it.
    Cut,
    /// Nothing, with the connection still open.
    Stall,
    /// This piece again and again, until the client goes away.
    Endless(Bytes),
    /// As `Close`; and the octets came one by one, with this pause before each.
    Slow(Duration),
}

impl Answer {
    /// 200 with these octets, as WKD serves them.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::octets().body(body)
    }

    /// 200 with this certificate in ASCII armor, as a key server sends it.
    pub fn armored(cert: &Cert) -> Self {
        Self::ok(crate::certs::armored(cert)).header("content-type", "application/pgp-keys")
    }

    /// 200 with a web page.
    pub fn html(page: &str) -> Self {
        Self::ok(page).header("content-type", "text/html; charset=utf-8")
    }

    /// This status with this text, labelled as JSON.
    pub fn json(status: u16, text: &str) -> Self {
        Self::status(status)
            .body(text)
            .header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// 200 with these octets in gzip.
    pub fn gzip(body: &[u8]) -> Self {
        Self::ok(gzip(body)).header(CONTENT_ENCODING.as_str(), "gzip")
    }

    /// This status, without a body.
    ///
    /// # Panics
    ///
    /// Where it is not within 100 and 999.
    pub fn status(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("an HTTP status"),
            headers: HeaderMap::new(),
            delay: Duration::ZERO,
            manner: Manner::Whole(Bytes::new()),
        }
    }

    /// A redirect with this status and this `Location`, which may be any text.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).header(LOCATION.as_str(), to)
    }

    /// 200 with these pieces, and no length.
    pub fn chunked<B: AsRef<[u8]>>(pieces: impl IntoIterator<Item = B>) -> Self {
        Self::octets().manner(Manner::Pieces(pieces.into_iter().map(copy).collect()))
    }

    /// 200, and this piece again and again until the client goes away.
    ///
    /// # Panics
    ///
    /// Where the piece is empty.
    pub fn endless(piece: impl AsRef<[u8]>) -> Self {
        Self::octets().manner(Manner::Endless(many(piece.as_ref())))
    }

    /// 200, and one octet a second.
    pub fn drip(body: impl AsRef<[u8]>) -> Self {
        Self::octets().manner(Manner::Drip(copy(body)))
    }

    /// 200 and these octets, and then nothing more, with the body still open.
    pub fn stall(body: impl AsRef<[u8]>) -> Self {
        Self::octets().manner(Manner::Stall(copy(body)))
    }

    /// Nothing, with the connection still open.
    pub fn silent() -> Self {
        Self::octets().manner(Manner::Silent)
    }

    /// The connection is closed without an answer.
    pub fn hang_up() -> Self {
        Self::octets().manner(Manner::HangUp)
    }

    /// These octets instead of an HTTP answer; then the connection is closed.
    ///
    /// To be planted before a client connects: the host then speaks HTTP/1.1 only.
    pub fn raw(octets: impl AsRef<[u8]>) -> Self {
        Self::octets().manner(Manner::Raw(copy(octets), End::Close))
    }

    /// The same, but the connection is cut: TLS does not say that this was all.
    pub fn raw_cut(octets: impl AsRef<[u8]>) -> Self {
        Self::octets().manner(Manner::Raw(copy(octets), End::Cut))
    }

    /// The same, but then there is nothing more, with the connection still open.
    pub fn raw_stall(octets: impl AsRef<[u8]>) -> Self {
        Self::octets().manner(Manner::Raw(copy(octets), End::Stall))
    }

    /// The same, and then this piece again and again until the client goes away.
    ///
    /// # Panics
    ///
    /// Where the piece is empty.
    pub fn raw_endless(octets: impl AsRef<[u8]>, piece: impl AsRef<[u8]>) -> Self {
        let end = End::Endless(many(piece.as_ref()));
        Self::octets().manner(Manner::Raw(copy(octets), end))
    }

    /// The same, octet by octet, with this pause before each.
    pub fn raw_slow(octets: impl AsRef<[u8]>, pause: Duration) -> Self {
        Self::octets().manner(Manner::Raw(copy(octets), End::Slow(pause)))
    }

    /// 200 with a `Content-Length` that is not the length; raw, as above.
    pub fn lying_length(claimed: u64, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {claimed}\r\n\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    /// The same answer with this body.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        self.manner(Manner::Whole(copy(body)))
    }

    /// The same answer with this header field in place of those of its name.
    ///
    /// # Panics
    ///
    /// Where HTTP does not allow it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header field's name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header field's value");
        self.headers.insert(name, value);
        self
    }

    /// The same answer, this much later.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// 200 with the content type of certificates as WKD serves them.
    fn octets() -> Self {
        Self::status(200).header(CONTENT_TYPE.as_str(), "application/octet-stream")
    }

    fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// 404 without a body.
    pub(crate) fn missing() -> Self {
        Self::status(404)
    }

    /// A sentence for people, labelled as a key server labels its errors.
    pub(crate) fn sentence(status: u16, text: impl AsRef<[u8]>) -> Self {
        Self::status(status)
            .body(text)
            .header(CONTENT_TYPE.as_str(), "text/html; charset=utf-8")
    }

    /// Whether it can only be written under HTTP's feet.
    pub(crate) fn is_raw(&self) -> bool {
        matches!(self.manner, Manner::Raw(..))
    }

    /// Waits its time; `None` for hanging up.
    pub(crate) async fn respond(self) -> Option<Response<Flow>> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        match self.manner {
            Manner::Silent => std::future::pending::<()>().await,
            // Raw, and too late for it: HTTP is being spoken already.
            Manner::HangUp | Manner::Raw(..) => return None,
            _ => {}
        }
        let mut response = Response::new(Flow {
            manner: self.manner,
            clock: None,
        });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        Some(response)
    }
}

/// The answers of one path, in order; the last one stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    first: VecDeque<(usize, Answer)>,
    last: Option<Answer>,
}

impl Plan {
    /// From now on this, whatever was planted before.
    pub(crate) fn always(&mut self, answer: Answer) {
        self.first.clear();
        self.last = Some(answer);
    }

    /// This so many times, before what is planted already.
    pub(crate) fn first(&mut self, times: usize, answer: Answer) {
        if times > 0 {
            self.first.push_front((times, answer));
        }
    }

    /// What comes next.
    pub(crate) fn peek(&self) -> Option<&Answer> {
        let first = self.first.front().map(|(_, answer)| answer);
        first.or(self.last.as_ref())
    }

    /// What comes next, used up.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        let Some((times, answer)) = self.first.front_mut() else {
            return self.last.clone();
        };
        let answer = answer.clone();
        *times -= 1;
        if *times == 0 {
            self.first.pop_front();
        }
        Some(answer)
    }

    pub(crate) fn any(&self, test: impl Fn(&Answer) -> bool) -> bool {
        let first = self.first.iter().map(|(_, answer)| answer);
        first.chain(&self.last).any(test)
    }
}

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Flow {
    manner: Manner,
    clock: Option<Interval>,
}

impl Body for Flow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let piece = match &mut this.manner {
            Manner::Whole(body) if body.is_empty() => None,
            Manner::Whole(body) => Some(std::mem::take(body)),
            Manner::Pieces(pieces) => pieces.pop_front(),
            Manner::Endless(piece) => Some(piece.clone()),
            Manner::Drip(body) if body.is_empty() => None,
            Manner::Drip(body) => {
                let clock = this.clock.get_or_insert_with(every_second);
                ready!(clock.poll_tick(cx));
                Some(body.split_to(1))
            }
            Manner::Stall(body) if body.is_empty() => return Poll::Pending,
            Manner::Stall(body) => Some(std::mem::take(body)),
            Manner::Silent | Manner::HangUp | Manner::Raw(..) => None,
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.manner {
            Manner::Whole(body) | Manner::Drip(body) => body.is_empty(),
            Manner::Pieces(pieces) => pieces.is_empty(),
            _ => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.manner {
            Manner::Whole(body) => SizeHint::with_exact(body.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

fn copy(octets: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(octets.as_ref())
}

/// So often that writing it does not measure the framing.
fn many(piece: &[u8]) -> Bytes {
    assert!(!piece.is_empty(), "nothing without an end");
    piece.repeat(16_384_usize.div_ceil(piece.len())).into()
}

fn every_second() -> Interval {
    let second = Duration::from_secs(1);
    let mut clock = interval_at(Instant::now() + second, second);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}

/// RFC 1952 with stored blocks (RFC 1951, 3.2.4): real gzip, just not smaller.
fn gzip(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = body.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let len = u16::try_from(block.len()).expect("at most 65,535");
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(body).to_le_bytes());
    // The length modulo 2^32, as the format wants it.
    out.extend((body.len() as u32).to_le_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc: u32, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
