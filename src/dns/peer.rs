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
    /// Whose redirects led here, where it is another host than was asked first.
    led_by: Option<String>,
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
            led_by: None,
        }
    }

    /// The same host, to which the directory of another one has led.
    #[must_use]
    pub(crate) fn led_by(mut self, first: &str) -> Self {
        self.led_by = (first != self.host).then(|| first.to_owned());
        self
    }

    /// The host whose redirects led here.
    pub(crate) fn leader(&self) -> Option<&str> {
        self.led_by.as_deref()
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::BoxFuture;

    #[derive(Debug, Default)]
    struct Dns {
        answer: Vec<SocketAddr>,
        asked: AtomicUsize,
    }

    impl DnsResolver for Dns {
        fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(self.answer.clone()) })
        }
    }

    /// A peer and its resolver, which has these addresses.
    fn peer(host: &str, answer: &[&str]) -> (Peer, Arc<Dns>) {
        let dns = Arc::new(Dns {
            answer: sockets(answer),
            ..Dns::default()
        });
        (Peer::new(host, dns.clone(), Arc::default()), dns)
    }

    fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn the_guard_stands_between_the_answer_and_the_connection() {
        use ErrorKind::{Blocked, Dns};
        let mixed = ["127.0.0.1:0", "9.9.9.9:0", "[::1]:0", "[2620:fe::fe]:8443"];
        for (host, answer, expected) in [
            (
                "example.org",
                &mixed[..],
                Ok(&["9.9.9.9:0", "[2620:fe::fe]:8443"][..]),
            ),
            ("example.org", &["10.0.0.1:0"], Err(Blocked)),
            ("example.org", &[], Err(Dns)),
            ("printer.local", &["9.9.9.9:0"], Err(Blocked)),
        ] {
            let (peer, _) = peer(host, answer);
            let got = peer.addresses().await;
            let got = got.map_err(|error| error.kind());
            assert_eq!(got, expected.map(sockets), "{host} {answer:?}");
            // Of what DNS said before the same holds.
            let known = peer.with_known(sockets(answer)).addresses().await;
            assert_eq!(known.map_err(|error| error.kind()), got);
        }
    }

    #[tokio::test]
    async fn dns_is_asked_where_it_has_to_be_alone() {
        let (special, dns) = peer("printer.local", &["9.9.9.9:0"]);
        special.addresses().await.unwrap_err();
        assert_eq!(dns.asked.load(Ordering::Relaxed), 0);
        let (known, dns) = peer("example.org", &["10.0.0.1:0"]);
        let known = known.with_known(sockets(&["9.9.9.9:0"]));
        assert_eq!(known.addresses().await.unwrap(), sockets(&["9.9.9.9:0"]));
        assert_eq!(dns.asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_named_peer_is_exempt() {
        let (peer, _) = peer("vks.internal", &["127.0.0.1:8443"]);
        assert!(!peer.is_named());
        let peer = peer.named();
        assert!(peer.is_named());
        let addresses = peer.addresses().await.unwrap();
        assert_eq!(addresses, sockets(&["127.0.0.1:8443"]));
    }

    #[test]
    fn refusals_keep_inner_addresses_to_themselves() {
        let (peer, _) = peer("example.org", &["10.1.2.3:0"]);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let error = runtime.block_on(peer.addresses()).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("10.1.2.3"),
            "{error:?}"
        );
    }
}
