//! Serving Web Key Directories, without a web framework.
//!
//! [`answer`] turns a [`Request`] (method, host, path, query and the condition of a
//! cache) into an [`Answer`] (status, header fields, body). What is in the directories
//! comes from a [`Directory`]: a trait of two questions, so that a platform answers from
//! its own database; or the ready [`InMemory`], filled with what a
//! [`Publisher`](super::publish::Publisher) planned.
//!
//! # A directory of one's own
//!
//! ```
//! use openpgp_discovery::wkd::serve::{self, Content, Directory, Question, Reply, Request};
//!
//! /// Answers from a table of domain, hash and certificates.
//! struct Database(Vec<(&'static str, &'static str, &'static [u8])>);
//!
//! impl Directory for Database {
//!     fn certificates<'a>(&'a self, question: &'a Question<'_>) -> Reply<'a> {
//!         Box::pin(async move {
//!             // A real one awaits its answer here, and says `?` of what can fail.
//!             let row = self.0.iter().find(|(domain, hash, _)| {
//!                 *domain == question.domain() && *hash == question.hash()
//!             });
//!             Ok(row.map(|(_, _, certificates)| Content::new(*certificates)))
//!         })
//!     }
//!
//!     fn policy<'a>(&'a self, domain: &'a str) -> Reply<'a> {
//!         let is_served = self.0.iter().any(|(served, _, _)| *served == domain);
//!         Box::pin(async move { Ok(is_served.then(|| Content::new(""))) })
//!     }
//! }
//!
//! # async fn run() {
//! let database = Database(vec![(
//!     "example.org",
//!     "iy9q119eutrkn8s1mk4r39qejnbu3n5q",
//!     b"certificates of joe.doe@example.org",
//! )]);
//! let request = http::Request::get(
//!     "https://openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/\
//!      iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe",
//! );
//! let request = request.body(()).expect("it is one");
//! let answer = serve::answer(&database, &Request::from(&request)).await;
//! assert_eq!(answer.status, 200);
//! assert_eq!(answer.headers["content-type"], "application/octet-stream");
//! # }
//! # let mut run = std::pin::pin!(run());
//! # let waker = std::task::Waker::noop();
//! # assert!(run.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
//! ```
//!
//! # In a framework
//!
//! Whatever speaks the types of the `http` crate needs one handler for all paths. With
//! axum:
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use axum::body::Body;
//! use axum::extract::{Request, State};
//! use axum::response::Response;
//! use openpgp_discovery::wkd::serve::{self, Directory, InMemory};
//!
//! async fn handler(State(directory): State<Arc<dyn Directory>>, request: Request) -> Response {
//!     let answer = serve::answer(&*directory, &serve::Request::from(&request)).await;
//!     if let Some(error) = &answer.error {
//!         eprintln!("the directory could not tell: {error}");
//!     }
//!     Response::from(answer).map(Body::from)
//! }
//!
//! let directory: Arc<dyn Directory> = Arc::new(InMemory::new());
//! let app: Router = Router::new().fallback(handler).with_state(directory);
//! ```
//!
//! The example `wkd_server` is the whole of it.
//!
//! # What is answered
//!
//! | asked for, by `GET` or `HEAD` | answer |
//! | --- | --- |
//! | `/.well-known/openpgpkey/DOMAIN/hu/HASH` (advanced method) | the certificates, at whatever host |
//! | `/.well-known/openpgpkey/hu/HASH` (direct method) | the certificates, where the host is the domain |
//! | `policy` in the place of `hu/HASH` | the policy file |
//! | everything else, and every other method | 404 |
//! | what the directory could not tell | 503 |
//!
//! A 404 has the same header fields and the same body whatever it is that does not
//! exist: the address, the domain or the path.
//!
//! **The path** is compared octet for octet, as a web server does that serves a written
//! tree: the domain in A-labels and lower case, nothing percent-encoded, no other
//! slashes.
//!
//! **The host** does not matter for the advanced method. Its path names the domain, and
//! a service is reached by many names: `openpgpkey.DOMAIN` where that is an alias
//! (CNAME) of the service's host, the service's own name after a redirect. For the
//! direct method, the host, without port, case and a final dot, *is* the domain. So the
//! host `openpgpkey.example.org` has nothing by the direct method, unless somebody's
//! domain is called so.
//!
//! **The query** may have one `l=`, the local part, percent-encoded UTF-8 (a `+` is a
//! plus). Where it is there it has to hash to what the path says: two of them, or one
//! that does not, are 404. Other parameters are nobody's business and ignored.
//!
//! **Caches** may keep what they got and have to ask whether it is still right
//! (`Cache-Control: no-cache`): a revocation that is published must not wait for a cache
//! to forget. Asking costs no more than a 304, by a strong `ETag`. Whoever prefers to
//! be asked less changes the field in [`Answer::headers`].
//!
//! **What an answer gives away** beyond itself is time. [`InMemory`] takes the same for
//! an unknown address as for an unknown domain. A database should look both up in one
//! index of domain and hash.
//!
//! # What an administrator needs besides
//!
//! * TLS with a certificate for `openpgpkey.DOMAIN` (advanced) or `DOMAIN` (direct):
//!   clients accept nothing else, and plain HTTP not at all.
//! * Either `openpgpkey.DOMAIN` in DNS, or, for the direct method, no address at all at
//!   that name, also by no wildcard: clients fall back only where it has none
//!   (draft-koch-openpgp-webkey-service §3.1).
//! * For a service that serves the domains of others: `openpgpkey.DOMAIN` as an alias
//!   of its host, and a TLS certificate for each such name.

mod answer;
mod directory;
mod etag;
mod memory;
mod query;
mod request;
mod route;
#[cfg(test)]
mod tests;

use http::Method;

pub use self::answer::Answer;
pub use self::directory::{BoxError, Content, Directory, Question, Reply};
pub use self::memory::InMemory;
pub use self::request::Request;

use self::answer::Kind;
use self::route::Wanted;

/// Answers a request for a file of a Web Key Directory.
///
/// It never fails: what is not there is 404, what the directory cannot tell is 503, with
/// the reason for the operator in [`Answer::error`]. Nothing is logged, and the network
/// is not used. See [above](self) for what is answered.
///
/// # Examples
///
/// ```
/// use http::Method;
/// use openpgp_discovery::wkd::serve::{self, InMemory, Request};
///
/// # async fn run() {
/// let directory = InMemory::new();
/// let request = Request::new(&Method::GET, Some("example.org"), "/.well-known/openpgpkey/policy");
/// let answer = serve::answer(&directory, &request).await;
/// assert_eq!(answer.status, 404);
/// # }
/// # let mut run = std::pin::pin!(run());
/// # let waker = std::task::Waker::noop();
/// # assert!(run.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
/// ```
pub async fn answer<D: Directory + ?Sized>(directory: &D, request: &Request<'_>) -> Answer {
    let with_body = request.method != Method::HEAD;
    let wanted = match *request.method {
        Method::GET | Method::HEAD => route::wanted(request),
        _ => None,
    };
    let (kind, reply) = match &wanted {
        Some(Wanted::Certificates(question)) => {
            (Kind::Certificates, directory.certificates(question).await)
        }
        Some(Wanted::Policy(domain)) => (Kind::Policy, directory.policy(domain).await),
        None => return Answer::missing(with_body),
    };
    match reply {
        Ok(Some(content)) if request.has(&content) => Answer::unchanged(kind, &content),
        Ok(Some(content)) => Answer::found(kind, content, with_body),
        Ok(None) => Answer::missing(with_body),
        Err(error) => Answer::unavailable(error, with_body),
    }
}
