//! The key server as a source of signers.

use sequoia_openpgp::{Cert, KeyHandle};

use super::signers::{Doubt, Source};
use crate::{BoxFuture, Error, KeyLocator, RefreshOutcome, Status};

impl Source for KeyLocator {
    fn fetch<'a>(&'a self, issuer: &'a KeyHandle) -> BoxFuture<'a, Result<Vec<Cert>, String>> {
        Box::pin(async move {
            let Some(server) = self.vks() else {
                return Err("There is no key server to ask.".to_owned());
            };
            let lookup = match issuer {
                KeyHandle::Fingerprint(fingerprint) => server.by_fingerprint(fingerprint).await,
                KeyHandle::KeyID(id) => server.by_key_id(id).await,
            };
            match (lookup.status(), lookup.error()) {
                (Status::Failed, Some(error)) => Err(sentence(error)),
                (Status::Failed, None) => Err("The key server's answer was refused.".to_owned()),
                // A revocation may have been in what is missing.
                _ if lookup.kept().iter().any(crate::filter::Kept::is_cut) => {
                    Err("The key server's answer could not be read to its end.".to_owned())
                }
                (Status::Found | Status::NotFound, _) => Ok(lookup.certs().cloned().collect()),
            }
        })
    }

    fn refresh<'a>(&'a self, cert: &'a Cert) -> BoxFuture<'a, Result<Cert, Doubt>> {
        Box::pin(async move {
            let refresh = self.refresh(cert).await;
            let why = match (refresh.outcome(), refresh.error()) {
                (_, Some(error)) => sentence(error),
                (RefreshOutcome::Failed, None) => "The key server's answer was refused.".to_owned(),
                (_, None) => return Ok(refresh.into_cert()),
            };
            let is_news = refresh.outcome() == RefreshOutcome::Updated;
            let news = is_news.then(|| Box::new(refresh.into_cert()));
            Err(Doubt { why, news })
        })
    }
}

fn sentence(error: &Error) -> String {
    format!("{error}.")
}
