//! Sample certificates: Ed25519 and X25519, made in a moment; and what happens to
//! a certificate in its life.
//!
//! The functions for the latter take a certificate with its secret keys and give
//! it back with them, changed. Of two signatures about the same thing the newer
//! counts: begin with a certificate that was [made](Recipe::created) some time ago,
//! and let time go on.

use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::cert::{
    CertBuilder, CertRevocationBuilder, CipherSuite, KeyBuilder, SubkeyRevocationBuilder,
    UserIDRevocationBuilder,
};
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::{Signature, UserID};
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::types::{KeyFlags, ReasonForRevocation, SignatureType};
use openpgp_discovery::openpgp::{Cert, Fingerprint, Packet};

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
        let revocation = self
            .cert
            .revoke(
                &mut signer(&self.cert),
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

/// The certificate without its User IDs, as a key server gives it where no
/// address is confirmed.
pub fn without_user_ids(cert: &Cert) -> Cert {
    cert.clone().retain_userids(|_| false)
}

/// The certificate with another expiration, or none, as signed at this time.
///
/// # Panics
///
/// Here and in all of the following: where the certificate lacks its secret keys.
pub fn expiring(cert: &Cert, expires: Option<SystemTime>, signed: SystemTime) -> Cert {
    let mut signer = signer(cert);
    let primary = cert.primary_key();
    let made = primary.key().creation_time();
    let validity = expires.map(|at| at.duration_since(made).expect("later than the key"));
    let builder = |template: &Signature| {
        SignatureBuilder::from(template.clone())
            .set_signature_creation_time(signed)
            .and_then(|builder| builder.set_key_validity_period(validity))
            .expect("short subpackets")
    };
    let mut packets = Vec::new();
    if let Some(newest) = primary.self_signatures().next() {
        let signature = builder(newest).sign_direct_key(&mut signer, None);
        packets.push(Packet::from(signature.expect("a key signs itself")));
    }
    for user_id in cert.userids() {
        if let Some(newest) = user_id.self_signatures().next() {
            let binding = user_id.userid().bind(&mut signer, cert, builder(newest));
            packets.push(Packet::from(user_id.userid().clone()));
            packets.push(Packet::from(binding.expect("a key binds a User ID")));
        }
    }
    let (cert, _) = cert.clone().insert_packets(packets).expect("they fit");
    cert
}

/// The certificate with a new subkey for signing, or else for encryption.
pub fn with_subkey(cert: &Cert, signs: bool) -> Cert {
    let flags = match signs {
        true => KeyFlags::empty().set_signing(),
        false => KeyFlags::empty().set_transport_encryption(),
    };
    let valid = cert.with_policy(POLICY, None).expect("a valid certificate");
    KeyBuilder::new(flags)
        .set_cipher_suite(CipherSuite::Cv25519)
        .subkey(valid)
        .and_then(|builder| builder.set_primary_key_signer(signer(cert)).attach_cert())
        .expect("a subkey can be added")
}

/// The first subkey that signs, or else the first that encrypts.
pub fn subkey(cert: &Cert, signs: bool) -> Fingerprint {
    cert.keys()
        .subkeys()
        .find(|subkey| {
            let binding = subkey.self_signatures().next();
            binding
                .and_then(|b| b.key_flags())
                .map(|flags| flags.for_signing())
                == Some(signs)
        })
        .expect("a subkey of this sort")
        .key()
        .fingerprint()
}

/// The certificate with this subkey revoked at this time.
pub fn with_subkey_revoked(
    cert: &Cert,
    subkey: &Fingerprint,
    reason: ReasonForRevocation,
    at: SystemTime,
) -> Cert {
    let amalgamation = cert.keys().subkeys();
    let subkey = amalgamation
        .map(|subkey| subkey.key().clone())
        .find(|key| key.fingerprint() == *subkey)
        .expect("a subkey of the certificate");
    let revocation = SubkeyRevocationBuilder::new()
        .set_reason_for_revocation(reason, b"")
        .and_then(|builder| builder.set_signature_creation_time(at))
        .and_then(|builder| builder.build(&mut signer(cert), cert, &subkey, None))
        .expect("a key revokes its subkey");
    // Merged by component: behind another one it would be taken for that one's.
    let packets = [Packet::from(subkey), Packet::from(revocation)];
    let (cert, _) = cert.clone().insert_packets(packets).expect("they fit");
    cert
}

/// A revocation of the certificate made at this time, not applied.
pub fn revocation(cert: &Cert, reason: ReasonForRevocation, at: SystemTime) -> Signature {
    CertRevocationBuilder::new()
        .set_reason_for_revocation(reason, b"")
        .and_then(|builder| builder.set_signature_creation_time(at))
        .and_then(|builder| builder.build(&mut signer(cert), cert, None))
        .expect("a key revokes itself")
}

/// The certificate revoked at this time: hard or soft, as the reason is.
pub fn with_revocation(cert: &Cert, reason: ReasonForRevocation, at: SystemTime) -> Cert {
    with_signature(cert, revocation(cert, reason, at))
}

/// The certificate with a User ID bound at this time: a new one, or one that it
/// has, with what its newest binding says.
pub fn with_user_id(cert: &Cert, user_id: &str, at: SystemTime) -> Cert {
    let user_id = UserID::from(user_id);
    let known = cert.userids().find(|known| *known.userid() == user_id);
    let template = known
        .or_else(|| cert.userids().next())
        .and_then(|known| known.self_signatures().next());
    let builder = match template {
        Some(template) => SignatureBuilder::from(template.clone()),
        None => SignatureBuilder::new(SignatureType::PositiveCertification)
            .set_key_flags(KeyFlags::empty().set_certification())
            .expect("a short subpacket"),
    };
    let binding = builder
        .set_signature_creation_time(at)
        .and_then(|builder| user_id.bind(&mut signer(cert), cert, builder))
        .expect("a key binds a User ID");
    let packets = [Packet::from(user_id), Packet::from(binding)];
    let (cert, _) = cert.clone().insert_packets(packets).expect("they fit");
    cert
}

/// The certificate with this User ID revoked at this time.
pub fn with_user_id_revoked(cert: &Cert, user_id: &str, at: SystemTime) -> Cert {
    let user_id = UserID::from(user_id);
    let revocation = UserIDRevocationBuilder::new()
        .set_reason_for_revocation(ReasonForRevocation::UIDRetired, b"")
        .and_then(|builder| builder.set_signature_creation_time(at))
        .and_then(|builder| builder.build(&mut signer(cert), cert, &user_id, None))
        .expect("a key revokes a User ID");
    let packets = [Packet::from(user_id), Packet::from(revocation)];
    let (cert, _) = cert.clone().insert_packets(packets).expect("they fit");
    cert
}

/// The certificate with a certification of each of its User IDs by another one.
pub fn certified(cert: &Cert, by: &Sample) -> Cert {
    let mut signer = signer(&by.cert);
    let packets: Vec<Packet> = cert
        .userids()
        .flat_map(|user_id| {
            let user_id = user_id.userid().clone();
            let certification = user_id
                .certify(&mut signer, cert, None, None, None)
                .expect("a key certifies a User ID");
            [Packet::from(user_id), Packet::from(certification)]
        })
        .collect();
    let (cert, _) = cert.clone().insert_packets(packets).expect("they fit");
    cert
}

const POLICY: &StandardPolicy<'_> = &StandardPolicy::new();

fn signer(cert: &Cert) -> KeyPair {
    let primary = cert.primary_key().key().clone();
    primary
        .parts_into_secret()
        .and_then(|secret| secret.into_keypair())
        .expect("the certificate with its secret keys")
}

fn with_signature(cert: &Cert, signature: Signature) -> Cert {
    let (cert, _) = cert
        .clone()
        .insert_packets([Packet::from(signature)])
        .expect("the signature fits the certificate");
    cert
}
