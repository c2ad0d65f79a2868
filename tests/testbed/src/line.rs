//! The way between client and servers: as long as a test sets it.
//!
//! Loopback answers at once, so a client that waits for one thing after another
//! looks as fast as one that does not. With
//! [`Testbed::set_round_trip`](crate::Testbed::set_round_trip) every wait shows as
//! whole round trips: DNS takes one, connecting one, TLS 1.3 one, a request one.
//!
//! The kernel completes a connection on loopback by itself, before any program
//! could delay it. Its round trip is therefore charged here and not in the client:
//! nothing that a client sends counts as sent before one round trip has passed
//! since its connection was accepted, for until then it would not have been
//! connected. A client that speaks first, as all do here, gets its first answer
//! exactly when it would on a real line; and so does every other client, whoever
//! wrote it, without a connector of ours inside it. What does not show is the
//! moment at which `connect` returns: a client that gives up on connecting, or
//! races addresses, sees loopback's. A port that refuses does so at once, too.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::log::lock;

/// How much of a connection may be on its way at once, in each direction: far
/// more than the window of a young connection, so that the line does not limit.
const UNDER_WAY: usize = 1 << 20;

/// How much is read at a time, and waits in front of a server.
const CHUNK: usize = 64 << 10;

/// How long the way is. It holds for whatever begins from now on.
#[derive(Debug, Default)]
pub(crate) struct Line(Mutex<Duration>);

impl Line {
    pub(crate) fn set_round_trip(&self, round_trip: Duration) {
        *lock(&self.0) = round_trip;
    }

    pub(crate) fn round_trip(&self) -> Duration {
        *lock(&self.0)
    }

    /// Serves a connection at the far end of the line, and carries what goes over
    /// it. Without a delay the server gets the socket itself.
    pub(crate) async fn serve<F>(&self, tcp: TcpStream, serve: impl FnOnce(Wire) -> F)
    where
        F: Future<Output = ()>,
    {
        let accepted = Instant::now();
        let round_trip = self.round_trip();
        if round_trip.is_zero() {
            return serve(Box::new(tcp)).await;
        }
        let (near, far) = tokio::io::duplex(CHUNK);
        let (from_client, to_client) = tcp.into_split();
        let (from_server, to_server) = tokio::io::split(near);
        let way = round_trip / 2;
        // The server knows of the connection once the client's acknowledgement is
        // there, and cannot speak before.
        let connected = accepted + round_trip;
        tokio::join!(
            serve(Box::new(far)),
            carry(from_client, to_server, way, connected),
            carry(from_server, to_client, way, connected + way),
        );
    }
}

/// The server's end of a connection.
pub(crate) type Wire = Box<dyn Stream>;

/// Whatever can be read and written.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Carries one direction: each chunk arrives this much later than it was sent,
/// and none counts as sent before the line was open. So does the end.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Duration,
    open: Instant,
) {
    let mut chunk = BytesMut::new();
    let mut under_way = VecDeque::new();
    let mut octets = 0;
    let mut ended = false;
    loop {
        chunk.reserve(CHUNK);
        tokio::select! {
            read = from.read_buf(&mut chunk), if !ended && octets < UNDER_WAY => {
                // A connection that broke is one that ended, at the other end.
                ended = read.unwrap_or(0) == 0;
                octets += chunk.len();
                let due = Instant::now().max(open) + way;
                under_way.push_back((due, chunk.split().freeze()));
            }
            arrived = arrive(under_way.front(), &mut to), if !under_way.is_empty() => {
                let Ok(Some(written)) = arrived else {
                    return;
                };
                octets -= written;
                if let Some((_, first)) = under_way.front_mut() {
                    let _ = first.split_to(written);
                    if first.is_empty() {
                        under_way.pop_front();
                    }
                }
            }
        }
    }
}

/// Hands over (some of) a chunk when it is due: how much of it, or `None` where
/// nothing more goes over. Dropped before it is done, it has handed over nothing.
async fn arrive(
    chunk: Option<&(Instant, Bytes)>,
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<Option<usize>> {
    let Some((due, octets)) = chunk else {
        return Ok(Some(0));
    };
    sleep_until(*due).await;
    let mut to = pin!(to);
    if octets.is_empty() {
        return to.shutdown().await.map(|()| None);
    }
    let written = to.write(octets).await?;
    // Nobody takes a chunk of nothing: whoever does is as good as gone.
    Ok(Some(written).filter(|&written| written > 0))
}
