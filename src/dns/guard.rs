//! The table of special-purpose addresses that a look-up must not reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which names may be asked for, and which addresses may be connected to.
///
/// Whoever types an address, and whoever owns its domain, chooses where a
/// look-up connects to. The guard keeps them out of the network that the
/// program runs in: by default only globally reachable unicast addresses may be
/// connected to.
///
/// # Addresses
///
/// Refused are the IANA special-purpose registries (RFC 6890 and its updates)
/// and what is not unicast:
///
/// | IPv4 | IPv6 |
/// | --- | --- |
/// | `0.0.0.0/8`, `127.0.0.0/8`, `169.254.0.0/16` | `::/96` with `::` and `::1`, `fe80::/10`, `fec0::/10` |
/// | `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `100.64.0.0/10` | `fc00::/7`, `64:ff9b:1::/48` |
/// | `192.0.0.0/24`, `192.31.196.0/24`, `192.52.193.0/24`, `192.88.99.0/24`, `192.175.48.0/24` | `2001::/23` with Teredo, `2620:4f:8000::/48`, `5f00::/16`, `100::/64`, `100:0:0:1::/64` |
/// | `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `198.18.0.0/15` | `2001:db8::/32`, `3fff::/20` |
/// | `224.0.0.0/4`, `240.0.0.0/4` | `ff00::/8` |
///
/// So is every other IPv6 address outside `2000::/3`, because IANA has handed
/// out global unicast addresses from nowhere else. An IPv6 address that stands
/// for an IPv4 one is judged by the latter: IPv4-mapped (`::ffff:0:0/96`), NAT64
/// (`64:ff9b::/96`) and 6to4 (`2002::/16`). A network's own NAT64 prefix cannot
/// be known here: [`deny`](Self::deny) what must not be reached through it. An
/// address with a zone (`fe80::1%eth0`) is refused.
///
/// # Names
///
/// Names at and under `alt`, `home.arpa`, `internal`, `invalid`, `local`,
/// `localhost`, `onion` and `test` are not asked for.
///
/// # Which rule wins
///
/// [`deny`](Self::deny) wins over everything, then comes what is allowed, then
/// the tables.
///
/// ```
/// use openpgp_discovery::dns::AddressGuard;
///
/// let guard = AddressGuard::new();
/// assert!(guard.allows("9.9.9.9:443".parse()?));
/// assert!(!guard.allows("169.254.169.254:443".parse()?));
/// assert!(!guard.allows("[::ffff:127.0.0.1]:443".parse()?));
/// assert!(!guard.allows_name("printer.local"));
///
/// // An organisation's own directory, and nothing else of its inner network.
/// let guard = AddressGuard::new()
///     .allow("10.20.0.0/16".parse()?)
///     .allow_name_suffix("corp.internal");
/// assert!(guard.allows("10.20.0.5:443".parse()?));
/// assert!(!guard.allows("10.21.0.5:443".parse()?));
/// assert!(guard.allows_name("openpgpkey.corp.internal"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressGuard {
    lifted: bool,
    allow_nets: Vec<IpNet>,
    allow_sockets: Vec<SocketAddr>,
    allow_names: Vec<String>,
    deny_nets: Vec<IpNet>,
}

impl AddressGuard {
    /// Only globally reachable unicast addresses.
    pub fn new() -> Self {
        Self::default()
    }

    /// No guard: every name and address, except those denied.
    ///
    /// For a program whose addresses all come from its owner. Anywhere else it
    /// lets strangers choose which inner host gets connected to.
    pub fn lifted() -> Self {
        Self {
            lifted: true,
            ..Self::default()
        }
    }

    /// Also lets this net through, on every port.
    ///
    /// An IPv4 net covers the IPv6 forms of its addresses too.
    #[must_use]
    pub fn allow(mut self, net: IpNet) -> Self {
        self.allow_nets.push(net);
        self
    }

    /// Also lets exactly this address and port through.
    #[must_use]
    pub fn allow_socket(mut self, socket: SocketAddr) -> Self {
        self.allow_sockets.push(socket);
        self
    }

    /// Also lets this special-purpose name, and those under it, be asked for.
    ///
    /// ASCII letter case and dots at either end do not matter. What the names
    /// resolve to is judged all the same.
    #[must_use]
    pub fn allow_name_suffix(mut self, suffix: impl AsRef<str>) -> Self {
        let suffix = suffix.as_ref().trim_matches('.').to_ascii_lowercase();
        // Nothing would be a suffix of every name.
        if !suffix.is_empty() {
            self.allow_names.push(suffix);
        }
        self
    }

    /// Never lets this net through, whatever else is allowed.
    ///
    /// An IPv4 net covers the IPv6 forms of its addresses too.
    #[must_use]
    pub fn deny(mut self, net: IpNet) -> Self {
        self.deny_nets.push(net);
        self
    }

    /// Whether this name may be asked for. ASCII letter case and a final dot do
    /// not matter.
    pub fn allows_name(&self, host: &str) -> bool {
        self.lifted
            || !SPECIAL_NAMES.iter().any(|name| is_under(host, name))
            || self.allow_names.iter().any(|name| is_under(host, name))
    }

    /// Whether this address may be connected to.
    ///
    /// Port 0 stands for 443: hosts that the guard holds for are asked over
    /// `https` on its own port.
    pub fn allows(&self, mut socket: SocketAddr) -> bool {
        if socket.port() == 0 {
            socket.set_port(443);
        }
        let ip = socket.ip();
        let inner = inner_v4(ip);
        let is_in = |net: &IpNet| {
            net.contains(&ip) || inner.is_some_and(|inner| net.contains(&IpAddr::V4(inner)))
        };
        if self.deny_nets.iter().any(is_in) {
            return false;
        }
        if self.lifted || self.allow_sockets.contains(&socket) {
            return true;
        }
        // A zone names a link, and nothing on a link is globally reachable.
        if matches!(socket, SocketAddr::V6(socket) if socket.scope_id() != 0) {
            return false;
        }
        self.allow_nets.iter().any(is_in) || is_global(inner.map_or(ip, IpAddr::V4))
    }
}

/// Whether the address is globally reachable unicast; one that stands for
/// another has been replaced by that.
fn is_global(ip: IpAddr) -> bool {
    let unicast = match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => GLOBAL_UNICAST.contains(&ip),
    };
    unicast && !SPECIAL_NETS.iter().any(|net| net.contains(&ip))
}

/// The IPv4 address that an IPv6 one stands for.
fn inner_v4(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let (high, low) = match ip.segments() {
        // IPv4-mapped (RFC 4291): the same host over the other socket family.
        [0, 0, 0, 0, 0, 0xffff, high, low] => (high, low),
        // NAT64, well-known prefix (RFC 6052): translated on the way.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => (high, low),
        // 6to4 (RFC 3056): tunnelled to that address.
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Whether the name is `suffix` or ends in it, label by label.
fn is_under(name: &str, suffix: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let Some(start) = name.len().checked_sub(suffix.len()) else {
        return false;
    };
    let (rest, end) = name.split_at(start);
    end.eq_ignore_ascii_case(suffix.as_bytes()) && (rest.is_empty() || rest.ends_with(b"."))
}

/// Names that no public server answers for. Some networks answer for them
/// themselves, and then they mean inner hosts.
const SPECIAL_NAMES: &[&str] = &[
    "alt",       // RFC 9476: not DNS
    "home.arpa", // RFC 8375: home networks
    "internal",  // ICANN, reserved in 2024 for private use
    "invalid",   // RFC 6761
    "local",     // RFC 6762: multicast DNS
    "localhost", // RFC 6761
    "onion",     // RFC 7686: asking DNS would tell on the user
    "test",      // RFC 6761
];

/// The only part of IPv6 that global unicast addresses come from (RFC 4291, IANA).
const GLOBAL_UNICAST: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const SPECIAL_NETS: &[IpNet] = &[
    v4([0, 0, 0, 0], 8),               // RFC 1122: this network; connects to oneself
    v4([10, 0, 0, 0], 8),              // RFC 1918: private
    v4([100, 64, 0, 0], 10),           // RFC 6598: carriers' NAT
    v4([127, 0, 0, 0], 8),             // RFC 1122: loopback
    v4([169, 254, 0, 0], 16),          // RFC 3927: link-local; clouds' metadata services
    v4([172, 16, 0, 0], 12),           // RFC 1918: private
    v4([192, 0, 0, 0], 24),            // RFC 6890: protocol assignments
    v4([192, 0, 2, 0], 24),            // RFC 5737: documentation
    v4([192, 31, 196, 0], 24),         // RFC 7535: AS112, answered by the nearest stranger
    v4([192, 52, 193, 0], 24),         // RFC 7450: multicast tunnels
    v4([192, 88, 99, 0], 24),          // RFC 7526: 6to4 relays, deprecated
    v4([192, 168, 0, 0], 16),          // RFC 1918: private
    v4([192, 175, 48, 0], 24),         // RFC 7534: AS112, answered by the nearest stranger
    v4([198, 18, 0, 0], 15),           // RFC 2544: benchmarks
    v4([198, 51, 100, 0], 24),         // RFC 5737: documentation
    v4([203, 0, 113, 0], 24),          // RFC 5737: documentation
    v4([224, 0, 0, 0], 4),             // RFC 5771: multicast
    v4([240, 0, 0, 0], 4),             // RFC 1112: reserved, with the broadcast address
    v6([0, 0, 0, 0], 96),              // RFC 4291: unspecified, loopback, IPv4-compatible
    v6([0x64, 0xff9b, 1, 0], 48),      // RFC 8215: NAT64 inside a network
    v6([0x100, 0, 0, 0], 64),          // RFC 6666: discarded
    v6([0x100, 0, 0, 1], 64),          // RFC 9780: dummy prefix
    v6([0x2001, 0, 0, 0], 23),         // RFC 2928: protocol assignments, with Teredo (RFC 4380)
    v6([0x2001, 0xdb8, 0, 0], 32),     // RFC 3849: documentation
    v6([0x2620, 0x4f, 0x8000, 0], 48), // RFC 7534: AS112
    v6([0x3fff, 0, 0, 0], 20),         // RFC 9637: documentation
    v6([0x5f00, 0, 0, 0], 16),         // RFC 9602: segment routing
    v6([0xfc00, 0, 0, 0], 7),          // RFC 4193: private
    v6([0xfe80, 0, 0, 0], 10),         // RFC 4291: link-local
    v6([0xfec0, 0, 0, 0], 10),         // RFC 3879: site-local, deprecated
    v6([0xff00, 0, 0, 0], 8),          // RFC 4291: multicast
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// A net by the upper half of its address.
const fn v6([a, b, c, d]: [u16; 4], prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0),
        prefix,
    ))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV6;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn ip(guard: &AddressGuard, text: &str) -> bool {
        guard.allows(SocketAddr::new(text.parse().unwrap(), 443))
    }

    fn socket(guard: &AddressGuard, text: &str) -> bool {
        guard.allows(text.parse().unwrap())
    }

    /// The nets of the protocol sheet, each with what stands right before and
    /// right behind it and may be reached (`-`: another refused net is there).
    const NETS: &[(&str, &str, &str)] = &[
        ("0.0.0.0/8", "-", "1.0.0.0"),
        ("10.0.0.0/8", "9.255.255.255", "11.0.0.0"),
        ("100.64.0.0/10", "100.63.255.255", "100.128.0.0"),
        ("127.0.0.0/8", "126.255.255.255", "128.0.0.0"),
        ("169.254.0.0/16", "169.253.255.255", "169.255.0.0"),
        ("172.16.0.0/12", "172.15.255.255", "172.32.0.0"),
        ("192.0.0.0/24", "191.255.255.255", "192.0.1.0"),
        ("192.0.2.0/24", "192.0.1.255", "192.0.3.0"),
        ("192.31.196.0/24", "192.31.195.255", "192.31.197.0"),
        ("192.52.193.0/24", "192.52.192.255", "192.52.194.0"),
        ("192.88.99.0/24", "192.88.98.255", "192.88.100.0"),
        ("192.168.0.0/16", "192.167.255.255", "192.169.0.0"),
        ("192.175.48.0/24", "192.175.47.255", "192.175.49.0"),
        ("198.18.0.0/15", "198.17.255.255", "198.20.0.0"),
        ("198.51.100.0/24", "198.51.99.255", "198.51.101.0"),
        ("203.0.113.0/24", "203.0.112.255", "203.0.114.0"),
        ("224.0.0.0/4", "223.255.255.255", "-"),
        ("240.0.0.0/4", "-", "-"),
        ("255.255.255.255/32", "-", "-"),
        ("::/128", "-", "-"),
        ("::1/128", "-", "-"),
        ("::/96", "-", "-"),
        ("64:ff9b:1::/48", "-", "-"),
        ("100::/64", "-", "-"),
        ("100:0:0:1::/64", "-", "-"),
        ("2001::/23", "2000:ffff::1", "2001:200::"),
        ("2001::/32", "-", "-"),
        ("2001:db8::/32", "2001:db7:ffff::1", "2001:db9::"),
        ("2620:4f:8000::/48", "2620:4f:7fff::1", "2620:4f:8001::"),
        ("3fff::/20", "3ffe:ffff::1", "3fff:1000::"),
        ("5f00::/16", "-", "-"),
        ("fc00::/7", "-", "-"),
        ("fe80::/10", "-", "-"),
        ("fec0::/10", "-", "-"),
        ("ff00::/8", "-", "-"),
        // Not listed, but no global unicast address is there either.
        ("::ffff:0:0:0/96", "-", "-"),
        ("200::/7", "-", "-"),
        ("1000::/4", "-", "2000::1"),
        ("4000::/3", "3fff:ffff::1", "-"),
        ("e000::/4", "-", "-"),
    ];

    #[test]
    fn special_nets_are_refused_and_their_neighbours_are_not() {
        let guard = AddressGuard::new();
        for (row, before, behind) in NETS {
            let row = net(row);
            for inside in [row.network(), row.broadcast()] {
                assert!(!ip(&guard, &inside.to_string()), "{inside} of {row}");
            }
            for outside in [before, behind].into_iter().filter(|text| **text != "-") {
                assert!(ip(&guard, outside), "{outside} beside {row}");
            }
        }
    }

    #[test]
    fn ipv6_forms_are_judged_by_the_ipv4_address_inside() {
        let guard = AddressGuard::new();
        for (row, before, behind) in NETS {
            let IpNet::V4(row) = net(row) else { continue };
            for inside in [row.network(), row.broadcast()] {
                for form in forms(inside) {
                    assert!(!ip(&guard, &form), "{form}, which is {inside}");
                }
            }
            for outside in [before, behind].into_iter().filter(|text| **text != "-") {
                for form in forms(outside.parse().unwrap()) {
                    assert!(ip(&guard, &form), "{form}, which is {outside}");
                }
            }
        }
    }

    /// Mapped, NAT64 and 6to4.
    fn forms(ip: Ipv4Addr) -> [String; 3] {
        let [a, b, c, d] = ip.octets();
        [
            format!("::ffff:{ip}"),
            format!("64:ff9b::{ip}"),
            format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
        ]
    }

    #[test]
    fn every_address_that_the_issue_names_is_refused() {
        for text in [
            "127.0.0.1",
            "::1",
            "169.254.169.254",
            "10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!ip(&AddressGuard::new(), text), "{text}");
        }
    }

    #[test]
    fn a_zone_is_refused_unless_the_guard_is_lifted() {
        let zoned = |text: &str| SocketAddrV6::new(text.parse().unwrap(), 443, 0, 2).into();
        let guard = AddressGuard::new().allow(net("fe80::/10"));
        assert!(ip(&guard, "fe80::1"));
        assert!(!guard.allows(zoned("fe80::1")));
        assert!(!guard.allows(zoned("2620:fe::fe")));
        assert!(AddressGuard::lifted().allows(zoned("fe80::1")));
        assert!(
            guard
                .allow_socket(zoned("fe80::1"))
                .allows(zoned("fe80::1"))
        );
    }

    #[test]
    fn allowed_nets() {
        let guard = AddressGuard::new().allow(net("10.20.0.0/16"));
        assert!(ip(&guard, "10.20.255.1"));
        assert!(!ip(&guard, "10.21.0.1"));
        for form in forms(Ipv4Addr::new(10, 20, 0, 1)) {
            assert!(ip(&guard, &form), "{form}");
        }
    }

    #[test]
    fn allowed_sockets_hold_for_one_port() {
        let guard = AddressGuard::new()
            .allow_socket("127.0.0.1:8443".parse().unwrap())
            .allow_socket("10.0.0.1:443".parse().unwrap());
        assert!(socket(&guard, "127.0.0.1:8443"));
        assert!(!socket(&guard, "127.0.0.1:8444"));
        assert!(!socket(&guard, "127.0.0.2:8443"));
        assert!(!socket(&guard, "[::1]:8443"));
        // A resolver that knows no port says 0, and the URL's is meant.
        assert!(socket(&guard, "10.0.0.1:0"));
        assert!(!socket(&guard, "127.0.0.1:0"));
    }

    #[test]
    fn a_denied_net_wins() {
        let denied = net("198.41.0.0/24");
        for guard in [
            AddressGuard::new(),
            AddressGuard::lifted(),
            AddressGuard::new().allow(net("198.0.0.0/8")),
            AddressGuard::new().allow_socket("198.41.0.4:443".parse().unwrap()),
        ] {
            let guard = guard.deny(denied);
            assert!(!ip(&guard, "198.41.0.4"));
            for form in forms(Ipv4Addr::new(198, 41, 0, 4)) {
                assert!(!ip(&guard, &form), "{form}");
            }
            assert!(ip(&guard, "198.41.1.4"));
        }
        // A network's own NAT64 prefix.
        let guard = AddressGuard::lifted().deny(net("2001:67c:27e4:64::/96"));
        assert!(!ip(&guard, "2001:67c:27e4:64::10.0.0.1"));
        assert!(ip(&guard, "::1"));
    }

    #[test]
    fn special_names() {
        let guard = AddressGuard::new();
        for name in [
            "localhost",
            "local",
            "internal",
            "test",
            "invalid",
            "home.arpa",
            "onion",
            "alt",
        ] {
            for host in [
                name.to_owned(),
                format!("{name}."),
                format!("openpgpkey.example.{name}"),
                format!("a.{name}."),
                format!("A.{}", name.to_uppercase()),
            ] {
                assert!(!guard.allows_name(&host), "{host}");
                assert!(AddressGuard::lifted().allows_name(&host), "{host}");
            }
        }
        for host in [
            "example.org",
            "example.org.",
            "test.example",
            "mylocal",
            "notlocalhost",
            "local.example.org",
            "arpa",
            "office.arpa",
            "xhome.arpa",
            "é.local.example",
            "",
            ".",
        ] {
            assert!(guard.allows_name(host), "{host}");
        }
    }

    #[test]
    fn allowed_names() {
        let guard = AddressGuard::new().allow_name_suffix(".Corp.INTERNAL.");
        for host in [
            "corp.internal",
            "openpgpkey.corp.internal.",
            "A.CORP.INTERNAL",
        ] {
            assert!(guard.allows_name(host), "{host}");
        }
        for host in ["internal", "xcorp.internal", "other.internal", "corp.test"] {
            assert!(!guard.allows_name(host), "{host}");
        }
        // Letting nothing through is not letting everything through.
        assert!(
            !AddressGuard::new()
                .allow_name_suffix(".")
                .allows_name("a.local")
        );
    }
}
