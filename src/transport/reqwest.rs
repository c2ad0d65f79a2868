//! The bundled transport, over reqwest and rustls.

use super::{HttpTransport, Request, Response};
use crate::{BoxFuture, Error};

/// HTTPS over reqwest.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {}

/// Configures a [`ReqwestTransport`].
#[derive(Clone, Debug, Default)]
pub struct ReqwestTransportBuilder {
    extra_roots: Vec<Vec<u8>>,
    user_agent: Option<String>,
}

impl ReqwestTransport {
    /// Starts from the platform's trust store.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::default()
    }
}

impl ReqwestTransportBuilder {
    /// Trusts this root (X.509 in DER) too, beside the platform's.
    #[must_use]
    pub fn extra_root(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.extra_roots.push(der.into());
        self
    }

    /// x
    #[must_use]
    pub fn trust_anchor(self, der: impl Into<Vec<u8>>) -> Self {
        self.extra_root(der)
    }
    /// x
    #[must_use]
    pub fn trust_anchors_pem(self, der: impl Into<Vec<u8>>) -> Self {
        self.extra_root(der)
    }
    /// Sends this `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = Some(agent.into());
        self
    }

    /// Builds it.
    pub fn build(self) -> Result<ReqwestTransport, Error> {
        todo!()
    }
}

impl HttpTransport for ReqwestTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        let _ = request;
        todo!()
    }
}
