//! Accepts connections, within limits: so many at once, so long each.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::tls::Tls;
use super::web::say;

/// How many connections at once; the next ones wait for one to end.
const CONNECTIONS: u32 = 1024;
/// How long a connection may last, whatever it does. A client of a directory asks and
/// goes; one that is slow on purpose must not keep its place.
const LIFETIME: Duration = Duration::from_secs(30);
/// How long what has begun may take to end, at the end of that and of the server.
const GRACE: Duration = Duration::from_secs(5);
/// How long TLS may take to begin, and the head of a request to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a head is read, in octets and fields: no client needs near as much.
const HEAD: usize = 16 << 10;
const FIELDS: usize = 64;
/// How many requests at once on one connection of HTTP/2.
const STREAMS: u32 = 32;
/// How long to wait where the system has no more sockets to give.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// What every connection gets.
pub(crate) struct Server {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

struct Shared {
    app: Router,
    tls: Option<Arc<Tls>>,
    http: Builder<TokioExecutor>,
    verbose: bool,
}

impl Server {
    pub(crate) fn new(app: Router, tls: Option<Arc<Tls>>, verbose: u8) -> Self {
        let shared = Shared {
            app,
            tls,
            http: http(),
            verbose: verbose > 1,
        };
        Self {
            shared: Arc::new(shared),
            places: Arc::new(Semaphore::new(CONNECTIONS as usize)),
            stop: watch::Sender::new(false),
        }
    }

    /// Serves whoever comes, for ever.
    pub(crate) async fn accept(&self, listener: &TcpListener) {
        // It ends where the semaphore is closed, which nobody does.
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            let (tcp, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_of_client(&error) {
                        say(&format!("cannot accept a connection: {error}"));
                        sleep(EXHAUSTED).await;
                    }
                    continue;
                }
            };
            let (shared, stop) = (Arc::clone(&self.shared), self.stop.subscribe());
            tokio::spawn(async move {
                let _place = place;
                if let Err(why) = shared.connection(tcp, stop).await {
                    shared.complain(peer, &why);
                }
            });
        }
    }

    /// Lets every connection end what it has begun, for a while.
    pub(crate) async fn finish(self) {
        self.stop.send_replace(true);
        // All places are free where no connection is left.
        let _ = timeout(GRACE, self.places.acquire_many(CONNECTIONS)).await;
    }
}

impl Shared {
    async fn connection(&self, tcp: TcpStream, stop: watch::Receiver<bool>) -> Result<(), String> {
        // An answer is mostly one packet: it must not wait for another one. Where that
        // cannot be set it is only slower.
        let _ = tcp.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.http(tcp, stop).await;
        };
        match timeout(PATIENCE, tls.acceptor().accept(tcp)).await {
            Ok(Ok(stream)) => self.http(stream, stop).await,
            Ok(Err(error)) => Err(format!("TLS: {error}")),
            Err(_) => Err("TLS did not begin in time".to_owned()),
        }
    }

    async fn http<S>(&self, stream: S, mut stop: watch::Receiver<bool>) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let service = TowerToHyperService::new(self.app.clone());
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            end = connection.as_mut() => return end.map_err(|error| error.to_string()),
            () = sleep(LIFETIME) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        connection.as_mut().graceful_shutdown();
        match timeout(GRACE, connection).await {
            Ok(end) => end.map_err(|error| error.to_string()),
            Err(_) => Err("it has lasted too long".to_owned()),
        }
    }

    fn complain(&self, peer: SocketAddr, why: &str) {
        if self.verbose {
            say(&format!("connection of {peer}: {why}"));
        }
    }
}

fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD)
        .max_headers(FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD as u32);
    builder
}

/// Whether this is about the one connection that was to be accepted.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
