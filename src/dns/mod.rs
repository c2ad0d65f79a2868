//! Name resolution, and the rule about which addresses may be reached.

use std::fmt;
use std::net::SocketAddr;

use crate::{BoxFuture, Error};

mod guard;
#[cfg(feature = "hickory")]
mod hickory;
mod peer;

pub use guard::AddressGuard;
#[cfg(feature = "hickory")]
pub use hickory::HickoryDns;
pub use ipnet::IpNet;
pub use peer::Peer;

/// Something that resolves host names.
///
/// There are three answers. Addresses: at least one of the two families (A,
/// AAAA) has some. None: the name does not exist, or has no address of either
/// family. An error of [`ErrorKind::Dns`](crate::ErrorKind::Dns) or
/// [`Timeout`](crate::ErrorKind::Timeout): one could not tell, also where one
/// family has no address and the other one's query failed.
///
/// An implementation asks for absolute names only (no search list) and follows
/// CNAMEs; an alias whose target has no address has none.
pub trait DnsResolver: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a host, in the order to try them; empty if it has none.
    ///
    /// `host` is lower case, in A-labels, without a final dot. A port of 0 in
    /// an answer stands for the URL's own.
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>>;
}
