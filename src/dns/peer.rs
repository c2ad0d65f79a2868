//! The host of one request, and the only addresses that it may be reached at.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{AddressGuard, DnsResolver};
use crate::{Error, ErrorKind};

/// The host of one request: where a transport gets the addresses from that it
/// may connect to.
///
/// What [`addresses`](Self::addresses) gives has passed the guard, and what was
/// checked is what gets connected to: a name that changes its address between
/// check and use gains nothing. A transport with an open connection to the host
/// need not call it.
#[derive(Clone)]
pub struct Peer {
    host: String,
    dns: Arc<dyn DnsResolver>,
    guard: Arc<AddressGuard>,
    /// What DNS said earlier in the same look-up.
    known: Option<Vec<SocketAddr>>,
    /// The caller named this origin: the guard does not hold for it.
    named: bool,
}

impl Peer {
    /// A host that is resolved when it is connected to.
    pub(crate) fn new(host: &str, dns: Arc<dyn DnsResolver>, guard: Arc<AddressGuard>) -> Self {
        Self {
            host: host.to_owned(),
            dns,
            guard,
            known: None,
            named: false,
        }
    }

    /// The same host; DNS has already answered this.
    #[must_use]
    pub(crate) fn with_known(mut self, addresses: Vec<SocketAddr>) -> Self {
        self.known = Some(addresses);
        self
    }

    /// The same host, named by the caller: the guard does not hold.
    #[must_use]
    pub(crate) fn named(mut self) -> Self {
        self.named = true;
        self
    }

    /// The host name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the caller named this origin, so that the guard does not hold
    /// for it. A transport keeps connections to such origins apart from all
    /// others: a redirect from elsewhere must not be able to use them.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// The addresses to connect to, at least one. A port of 0 stands for the URL's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Blocked`] where the guard lets none through,
    /// [`ErrorKind::Dns`] where there is none, and what DNS failed with.
    pub async fn addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        let host = &self.host;
        if !self.named && !self.guard.allows_name(host) {
            return Err(Error::new(
                ErrorKind::Blocked,
                format!("{host} is a special-purpose name"),
            ));
        }
        let mut addresses = match &self.known {
            Some(known) => known.clone(),
            None => self.dns.addresses(host).await?,
        };
        if addresses.is_empty() {
            return Err(Error::new(ErrorKind::Dns, format!("{host} has no address")));
        }
        if !self.named {
            addresses.retain(|address| self.guard.allows(*address));
        }
        if addresses.is_empty() {
            // Which addresses it has stays untold: they could be inner ones.
            return Err(Error::new(
                ErrorKind::Blocked,
                format!("{host} has only special-purpose addresses"),
            ));
        }
        Ok(addresses)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("host", &self.host)
            .field("named", &self.named)
            .finish_non_exhaustive()
    }
}
