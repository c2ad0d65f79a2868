//! TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with a certificate that is renewed while the
//! server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::Context as _;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::stamp::Stamp;
use super::web::say;

pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    stamps: Mutex<[Stamp; 2]>,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    pub(crate) fn read(cert: PathBuf, key: PathBuf) -> anyhow::Result<Self> {
        let stamps = [Stamp::of(&cert), Stamp::of(&key)];
        let config = config(&cert, &key)?;
        Ok(Self {
            cert,
            key,
            stamps: Mutex::new(stamps),
            config: RwLock::new(Arc::new(config)),
        })
    }

    /// For the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&config))
    }

    /// Reads what has changed. It blocks.
    pub(crate) fn refresh(&self) {
        let stamps = [Stamp::of(&self.cert), Stamp::of(&self.key)];
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == stamps {
            return;
        }
        *known = stamps;
        match config(&self.cert, &self.key) {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                say("the TLS certificate has been read again");
            }
            // One of the two may come a moment later.
            Err(error) => say(&format!("the TLS certificate stays as it was: {error:#}")),
        }
    }
}

fn config(cert: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let cannot_read = |path: &Path| format!("cannot read {}", path.display());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| cannot_read(cert))?;
    let secret = PrivateKeyDer::from_pem_file(key).with_context(|| cannot_read(key))?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("cannot use {} with {}", cert.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
