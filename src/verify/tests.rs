//! Verifications against a key server that is a list.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sequoia_openpgp::armor::{Kind, Writer};
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::key::{PublicParts, SubordinateRole};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::{Key, Literal, OnePassSig, Signature};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::stream::{Compressor, Message};
use sequoia_openpgp::serialize::{Serialize, SerializeInto};
use sequoia_openpgp::types::{
    CompressionAlgorithm, DataFormat, HashAlgorithm, KeyFlags, SignatureType,
};
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, Packet};

use super::signers::{Doubt, Source};
use super::{Verdict, Verification, Verify};
use crate::BoxFuture;

mod asking;
mod reading;
mod table;

/// A key server that is a list, and a log of what it was asked.
#[derive(Default)]
struct Fake {
    certs: Vec<Cert>,
    is_down: bool,
    asked: Mutex<Vec<String>>,
}

impl Fake {
    fn with(certs: impl IntoIterator<Item = Cert>) -> Arc<Self> {
        Arc::new(Self {
            certs: certs.into_iter().collect(),
            ..Self::default()
        })
    }

    fn down() -> Arc<Self> {
        Arc::new(Self {
            is_down: true,
            ..Self::default()
        })
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("no panic").clone();
        asked.sort();
        asked
    }

    fn log(&self, what: String) -> Result<(), String> {
        self.asked.lock().expect("no panic").push(what);
        match self.is_down {
            true => Err("It is down.".to_owned()),
            false => Ok(()),
        }
    }
}

impl Source for Fake {
    fn fetch<'a>(&'a self, issuer: &'a KeyHandle) -> BoxFuture<'a, Result<Vec<Cert>, String>> {
        Box::pin(async move {
            self.log(format!("fetch {issuer:X}"))?;
            let has = |cert: &&Cert| {
                cert.keys()
                    .any(|key| key.key().key_handle().aliases(issuer))
            };
            Ok(self.certs.iter().filter(has).cloned().collect())
        })
    }

    fn refresh<'a>(&'a self, cert: &'a Cert) -> BoxFuture<'a, Result<Cert, Doubt>> {
        Box::pin(async move {
            self.log(format!("refresh {:X}", cert.fingerprint()))?;
            let news = self
                .certs
                .iter()
                .find(|other| other.fingerprint() == cert.fingerprint());
            Ok(match news {
                Some(news) => cert.clone().merge_public(news.clone()).expect("the same"),
                None => cert.clone(),
            })
        })
    }
}

fn verify(source: &Arc<Fake>) -> Verify {
    Verify::new(source.clone(), Arc::new(StandardPolicy::new()))
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 3600)
}

fn ago(count: u64) -> SystemTime {
    SystemTime::now() - days(count)
}

/// Made a thousand days ago, with a signing subkey.
fn alice() -> Cert {
    alice_who(|builder| builder)
}

fn alice_who(differs: impl FnOnce(CertBuilder<'_>) -> CertBuilder<'_>) -> Cert {
    let builder = CertBuilder::new()
        .set_cipher_suite(CipherSuite::Cv25519)
        .set_creation_time(ago(1000))
        .add_userid("Alice <alice@example.org>")
        .add_signing_subkey()
        .add_transport_encryption_subkey();
    differs(builder).generate().expect("a certificate").0
}

fn primary(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    key.parts_into_secret()
        .and_then(|key| key.into_keypair())
        .expect("a secret key")
}

/// The subkey that signs.
fn subkey(cert: &Cert) -> KeyPair {
    let key = signing_subkey(cert).parts_into_secret();
    key.and_then(|key| key.into_keypair())
        .expect("a secret key")
}

fn subkey_fingerprint(cert: &Cert) -> Fingerprint {
    signing_subkey(cert).fingerprint()
}

fn signing_subkey(cert: &Cert) -> Key<PublicParts, SubordinateRole> {
    cert.keys()
        .subkeys()
        .map(|key| key.key())
        .find(|key| key.pk_algo().for_signing())
        .expect("a subkey that signs")
        .clone()
}

/// With a dash, white space at a line's end and a line that looks like mail.
const TEXT: &str = "Dear Bob,\n- a dash\nwhite space \t\nFrom here on\n";

/// The ways in which a signature and its text can travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Detached,
    Inline,
    Compressed,
    Cleartext,
}

impl Form {
    const ALL: [Self; 4] = [
        Self::Detached,
        Self::Inline,
        Self::Compressed,
        Self::Cleartext,
    ];

    fn template(self) -> SignatureBuilder {
        SignatureBuilder::new(match self {
            Self::Cleartext => SignatureType::Text,
            _ => SignatureType::Binary,
        })
    }

    fn sign(self, template: SignatureBuilder, signer: &mut KeyPair, text: &str) -> Signature {
        let signed = match self {
            Self::Cleartext => lines(text).join("\r\n"),
            _ => text.to_owned(),
        };
        template.sign_message(signer, signed).expect("signs")
    }

    /// What is handed out.
    fn content(self, text: &str) -> String {
        match self {
            Self::Cleartext => lines(text).iter().map(|line| format!("{line}\n")).collect(),
            _ => text.to_owned(),
        }
    }

    /// The file with the signature; of a detached one without the text.
    fn file(self, signatures: &[Signature], text: &str) -> Vec<u8> {
        let packets = || -> Vec<u8> {
            signatures
                .iter()
                .flat_map(|signature| Packet::from(signature.clone()).to_vec().expect("memory"))
                .collect()
        };
        match self {
            Self::Detached => packets(),
            Self::Inline => inline(signatures, text),
            Self::Compressed => compressed(&inline(signatures, text), 1),
            Self::Cleartext => {
                let hash = signatures.first().map(|signature| signature.hash_algo());
                let mut file = format!(
                    "Somebody writes:\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: {}\n\n",
                    hash.unwrap_or_default()
                );
                for line in text.lines() {
                    if line.starts_with('-') || line.starts_with("From ") {
                        file.push_str("- ");
                    }
                    file.push_str(line);
                    file.push('\n');
                }
                file.push_str(&armored(&packets(), Kind::Signature));
                file.push_str("\nand a footer.\n");
                file.into_bytes()
            }
        }
    }

    async fn verify(self, verify: Verify, file: Vec<u8>, text: &str) -> Verification {
        match self {
            Self::Detached => {
                let text = Cursor::new(text.as_bytes().to_vec());
                verify.detached(Cursor::new(file), text).await
            }
            _ => verify.message(Cursor::new(file)).await,
        }
        .expect("a signed message")
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

fn inline(signatures: &[Signature], text: &str) -> Vec<u8> {
    let mut file = Vec::new();
    for (at, signature) in signatures.iter().enumerate().rev() {
        let mut announced = OnePassSig::try_from(signature).expect("announces");
        if let OnePassSig::V3(announced) = &mut announced {
            announced.set_last(at == 0);
        }
        Packet::from(announced)
            .serialize(&mut file)
            .expect("memory");
    }
    let mut literal = Literal::new(DataFormat::Binary);
    literal.set_body(text.as_bytes().to_vec());
    Packet::from(literal).serialize(&mut file).expect("memory");
    for signature in signatures {
        let packet = Packet::from(signature.clone());
        packet.serialize(&mut file).expect("memory");
    }
    file
}

fn compressed(packets: &[u8], layers: usize) -> Vec<u8> {
    let mut packets = packets.to_vec();
    for _ in 0..layers {
        let mut file = Vec::new();
        let mut message = Compressor::new(Message::new(&mut file))
            .algo(CompressionAlgorithm::Zip)
            .build()
            .expect("compresses");
        message.write_all(&packets).expect("memory");
        message.finalize().expect("memory");
        packets = file;
    }
    packets
}

fn armored(packets: &[u8], kind: Kind) -> String {
    let mut writer = Writer::new(Vec::new(), kind).expect("memory");
    writer.write_all(packets).expect("memory");
    String::from_utf8(writer.finalize().expect("memory")).expect("ASCII")
}

/// Signed by the subkey, so many days ago.
fn signed(form: Form, by: &mut KeyPair, days: u64) -> Signature {
    let template = form
        .template()
        .set_signature_creation_time(ago(days))
        .expect("a time");
    form.sign(template, by, TEXT)
}

fn only(verification: &Verification) -> &Verdict {
    match verification.signatures() {
        [verdict] => verdict,
        other => panic!("{other:?}"),
    }
}
