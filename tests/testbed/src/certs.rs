//! Sample certificates: Ed25519 and X25519, made in a moment.

use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::cert::{CertBuilder, CipherSuite};
use openpgp_discovery::openpgp::packet::Signature;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::ReasonForRevocation;
use openpgp_discovery::openpgp::{Cert, Packet};

/// A certificate, with its secret keys and a revocation that is not applied yet.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Sample {
    /// The certificate, secret keys included.
    pub cert: Cert,
    /// A revocation (reason unspecified, hence hard), as a detached signature.
    pub revocation: Signature,
}

/// A certificate with these User IDs and subkeys for signing and encryption,
/// made now and valid for ever.
pub fn cert(user_ids: &[&str]) -> Sample {
    Recipe::new(user_ids).make()
}

/// Makes certificates that differ from the usual.
#[derive(Clone, Debug)]
pub struct Recipe {
    user_ids: Vec<String>,
    created: Option<SystemTime>,
    valid_for: Option<Duration>,
}

impl Recipe {
    /// As [`cert`] makes it.
    pub fn new(user_ids: &[&str]) -> Self {
        Self {
            user_ids: user_ids.iter().map(|id| (*id).to_owned()).collect(),
            created: None,
            valid_for: None,
        }
    }

    /// Made at this time.
    #[must_use]
    pub fn created(mut self, at: SystemTime) -> Self {
        self.created = Some(at);
        self
    }

    /// Expires so long after it was made.
    #[must_use]
    pub fn valid_for(mut self, time: Duration) -> Self {
        self.valid_for = Some(time);
        self
    }

    /// Makes it.
    ///
    /// # Panics
    ///
    /// Where the crypto backend lacks Ed25519.
    pub fn make(self) -> Sample {
        let mut builder = CertBuilder::new()
            .set_cipher_suite(CipherSuite::Cv25519)
            .set_validity_period(self.valid_for)
            .add_signing_subkey()
            .add_transport_encryption_subkey();
        if let Some(at) = self.created {
            builder = builder.set_creation_time(at);
        }
        for user_id in self.user_ids {
            builder = builder.add_userid(user_id);
        }
        let (cert, revocation) = builder.generate().expect("a certificate");
        Sample { cert, revocation }
    }
}

impl Sample {
    /// The certificate with its revocation applied: hard.
    pub fn revoked(&self) -> Cert {
        with_signature(&self.cert, self.revocation.clone())
    }

    /// The certificate with a soft revocation applied.
    pub fn retired(&self) -> Cert {
        let primary = self.cert.primary_key().key().clone();
        let mut signer = primary
            .parts_into_secret()
            .and_then(|secret| secret.into_keypair())
            .expect("the sample has its secret keys");
        let revocation = self
            .cert
            .revoke(
                &mut signer,
                ReasonForRevocation::KeyRetired,
                b"no longer used",
            )
            .expect("a key revokes itself");
        with_signature(&self.cert, revocation)
    }

    /// [`binary`] of it.
    pub fn binary(&self) -> Vec<u8> {
        binary(&self.cert)
    }

    /// [`armored`] of it.
    pub fn armored(&self) -> Vec<u8> {
        armored(&self.cert)
    }

    /// The secret keys in binary: what must never be served.
    pub fn secret(&self) -> Vec<u8> {
        self.cert.as_tsk().to_vec().expect("memory does not fail")
    }
}

/// The certificate in binary, without secret keys.
pub fn binary(cert: &Cert) -> Vec<u8> {
    cert.to_vec().expect("memory does not fail")
}

/// The certificate in ASCII armor, without secret keys.
pub fn armored(cert: &Cert) -> Vec<u8> {
    cert.armored().to_vec().expect("memory does not fail")
}

fn with_signature(cert: &Cert, signature: Signature) -> Cert {
    let (cert, _) = cert
        .clone()
        .insert_packets([Packet::from(signature)])
        .expect("the signature fits the certificate");
    cert
}
