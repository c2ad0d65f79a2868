//! Look-ups by fingerprint and key ID.

use std::io::Read;

use http::StatusCode;
use sequoia_openpgp::armor::{Kind, Reader, ReaderMode};
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, KeyID};
use tokio::time::Instant;

use super::ask::{Question, ask, certificate};
use super::budget::Rate;
use super::{Budget, KeyServer};
use crate::fetch::{Fetcher, Miss, Page};
use crate::filter::packets;
use crate::{Absence, Limits, Reason, Rejection};

/// The types of secret key packets (RFC 9580, section 5).
const SECRET_KEY: u8 = 5;
const SECRET_SUBKEY: u8 = 7;

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

/// The certificates of an answer that have this key, and what is refused.
///
/// The key must be the primary one, or a subkey that a signature which verifies
/// binds (and to which a subkey that signs has agreed): anybody can add a
/// stranger's subkey.
pub(super) fn judge_by_key(
    limits: &Limits,
    body: &[u8],
    handle: &KeyHandle,
) -> (Vec<Cert>, Vec<Rejection>) {
    let refused = |reason, detail: &str| vec![Rejection::new(None, reason, detail)];
    if body.is_empty() {
        return (Vec::new(), refused(Reason::Empty, ""));
    }
    let Some(binary) = dearmored(body) else {
        return (
            Vec::new(),
            refused(Reason::Malformed, "broken ASCII armor, or none"),
        );
    };
    let mut count = 0;
    for packet in packets(&binary) {
        count += 1;
        match packet {
            Err(error) => return (Vec::new(), refused(Reason::Malformed, &error.to_string())),
            Ok(_) if count > limits.packets => {
                return (Vec::new(), refused(Reason::TooLarge, "too many packets"));
            }
            Ok(packet) if matches!(packet.tag(), SECRET_KEY | SECRET_SUBKEY) => {
                return (Vec::new(), refused(Reason::SecretKey, ""));
            }
            Ok(_) => {}
        }
    }
    let (mut certs, mut rejected) = (Vec::new(), Vec::new());
    let Ok(parser) = CertParser::from_bytes(&binary) else {
        return (certs, refused(Reason::Malformed, ""));
    };
    for (count, cert) in parser.enumerate() {
        if count == limits.certs {
            rejected.push(Rejection::new(None, Reason::TooMany, ""));
            break;
        }
        match cert {
            Ok(cert) if has_key(&cert, handle) => certs.push(cert),
            Ok(cert) => {
                let fingerprint = Some(cert.fingerprint());
                rejected.push(Rejection::new(fingerprint, Reason::OtherKey, ""));
            }
            Err(_) => rejected.push(Rejection::new(None, Reason::Malformed, "")),
        }
    }
    if certs.is_empty() && rejected.is_empty() {
        rejected = refused(Reason::Malformed, "no OpenPGP certificate");
    }
    (certs, rejected)
}

/// The content of the first armored block, or what is binary already. It is
/// never larger than the text.
fn dearmored(body: &[u8]) -> Option<Vec<u8>> {
    // Every binary packet begins with an octet that ASCII lacks.
    if body.first().is_some_and(|octet| octet & 0x80 != 0) {
        return Some(body.to_vec());
    }
    let mut reader = Reader::from_bytes(body, ReaderMode::Tolerant(None));
    let mut binary = Vec::new();
    reader.read_to_end(&mut binary).ok()?;
    match reader.kind() {
        Some(Kind::PublicKey | Kind::SecretKey) => Some(binary),
        _ => None,
    }
}

fn has_key(cert: &Cert, handle: &KeyHandle) -> bool {
    cert.primary_key().key().key_handle().aliases(handle)
        || cert.keys().subkeys().any(|subkey| {
            subkey.key().key_handle().aliases(handle) && subkey.self_signatures().next().is_some()
        })
}
