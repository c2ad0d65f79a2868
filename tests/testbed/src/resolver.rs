//! The client's way in: real DNS answers, with the testbed's ports.

use std::net::SocketAddr;
use std::sync::Arc;

use openpgp_discovery::dns::{DnsResolver, HickoryDns};
use openpgp_discovery::{BoxFuture, Error};

use crate::Doors;
use crate::https::Web;

/// Asks the testbed's DNS server through the bundled resolver.
///
/// A loopback address in an answer gets the port of the listener that serves
/// the host, so that `https://openpgpkey.example.org/…` reaches it as it is, and
/// that of a [trap](crate::Testbed::trap) the trap's. All other addresses stay as
/// they are.
#[derive(Clone, Debug)]
pub struct TestDns {
    pub(crate) inner: HickoryDns,
    pub(crate) web: Arc<Web>,
    pub(crate) doors: Doors,
}

impl DnsResolver for TestDns {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            let mut addresses = self.inner.addresses(host).await?;
            for address in &mut addresses {
                self.find_port(host, address);
            }
            Ok(addresses)
        })
    }
}

impl TestDns {
    fn find_port(&self, host: &str, address: &mut SocketAddr) {
        let ipv6 = self.web.ipv6_door(host).filter(|_| address.is_ipv6());
        let port = match self.web.door(host) {
            _ if self.web.trap(address.ip()).is_some() => self.web.trap(address.ip()),
            Ok(door) => self.doors.ports(ipv6.unwrap_or(door)).at(address.ip()),
            Err(port) => address.ip().to_canonical().is_loopback().then_some(port),
        };
        if let Some(port) = port.filter(|_| address.port() == 0) {
            address.set_port(port);
        }
    }
}
