//! The domains that are served, and the keyrings that they are made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::wkd::publish::Publisher;
use openpgp_discovery::wkd::serve::InMemory;

use super::common::allow::{self, Allow};
use super::common::input::Input;
use super::common::keyrings;
use super::stamp::Stamp;
use super::web::say;

/// After so long a directory is made anew, because certificates expire.
const ANEW: Duration = Duration::from_secs(24 * 60 * 60);

/// What is published of a keyring.
pub(crate) struct Choice {
    pub(crate) allow: Option<PathBuf>,
    pub(crate) include_revoked: bool,
    pub(crate) include_expired: bool,
}

/// All domains.
pub(crate) struct Tenants {
    tenants: Vec<Tenant>,
    allow: Option<Granted>,
    directory: Arc<InMemory>,
}

/// One domain.
struct Tenant {
    domain: String,
    publisher: Publisher,
    keyrings: Vec<PathBuf>,
    stamps: Vec<Stamp>,
    made: Instant,
    /// How many places of what is served could not be read.
    broken: usize,
}

/// What the file of `--allow` says.
struct Granted {
    path: PathBuf,
    stamp: Stamp,
    allow: Allow,
}

/// What the keyrings of a domain hold.
struct Gathered {
    certs: Vec<Cert>,
    broken: Vec<String>,
}

/// Reads `DOMAIN=KEYRING`, the domain in any form.
pub(crate) fn parse(text: &str) -> Result<(String, PathBuf), String> {
    let (domain, keyring) = text
        .split_once('=')
        .ok_or("it has to be DOMAIN=KEYRING, as in example.org=keyring.pgp")?;
    let address: EmailAddress = format!("postmaster@{domain}")
        .parse()
        .map_err(|error| format!("{domain} is no domain: {error}"))?;
    match keyring {
        "" => Err("the name of a keyring is missing behind the =".to_owned()),
        // It can be read just once.
        "-" => Err("stdin cannot be read again: a file has to be named".to_owned()),
        keyring => Ok((address.domain().to_owned(), keyring.into())),
    }
}

impl Tenants {
    /// Reads everything for the first time. What is damaged in a keyring is told; a file
    /// that cannot be read at all is an error. It blocks.
    pub(crate) fn read(
        domains: &[(String, PathBuf)],
        choice: Choice,
        directory: Arc<InMemory>,
    ) -> anyhow::Result<Self> {
        let allow = choice.allow.clone().map(Granted::read).transpose()?;
        let mut tenants: Vec<Tenant> = Vec::new();
        for (domain, keyring) in domains {
            match tenants.iter_mut().find(|tenant| tenant.domain == *domain) {
                Some(tenant) => tenant.keyrings.push(keyring.clone()),
                None => tenants.push(Tenant::new(domain, keyring, &choice)?),
            }
        }
        let mut all = Self {
            tenants,
            allow,
            directory,
        };
        for tenant in &mut all.tenants {
            tenant.stamps = tenant.look();
            let gathered = tenant.gather()?;
            tenant.serve(gathered, all.allow.as_ref(), &all.directory);
        }
        Ok(all)
    }

    /// Reads again what has changed. It blocks.
    pub(crate) fn refresh(&mut self) {
        let regranted = self.allow.as_mut().is_some_and(Granted::refresh);
        for tenant in &mut self.tenants {
            let stamps = tenant.look();
            let is_same = tenant.stamps == stamps;
            if is_same && !regranted && tenant.made.elapsed() < ANEW {
                continue;
            }
            // Before reading: what changes meanwhile is seen the next time.
            tenant.stamps = stamps;
            tenant.made = Instant::now();
            match tenant.gather() {
                Ok(gathered) if gathered.broken.len() <= tenant.broken => {
                    tenant.serve(gathered, self.allow.as_ref(), &self.directory);
                }
                Ok(gathered) => tenant.keep(&gathered.broken.join("; ")),
                Err(error) => tenant.keep(&format!("{error:#}")),
            }
        }
    }
}

impl Tenant {
    fn new(domain: &str, keyring: &Path, choice: &Choice) -> anyhow::Result<Self> {
        let publisher = Publisher::new(domain)?
            .include_revoked(choice.include_revoked)
            .include_expired(choice.include_expired);
        Ok(Self {
            domain: domain.to_owned(),
            publisher,
            keyrings: vec![keyring.to_owned()],
            stamps: Vec::new(),
            made: Instant::now(),
            broken: 0,
        })
    }

    fn look(&self) -> Vec<Stamp> {
        self.keyrings.iter().map(|path| Stamp::of(path)).collect()
    }

    fn gather(&self) -> anyhow::Result<Gathered> {
        let mut inputs = Vec::new();
        for path in &self.keyrings {
            let input = open(path).with_context(|| format!("cannot read {}", path.display()))?;
            inputs.push(input);
        }
        let (certs, broken) = keyrings::read(&inputs);
        Ok(Gathered { certs, broken })
    }

    fn serve(&mut self, gathered: Gathered, allow: Option<&Granted>, directory: &InMemory) {
        let domain = &self.domain;
        for why in &gathered.broken {
            say(&format!("{domain}: {why}"));
        }
        self.broken = gathered.broken.len();
        let publication = self.publisher.plan(gathered.certs, |address, cert| {
            allow.is_none_or(|granted| granted.allow.grants(address, &cert.fingerprint()))
        });
        // Before it is said.
        directory.publish(&publication);
        let entries = publication.entries();
        say(&match entries.len() {
            1 => format!("{domain}: serving 1 address"),
            count => format!("{domain}: serving {count} addresses"),
        });
        for pair in allow.iter().flat_map(|a| a.allow.unpublished(&publication)) {
            say(&format!("{domain}: {pair}"));
        }
        let several = entries
            .iter()
            .filter(|entry| entry.fingerprints().len() > 1);
        let several = several.count();
        if several > 0 && allow.is_none() {
            say(&format!(
                "{domain}: {several} of them are claimed by several certificates; \
                 --allow says which are right"
            ));
        }
    }

    fn keep(&self, why: &str) {
        let domain = &self.domain;
        say(&format!("{domain}: its directory stays as it was: {why}"));
    }
}

impl Granted {
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        let stamp = Stamp::of(&path);
        let allow =
            allow::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path, stamp, allow })
    }

    /// Reads it where it has changed; whether there is another one now.
    fn refresh(&mut self) -> bool {
        let stamp = Stamp::of(&self.path);
        if self.stamp == stamp {
            return false;
        }
        self.stamp = stamp;
        match allow::read(&self.path) {
            Ok(allow) => self.allow = allow,
            Err(error) => {
                say(&format!("what is allowed stays as it was: {error}"));
                return false;
            }
        }
        true
    }
}

/// Opens a keyring. A pipe would be waited for, for ever.
fn open(path: &Path) -> anyhow::Result<Input> {
    if !fs::metadata(path)?.is_file() {
        bail!("this is not a regular file");
    }
    Ok(Input::new(path.to_owned())?)
}
