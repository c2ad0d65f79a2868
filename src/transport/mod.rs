//! The seam to the network: one HTTP exchange, without redirects.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::dns::Peer;
use crate::{BoxFuture, Error};

#[cfg(feature = "reqwest")]
mod families;
#[cfg(feature = "reqwest")]
mod pool;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest")]
pub use self::reqwest::{ReqwestTransport, ReqwestTransportBuilder};

/// Something that performs one HTTP exchange.
///
/// Which URLs may be asked at all is decided before, by this crate. An
/// implementation
///
/// * connects to the addresses of [`Request::peer`] and to no others, and keeps
///   connections to [named](Peer::is_named) origins apart;
/// * follows no redirect, answers no authentication challenge, keeps no cookie,
///   sends no header field beyond those given, `Host` and a fixed `User-Agent`;
/// * decodes no `Content-Encoding`;
/// * stops reading at [`Request::max_body`] octets and says so in
///   [`Response::truncated`];
/// * makes a new connection where [`Request::own_connection`] is set;
/// * retries nothing.
///
/// The caller drops the future at the deadline; nothing may run on behind it.
pub trait HttpTransport: fmt::Debug + Send + Sync + 'static {
    /// Performs it. Any HTTP status is `Ok`.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>>;
}

/// One question. Its `Debug` form leaves the body out: it can hold a secret.
#[non_exhaustive]
#[derive(Clone)]
pub struct Request {
    /// `GET`, or another one where the protocol asks for it.
    pub method: Method,
    /// The URL; `https` unless the peer is [named](Peer::is_named).
    pub url: Url,
    /// Header fields to send.
    pub headers: HeaderMap,
    /// The body to send.
    pub body: Bytes,
    /// The most octets of body to read.
    pub max_body: usize,
    /// When the answer has to be there.
    pub deadline: Instant,
    /// The URL's host, and where it may be reached.
    pub peer: Peer,
    /// Ask over a connection that is made for this request: for whoever wants to
    /// know whether one can be made, and how.
    pub own_connection: bool,
}

impl Request {
    /// A `GET` without header fields.
    pub fn get(url: Url, peer: Peer, max_body: usize, deadline: Instant) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_body,
            deadline,
            peer,
            own_connection: false,
        }
    }
}

/// One answer. Its `Debug` form leaves the body out: it can hold a secret.
#[non_exhaustive]
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, as sent.
    pub body: Bytes,
    /// The body goes on: it is larger than [`Request::max_body`].
    pub truncated: bool,
    /// The server's own TLS certificate (X.509 in DER), where the transport can
    /// tell; the bundled one does for requests over a
    /// [connection of their own](Request::own_connection). Look-ups do without it; a
    /// [check](crate::wkd::check) reads when it expires.
    pub peer_certificate: Option<Bytes>,
}

impl Response {
    /// An answer, for transports other than the bundled one.
    pub fn new(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers,
            body: body.into(),
            truncated: false,
            peer_certificate: None,
        }
    }

    /// The same answer, of whose body there is more than was read.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    /// The same answer, from a server that showed this TLS certificate (X.509 in
    /// DER).
    #[must_use]
    pub fn with_peer_certificate(mut self, der: impl Into<Bytes>) -> Self {
        self.peer_certificate = Some(der.into());
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers)
            .field("body_octets", &self.body.len())
            .field("max_body", &self.max_body)
            .field("deadline", &self.deadline)
            .field("own_connection", &self.own_connection)
            .field("peer", &self.peer)
            .finish()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_octets", &self.body.len())
            .field("truncated", &self.truncated)
            .finish()
    }
}
