//! One question over HTTP: which URLs may be asked, redirects, statuses, body.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use crate::Rejection;
use crate::dns::{AddressGuard, DnsResolver, Peer};
use crate::transport::{HttpTransport, Request, Response};
use crate::{Error, ErrorKind, Reason};

/// What asks: the seams, and the rules that hold for every question.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    pub(crate) transport: Arc<dyn HttpTransport>,
    pub(crate) dns: Arc<dyn DnsResolver>,
    pub(crate) guard: Arc<AddressGuard>,
    /// The key server's host. A directory may not redirect to it: that would go
    /// around the key server's budget.
    pub(crate) key_server: Option<String>,
    pub(crate) max_redirects: usize,
    pub(crate) max_body: usize,
}

/// What is asked of somebody's web server.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    /// The addresses of its host, where DNS was asked before.
    pub(crate) known: Option<Vec<SocketAddr>>,
    pub(crate) own_connection: bool,
}

impl Question {
    /// Over whichever connection there is.
    pub(crate) fn new(method: http::Method, url: Url, known: Option<Vec<SocketAddr>>) -> Self {
        Self {
            method,
            url,
            known,
            own_connection: false,
        }
    }
}

/// One redirect on the way.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) status: StatusCode,
    pub(crate) from: Url,
    pub(crate) to: Url,
    /// The TLS certificate of the server that redirects.
    pub(crate) peer_certificate: Option<Bytes>,
}

/// What a server gave.
#[derive(Debug)]
pub(crate) struct Page {
    /// The URL that answered, after redirects.
    pub(crate) url: Url,
    pub(crate) body: Bytes,
    /// The server calls it HTML.
    pub(crate) labelled_html: bool,
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The server says that it has none.
    Absent,
    /// The answer is refused before anybody looks into it.
    Rejected(Rejection),
    /// One could not tell.
    Failed(Error),
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Fetcher {
    /// Gets a URL of somebody's web server. `known` are the addresses of its
    /// host, where DNS was asked before.
    pub(crate) async fn get(
        &self,
        url: Url,
        known: Option<Vec<SocketAddr>>,
        deadline: Instant,
    ) -> Result<Page, Miss> {
        let question = Question::new(http::Method::GET, url, known);
        let (url, answer) = self.follow(question, deadline, |_| ()).await?;
        match answer.status {
            StatusCode::OK => page(url, answer, self.max_body),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Miss::Absent),
            status => {
                let host = url.host_str().unwrap_or_default();
                Err(unexpected_status(host, status).into())
            }
        }
    }

    /// Asks somebody's web server, and where it sends to: the first answer that
    /// is no redirect, and its URL. `on_hop` is told of each redirect before.
    pub(crate) async fn follow(
        &self,
        question: Question,
        deadline: Instant,
        mut on_hop: impl FnMut(Hop),
    ) -> Result<(Url, Response), Error> {
        let Question {
            method,
            mut url,
            mut known,
            own_connection,
        } = question;
        let mut from = None;
        let mut first = None;
        for _ in 0..=self.max_redirects {
            let host = allowed_host(&url)
                .map_err(|refusal| refusal.of(&url, from.as_deref()))?
                .to_owned();
            if let Some(from) = from.filter(|_| self.key_server.as_ref() == Some(&host)) {
                let why = format!("{from} redirects to the key server");
                return Err(Error::new(ErrorKind::Redirect, why));
            }
            let first = first.get_or_insert_with(|| host.clone());
            let mut peer = self.peer(&host).led_by(first);
            if let Some(known) = &known {
                peer = peer.with_known(known.clone());
            }
            let mut request = Request::get(url.clone(), peer, self.max_body, deadline.into_std());
            request.method = method.clone();
            request.own_connection = own_connection;
            let answer = self.send(request).await?;
            if !is_redirect(answer.status) {
                return Ok((url, answer));
            }
            let target = redirect_target(&url, &answer.headers)?;
            known = known.filter(|_| target.host_str() == Some(&host));
            on_hop(Hop {
                status: answer.status,
                from: std::mem::replace(&mut url, target.clone()),
                to: target,
                peer_certificate: answer.peer_certificate,
            });
            from = Some(host);
        }
        let why = format!("more than {} redirects", self.max_redirects);
        Err(Error::new(ErrorKind::Redirect, why))
    }

    /// Any request, whatever its answer's status, within its deadline.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Error> {
        let host = request.peer.host().to_owned();
        let deadline = Instant::from_std(request.deadline);
        timeout_at(deadline, self.transport.send(request))
            .await
            .unwrap_or_else(|_| {
                let why = format!("no whole answer from {host} in time");
                Err(Error::new(ErrorKind::Timeout, why))
            })
    }

    /// A host as the guard allows it.
    pub(crate) fn peer(&self, host: &str) -> Peer {
        Peer::new(host, self.dns.clone(), self.guard.clone())
    }
}

/// The host of a URL, where the URL may be asked: `https`, a host name, the
/// usual port, no user.
///
/// Also for the first URL: for an IP literal the HTTP stack skips the resolver,
/// and with it the guard.
pub(crate) fn allowed_host(url: &Url) -> Result<&str, Refusal> {
    let Some(Host::Domain(host)) = url.host() else {
        return Err(Refusal(ErrorKind::Blocked, "not a host name"));
    };
    if url.scheme() != "https" {
        return Err(Refusal(ErrorKind::Redirect, "not https"));
    }
    if url.port().is_some() {
        return Err(Refusal(ErrorKind::Blocked, "not the usual port"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal(ErrorKind::Redirect, "the URL holds a user name"));
    }
    // It would be another name in the guard's eyes, and the same in DNS'.
    if host.ends_with('.') {
        return Err(Refusal(ErrorKind::Blocked, "the host name ends in a dot"));
    }
    Ok(host)
}

/// The most octets of a `Location`, and of its host (RFC 1035, section 2.3.4). A
/// server must not choose how much is sent on, kept, shown or logged.
const MAX_LOCATION: usize = 2048;
const MAX_HOST: usize = 253;

/// Why a URL may not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(ErrorKind, &'static str);

impl Refusal {
    /// Says it of a URL, and of the host that led there.
    fn of(self, url: &Url, from: Option<&str>) -> Error {
        let Self(kind, why) = self;
        let host = url.host_str().unwrap_or("a URL without a host");
        let detail = match from {
            Some(from) => format!("{from} redirects to {host}: {why}"),
            None => format!("{host}: {why}"),
        };
        Error::new(kind, detail)
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads. It is checked as the first URL was.
fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let host = from.host_str().unwrap_or_default();
    let no = |why: &str| Error::new(ErrorKind::Redirect, format!("{host}: {why}"));
    let location = headers
        .get(LOCATION)
        .ok_or_else(|| no("a redirect without a Location"))?;
    let location = location
        .to_str()
        .map_err(|_| no("a Location that is not ASCII"))?;
    if location.len() > MAX_LOCATION {
        return Err(no("a Location that is too long"));
    }
    let mut target = from
        .join(location)
        .map_err(|_| no("a Location that is not a URL"))?;
    target.set_fragment(None);
    // Neither may it grow with each step, or when it is written as a URL.
    if target.as_str().len() > 2 * MAX_LOCATION {
        return Err(no("a Location that is too long"));
    }
    if target.host_str().is_some_and(|host| host.len() > MAX_HOST) {
        return Err(no("a Location whose host name is too long"));
    }
    Ok(target)
}

pub(crate) fn unexpected_status(host: &str, status: StatusCode) -> Error {
    let why = format!("{host} answered with status {}", status.as_u16());
    Error::new(ErrorKind::Http, why)
}

/// The whole seconds of a `Retry-After`; its other form, a date, is not used by
/// any key server known.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// The page of an answer with status 200, unless it is refused unseen.
pub(crate) fn page(url: Url, answer: Response, max_body: usize) -> Result<Page, Miss> {
    let refused = |reason, detail: String| Miss::Rejected(Rejection::new(None, reason, detail));
    let encoding = answer
        .headers
        .get(CONTENT_ENCODING)
        .map(HeaderValue::as_bytes);
    if let Some(encoding) = encoding.filter(|name| !name.eq_ignore_ascii_case(b"identity")) {
        let name = String::from_utf8_lossy(&encoding[..encoding.len().min(32)]).into_owned();
        return Err(refused(Reason::ContentEncoding, format!("{name:?}")));
    }
    if answer.truncated || answer.body.len() > max_body {
        let detail = format!("the answer is larger than {max_body} octets");
        return Err(refused(Reason::TooLarge, detail));
    }
    let labelled_html = answer.headers.get(CONTENT_TYPE).is_some_and(|label| {
        let label = label.as_bytes();
        label
            .get(..9)
            .is_some_and(|l| l.eq_ignore_ascii_case(b"text/html"))
    });
    Ok(Page {
        url,
        body: answer.body,
        labelled_html,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_urls_may_be_asked() {
        for (url, refused) in [
            ("https://openpgpkey.example.org/x", None),
            ("https://example.org:443/x", None),
            ("http://example.org/x", Some(ErrorKind::Redirect)),
            ("ftp://example.org/x", Some(ErrorKind::Redirect)),
            ("https://example.org:8443/x", Some(ErrorKind::Blocked)),
            ("https://u@example.org/x", Some(ErrorKind::Redirect)),
            ("https://:p@example.org/x", Some(ErrorKind::Redirect)),
            ("https://example.org./x", Some(ErrorKind::Blocked)),
            ("https://127.0.0.1/x", Some(ErrorKind::Blocked)),
            ("https://2130706433/x", Some(ErrorKind::Blocked)),
            ("https://0x7f.1/x", Some(ErrorKind::Blocked)),
            ("https://0177.0.0.1/x", Some(ErrorKind::Blocked)),
            ("https://127.0.0.1./x", Some(ErrorKind::Blocked)),
            ("https://[::1]/x", Some(ErrorKind::Blocked)),
            ("https://[::ffff:127.0.0.1]/x", Some(ErrorKind::Blocked)),
            ("data:text/plain,x", Some(ErrorKind::Blocked)),
        ] {
            let url = Url::parse(url).expect("a URL");
            let kind = allowed_host(&url).err().map(|refusal| refusal.0);
            assert_eq!(kind, refused, "{url}");
        }
    }

    #[test]
    fn where_redirects_lead() {
        let from = Url::parse("https://example.org/a/b?l=x").expect("a URL");
        for (location, target) in [
            (&b"/c"[..], Ok("https://example.org/c")),
            (b"c?d#e", Ok("https://example.org/a/c?d")),
            (b"//example.net/", Ok("https://example.net/")),
            (b"https://example.net", Ok("https://example.net/")),
            (b"http://example.net", Ok("http://example.net/")),
            (b"https://[::1", Err(ErrorKind::Redirect)),
            (b"\xff", Err(ErrorKind::Redirect)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                LOCATION,
                HeaderValue::from_bytes(location).expect("a value"),
            );
            let found = redirect_target(&from, &headers).map_err(|error| error.kind());
            assert_eq!(found.as_ref().map(Url::as_str).map_err(|k| *k), target);
        }
        let long = [
            (format!("/{}", "a".repeat(2047)), true),
            (format!("/{}", "a".repeat(2048)), false),
            // Percent-encoded, each of them takes three octets.
            (format!("/{}", "\"".repeat(2000)), false),
            (format!("https://{}/", "a.".repeat(126) + "a"), true),
            (format!("https://{}/", "a.".repeat(126) + "aa"), false),
        ];
        for (location, taken) in long {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(&location).expect("a value");
            headers.insert(LOCATION, value);
            let found = redirect_target(&from, &headers).map_err(|error| error.kind());
            assert_eq!(found.is_ok(), taken, "{location}: {found:?}");
        }
        let error = redirect_target(&from, &HeaderMap::new()).expect_err("no Location");
        assert_eq!(error.kind(), ErrorKind::Redirect);
    }

    #[test]
    fn pages_refused_unseen() {
        let url = Url::parse("https://example.org/").expect("a URL");
        let answer = |name: http::HeaderName, value: &'static str| {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            Response::new(StatusCode::OK, headers, &b"12345"[..])
        };
        let reason = |answer, max_body| match page(url.clone(), answer, max_body) {
            Ok(page) => Ok(page.labelled_html),
            Err(Miss::Rejected(rejection)) => Err(rejection.reason()),
            Err(miss) => panic!("{miss:?}"),
        };
        let plain = || answer(CONTENT_TYPE, "application/octet-stream");
        assert_eq!(reason(plain(), 5), Ok(false));
        assert_eq!(
            reason(answer(CONTENT_TYPE, "Text/HTML; charset=x"), 5),
            Ok(true)
        );
        assert_eq!(reason(answer(CONTENT_ENCODING, "Identity"), 5), Ok(false));
        assert_eq!(
            reason(answer(CONTENT_ENCODING, "gzip"), 5),
            Err(Reason::ContentEncoding)
        );
        assert_eq!(reason(plain(), 4), Err(Reason::TooLarge));
        assert_eq!(reason(plain().truncated(), 5), Err(Reason::TooLarge));
    }
}
