use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use openpgp_discovery::dns::DnsResolver;
use openpgp_discovery::{EmailAddress, wkd};
use testbed::{Fault, RecordType, Testbed, Trouble};

use crate::client::{connect_to, get};

#[tokio::test]
async fn addresses_get_the_port_of_whoever_serves_the_host() {
    let t = Testbed::start().await;
    let canary = t.canary(Ipv4Addr::LOCALHOST).unwrap();
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let elsewhere = IpAddr::from([198, 51, 100, 7]);
    t.host("sound.example");
    t.host("expired.example").fault(Fault::Expired);
    t.host("refused.example").fault(Fault::Refused);
    t.host("trap.example").points_at(canary.addr());
    t.name("mapped.example").address(mapped);
    t.host("mapped.example").points_at(canary.addr());
    t.name("no-host.example").address(Ipv4Addr::LOCALHOST);
    t.name("elsewhere.example").address(elsewhere);
    t.name("six.example").address(Ipv6Addr::LOCALHOST);

    let https = t.https_sockets();
    let table: [(&str, SocketAddr); 7] = [
        ("sound.example", https[0]),
        ("expired.example", https[0]),
        ("refused.example", t.host_addr("refused.example")),
        ("trap.example", canary.addr()),
        ("mapped.example", (mapped, canary.addr().port()).into()),
        ("no-host.example", https[0]),
        ("elsewhere.example", (elsewhere, 0).into()),
    ];
    let dns = t.dns();
    for (host, address) in table {
        assert_eq!(dns.addresses(host).await.unwrap(), [address], "{host}");
    }
    if let Some(six) = https.get(1) {
        assert_eq!(dns.addresses("six.example").await.unwrap(), [*six]);
    }
    assert_ne!(t.host_addr("refused.example").port(), https[0].port());
    connect_to(
        &t,
        "sound.example",
        dns.addresses("sound.example").await.unwrap()[0],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn what_dns_says_is_passed_on_and_never_kept() {
    let t = Testbed::start().await;
    let dns = t.dns();
    let name = "openpgpkey.example.org";
    assert_eq!(dns.addresses(name).await.unwrap(), []);
    t.name(name).txt("keep out");
    assert_eq!(dns.addresses(name).await.unwrap(), []);
    t.name(name)
        .trouble_with(RecordType::AAAA, Trouble::ServFail);
    assert!(dns.addresses(name).await.is_err());
    t.name(name).forget();
    t.host(name);
    assert_eq!(dns.addresses(name).await.unwrap().len(), 1);
    assert!(t.queries().iter().all(|query| query.name == name));
}

#[tokio::test]
async fn what_dns_says_is_kept_where_a_test_says_so() {
    let t = Testbed::start().await;
    t.set_ttl(300);
    let dns = t.dns();
    for (name, count) in [("there.example", 1), ("nowhere.example", 0)] {
        if count == 1 {
            t.host(name);
        }
        for _ in 0..3 {
            assert_eq!(dns.addresses(name).await.unwrap().len(), count, "{name}");
        }
        assert_eq!(t.queries_for(name).len(), 2, "{name}");
    }
}

/// The same name leads elsewhere as soon as DNS says so.
#[tokio::test]
async fn a_trap_is_reached_by_its_address() {
    let t = Testbed::start().await;
    // Only Linux has this address without being told.
    let Ok(trap) = t.trap([127, 66, 0, 9]) else {
        return;
    };
    t.host("sound.example");
    t.name("sound.example")
        .address_once(trap.addr().ip())
        .address_once("::ffff:127.66.0.9".parse::<Ipv6Addr>().unwrap());
    let dns = t.dns();
    let caught = dns.addresses("sound.example").await.unwrap();
    assert_eq!(caught.len(), 2);
    for address in caught {
        assert_eq!(address.ip().to_canonical(), trap.addr().ip());
        assert_eq!(address.port(), trap.addr().port());
    }
    let sound = dns.addresses("sound.example").await.unwrap();
    assert_eq!(sound, [t.host_addr("sound.example")]);
}

#[test]
fn the_guard_opens_for_the_web_hosts_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let t = runtime.block_on(Testbed::start());
    let guard = t.guard();
    for socket in t.https_sockets() {
        assert!(guard.allows(socket), "{socket}");
    }
    for fault in Fault::ALL {
        t.host("host.example").fault(fault);
        assert!(guard.allows(t.host_addr("host.example")), "{fault:?}");
    }
    let canary = t.canary(Ipv4Addr::LOCALHOST).unwrap();
    assert!(!guard.allows(canary.addr()));
    assert!(!guard.allows(t.dns_addr()));
    let vks = t.vks_url().socket_addrs(|| None).unwrap()[0];
    assert!(!guard.allows(vks));
}

#[tokio::test]
async fn a_directory_is_where_the_protocol_looks_for_it() {
    let t = Testbed::start().await;
    let address: EmailAddress = "Joe.Doe@Example.ORG".parse().unwrap();
    t.wkd_advanced(&address, "advanced")
        .wkd_direct(&address, "direct");
    // WKD draft, section 3.1.
    let hash = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";
    for (host, path, body) in [
        (
            "openpgpkey.example.org",
            "/.well-known/openpgpkey/example.org/hu",
            "advanced",
        ),
        ("example.org", "/.well-known/openpgpkey/hu", "direct"),
    ] {
        let answer = get(&t, host, &format!("{path}/{hash}?l=Joe.Doe"))
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), body);
    }
    assert_eq!(
        wkd::Url::new(&address).direct().path(),
        t.requests_to("example.org")[0].path()
    );
}
