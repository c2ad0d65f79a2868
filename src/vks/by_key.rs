//! Look-ups by fingerprint and key ID.

use http::StatusCode;
use sequoia_openpgp::{Fingerprint, KeyHandle, KeyID};
use tokio::time::Instant;

use super::ask::{Question, ask, certificate};
use super::budget::Rate;
use super::{Budget, KeyServer};
use crate::Absence;
use crate::fetch::{Fetcher, Miss, Page};

/// Asks for the certificate that has this key, primary or subkey. The page's
/// size limit is the fetcher's; no address is sent.
pub(crate) async fn fetch_by_fingerprint(
    fetcher: &Fetcher,
    server: &KeyServer,
    budget: &Budget,
    fingerprint: &Fingerprint,
    deadline: Instant,
) -> Result<Page, Miss> {
    fetch(fetcher, server, budget, &fingerprint.into(), deadline).await
}

/// The same, by key ID. Two keys can share one.
pub(crate) async fn fetch_by_key_id(
    fetcher: &Fetcher,
    server: &KeyServer,
    budget: &Budget,
    id: &KeyID,
    deadline: Instant,
) -> Result<Page, Miss> {
    fetch(fetcher, server, budget, &id.into(), deadline).await
}

/// What [`Miss::Absent`] means where this key was asked for.
pub(crate) fn absence(handle: &KeyHandle) -> Absence {
    match is_v6(handle) {
        true => Absence::PerhapsUnsupported,
        false => Absence::NotThere,
    }
}

async fn fetch(
    fetcher: &Fetcher,
    server: &KeyServer,
    budget: &Budget,
    handle: &KeyHandle,
    deadline: Instant,
) -> Result<Page, Miss> {
    let question = Question {
        url: server.by_key(handle)?,
        rate: Rate::Other,
        max_body: fetcher.max_body,
        json: None,
    };
    let answer = ask(fetcher, server, budget, &question, deadline).await?;
    if answer.status == StatusCode::BAD_REQUEST && is_v6(handle) {
        // "Malformed", says a server that knows 40 digits only: it has none.
        return Err(Miss::Absent);
    }
    certificate(server, question, answer)
}

fn is_v6(handle: &KeyHandle) -> bool {
    matches!(handle, KeyHandle::Fingerprint(fingerprint) if fingerprint.as_bytes().len() == 32)
}
