//! Names: real answers of the testbed's DNS server, with the ports of its listeners.

use std::net::SocketAddr;

use openpgp_discovery::dns::{DnsResolver, HickoryDns};
use openpgp_discovery::{BoxFuture, Error};

use crate::task::Task;
use crate::world::World;

/// The same for both clients.
#[derive(Clone, Debug)]
pub(crate) struct Dns {
    inner: HickoryDns,
    https: u16,
    dead: u16,
    task: Task,
}

impl Dns {
    pub(crate) fn new(world: &World, task: Task) -> Result<Self, Error> {
        Ok(Self {
            inner: HickoryDns::with_servers(&[world.dns])?,
            https: world.https.port(),
            dead: world.dead.port(),
            task,
        })
    }
}

impl DnsResolver for Dns {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            let mut addresses = self.inner.addresses(host).await?;
            let port = match self.task.is_dead(host) {
                true => self.dead,
                false => self.https,
            };
            for address in &mut addresses {
                address.set_port(port);
            }
            Ok(addresses)
        })
    }
}
