//! What is answered, as a web server sends it.

use std::fmt;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::directory::{BoxError, Content};

const MISSING: &str = "Not found\n";
const UNAVAILABLE: &str = "Try again later\n";

/// How many header fields an answer has at most.
const FIELDS: usize = 6;

/// An answer to a client. `http::Response::from` makes a response of it.
#[non_exhaustive]
pub struct Answer {
    /// 200, 304, 404 or 503.
    pub status: StatusCode,
    /// The header fields. `Content-Length` is among them, also where the answer to a
    /// `HEAD` has no body, and beside a 304, where it is the file's: so a framework
    /// that adds the field where it is missing adds no wrong one.
    pub headers: HeaderMap,
    /// The body; empty in an answer to a `HEAD`.
    pub body: Bytes,
    /// Beside a 503: why the [`Directory`](super::Directory) could not tell. It is for
    /// the operator and no part of what the client gets.
    pub error: Option<BoxError>,
}

/// Which of a directory's files.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Certificates,
    Policy,
}

impl Kind {
    fn content_type(self) -> &'static str {
        match self {
            Self::Certificates => "application/octet-stream",
            Self::Policy => TEXT,
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    pub(super) fn found(kind: Kind, content: Content, with_body: bool) -> Self {
        let (bytes, etag) = content.into_parts();
        let mut answer = Self::new(StatusCode::OK, kind.content_type(), bytes, with_body);
        answer.headers.insert(ETAG, etag);
        answer
    }

    pub(super) fn unchanged(kind: Kind, content: &Content) -> Self {
        let mut answer = Self::found(kind, content.clone(), false);
        answer.status = StatusCode::NOT_MODIFIED;
        answer
    }

    pub(super) fn missing(with_body: bool) -> Self {
        let body = Bytes::from_static(MISSING.as_bytes());
        Self::new(StatusCode::NOT_FOUND, TEXT, body, with_body)
    }

    pub(super) fn unavailable(error: BoxError, with_body: bool) -> Self {
        let body = Bytes::from_static(UNAVAILABLE.as_bytes());
        let mut answer = Self::new(StatusCode::SERVICE_UNAVAILABLE, TEXT, body, with_body);
        answer
            .headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.error = Some(error);
        answer
    }

    fn new(status: StatusCode, content_type: &'static str, body: Bytes, with_body: bool) -> Self {
        let mut headers = HeaderMap::with_capacity(FIELDS);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CONTENT_LENGTH, body.len().into());
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Without a word, caches may guess how long a 404 holds, too (RFC 9110 §15.1).
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self {
            status,
            headers,
            body: if with_body { body } else { Bytes::new() },
            error: None,
        }
    }
}

impl From<Answer> for Response<Bytes> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }
}

/// Leaves out what could tell who was asked for.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("octets", &self.body.len())
            .finish_non_exhaustive()
    }
}
