//! The validating key server (VKS API v1).
//!
//! What it knows and publishes is in `store`, the rules of uploads in `publish`.

mod publish;
mod store;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use hyper::Method;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::{Cert, Fingerprint, KeyHandle};
use percent_encoding::percent_decode_str;
use tokio::sync::Notify;

pub use self::publish::Mail;
use self::publish::Uploads;
use self::store::{Store, normalize};
use crate::answer::{Answer, Plan};
use crate::door::Door;
use crate::https::seen;
use crate::line::Wire;
use crate::log::{Log, Request, lock};

const ROOT: &str = "/vks/v1/";

/// The key server; see [`Testbed::vks`](crate::Testbed::vks).
///
/// It knows certificates and, for each, the addresses that were confirmed. What
/// a test plants goes before what it knows.
///
/// * By e-mail it finds confirmed addresses, and no revoked certificate.
/// * By fingerprint and key ID it finds primary keys, and subkeys that may sign
///   or certify or carry no key flags; digits in lower case, or 64 of them, give 404.
/// * It publishes confirmed User IDs that are not revoked, and of a revoked
///   certificate none; no User Attributes, no certifications by others.
/// * Uploads and requests of confirmation mails it takes as documented. The mails
///   are in [`mails`](Self::mails), their links are followed by
///   [`follow_link`](Self::follow_link).
#[derive(Debug)]
pub struct Vks {
    state: Mutex<State>,
    requests: Mutex<Vec<Request>>,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    uploads: Uploads,
    /// By normalized address.
    planted: HashMap<String, Plan>,
    /// By what stands behind [`ROOT`].
    planted_paths: HashMap<String, Plan>,
    everywhere: Plan,
}

impl Vks {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        Self {
            state: Mutex::default(),
            requests: Mutex::default(),
            log,
        }
    }

    /// Takes a certificate in, no address of which is confirmed. What it had of
    /// this certificate before is merged.
    ///
    /// # Panics
    ///
    /// Where the certificates do not merge, which cannot be with one fingerprint.
    pub fn upload(&self, cert: &Cert) -> &Self {
        lock(&self.state).store.merge(cert);
        self
    }

    /// Takes a certificate in, and its owner confirms this address. Another
    /// certificate loses it.
    pub fn confirm(&self, address: &EmailAddress, cert: &Cert) -> &Self {
        let store = &mut lock(&self.state).store;
        store.merge(cert);
        store.confirm(&normalize(&address.to_string()), &cert.fingerprint());
        self
    }

    /// The mails sent so far.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state).uploads.mails().to_vec()
    }

    /// The holder of this address follows the link in the newest mail to it.
    ///
    /// # Panics
    ///
    /// Where there is no such mail.
    pub fn follow_link(&self, address: &EmailAddress) -> &Self {
        let State { store, uploads, .. } = &mut *lock(&self.state);
        let address = normalize(&address.to_string());
        let fingerprint = uploads.follow_link(&address);
        store.confirm(&address, &fingerprint.expect("a mail to this address"));
        self
    }

    /// Forgets all tokens given out so far.
    pub fn expire_tokens(&self) -> &Self {
        lock(&self.state).uploads.expire_tokens();
        self
    }

    /// The certificate as it is published, if the server has it.
    pub fn published(&self, fingerprint: &Fingerprint) -> Option<Cert> {
        lock(&self.state).store.published(fingerprint)
    }

    /// Answers for this address so from now on.
    pub fn plant(&self, address: &EmailAddress, answer: Answer) -> &Self {
        self.edit(address, |plan| plan.always(answer))
    }

    /// Answers for this address so the next times, and then as before.
    pub fn plant_first(&self, times: usize, address: &EmailAddress, answer: Answer) -> &Self {
        self.edit(address, |plan| plan.first(times, answer))
    }

    /// Answers for this fingerprint or this key ID so from now on. (A fingerprint
    /// and its key ID are two things here, as they are two questions.)
    pub fn plant_key(&self, key: impl Into<KeyHandle>, answer: Answer) -> &Self {
        self.edit_path(&path_of(&key.into()), |plan| plan.always(answer))
    }

    /// Answers for it so the next times, and then as before.
    pub fn plant_key_first(
        &self,
        times: usize,
        key: impl Into<KeyHandle>,
        answer: Answer,
    ) -> &Self {
        self.edit_path(&path_of(&key.into()), |plan| plan.first(times, answer))
    }

    /// Answers uploads so from now on.
    pub fn plant_upload(&self, answer: Answer) -> &Self {
        self.edit_path("upload", |plan| plan.always(answer))
    }

    /// Answers requests of confirmation mails so from now on.
    pub fn plant_request_verify(&self, answer: Answer) -> &Self {
        self.edit_path("request-verify", |plan| plan.always(answer))
    }

    /// Answers every request so from now on.
    pub fn plant_all(&self, answer: Answer) -> &Self {
        lock(&self.state).everywhere.always(answer);
        self
    }

    /// Answers every request so the next times, and then as before.
    pub fn plant_all_first(&self, times: usize, answer: Answer) -> &Self {
        lock(&self.state).everywhere.first(times, answer);
        self
    }

    /// Every request that reached it, by whichever way.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    pub(crate) fn forget_requests(&self) {
        lock(&self.requests).clear();
    }

    /// Serves one connection of plain HTTP.
    pub(crate) async fn serve(self: Arc<Self>, wire: Wire) {
        self.log.connection(Door::Vks);
        let hang_up = Notify::new();
        let service = service_fn(|request| {
            let hang_up = &hang_up;
            let vks = &self;
            async move {
                let answer = vks.answer(&seen(request).await);
                if let Some(response) = answer.respond().await {
                    return Ok::<_, Infallible>(response);
                }
                hang_up.notify_one();
                std::future::pending().await
            }
        });
        let http1 = hyper::server::conn::http1::Builder::new();
        tokio::select! {
            // How the client ends the connection is its own business.
            _ = http1.serve_connection(TokioIo::new(wire), service) => {}
            () = hang_up.notified() => {}
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        lock(&self.requests).push(request.clone());
        lock(&self.state)
            .answer(request)
            .header("access-control-allow-origin", "*")
            .header("cache-control", "no-cache")
    }

    fn edit(&self, address: &EmailAddress, edit: impl FnOnce(&mut Plan)) -> &Self {
        let address = normalize(&address.to_string());
        edit(lock(&self.state).planted.entry(address).or_default());
        self
    }

    fn edit_path(&self, path: &str, edit: impl FnOnce(&mut Plan)) -> &Self {
        let mut state = lock(&self.state);
        edit(state.planted_paths.entry(path.to_owned()).or_default());
        drop(state);
        self
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        if let Some(answer) = self.everywhere.next() {
            return answer;
        }
        let path = request.path().strip_prefix(ROOT).unwrap_or_default();
        if let Some(answer) = self.planted_paths.get_mut(path).and_then(Plan::next) {
            return answer;
        }
        let is_read = request.method == Method::GET || request.method == Method::HEAD;
        match path.split_once('/') {
            Some(("by-email", address)) if is_read => self.by_email(address),
            Some(("by-fingerprint", digits)) if is_read => {
                self.by_key(digits, &[40, 64], "fingerprint")
            }
            Some(("by-keyid", digits)) if is_read => self.by_key(digits, &[16], "key id"),
            None if path == "upload" && request.method == Method::POST => {
                self.uploads.upload(&mut self.store, request)
            }
            None if path == "request-verify" && request.method == Method::POST => {
                self.uploads.request_verify(&self.store, request)
            }
            _ => Answer::sentence(404, "Not found"),
        }
    }

    fn by_email(&mut self, address: &str) -> Answer {
        let decoded = percent_decode_str(address).decode_utf8().ok();
        let Some(address) = decoded.filter(|address| address.contains('@')) else {
            return Answer::sentence(400, "malformed e-mail address");
        };
        let address = normalize(&address);
        if let Some(answer) = self.planted.get_mut(&address).and_then(Plan::next) {
            return answer;
        }
        match self.store.by_email(&address) {
            Some(cert) => certificate(&cert),
            None => Answer::sentence(404, format!("No key found for email address {address}")),
        }
    }

    /// The web server before the key server looks for a file of this name:
    /// what has digits, but not just these, is not there.
    fn by_key(&self, digits: &str, lengths: &[usize], what: &str) -> Answer {
        if !lengths.contains(&digits.len()) || !digits.bytes().all(|d| d.is_ascii_hexdigit()) {
            return Answer::sentence(400, format!("malformed {what}"));
        }
        match self.store.by_key(digits) {
            Some(cert) => certificate(&cert),
            None => Answer::sentence(404, format!("No key found for {what} {digits}")),
        }
    }
}

fn certificate(cert: &Cert) -> Answer {
    let file = format!("attachment; filename=\"{}.asc\"", cert.fingerprint());
    Answer::armored(cert).header("content-disposition", &file)
}

fn path_of(key: &KeyHandle) -> String {
    match key {
        KeyHandle::Fingerprint(fingerprint) => format!("by-fingerprint/{}", fingerprint.to_hex()),
        KeyHandle::KeyID(id) => format!("by-keyid/{}", id.to_hex()),
    }
}
