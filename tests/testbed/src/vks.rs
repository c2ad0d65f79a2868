//! The validating key server (VKS API v1), as far as look-ups need it.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use hyper::Method;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::types::RevocationStatus;
use openpgp_discovery::openpgp::{Cert, Fingerprint};
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::answer::{Answer, Plan};
use crate::door::Door;
use crate::https::seen;
use crate::log::{Log, Request, lock};

const BY_EMAIL: &str = "/vks/v1/by-email/";

/// The key server; see [`Testbed::vks`](crate::Testbed::vks).
///
/// It knows certificates and, for each, the addresses that were confirmed. What
/// a test plants goes before what it knows.
#[derive(Debug)]
pub struct Vks {
    state: Mutex<State>,
    requests: Mutex<Vec<Request>>,
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct State {
    certs: HashMap<Fingerprint, Cert>,
    /// By normalized address: one address belongs to one certificate.
    confirmed: HashMap<String, Fingerprint>,
    planted: HashMap<String, Plan>,
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
        let cert = cert.clone().strip_secret_key_material();
        let certs = &mut lock(&self.state).certs;
        let merged = match certs.remove(&cert.fingerprint()) {
            Some(known) => known.merge_public(cert).expect("one fingerprint"),
            None => cert,
        };
        certs.insert(merged.fingerprint(), merged);
        self
    }

    /// Takes a certificate in, and its owner confirms this address. Another
    /// certificate loses it.
    pub fn confirm(&self, address: &EmailAddress, cert: &Cert) -> &Self {
        self.upload(cert);
        let address = normalize(&address.to_string());
        lock(&self.state)
            .confirmed
            .insert(address, cert.fingerprint());
        self
    }

    /// Answers for this address so from now on.
    pub fn plant(&self, address: &EmailAddress, answer: Answer) -> &Self {
        self.edit(address, |plan| plan.always(answer))
    }

    /// Answers for this address so the next times, and then as before.
    pub fn plant_first(&self, times: usize, address: &EmailAddress, answer: Answer) -> &Self {
        self.edit(address, |plan| plan.first(times, answer))
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
    pub(crate) async fn serve(self: Arc<Self>, tcp: TcpStream) {
        self.log.connection(Door::Vks);
        let hang_up = Notify::new();
        let service = service_fn(|request| {
            let answer = self.answer(&seen(&request));
            let hang_up = &hang_up;
            async move {
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
            _ = http1.serve_connection(TokioIo::new(tcp), service) => {}
            () = hang_up.notified() => {}
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        lock(&self.requests).push(request.clone());
        let mut state = lock(&self.state);
        if let Some(answer) = state.everywhere.next() {
            return answer;
        }
        let address = request.path().strip_prefix(BY_EMAIL);
        let (Some(address), true) = (address, is_read(&request.method)) else {
            return Answer::sentence(404, "Not found");
        };
        let decoded = percent_decode_str(address).decode_utf8();
        let answer = match decoded.ok().filter(|address| address.contains('@')) {
            Some(address) => state.by_email(&normalize(&address)),
            None => Answer::sentence(400, "malformed e-mail address"),
        };
        answer
            .header("access-control-allow-origin", "*")
            .header("cache-control", "no-cache")
    }

    fn edit(&self, address: &EmailAddress, edit: impl FnOnce(&mut Plan)) -> &Self {
        let address = normalize(&address.to_string());
        edit(lock(&self.state).planted.entry(address).or_default());
        self
    }
}

impl State {
    fn by_email(&mut self, address: &str) -> Answer {
        if let Some(answer) = self.planted.get_mut(address).and_then(Plan::next) {
            return answer;
        }
        let cert = self
            .confirmed
            .get(address)
            .and_then(|fpr| self.certs.get(fpr));
        match cert.filter(|cert| !is_revoked(cert)) {
            Some(cert) => {
                let file = format!("attachment; filename=\"{}.asc\"", cert.fingerprint());
                Answer::armored(&self.published(cert)).header("content-disposition", &file)
            }
            None => Answer::sentence(404, format!("No key found for email address {address}")),
        }
    }

    /// The certificate with its confirmed User IDs only.
    fn published(&self, cert: &Cert) -> Cert {
        let fingerprint = cert.fingerprint();
        let confirmed: BTreeSet<&str> = self
            .confirmed
            .iter()
            .filter(|(_, fpr)| **fpr == fingerprint)
            .map(|(address, _)| address.as_str())
            .collect();
        cert.clone()
            .retain_user_attributes(|_| false)
            .retain_userids(|user_id| {
                let email = user_id.userid().email().ok().flatten();
                email.is_some_and(|email| confirmed.contains(normalize(email).as_str()))
            })
    }
}

/// A revoked certificate loses its addresses, hard or soft.
fn is_revoked(cert: &Cert) -> bool {
    let status = cert.revocation_status(&StandardPolicy::new(), None);
    matches!(status, RevocationStatus::Revoked(_))
}

/// The server compares whole addresses in Unicode lower case.
fn normalize(address: &str) -> String {
    address.to_lowercase()
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}
