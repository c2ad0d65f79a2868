//! What is asked, as a web server has it.

use http::header::{HOST, IF_NONE_MATCH};
use http::{HeaderMap, Method, Uri};

use super::directory::Content;
use super::etag;

/// A request: what of it matters for the answer.
///
/// It is made of an `http::Request` or its parts, or piece by piece.
///
/// # Examples
///
/// ```
/// use openpgp_discovery::wkd::serve::Request;
///
/// let request = http::Request::get("/.well-known/openpgpkey/policy")
///     .header("Host", "example.org")
///     .body(())?;
/// let request = Request::from(&request);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub(super) method: &'a Method,
    pub(super) host: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    headers: Option<&'a HeaderMap>,
}

impl<'a> Request<'a> {
    /// A request without query and conditions. `host` is what the client says that it
    /// talks to (`Host` or `:authority`), a port included; `path` begins with `/` and is
    /// as the client sent it: a framework that has decoded or normalized it has opened
    /// more than one door to each file.
    pub fn new(method: &'a Method, host: Option<&'a str>, path: &'a str) -> Self {
        Self {
            method,
            host,
            path,
            query: None,
            headers: None,
        }
    }

    /// The same with this query, without the `?`.
    #[must_use]
    pub fn with_query(mut self, query: Option<&'a str>) -> Self {
        self.query = query;
        self
    }

    /// The same with these header fields, of which only `If-None-Match` is looked at.
    #[must_use]
    pub fn with_headers(mut self, headers: &'a HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    fn of(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        // The target's authority counts before the field (RFC 9112 §3.2.2).
        let host = match uri.host() {
            Some(host) => Some(host),
            None => only_host(headers),
        };
        Self {
            method,
            host,
            path: uri.path(),
            query: uri.query(),
            headers: Some(headers),
        }
    }

    /// Whether the client has this file already.
    pub(super) fn has(&self, content: &Content) -> bool {
        self.headers.is_some_and(|headers| {
            let mut conditions = headers.get_all(IF_NONE_MATCH).iter();
            conditions.any(|condition| etag::names(condition, content.etag()))
        })
    }
}

/// Of two there is no telling which one a proxy went by.
fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

impl<'a> From<&'a http::request::Parts> for Request<'a> {
    fn from(parts: &'a http::request::Parts) -> Self {
        Self::of(&parts.method, &parts.uri, &parts.headers)
    }
}

impl<'a, B> From<&'a http::Request<B>> for Request<'a> {
    fn from(request: &'a http::Request<B>) -> Self {
        Self::of(request.method(), request.uri(), request.headers())
    }
}

/// Leaves out who is asked for: a log is no place for that.
impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
