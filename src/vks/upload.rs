//! What a key server answers about a certificate that is being published.

use std::fmt;

use sequoia_openpgp::Fingerprint;

use crate::EmailAddress;

/// Where a certificate that was uploaded stands with the key server.
#[derive(Clone, Debug)]
pub struct Upload {
    pub(super) fingerprint: Fingerprint,
    pub(super) token: UploadToken,
    pub(super) addresses: Vec<(EmailAddress, AddressStatus)>,
}

/// Whether an address leads to a certificate.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressStatus {
    /// It does not: nobody has confirmed it.
    Unpublished,
    /// Not yet: a mail with a link is on its way to it.
    Pending,
    /// It does.
    Published,
    /// Its User ID is revoked.
    Revoked,
    /// What this crate does not know.
    Other,
}

/// What the key server knows an upload by.
///
/// It is a secret: whoever has it can have confirmation mails sent to the
/// addresses of the certificate. It is in no `Debug` output, error or event of
/// this crate. To keep it for later, take it with [`expose`](Self::expose) and
/// make it anew with [`from`](From::from); servers forget it after a while.
///
/// ```
/// use openpgp_discovery::vks::UploadToken;
///
/// let token = UploadToken::from("kept somewhere safe".to_owned());
/// assert_eq!(token.expose(), "kept somewhere safe");
/// assert!(!format!("{token:?}").contains("safe"));
/// ```
#[derive(Clone)]
pub struct UploadToken(String);

impl Upload {
    /// The certificate's fingerprint.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// What [`Client::request_verify`](super::Client::request_verify) wants.
    pub fn token(&self) -> &UploadToken {
        &self.token
    }

    /// The certificate's addresses as the key server writes them (in lower case),
    /// and where each stands. They are all that it knows of the certificate: more
    /// than were sent, where others have been uploaded before. None for a revoked
    /// certificate.
    ///
    /// What the server takes for an address and this crate does not is left out.
    pub fn addresses(&self) -> &[(EmailAddress, AddressStatus)] {
        &self.addresses
    }

    /// Where this address stands; `None` where it is none of the certificate's.
    pub fn status_of(&self, address: &EmailAddress) -> Option<AddressStatus> {
        // The server maps Unicode letters to lower case too.
        let lower = address.to_string().to_lowercase();
        self.addresses
            .iter()
            .find(|(listed, _)| {
                listed.matches(address) || listed.to_string().to_lowercase() == lower
            })
            .map(|(_, status)| *status)
    }
}

impl UploadToken {
    /// The token itself: keep it as safe as a password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for UploadToken {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl fmt::Debug for UploadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadToken(…)")
    }
}

impl fmt::Display for AddressStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unpublished => "not published",
            Self::Pending => "waiting for confirmation",
            Self::Published => "published",
            Self::Revoked => "revoked",
            Self::Other => "unknown",
        })
    }
}
