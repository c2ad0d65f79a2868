//! What the programs are made of: real certificates and messages, in `pool/`, and
//! what their owners have signed.
//!
//! No program can sign. So whatever comes out of this crate must be among the
//! truths, and a revocation that was in an answer must count.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::packet::Signature;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::serialize::MarshalInto;
use openpgp_discovery::openpgp::types::SignatureType;
use openpgp_discovery::openpgp::{self, Cert, Fingerprint};

use crate::packet::Packet;

/// Everything in the pool.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pool {
    /// The certificates, in the order of their files' names.
    pub certs: Vec<PoolCert>,
    /// Their packets, and those of signatures that belong to none yet, each once.
    pub(crate) packets: Vec<Packet>,
    /// What was signed, by whose certificate.
    pub(crate) truths: HashMap<Fingerprint, Truth>,
    /// All signatures, by what they sign.
    signatures: HashSet<Vec<u8>>,
    /// The messages: name and octets.
    pub messages: Vec<(String, Vec<u8>)>,
}

/// A certificate.
#[derive(Debug)]
#[non_exhaustive]
pub struct PoolCert {
    /// Its file's name.
    pub name: String,
    /// With its secret keys, where it has some.
    pub cert: Cert,
    /// As in the file.
    pub(crate) packets: Vec<Packet>,
}

/// What the owner of a certificate has signed, at any time.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// The User IDs.
    pub(crate) user_ids: HashSet<Vec<u8>>,
    /// The subkeys.
    pub(crate) subkeys: HashSet<Fingerprint>,
    /// The bodies of the signatures that revoke the certificate for good.
    pub(crate) hard_revocations: Vec<Vec<u8>>,
    /// Those that revoke a component of it, by the body.
    pub(crate) components_revoked: HashMap<Vec<u8>, Component>,
}

/// What a revocation is about, beside the certificate as a whole.
#[derive(Debug)]
pub(crate) enum Component {
    UserId(Vec<u8>),
    Subkey(Fingerprint),
}

/// Contents of messages, and who has signed them.
pub const CONTENTS: &[(&str, &[u8], &[&str])] = &[
    (
        "letter",
        b"Dear Bob,\n- the meeting is at ten.  \n\nAlice\n",
        &["alice", "bob"],
    ),
    ("order", b"Pay 100 to Carol.\r\n", &["bob", "rsa"]),
    ("empty", b"", &["alice"]),
];

/// The time that everything is judged for.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000)
}

/// Where the pool and the corpus are.
pub fn directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pool, read once.
pub fn get() -> &'static Pool {
    static POOL: LazyLock<Pool> = LazyLock::new(Pool::read);
    &POOL
}

/// The files of a folder, in the order of their names.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
    paths
        .into_iter()
        .map(|path| {
            let octets = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            (name(&path).expect("a name"), octets)
        })
        .collect()
}

impl Pool {
    fn read() -> Self {
        let folder = directory().join("pool");
        let certs: Vec<_> = files(&folder.join("certs"))
            .into_iter()
            .map(|(name, octets)| PoolCert {
                name,
                cert: Cert::from_bytes(&octets).expect("a certificate"),
                packets: Packet::all(&octets),
            })
            .collect();
        let loose = files(&folder.join("signatures"));
        let mut pool = Self {
            packets: Vec::new(),
            truths: HashMap::new(),
            signatures: HashSet::new(),
            messages: files(&folder.join("messages")),
            certs: Vec::new(),
        };
        let mut seen = HashSet::new();
        let all = certs.iter().flat_map(|cert| cert.packets.clone());
        for packet in all.chain(loose.iter().flat_map(|(_, octets)| Packet::all(octets))) {
            if seen.insert(packet.body().to_vec()) {
                pool.packets.push(packet);
            }
        }
        certs.iter().for_each(|cert| pool.learn(&cert.cert));
        for (name, octets) in &loose {
            let openpgp::Packet::Signature(signature) =
                openpgp::Packet::from_bytes(octets).expect("a packet")
            else {
                panic!("{name} is no signature");
            };
            pool.signatures.insert(signed_part(&signature));
            if name.ends_with(".hard") {
                pool.learn_revocation(&signature);
            }
        }
        pool.certs = certs;
        pool
    }

    fn learn(&mut self, cert: &Cert) {
        let truth = self.truths.entry(cert.fingerprint()).or_default();
        let user_ids = cert
            .userids()
            .filter(|id| id.self_signatures().next().is_some());
        let values = user_ids.map(|id| id.userid().value().to_vec());
        truth.user_ids.extend(values);
        let subkeys = cert.keys().subkeys();
        truth
            .subkeys
            .extend(subkeys.map(|subkey| subkey.key().fingerprint()));
        let body = |signature: &Signature| signature.to_vec().expect("memory does not fail");
        for user_id in cert.userids() {
            let about = || Component::UserId(user_id.userid().value().to_vec());
            let revoked = user_id.self_revocations().map(|s| (body(s), about()));
            truth.components_revoked.extend(revoked);
        }
        for subkey in cert.keys().subkeys() {
            let about = || Component::Subkey(subkey.key().fingerprint());
            let revoked = subkey.self_revocations().map(|s| (body(s), about()));
            truth.components_revoked.extend(revoked);
        }
        for packet in cert.clone().into_packets() {
            if let openpgp::Packet::Signature(signature) = packet {
                self.signatures.insert(signed_part(&signature));
            }
        }
        for signature in cert.primary_key().self_revocations() {
            if is_hard(signature) {
                self.learn_revocation(signature);
            }
        }
    }

    fn learn_revocation(&mut self, signature: &Signature) {
        let issuer = signature.issuer_fingerprints().next().expect("an issuer");
        let body = signature.to_vec().expect("memory does not fail");
        let truth = self
            .truths
            .get_mut(issuer)
            .expect("a certificate of the pool");
        truth.hard_revocations.push(body);
    }

    /// The number by which a program names this packet, given with its header.
    pub fn number_of(&self, packet: &[u8]) -> Option<usize> {
        let mut all = self.packets.iter();
        all.position(|known| packet.ends_with(known.body()))
    }

    /// Whether an owner has made this signature.
    pub(crate) fn is_genuine(&self, signature: &Signature) -> bool {
        self.signatures.contains(&signed_part(signature))
    }

    /// The certificate of that name.
    pub(crate) fn cert(&self, name: &str) -> &Cert {
        let found = self.certs.iter().find(|cert| cert.name == name);
        &found
            .unwrap_or_else(|| panic!("the pool has no {name}"))
            .cert
    }
}

fn is_hard(signature: &Signature) -> bool {
    use openpgp::types::RevocationType::Hard;
    let reason = signature.reason_for_revocation();
    signature.typ() == SignatureType::KeyRevocation
        && reason.is_none_or(|(reason, _)| reason.revocation_type() == Hard)
}

/// What cannot be changed without the key: all but the unhashed area and how the
/// numbers are written.
fn signed_part(signature: &Signature) -> Vec<u8> {
    let mut part = vec![
        signature.version(),
        signature.typ().into(),
        signature.pk_algo().into(),
        signature.hash_algo().into(),
    ];
    part.extend(
        signature
            .hashed_area()
            .to_vec()
            .expect("memory does not fail"),
    );
    part
}
