//! Uploads, their tokens, and confirmation mails.

use std::collections::HashMap;

use hyper::header::CONTENT_TYPE;
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::{Cert, Fingerprint};
use serde_json::{Map, Value, json};

use super::store::{Store, address_of, is_revocation, is_revoked, normalize};
use crate::answer::Answer;
use crate::log::Request;

/// The web server lets no larger body through.
const MAX_UPLOAD: usize = 1 << 20;

/// A confirmation mail.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The normalized address that it went to.
    pub to: String,
    /// The certificate that it is about.
    pub fingerprint: Fingerprint,
    /// The languages that were asked for.
    pub locales: Vec<String>,
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    tokens: HashMap<String, Fingerprint>,
    given: u64,
    mails: Vec<Mail>,
    /// By normalized address: where a link has not been followed yet.
    links: HashMap<String, Fingerprint>,
}

impl Uploads {
    pub(super) fn mails(&self) -> &[Mail] {
        &self.mails
    }

    pub(super) fn follow_link(&mut self, address: &str) -> Option<Fingerprint> {
        self.links.remove(address)
    }

    pub(super) fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn upload(&mut self, store: &mut Store, request: &Request) -> Answer {
        if request.body.len() > MAX_UPLOAD {
            return Answer::sentence(413, "<h1>413 Request Entity Too Large</h1>");
        }
        let Some(question) = question(request) else {
            return refusal("malformed request");
        };
        let Some(keytext) = question["keytext"].as_str() else {
            return refusal("no keytext");
        };
        let certs: Result<Vec<Cert>, _> =
            CertParser::from_bytes(keytext).and_then(Iterator::collect);
        let Ok(certs) = certs else {
            return refusal("Parsing of key data failed.");
        };
        if certs.iter().any(Cert::is_tsk) {
            return refusal("Whoops, please don't upload secret keys!");
        }
        if !certs
            .iter()
            .all(|cert| matches!(cert.fingerprint(), Fingerprint::V4(_)))
        {
            return refusal("Parsing of key data failed.");
        }
        for cert in &certs {
            store.merge(cert);
        }
        match certs.as_slice() {
            [] => refusal("No key uploaded."),
            [cert] => self.answer(store, &cert.fingerprint()),
            certs => {
                let all: Vec<_> = certs.iter().map(|c| c.fingerprint().to_hex()).collect();
                Answer::json(200, &json!(all).to_string())
            }
        }
    }

    pub(super) fn request_verify(&mut self, store: &Store, request: &Request) -> Answer {
        let Some(question) = question(request) else {
            return refusal("malformed request");
        };
        let token = question["token"].as_str();
        let Some(fingerprint) = token.and_then(|token| self.tokens.get(token)).cloned() else {
            return refusal("Your session expired or is invalid");
        };
        let Some(asked) = strings(&question["addresses"]) else {
            return refusal("malformed request");
        };
        let locales = strings(&question["locale"]).unwrap_or_default();
        for address in asked.iter().map(|address| normalize(address)) {
            if self.status(store, &fingerprint).get(&address) == Some(&json!("unpublished")) {
                self.mails.push(Mail {
                    to: address.clone(),
                    fingerprint: fingerprint.clone(),
                    locales: locales.clone(),
                });
                self.links.insert(address, fingerprint.clone());
            }
        }
        self.answer(store, &fingerprint)
    }

    /// Gives a token out.
    fn answer(&mut self, store: &Store, fingerprint: &Fingerprint) -> Answer {
        self.given += 1;
        // As a real one, it looks like nothing that stands in a sentence.
        let mixed = self.given.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let token = format!("{mixed:016x}{:016x}", mixed.rotate_left(29) ^ 0x5bd1_e995);
        self.tokens.insert(token.clone(), fingerprint.clone());
        let answer = json!({
            "token": token,
            "key_fpr": fingerprint.to_hex(),
            "status": self.status(store, fingerprint),
        });
        Answer::json(200, &answer.to_string())
    }

    /// Where each address of a certificate stands; none of a revoked one.
    fn status(&self, store: &Store, fingerprint: &Fingerprint) -> Map<String, Value> {
        let Some(cert) = store.whole(fingerprint).filter(|cert| !is_revoked(cert)) else {
            return Map::new();
        };
        cert.userids()
            .filter_map(|user_id| {
                let address = address_of(user_id.userid())?;
                let revoked = user_id.revocation_status(&StandardPolicy::new(), None);
                let status = if is_revocation(&revoked) {
                    "revoked"
                } else if store.is_confirmed(&address, fingerprint) {
                    "published"
                } else if self.links.get(&address) == Some(fingerprint) {
                    "pending"
                } else {
                    "unpublished"
                };
                Some((address, json!(status)))
            })
            .collect()
    }
}

fn question(request: &Request) -> Option<Value> {
    let label = request.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if !label.starts_with("application/json") {
        return None;
    }
    serde_json::from_slice(&request.body).ok()
}

fn strings(list: &Value) -> Option<Vec<String>> {
    let list = list.as_array()?.iter();
    list.map(|item| item.as_str().map(str::to_owned)).collect()
}

fn refusal(why: &str) -> Answer {
    Answer::json(400, &json!({ "error": why }).to_string())
}
