//! What comes out of the filter.

use sequoia_openpgp::Cert;

use crate::{CertStatus, Reason, Rejection};

/// What came out of an answer.
#[derive(Debug, Default)]
pub struct Filtered {
    pub(crate) kept: Vec<Kept>,
    pub(crate) rejected: Vec<Rejection>,
}

/// A certificate that belongs to the address.
#[derive(Clone, Debug)]
pub struct Kept {
    pub(crate) cert: Cert,
    pub(crate) status: CertStatus,
    pub(crate) can_encrypt: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) user_ids_dropped: usize,
    /// There may be more of it: a part of the answer could not be read.
    pub(crate) is_cut: bool,
}

impl Filtered {
    pub(crate) fn refused(rejection: Rejection) -> Self {
        Self {
            kept: Vec::new(),
            rejected: vec![rejection],
        }
    }

    /// The certificates of the address, best first: usable before unusable, then
    /// the newest.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// What was refused, and why.
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }

    /// Both lists.
    pub fn into_parts(self) -> (Vec<Kept>, Vec<Rejection>) {
        (self.kept, self.rejected)
    }

    /// Says "web page" where nothing at all could be made of the body. For an
    /// answer that looks like HTML, or is labelled so.
    pub(crate) fn take_for_web_page(&mut self) {
        if let ([], [only]) = (&self.kept[..], &self.rejected[..])
            && only.reason() == Reason::Malformed
            && only.fingerprint().is_none()
        {
            *self = Self::refused(Rejection::new(None, Reason::WebPage, ""));
        }
    }
}

impl Kept {
    /// The certificate, with the wanted User IDs and no others. Every
    /// self-signature in it verifies; certifications by others are left out.
    ///
    /// What it holds decides how it stands now. Of an answer about an address, older
    /// self-signatures, by which old messages are judged, are in it as far as
    /// [`Limits::verifications`](crate::Limits::verifications) goes: all of them but
    /// in a very large certificate. An answer about a key has them all.
    ///
    /// Revocations by those whom the owner named for it are in it, also where the
    /// revoker's certificate did not come with the answer, so that they could not
    /// be verified: these do not count for the [status](Self::status), a note says
    /// so, and there are at most
    /// [`Limits::foreign_revocations`](crate::Limits::foreign_revocations) of them.
    pub fn cert(&self) -> &Cert {
        &self.cert
    }

    /// The certificate itself.
    pub fn into_cert(self) -> Cert {
        self.cert
    }

    /// How it stands, judged before other User IDs were dropped.
    ///
    /// Ask this and not the certificate: sequoia takes no notice of a revocation
    /// that its policy finds too weak, and it no longer sees what the dropped
    /// User IDs said.
    pub fn status(&self) -> &CertStatus {
        &self.status
    }

    /// Whether it has a key that is neither revoked nor expired, that the policy
    /// accepts and the backend computes, and that may encrypt.
    pub fn can_encrypt(&self) -> bool {
        self.can_encrypt
    }

    /// Whether it is valid and can encrypt.
    pub fn is_usable(&self) -> bool {
        self.can_encrypt && self.status.is_valid()
    }

    /// What a person should know beside the status, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether the answer was not read to its end, or another copy of this
    /// certificate in it was refused, or more revocations of its subkeys and User
    /// IDs stand out of place than are looked at: what is missing may be a
    /// revocation.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many User IDs and User Attributes were dropped.
    pub fn user_ids_dropped(&self) -> usize {
        self.user_ids_dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_could_be_made_of_is_a_web_page() {
        for (reason, fingerprint, expected) in [
            (Reason::Malformed, None, Reason::WebPage),
            (
                Reason::Malformed,
                Some("0123456789ABCDEF0123456789ABCDEF01234567"),
                Reason::Malformed,
            ),
            (Reason::SecretKey, None, Reason::SecretKey),
            (Reason::Empty, None, Reason::Empty),
        ] {
            let fingerprint = fingerprint.map(|hex| hex.parse().unwrap());
            let mut filtered = Filtered {
                kept: Vec::new(),
                rejected: vec![Rejection::new(fingerprint, reason, "")],
            };
            filtered.take_for_web_page();
            assert_eq!(filtered.rejected()[0].reason(), expected);
        }
    }
}
