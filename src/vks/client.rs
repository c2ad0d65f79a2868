//! A key server, as callers see it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, KeyID};
use serde_json::json;
use tokio::time::Instant;
use tracing::debug;
use url::Url;

use super::ask::{Question, ask, connect};
use super::budget::Rate;
use super::by_key::{absence, fetch_by_fingerprint, fetch_by_key_id};
use super::{Budget, KeyLookup, KeyServer, Upload, UploadToken, answer, publish};
use crate::Rejection;
use crate::fetch::{Fetcher, Miss, Page, page};
use crate::filter::{Filter, Filtered};
use crate::lookup::{Attempt, Event, OnEvent, Outcome};
use crate::workers::Workers;
use crate::{EmailAddress, Error, ErrorKind, Method, Step};

/// More than a status for each address of any certificate.
const MAX_JSON: usize = 256 << 10;

/// The key server of a [`KeyLocator`](crate::KeyLocator): look-ups by fingerprint
/// and key ID, and publishing.
///
/// [`KeyLocator::vks`](crate::KeyLocator::vks) hands it out. Each call ends within
/// the locator's [`deadline`](crate::KeyLocatorBuilder::deadline), and follows no
/// redirect. All but [`connect`](Self::connect) take their requests off the
/// locator's [`Budget`]. A question that ends in a server error is asked once more;
/// so is one that the server refuses for its rate, where the server says when to
/// come back and that is soon enough.
///
/// # Privacy
///
/// The key server learns your address on the network and whose key you ask for.
/// All questions over one connection can be linked; many in a row show who your
/// correspondents are. No address is sent but those named to
/// [`upload`](Self::upload) and [`request_verify`](Self::request_verify).
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use openpgp_discovery::{KeyLocator, Status};
///
/// let locator = KeyLocator::new()?;
/// let vks = locator.vks().expect("there is a key server unless it is switched off");
/// let lookup = vks
///     .by_fingerprint(&"653909A2F0E37C106F5FAF546C8857E0D8E8F074".parse()?)
///     .await;
/// match lookup.status() {
///     Status::Found => println!("{} certificate(s)", lookup.kept().len()),
///     Status::NotFound => println!("the key server does not have it"),
///     Status::Failed => println!("could not find out; try again later"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) fetcher: Fetcher,
    pub(crate) server: KeyServer,
    pub(crate) budget: Budget,
    pub(crate) filter: Filter,
    pub(crate) workers: Workers,
    pub(crate) deadline: Duration,
    pub(crate) on_event: Option<OnEvent>,
}

/// The connection.
impl Client {
    /// Opens a connection to the key server ahead of the first question, which
    /// then does without the round trips of DNS, TCP and TLS: when a composer is
    /// opened, say, or beside a look-up that may end at the key server.
    ///
    /// It is made by `HEAD /`, which names nobody and takes nothing off the
    /// budget. The bundled transport keeps an idle connection for a minute, if the
    /// server does, and this uses one that is open already: calling it again begins
    /// the minute anew. It is one connection; of several questions at once over
    /// HTTP/1.1 one has the use of it.
    ///
    /// It is in no trail and tells no [`Event`]. It can take as long as the
    /// deadline, so do not wait for it before a look-up, nor with one: a key server
    /// that is down would hold up what the directory has answered.
    ///
    /// # Privacy
    ///
    /// The key server learns that you are there, also where the question then does
    /// not come.
    ///
    /// # Errors
    ///
    /// What keeps the server from being asked. Whatever it answers will do. They can
    /// be passed over: the look-up tries by itself, and tells more.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use openpgp_discovery::KeyLocator;
    ///
    /// let locator = KeyLocator::new()?;
    /// if let Some(vks) = locator.vks() {
    ///     tokio::spawn(async move { vks.connect().await }); // nobody waits for it
    /// }
    /// let lookup = locator.locate(&"alice@example.org".parse()?).await;
    /// # Ok(()) }
    /// ```
    pub async fn connect(&self) -> Result<(), Error> {
        let deadline = Instant::now() + self.deadline;
        connect(&self.fetcher, &self.server, deadline).await
    }
}

/// Look-ups by key.
impl Client {
    /// Looks a certificate up by the fingerprint of its primary key or of a
    /// subkey (`/vks/v1/by-fingerprint/…`).
    ///
    /// It cannot fail as a whole: what went wrong is in the [`KeyLookup`]. The
    /// certificate really has that key, or it is refused as
    /// [`Reason::OtherKey`](crate::Reason::OtherKey).
    ///
    /// * keys.openpgp.org does not know subkeys that can only encrypt.
    /// * A fingerprint of version 6 that is not found is
    ///   [`Absence::PerhapsUnsupported`](crate::Absence::PerhapsUnsupported): there
    ///   are servers that know version 4 only, and they do not tell.
    /// * One of another version is not asked for ([`ErrorKind::Config`]).
    pub async fn by_fingerprint(&self, fingerprint: &Fingerprint) -> KeyLookup {
        self.look_up(Method::VksByFingerprint, fingerprint.into())
            .await
    }

    /// Looks certificates up by the key ID of a primary key or subkey
    /// (`/vks/v1/by-keyid/…`), as [`by_fingerprint`](Self::by_fingerprint) does.
    ///
    /// A key ID names no key for certain: others can be made that share it. Use
    /// the fingerprint wherever it is known. A short ID, or the wildcard of
    /// anonymous recipients, is not asked for ([`ErrorKind::Config`]).
    pub async fn by_key_id(&self, id: &KeyID) -> KeyLookup {
        self.look_up(Method::VksByKeyId, id.into()).await
    }

    async fn look_up(&self, method: Method, handle: KeyHandle) -> KeyLookup {
        let step = Step::Ask(method);
        let target = self.server.host();
        self.emit(Event::KeyAsked { step, target });
        let start = Instant::now();
        let deadline = start + self.deadline;
        let answer = self.fetch(&handle, deadline).await;
        let (filtered, outcome) = self.judge(answer, &handle, deadline).await;
        let (kept, rejected) = filtered.into_parts();
        let attempt = Attempt {
            step,
            target: target.to_owned(),
            url: self.server.by_key(&handle).ok(),
            outcome,
            elapsed: start.elapsed(),
        };
        debug!(step = %attempt.step, target = %attempt.target, outcome = %attempt.outcome, "step ended");
        self.emit(Event::KeyAnswered { attempt: &attempt });
        KeyLookup {
            handle,
            kept,
            rejected,
            attempt,
        }
    }

    async fn fetch(&self, handle: &KeyHandle, deadline: Instant) -> Result<Page, Miss> {
        let (fetcher, server, budget) = (&self.fetcher, &self.server, &self.budget);
        match handle {
            KeyHandle::Fingerprint(fingerprint) => {
                fetch_by_fingerprint(fetcher, server, budget, fingerprint, deadline).await
            }
            KeyHandle::KeyID(id) => fetch_by_key_id(fetcher, server, budget, id, deadline).await,
        }
    }

    async fn judge(
        &self,
        answer: Result<Page, Miss>,
        handle: &KeyHandle,
        deadline: Instant,
    ) -> (Filtered, Outcome) {
        let host = self.server.host();
        let filtered = match answer {
            Ok(page) => {
                let subject = handle.to_hex();
                let (filter, handle) = (self.filter.clone(), handle.clone());
                let work = move |stop: &_| filter.apply_to_key_until(&page.body, &handle, stop);
                self.workers.judge(subject, host, deadline, work).await
            }
            Err(Miss::Absent) => {
                return (Filtered::default(), Outcome::Absent(absence(handle)));
            }
            Err(Miss::Failed(error)) => Err(error),
            Err(Miss::Rejected(rejection)) => Ok(Filtered::refused(rejection)),
        };
        let filtered = match filtered {
            Ok(filtered) => filtered,
            Err(error) => return (Filtered::default(), Outcome::Failed(error)),
        };
        let outcome = match (filtered.kept().len(), filtered.rejected().first()) {
            // Whatever it is that the server has: it did not say that it has none.
            (0, why) => {
                let why = why.map_or_else(String::new, Rejection::to_string);
                let why = format!("{host}: {why}");
                Outcome::Failed(Error::new(ErrorKind::BadAnswer, why))
            }
            (count, _) => Outcome::Found(count),
        };
        (filtered, outcome)
    }

    fn emit(&self, event: Event<'_>) {
        if let Some(on_event) = &self.on_event {
            on_event.tell(event);
        }
    }
}

/// Publishing one's own certificate.
impl Client {
    /// Publishes a certificate (`/vks/v1/upload`). What the key server already has
    /// of it is merged, and nothing can be taken back.
    ///
    /// Everybody can then find it by fingerprint and key ID, at once, and by an
    /// address as soon as its holder has confirmed that: see
    /// [`request_verify`](Self::request_verify).
    ///
    /// Of the certificate goes out what its owner has signed: keys, subkeys, and
    /// the User IDs of `addresses` (by [`EmailAddress::matches`]) and no others;
    /// with no address, none at all, which is the way to publish a revocation.
    /// Secret keys, User Attributes, certifications by others and signatures
    /// marked as local never do; revocations by others do.
    ///
    /// # Privacy
    ///
    /// The key server learns the User IDs of these addresses, confirmed or not,
    /// and shows those that are confirmed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where the certificate has no User ID of one of the
    /// addresses, before anything is sent; [`ErrorKind::Http`] where the server
    /// refuses, with its sentence; [`ErrorKind::BadAnswer`] where what it answers
    /// cannot be used; and what keeps it from being asked.
    ///
    /// ```no_run
    /// # async fn run(cert: openpgp_discovery::openpgp::Cert) -> Result<(), Box<dyn std::error::Error>> {
    /// use openpgp_discovery::{EmailAddress, KeyLocator};
    ///
    /// let vks = KeyLocator::new()?.vks().expect("there is a key server");
    /// let addresses: [EmailAddress; 1] = ["alice@example.org".parse()?];
    /// let upload = vks.upload(&cert, &addresses).await?;
    /// let upload = vks.request_verify(upload.token(), &addresses, &["de_DE"]).await?;
    /// for (address, status) in upload.addresses() {
    ///     println!("{address}: {status}"); // waiting for confirmation
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn upload(&self, cert: &Cert, addresses: &[EmailAddress]) -> Result<Upload, Error> {
        let keytext = publish::keytext(cert, addresses)?;
        let body = json!({ "keytext": keytext }).to_string();
        let answer = self
            .post(Method::VksUpload, self.server.upload(), body, None)
            .await?;
        if *answer.fingerprint() != cert.fingerprint() {
            let why = format!(
                "{}: an answer about another certificate",
                self.server.host()
            );
            return Err(Error::new(ErrorKind::BadAnswer, why));
        }
        Ok(answer)
    }

    /// Has the key server send a mail with a link to each of these addresses of an
    /// uploaded certificate (`/vks/v1/request-verify`). Who follows the link
    /// confirms the address.
    ///
    /// Addresses that the uploaded certificate does not have are ignored by the
    /// server, without a word. With no address, no mail goes out, and the answer
    /// tells how all of them stand. `locales` (`de_DE`) are the languages that the
    /// mail should be in, best first; the server chooses where there are none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Http`] where the server refuses, with its sentence: the token
    /// has expired, for one, so upload again. Else as [`upload`](Self::upload).
    pub async fn request_verify(
        &self,
        token: &UploadToken,
        addresses: &[EmailAddress],
        locales: &[&str],
    ) -> Result<Upload, Error> {
        let addresses: Vec<&str> = addresses.iter().map(EmailAddress::vks).collect();
        let mut body = json!({ "token": token.expose(), "addresses": addresses });
        if !locales.is_empty() {
            body["locale"] = json!(locales);
        }
        let url = self.server.request_verify();
        self.post(Method::VksRequestVerify, url, body.to_string(), Some(token))
            .await
    }

    async fn post(
        &self,
        method: Method,
        url: Url,
        body: String,
        token: Option<&UploadToken>,
    ) -> Result<Upload, Error> {
        let host = self.server.host();
        let question = Question {
            url,
            rate: Rate::Other,
            max_body: MAX_JSON,
            json: Some(Bytes::from(body)),
        };
        let deadline = Instant::now() + self.deadline;
        let answer = ask(
            &self.fetcher,
            &self.server,
            &self.budget,
            &question,
            deadline,
        )
        .await;
        let result = answer.and_then(|answer| match answer.status {
            StatusCode::OK => match page(question.url, answer, MAX_JSON) {
                Ok(page) => answer::upload(host, &page.body),
                Err(Miss::Failed(error)) => Err(error),
                Err(miss) => {
                    let why = match miss {
                        Miss::Rejected(rejection) => rejection.to_string(),
                        _ => "nothing".to_owned(),
                    };
                    Err(Error::new(ErrorKind::BadAnswer, format!("{host}: {why}")))
                }
            },
            status => Err(answer::refusal(host, status, &answer.body, token)),
        });
        match &result {
            Ok(_) => debug!(%method, target = %host, "published"),
            Err(error) => debug!(%method, target = %host, %error, "not published"),
        }
        result
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .field("budget", &self.budget)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
