//! Directories in memory.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, PoisonError, RwLock};

use super::directory::{Content, Directory, Question, Reply};
use crate::wkd::publish::Publication;

/// Directories in memory: of each domain, what was planned for it.
///
/// A domain's directory is replaced as a whole and in one step, while others read it:
/// every answer is from the one or from the other. Wrap it into an
/// [`Arc`] to share it.
///
/// # Examples
///
/// ```no_run
/// use openpgp_discovery::openpgp::cert::CertParser;
/// use openpgp_discovery::openpgp::parse::Parse;
/// use openpgp_discovery::wkd::publish::Publisher;
/// use openpgp_discovery::wkd::serve::InMemory;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let certs = CertParser::from_file("keyring.pgp")?.collect::<Result<Vec<_>, _>>()?;
/// let publication = Publisher::new("example.org")?.plan(certs, |_, _| true);
///
/// let directory = InMemory::new();
/// directory.publish(&publication);
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct InMemory {
    domains: RwLock<Arc<Domains>>,
}

type Domains = HashMap<String, Arc<Files>>;

/// Of one domain.
struct Files {
    by_hash: HashMap<String, Content>,
    policy: Content,
}

impl InMemory {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves this from now on, and nothing else of its domain.
    pub fn publish(&self, publication: &Publication) {
        let files = Arc::new(Files::of(publication));
        self.edit(|domains| domains.insert(publication.domain().to_owned(), files));
    }

    /// Serves nothing of this domain any more, in A-labels. Returns whether there was
    /// something.
    pub fn remove(&self, domain: &str) -> bool {
        self.edit(|domains| domains.remove(domain)).is_some()
    }

    /// Serves these from now on, and of no other domain anything. Of two for one domain
    /// the last one counts.
    pub fn replace<'p>(&self, publications: impl IntoIterator<Item = &'p Publication>) {
        let domains: Domains = publications
            .into_iter()
            .map(|publication| {
                let files = Arc::new(Files::of(publication));
                (publication.domain().to_owned(), files)
            })
            .collect();
        *self.domains.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(domains);
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Domains) -> T) -> T {
        // Nothing is left half done where a thread dies with the lock.
        let mut domains = self.domains.write().unwrap_or_else(PoisonError::into_inner);
        edit(Arc::make_mut(&mut domains))
    }

    fn domains(&self) -> Arc<Domains> {
        let domains = self.domains.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&domains)
    }
}

impl Files {
    fn of(publication: &Publication) -> Self {
        let entries = publication.entries().iter();
        Self {
            by_hash: entries
                .map(|entry| (entry.hash().to_owned(), Content::new(entry.bytes().clone())))
                .collect(),
            policy: Content::new(publication.policy_file().to_owned()),
        }
    }
}

impl Directory for InMemory {
    fn certificates<'a>(&'a self, question: &'a Question<'_>) -> Reply<'a> {
        let domains = self.domains();
        let files = domains.get(question.domain());
        let content = files.and_then(|files| files.by_hash.get(question.hash()));
        Box::pin(ready(Ok(content.cloned())))
    }

    fn policy<'a>(&'a self, domain: &'a str) -> Reply<'a> {
        let domains = self.domains();
        let policy = domains.get(domain).map(|files| files.policy.clone());
        Box::pin(ready(Ok(policy)))
    }
}

/// How much, not what: the hashes tell who is there.
impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory")
            .field("domains", &self.domains().len())
            .finish_non_exhaustive()
    }
}
