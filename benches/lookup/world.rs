//! The servers: each domain of the scenarios is as its name says.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use openpgp_discovery::dns::AddressGuard;
use openpgp_discovery::{EmailAddress, KeyLocator, KeyLocatorBuilder};
use testbed::{Fault, TestDns, Testbed, certs};

use crate::Result;

/// How long DNS answers may be kept: as long as many zones say.
const TTL: u32 = 300;

/// How many of what counts for nothing go on at a time.
pub(crate) const AT_ONCE: usize = 9;

pub(crate) struct World {
    testbed: Testbed,
    guard: AddressGuard,
    ninety_nine: Vec<EmailAddress>,
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let testbed = Testbed::start().await;
        testbed.set_ttl(TTL);
        let ninety_nine = (0..99).map(|n| format!("alice@domain-{n}.example.org"));
        let ninety_nine: Vec<_> = ninety_nine.collect();
        for address in ["alice@advanced.example.org", "bob@advanced.example.org"]
            .into_iter()
            .chain(ninety_nine.iter().map(String::as_str))
        {
            testbed.wkd_advanced(&address.parse()?, certificate(address));
        }
        for address in ["alice@direct.example.org", "bob@direct.example.org"] {
            testbed.wkd_direct(&address.parse()?, certificate(address));
        }
        for domain in ["six-refused", "six-dead", "six-dead-too"] {
            let host = format!("openpgpkey.{domain}.example.org");
            testbed.name(&host).address(Ipv4Addr::LOCALHOST);
            // Not every machine has IPv6.
            if testbed.https_sockets().len() > 1 {
                testbed.name(&host).address(Ipv6Addr::LOCALHOST);
            }
            let host = testbed.host(&host);
            match domain {
                "six-refused" => host.without_ipv6(),
                _ => host.ipv6_is_dead(),
            };
            let address = format!("alice@{domain}.example.org");
            testbed.wkd_advanced(&address.parse()?, certificate(&address));
        }
        for domain in [
            "nowhere",
            "nowhere-either",
            "absent",
            "refused",
            "black-hole",
        ] {
            let address = format!("alice@{domain}.example.org");
            let cert = certs::cert(&[&format!("<{address}>")[..]]);
            testbed.vks().confirm(&address.parse()?, &cert.cert);
            let host = format!("openpgpkey.{domain}.example.org");
            match domain {
                "absent" => testbed.host(&host),
                "refused" => testbed.host(&host).fault(Fault::Refused),
                "black-hole" => testbed.host(&host).fault(Fault::BlackHole),
                _ => continue,
            };
        }
        let ninety_nine = ninety_nine.iter().map(|address| address.parse());
        Ok(Self {
            guard: testbed.guard(),
            testbed,
            ninety_nine: ninety_nine.collect::<std::result::Result<_, _>>()?,
        })
    }

    pub(crate) fn set_round_trip(&self, round_trip: Duration) {
        self.testbed.set_round_trip(round_trip);
    }

    /// A client's resolver, which knows nothing yet: the same for everybody.
    pub(crate) fn dns(&self) -> TestDns {
        self.testbed.dns()
    }

    /// Whom a client has to trust, in PEM.
    pub(crate) fn authority(&self) -> String {
        self.testbed.ca_pem()
    }

    /// This crate as it is by default, but that it lives here.
    pub(crate) fn locator(&self) -> KeyLocatorBuilder {
        KeyLocator::builder()
            .resolver(self.dns())
            .guard(self.guard.clone())
            .trust_anchors_pem(self.authority())
    }

    pub(crate) fn ninety_nine(&self) -> &[EmailAddress] {
        &self.ninety_nine
    }
}

fn certificate(address: &str) -> Vec<u8> {
    certs::cert(&[&format!("<{address}>")[..]]).binary()
}
