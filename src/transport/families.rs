//! Which address family has the first try.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// How long one is put behind the other.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// Remembers where IPv6 lost against IPv4, so that a network in which it leads
/// nowhere costs one head start and not one for each host (RFC 8305, section 4, lets
/// history decide). Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Families {
    /// Until when IPv4 comes first.
    four_first: Arc<Mutex<Option<Instant>>>,
}

impl Families {
    /// Puts the family that is to be tried first in front. The order within each
    /// stays.
    pub(super) fn arrange(&self, addresses: &mut [SocketAddr]) {
        let until = *lock(&self.four_first);
        if until.is_some_and(|until| Instant::now() < until) {
            addresses.sort_by_key(SocketAddr::is_ipv6);
        }
    }

    /// Learns from a connection: these were tried in this order, and this one it is.
    pub(super) fn learn(&self, tried: &[SocketAddr], reached: SocketAddr) {
        let Some(first) = tried.first() else { return };
        let had_choice = tried.iter().any(|a| a.is_ipv6() != first.is_ipv6());
        // What was not among them says nothing: a connection that was there before.
        let is_one = tried.iter().any(|a| a.ip() == reached.ip());
        if !had_choice || !is_one || reached.is_ipv6() == first.is_ipv6() {
            return;
        }
        *lock(&self.four_first) = reached.is_ipv4().then(|| Instant::now() + MEMORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_family_that_lost_comes_second() {
        let both = sockets(&["[2001:db8::1]:0", "192.0.2.1:0", "[2001:db8::2]:0"]);
        let turned = sockets(&["192.0.2.1:0", "[2001:db8::1]:0", "[2001:db8::2]:0"]);
        let (six, four) = (
            "[2001:db8::2]:443".parse().unwrap(),
            "192.0.2.1:443".parse().unwrap(),
        );
        let order = |families: &Families| {
            let mut addresses = both.clone();
            families.arrange(&mut addresses);
            addresses
        };
        let families = Families::default();
        assert_eq!(order(&families), both);
        // IPv6 has won, was alone, or the connection is another one.
        families.learn(&both, six);
        families.learn(&both[..1], four);
        families.learn(&both, "192.0.2.9:443".parse().unwrap());
        families.learn(&[], four);
        assert_eq!(order(&families), both);
        let clone = families.clone();
        families.learn(&both, four);
        assert_eq!(order(&clone), turned);
        // It stays so while IPv4 wins, and until it loses.
        clone.learn(&turned, four);
        assert_eq!(order(&families), turned);
        clone.learn(&turned, six);
        assert_eq!(order(&families), both);
    }

    #[test]
    fn it_is_forgotten() {
        let mut both = sockets(&["[2001:db8::1]:0", "192.0.2.1:0"]);
        let before = both.clone();
        let families = Families::default();
        *families.four_first.lock().unwrap() = Some(Instant::now());
        families.arrange(&mut both);
        assert_eq!(both, before);
    }
}
