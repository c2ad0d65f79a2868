//! Gets the certificates of those who signed: the caller's, refreshed, and what
//! the key server has for the others.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use sequoia_openpgp::cert::amalgamation::key::PrimaryKey as _;
use sequoia_openpgp::{Cert, KeyHandle};

use super::blocking::Stop;
use super::collect::Collected;
use super::known::{Fresh, Known};
use super::standing;
use super::verdict::Origin;
use crate::filter::proven;
use crate::{BoxFuture, Error};

/// What is needed of a key server.
pub(crate) trait Source: Send + Sync {
    /// The certificates that hold this key: none, where the server does not have
    /// it; a sentence, where one could not tell.
    fn fetch<'a>(&'a self, issuer: &'a KeyHandle) -> BoxFuture<'a, Result<Vec<Cert>, String>>;

    /// The certificate, never less of it, with the news merged in (as it is,
    /// where the server does not have it); why not, where one could not tell.
    fn refresh<'a>(&'a self, cert: &'a Cert) -> BoxFuture<'a, Result<Cert, Doubt>>;
}

/// Why a certificate is not fresh.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    /// A sentence.
    pub(super) why: String,
    /// The certificate with what news there were all the same: of an answer that
    /// was not read to its end. They count; what is missing may be a revocation.
    pub(super) news: Option<Box<Cert>>,
}

impl From<String> for Doubt {
    fn from(why: String) -> Self {
        Self { why, news: None }
    }
}

/// A certificate that the caller gives.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) cert: Cert,
    pub(super) refreshed: Option<SystemTime>,
}

/// How many and how old.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) requests: usize,
    pub(super) max_age: Duration,
    pub(super) now: SystemTime,
}

/// All certificates at hand, and what could not be had.
#[derive(Debug, Default)]
pub(super) struct Signers {
    pub(super) known: Vec<Known>,
    missing: Vec<(KeyHandle, String)>,
}

enum Ask {
    Refresh(usize),
    Fetch(KeyHandle),
}

enum Answer {
    Refreshed(usize, Result<Box<Cert>, Doubt>),
    Fetched(KeyHandle, Result<Vec<Cert>, String>),
}

impl Signers {
    /// Those that may have made a signature.
    pub(super) fn of<'s>(&'s self, signature: &Collected) -> Vec<&'s Known> {
        let holds = |known: &&Known| signature.issuers.iter().any(|key| has(&known.cert, key));
        self.known.iter().filter(holds).collect()
    }

    /// Why the certificate of a signature's issuer is not at hand, where that is
    /// not for the key server not having it.
    pub(super) fn failure(&self, signature: &Collected) -> Option<&str> {
        self.missing
            .iter()
            .find(|(key, _)| signature.issuers.contains(key))
            .map(|(_, why)| why.as_str())
    }

    /// Those whom the owner of a possible signer named for revoking it, who are
    /// not at hand, and in whose name there is a revocation. Verifies
    /// self-signatures.
    pub(super) fn absent_revokers(&self, signatures: &[Collected]) -> Vec<KeyHandle> {
        let mut wanted: Vec<KeyHandle> = Vec::new();
        for one in signatures {
            let signed = |key: &KeyHandle| one.issuers.iter().any(|by| by.aliases(key));
            for known in self.of(one) {
                for revoker in standing::absent_revokers(&known.cert, signed, &self.known) {
                    if !wanted.contains(&revoker) {
                        wanted.push(revoker);
                    }
                }
            }
        }
        wanted
    }

    /// Whether the key server could not be asked for this key.
    pub(super) fn could_not_ask(&self, key: &KeyHandle) -> bool {
        self.missing.iter().any(|(other, _)| other == key)
    }
}

/// Asks for what these signatures need, all at once, within the limit. How many
/// more requests may be made is given back too.
pub(super) async fn gather(
    source: &dyn Source,
    known: Vec<Known>,
    signatures: &[Collected],
    terms: Terms,
) -> (Signers, usize) {
    let mut signers = Signers {
        known,
        missing: Vec::new(),
    };
    let mut left = terms.requests;
    let asks = needed(&mut signers, signatures, terms, &mut left);
    ask(source, &mut signers, asks).await;
    (signers, left)
}

/// Asks for the certificates of those who may have revoked one of these.
pub(super) async fn add_revokers(
    source: &dyn Source,
    signers: &mut Signers,
    mut revokers: Vec<KeyHandle>,
    left: usize,
) {
    let beyond = revokers.split_off(left.min(revokers.len()));
    ask(
        source,
        signers,
        revokers.into_iter().map(Ask::Fetch).collect(),
    )
    .await;
    let why = "More requests than the limit would be needed.";
    let beyond = beyond.into_iter().map(|key| (key, why.to_owned()));
    signers.missing.extend(beyond);
}

/// One of each fingerprint, public parts alone; of those that may have signed, what
/// their owners signed alone. Whoever wrote a file of certificates says what this
/// costs.
pub(super) fn at_hand(
    given: Vec<Given>,
    signatures: &[Collected],
    terms: Terms,
    stop: &Stop,
) -> Result<Vec<Known>, Error> {
    let mut known = merged(given, terms);
    for one in &mut known {
        let mut issuers = signatures.iter().flat_map(|one| &one.issuers);
        if issuers.any(|key| has(&one.cert, key)) {
            let proven = proven(one.cert.clone(), stop.flag());
            stop.is_on()?;
            (one.cert, one.is_cut) = (proven.cert, proven.is_cut);
        }
    }
    Ok(known)
}

fn merged(given: Vec<Given>, terms: Terms) -> Vec<Known> {
    let is_recent = |at: SystemTime| match terms.now.duration_since(at) {
        Ok(age) => age <= terms.max_age,
        Err(ahead) => ahead.duration() <= super::TOLERANCE && !terms.max_age.is_zero(),
    };
    let mut known: Vec<Known> = Vec::new();
    for given in given {
        let cert = given.cert.strip_secret_key_material();
        let fresh = match given.refreshed.is_some_and(is_recent) {
            true => Fresh::Yes,
            false => Fresh::Failed("The key server was not asked.".to_owned()),
        };
        match known
            .iter_mut()
            .find(|one| one.cert.fingerprint() == cert.fingerprint())
        {
            Some(one) => {
                one.cert = merge(&one.cert, cert);
                if fresh == Fresh::Yes {
                    one.fresh = fresh;
                }
            }
            None => known.push(Known {
                cert,
                origin: Origin::Given,
                fresh,
                is_cut: false,
            }),
        }
    }
    known
}

fn needed(
    signers: &mut Signers,
    signatures: &[Collected],
    terms: Terms,
    left: &mut usize,
) -> Vec<Ask> {
    let over_limit = || format!("More than {} requests would be needed.", terms.requests);
    let mut asks = Vec::new();
    for key in signatures
        .iter()
        .filter(|one| one.signature.is_ok())
        .flat_map(|one| &one.issuers)
    {
        let mut at_hand = false;
        for (at, known) in signers.known.iter_mut().enumerate() {
            if !has(&known.cert, key) {
                continue;
            }
            // Anybody can stick a stranger's key on their certificate: that is no
            // reason to look no further.
            at_hand |= is_bound(&known.cert, key);
            let asked = asks
                .iter()
                .any(|ask| matches!(ask, Ask::Refresh(other) if *other == at));
            if known.fresh == Fresh::Yes || asked {
                continue;
            }
            match left.checked_sub(1) {
                Some(rest) => {
                    *left = rest;
                    asks.push(Ask::Refresh(at));
                }
                None => known.fresh = Fresh::OverLimit(over_limit()),
            }
        }
        let asked = asks
            .iter()
            .any(|ask| matches!(ask, Ask::Fetch(other) if other == key));
        if at_hand || asked {
            continue;
        }
        match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                asks.push(Ask::Fetch(key.clone()));
            }
            None => signers.missing.push((key.clone(), over_limit())),
        }
    }
    asks
}

async fn ask(source: &dyn Source, signers: &mut Signers, asks: Vec<Ask>) {
    let known = &signers.known;
    let answers = join_all(asks.into_iter().map(|ask| async move {
        match ask {
            Ask::Refresh(at) => {
                let news = source.refresh(&known[at].cert).await;
                Answer::Refreshed(at, news.map(Box::new))
            }
            Ask::Fetch(key) => {
                let certs = source.fetch(&key).await;
                Answer::Fetched(key, certs)
            }
        }
    }))
    .await;
    for answer in answers {
        match answer {
            Answer::Refreshed(at, Ok(cert)) => {
                let known = &mut signers.known[at];
                known.cert = *cert;
                known.fresh = Fresh::Yes;
            }
            Answer::Refreshed(at, Err(Doubt { why, news })) => {
                let known = &mut signers.known[at];
                if let Some(cert) = news {
                    known.cert = *cert;
                }
                known.fresh = Fresh::Failed(why);
            }
            Answer::Fetched(key, Err(why)) => signers.missing.push((key, why)),
            Answer::Fetched(key, Ok(certs)) => {
                let others = certs.iter().any(|cert| !has(cert, &key));
                let mut some = false;
                for cert in certs.into_iter().filter(|cert| has(cert, &key)) {
                    some = true;
                    signers.take(cert.strip_secret_key_material());
                }
                if others && !some {
                    let why = "The key server answered with another certificate.";
                    signers.missing.push((key, why.to_owned()));
                }
            }
        }
    }
}

impl Signers {
    /// A fetched certificate can be one that the caller holds, with a subkey that
    /// is new.
    fn take(&mut self, cert: Cert) {
        let same = |known: &&mut Known| known.cert.fingerprint() == cert.fingerprint();
        match self.known.iter_mut().find(same) {
            Some(known) => {
                known.cert = merge(&known.cert, cert);
                known.fresh = Fresh::Yes;
            }
            None => self.known.push(Known {
                cert,
                origin: Origin::Vks,
                fresh: Fresh::Yes,
                is_cut: false,
            }),
        }
    }
}

/// Both together. The same primary key is a condition, so this cannot fail; if it
/// does, what was there stays.
fn merge(held: &Cert, news: Cert) -> Cert {
    let merged = held.clone().merge_public(news.strip_secret_key_material());
    merged.unwrap_or_else(|_| held.clone())
}

/// Whether it is the primary key, or a subkey with a binding signature. Those of
/// certificates at hand verify.
fn is_bound(cert: &Cert, key: &KeyHandle) -> bool {
    cert.keys()
        .filter(|other| other.key().key_handle().aliases(key))
        .any(|other| other.primary() || other.self_signatures().next().is_some())
}

/// Whether a certificate holds this key, bound or not.
fn has(cert: &Cert, key: &KeyHandle) -> bool {
    cert.keys()
        .any(|other| other.key().key_handle().aliases(key))
}
