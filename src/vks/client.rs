//! Questions to a key server, and what its statuses mean.

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::{Budget, KeyServer};
use crate::fetch::{Fetcher, Miss, Page, page, retry_after, unexpected_status};
use crate::{EmailAddress, Error, ErrorKind};

/// Asks for the certificate that was confirmed for an address.
pub(crate) async fn by_email(
    fetcher: &Fetcher,
    server: &KeyServer,
    budget: &Budget,
    address: &EmailAddress,
    deadline: Instant,
) -> Result<Page, Miss> {
    let url = server.by_email(address);
    let mut may_retry = true;
    loop {
        budget.take(deadline).await?;
        let mut peer = fetcher.peer(server.host());
        if server.is_named() {
            peer = peer.named();
        }
        let answer = fetcher.exchange(url.clone(), peer, deadline).await?;
        let host = server.host();
        match answer.status {
            StatusCode::OK => return page(url, answer, fetcher.max_body),
            StatusCode::NOT_FOUND => return Err(Miss::Absent),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = retry_after(&answer.headers);
                if let Some(wait) = wait.filter(|wait| may_retry && fits(*wait, deadline)) {
                    may_retry = false;
                    sleep(wait).await;
                    continue;
                }
                let error = Error::new(
                    ErrorKind::RateLimited,
                    format!("{host} answered with status 429"),
                );
                return Err(match wait {
                    Some(wait) => error.with_retry_after(wait),
                    None => error,
                }
                .into());
            }
            // Once more: a server that restarts or sheds load may be through.
            status if status.is_server_error() && may_retry => may_retry = false,
            status if status.is_redirection() => {
                let why = format!("the key server {host} redirects elsewhere");
                return Err(Error::new(ErrorKind::Redirect, why).into());
            }
            status => return Err(unexpected_status(host, status).into()),
        }
    }
}

/// Whether waiting so long leaves time for an answer.
fn fits(wait: std::time::Duration, deadline: Instant) -> bool {
    deadline
        .checked_duration_since(Instant::now())
        .is_some_and(|left| wait < left)
}
