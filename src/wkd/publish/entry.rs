//! What is served for one address.

use std::fmt;

use bytes::Bytes;
use sequoia_openpgp::Fingerprint;

use crate::EmailAddress;
use crate::wkd::Url;

/// What is served for one address.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) address: EmailAddress,
    pub(super) hash: String,
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) bytes: Bytes,
    pub(super) whole_octets: usize,
    pub(super) notes: Vec<Note>,
}

/// What an administrator should know of a certificate that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub(super) fingerprint: Fingerprint,
    pub(super) sentence: String,
}

impl Entry {
    /// The address, the ASCII letters of its local part in lower case: what shares
    /// a hash is one address.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// The 32 letters and digits that stand for its local part, as
    /// [`Url::hash`](crate::wkd::Url::hash) makes them.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The certificates, best first: usable before unusable, then the newest.
    ///
    /// More than one is right where a revoked certificate is published beside its
    /// successor. Else it deserves a look: anybody can put an address on a key.
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.fingerprints
    }

    /// What is served: the certificates one behind the other, binary, in the order
    /// of [`fingerprints`](Self::fingerprints). Clones of it share their memory.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many octets the same certificates have as a whole.
    pub fn whole_octets(&self) -> usize {
        self.whole_octets
    }

    /// What an administrator should know of them.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The one address of all that share its hash.
    pub(super) fn address_of(address: &EmailAddress) -> EmailAddress {
        let lower = [&*address.wkd_local_part(), "@", address.domain()].concat();
        // Letters in another case change nothing about what is an address.
        lower.parse().unwrap_or_else(|_| address.clone())
    }

    /// One that serves nothing yet.
    pub(super) fn new(address: EmailAddress) -> Self {
        Self {
            hash: Url::new(&address).hash().to_owned(),
            address,
            fingerprints: Vec::new(),
            bytes: Bytes::new(),
            whole_octets: 0,
            notes: Vec::new(),
        }
    }
}

impl Note {
    /// The certificate that it is about.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// What to know of it, as a sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

/// The sentence.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
