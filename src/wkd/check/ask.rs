//! Asks one question of a check.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};

use bytes::Bytes;
use http::Method;
use tokio::time::Instant;
use url::Url;

use super::driver::Run;
use super::report::Asked;
use super::seen::{Answer, Failure, Led, Redirect, Seen, Unanswered};
use crate::Error;
use crate::dns::AddressGuard;
use crate::fetch::{Hop, Question, allowed_host};
use crate::lock::lock;
use crate::transport::{Request, Response};

impl Run<'_> {
    /// Asks, with redirects; and the TLS certificate of the first server.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        known: &[SocketAddr],
        deadline: Instant,
    ) -> (Seen, Option<Bytes>) {
        let start = Instant::now();
        let what = format!("{method} {url}");
        let question = Question {
            own_connection: true,
            ..Question::new(method, url, Some(known.to_vec()))
        };
        let mut hops: Vec<Hop> = Vec::new();
        let answer = self
            .fetcher
            .follow(question, deadline, |hop| hops.push(hop));
        // So many of them are under way at once that they would fill a stack.
        let answer = Box::pin(answer).await;
        self.note(what, outcome(&answer), start);
        let first = hops.first().map(|hop| hop.peer_certificate.clone());
        let by_redirect = led(&hops);
        match answer {
            Ok((_, answer)) => {
                let der = first.unwrap_or_else(|| answer.peer_certificate.clone());
                (Ok(seen(answer, hops)), der)
            }
            Err(error) => {
                let failure = Failure {
                    error,
                    by_redirect,
                    no_route: hops.is_empty() && !has_route(known),
                };
                (Err(failure), first.flatten())
            }
        }
    }

    /// Whether the host answers at these addresses, whatever it says.
    pub(super) async fn answers_at(
        &self,
        url: &Url,
        known: Option<Vec<&SocketAddr>>,
        deadline: Instant,
    ) -> Option<Result<(), Unanswered>> {
        let known: Vec<SocketAddr> = known?.into_iter().copied().collect();
        let family = match known.first() {
            Some(SocketAddr::V6(_)) => "IPv6",
            _ => "IPv4",
        };
        let start = Instant::now();
        let peer = self.fetcher.peer(url.host_str()?).with_known(known.clone());
        let mut request = Request::get(url.clone(), peer, 0, deadline.into_std());
        request.method = Method::HEAD;
        request.own_connection = true;
        let answer = Box::pin(self.fetcher.send(request)).await;
        let answer = answer.map(|answer| (url.clone(), answer));
        self.note(format!("HEAD {url} over {family}"), outcome(&answer), start);
        Some(match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(Unanswered {
                error,
                no_route: !has_route(&known),
            }),
        })
    }

    pub(super) fn note(&self, what: String, outcome: String, start: Instant) {
        let elapsed = start.elapsed();
        let mut asked = lock(&self.asked);
        asked.push(Asked {
            what,
            outcome,
            elapsed,
        });
    }
}

fn outcome(answer: &Result<(Url, Response), Error>) -> String {
    match answer {
        Ok((_, answer)) => format!(
            "status {}, {} octets",
            answer.status.as_u16(),
            answer.body.len()
        ),
        Err(error) => error.to_string(),
    }
}

fn seen(answer: Response, hops: Vec<Hop>) -> Answer {
    let redirects = hops.into_iter().map(|hop| Redirect {
        status: hop.status.as_u16(),
        from: hop.from,
        to: hop.to,
    });
    Answer {
        status: answer.status.as_u16(),
        headers: answer.headers,
        body: answer.body,
        truncated: answer.truncated,
        redirects: redirects.collect(),
    }
}

/// Whether redirects have led away from the host that was asked, and where.
fn led(hops: &[Hop]) -> Option<Led> {
    let (first, last) = (hops.first()?, hops.last()?);
    let from = last.from.host_str().unwrap_or_default().to_owned();
    match allowed_host(&last.to) {
        Err(_) => Some(Led { from, to: None }),
        Ok(to) if first.from.host_str() == Some(to) => None,
        Ok(to) => Some(Led {
            from,
            to: Some(to.to_owned()),
        }),
    }
}

/// Whether this machine has a way to any of these addresses. Of one that is not
/// globally reachable it need not have: that is the address's fault.
fn has_route(addresses: &[SocketAddr]) -> bool {
    let global = AddressGuard::new();
    addresses.iter().any(|address| {
        if !address.is_ipv6() || !global.allows(SocketAddr::new(address.ip(), 443)) {
            return true;
        }
        // Nothing is sent: the system looks the way up.
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
            .and_then(|socket| socket.connect(SocketAddr::new(address.ip(), 443)))
            .is_ok()
    })
}
