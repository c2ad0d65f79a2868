//! The bundled resolver, over hickory.

use std::net::SocketAddr;

use super::DnsResolver;
use crate::{BoxFuture, Error};

/// A caching resolver that asks the system's name servers, or the given ones.
#[derive(Clone, Debug)]
pub struct HickoryDns {}

impl HickoryDns {
    /// Uses the system's name servers and hosts file.
    pub fn system() -> Result<Self, Error> {
        todo!()
    }

    /// Uses these name servers.
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, Error> {
        let _ = servers;
        todo!()
    }
}

impl DnsResolver for HickoryDns {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        let _ = host;
        todo!()
    }
}
