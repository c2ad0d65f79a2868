//! sequoia-net as it is by default, but that it lives among a bench's servers.

use std::sync::Arc;

use openpgp_discovery::dns::DnsResolver;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, StatusCode};
use rustls::crypto::ring;
use sequoia_net::{Error, HttpClient, wkd};
use url::Url;

use crate::Result;

/// Its client of reqwest, with reqwest's defaults: HTTP/2 where the server offers it,
/// connections and TLS sessions used again. Clones share these.
///
/// sequoia-net has the same lines for `reqwest::Client` itself, behind a feature that
/// would bring a second TLS provider into the build, and a C compiler's work.
#[derive(Clone, Debug)]
pub struct SequoiaNet(reqwest::Client);

impl SequoiaNet {
    /// Trusts this authority (PEM) too, and asks this resolver.
    ///
    /// # Errors
    ///
    /// Where that is no certificate.
    pub fn new(authority: &str, dns: impl DnsResolver + 'static) -> Result<Self> {
        // Another one can only be there where this is called twice.
        let _ = ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .tls_certs_merge([Certificate::from_pem(authority.as_bytes())?])
            .dns_resolver(Resolver(Arc::new(dns)))
            .build()?;
        Ok(Self(client))
    }

    /// Looks up an address that has to be there, with one certificate.
    ///
    /// # Errors
    ///
    /// Where it is not.
    pub async fn find(&self, address: &str) -> Result<()> {
        let certs = wkd::get_with_client(self, address).await?;
        match &certs[..] {
            [Ok(_)] => Ok(()),
            _ => Err(format!("{address}: {certs:?}").into()),
        }
    }
}

impl HttpClient for SequoiaNet {
    fn get(&self, url: Url) -> Box<dyn Future<Output = sequoia_net::Result<Vec<u8>>> + Send + '_> {
        Box::new(async {
            let answer = self.0.get(url).send().await?;
            match answer.status() {
                StatusCode::OK => Ok(answer.bytes().await?.to_vec()),
                StatusCode::NOT_FOUND => Err(Error::NotFound.into()),
                status => Err(Error::HttpStatus(status).into()),
            }
        })
    }

    /// Nothing is posted in a look-up.
    fn post(
        &self,
        _: Url,
        _: Vec<u8>,
    ) -> Box<dyn Future<Output = sequoia_net::Result<()>> + Send + '_> {
        Box::new(std::future::ready(Err(Error::ProtocolViolation.into())))
    }
}

/// The resolver that this crate has too.
struct Resolver(Arc<dyn DnsResolver>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = dns.addresses(name.as_str()).await?;
            if addresses.is_empty() {
                return Err("no address".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
