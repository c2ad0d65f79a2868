//! One question to a key server: budget, retries, and what its statuses mean.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use tokio::time::{Instant, sleep};
use url::Url;

use super::budget::Rate;
use super::{Budget, KeyServer};
use crate::dns::Peer;
use crate::fetch::{Fetcher, Miss, Page, page, retry_after, unexpected_status};
use crate::transport::{Request, Response};
use crate::{EmailAddress, Error, ErrorKind};

/// What an answer may well take, with its connection.
const ANSWER: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) url: Url,
    pub(super) rate: Rate,
    /// The most octets of an answer.
    pub(super) max_body: usize,
    /// JSON to send. Without it the question is a `GET`.
    pub(super) json: Option<Bytes>,
}

/// Asks for the certificate that was confirmed for an address.
pub(crate) async fn by_email(
    fetcher: &Fetcher,
    server: &KeyServer,
    budget: &Budget,
    address: &EmailAddress,
    deadline: Instant,
) -> Result<Page, Miss> {
    let question = Question {
        url: server.by_email(address),
        rate: Rate::ByEmail,
        max_body: fetcher.max_body,
        json: None,
    };
    let answer = ask(fetcher, server, budget, &question, deadline).await?;
    certificate(server, question, answer)
}

/// What the status of an answer to a `GET` means.
pub(super) fn certificate(
    server: &KeyServer,
    question: Question,
    answer: Response,
) -> Result<Page, Miss> {
    match answer.status {
        StatusCode::OK => page(question.url, answer, question.max_body),
        StatusCode::NOT_FOUND => Err(Miss::Absent),
        status => Err(unexpected_status(server.host(), status).into()),
    }
}

/// Asks, within the budget and the deadline, and once more where that may help:
/// after a 5xx at once, after a 429 when the server says so and time is left.
///
/// What comes back has any other status, or a 5xx again.
///
/// # Errors
///
/// [`ErrorKind::RateLimited`] for a 429 and [`ErrorKind::Redirect`] for a 3xx,
/// which a key server has no business with; and what keeps it from being asked.
pub(super) async fn ask(
    fetcher: &Fetcher,
    server: &KeyServer,
    budget: &Budget,
    question: &Question,
    deadline: Instant,
) -> Result<Response, Error> {
    let mut may_retry = true;
    let mut first = None;
    loop {
        let turn = budget.take(question.rate, leaving_time(deadline)).await;
        match (turn, first.take()) {
            (Ok(()), _) => {}
            // The server was asked, and what it said is the news.
            (Err(_), Some(answer)) => return answer,
            (Err(error), None) => return Err(error),
        }
        let request = request(fetcher, server, question, deadline);
        let answer = fetcher.send(request).await?;
        let host = server.host();
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = retry_after(&answer.headers);
                let why = format!("{host} answered with status 429");
                let mut error = Error::new(ErrorKind::RateLimited, why);
                if let Some(wait) = wait {
                    error = error.with_retry_after(wait);
                }
                let Some(wait) = wait.filter(|wait| may_retry && fits(*wait, deadline)) else {
                    return Err(error);
                };
                may_retry = false;
                sleep(wait).await;
                first = Some(Err(error));
            }
            // Once more: a server that restarts or sheds load may be through.
            status if status.is_server_error() && may_retry => {
                may_retry = false;
                first = Some(Ok(answer));
            }
            status if status.is_redirection() => {
                let why = format!("the key server {host} redirects elsewhere");
                return Err(Error::new(ErrorKind::Redirect, why));
            }
            _ => return Ok(answer),
        }
    }
}

/// Has a connection made, by a question whose answer nobody reads.
///
/// # Errors
///
/// What keeps the server from being asked.
pub(super) async fn connect(
    fetcher: &Fetcher,
    server: &KeyServer,
    deadline: Instant,
) -> Result<(), Error> {
    let peer = peer(fetcher, server);
    let mut request = Request::get(server.home(), peer, 0, deadline.into_std());
    request.method = Method::HEAD;
    fetcher.send(request).await.map(drop)
}

fn request(
    fetcher: &Fetcher,
    server: &KeyServer,
    question: &Question,
    deadline: Instant,
) -> Request {
    let url = question.url.clone();
    let peer = peer(fetcher, server);
    let mut request = Request::get(url, peer, question.max_body, deadline.into_std());
    if let Some(json) = &question.json {
        request.method = Method::POST;
        request.body = json.clone();
        let label = HeaderValue::from_static("application/json");
        request.headers.insert(CONTENT_TYPE, label);
    }
    request
}

fn peer(fetcher: &Fetcher, server: &KeyServer) -> Peer {
    let peer = fetcher.peer(server.host());
    match server.is_named() {
        true => peer.named(),
        false => peer,
    }
}

/// Until when a turn is of use: one at the deadline itself would be spent on a
/// request that can only time out.
fn leaving_time(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline - (left / 4).min(ANSWER)
}

/// Whether waiting so long leaves time for an answer.
fn fits(wait: Duration, deadline: Instant) -> bool {
    deadline
        .checked_duration_since(Instant::now())
        .is_some_and(|left| wait < left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_leaves_time_for_an_answer() {
        let now = Instant::now();
        for (milliseconds, left) in [(20_000, 2_000), (8_000, 2_000), (400, 100), (0, 0)] {
            let deadline = now + Duration::from_millis(milliseconds);
            let until = leaving_time(deadline);
            assert_eq!(deadline - until, Duration::from_millis(left));
        }
        let over = now - Duration::from_millis(1);
        assert_eq!(leaving_time(over), over);
    }
}
