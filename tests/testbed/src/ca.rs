//! The certification authority of a testbed, and the server certificates, made on demand.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Fault;
use crate::log::lock;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Host, fault, whether HTTP/2 is offered.
type ConfigKey = (String, Option<Fault>, bool);

/// Issues server certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    /// One key for all servers: only names and dates differ between them.
    server_key: KeyPair,
    provider: Arc<CryptoProvider>,
    configs: Mutex<HashMap<ConfigKey, Arc<ServerConfig>>>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let (issuer, certificate) = new_ca();
        Self {
            issuer,
            certificate,
            server_key: new_key(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            configs: Mutex::default(),
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// How to meet a client that asks for this host; `None` where it is to be
    /// turned away. With `http2`, that is offered beside HTTP/1.1.
    pub(crate) fn config(
        &self,
        host: &str,
        fault: Option<Fault>,
        http2: bool,
    ) -> Option<Arc<ServerConfig>> {
        if fault == Some(Fault::Alert) {
            return None;
        }
        let key = (host.to_owned(), fault, http2);
        if let Some(config) = lock(&self.configs).get(&key) {
            return Some(config.clone());
        }
        let secret = PrivatePkcs8KeyDer::from(self.server_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(self.chain(host, fault)?, PrivateKeyDer::Pkcs8(secret))
            .expect("the key is the certificate's");
        if http2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        let config = Arc::new(config);
        lock(&self.configs).insert(key, config.clone());
        Some(config)
    }

    /// `None` where the name cannot stand in a certificate.
    fn chain(&self, host: &str, fault: Option<Fault>) -> Option<Vec<CertificateDer<'static>>> {
        let name = match fault {
            Some(Fault::WrongName) => "somebody-else.example",
            _ => host,
        };
        let mut params = CertificateParams::new([name.to_owned()]).ok()?;
        params.distinguished_name = common_name(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let now = SystemTime::now();
        let (from, to) = match fault {
            Some(Fault::Expired) => (now - 30 * DAY, now - DAY),
            Some(Fault::NotYetValid) => (now + DAY, now + 30 * DAY),
            Some(Fault::ExpiresSoon) => (now - 85 * DAY, now + 5 * DAY),
            // Not for longer: some platforms refuse more than a year or two.
            _ => (now - DAY, now + 90 * DAY),
        };
        params.not_before = from.into();
        params.not_after = to.into();
        let made = match fault {
            Some(Fault::SelfSigned) => params.self_signed(&self.server_key),
            Some(Fault::UnknownCa) => params.signed_by(&self.server_key, &new_ca().0),
            _ => params.signed_by(&self.server_key, &self.issuer),
        };
        Some(vec![made.expect("ring signs with P-256").der().clone()])
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn new_ca() -> (Issuer<'static, KeyPair>, rcgen::Certificate) {
    let key = new_key();
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("Testbed CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 365 * DAY).into();
    let certificate = params.self_signed(&key).expect("ring signs with P-256");
    (Issuer::new(params, key), certificate)
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("ring makes P-256 keys")
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
