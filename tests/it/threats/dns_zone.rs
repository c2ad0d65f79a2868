//! The DNS zone of the domain: whoever owns it chooses where a name leads to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use openpgp_discovery::dns::DnsResolver;
use openpgp_discovery::{BoxFuture, Error, ErrorKind};
use testbed::{Answer, Fault, Testbed, Trouble, certs};

use super::{assert_fails, look, plant, trap};
use crate::{ADVANCED, AMPLE, trail};

const FOUND: [&str; 2] = ["dns-advanced: addresses", "advanced: found 1"];

async fn with_alice() -> Testbed {
    let testbed = Testbed::start().await;
    plant(
        &testbed,
        Answer::ok(certs::cert(&["alice@example.org"]).binary()),
    );
    testbed
}

/// The name changes its address once it was checked: what was checked is what
/// gets connected to.
#[tokio::test]
async fn rebinding_gains_nothing() {
    let testbed = with_alice().await;
    let Some(trap) = trap(&testbed, [127, 66, 0, 1]) else {
        return;
    };
    let inside = trap.addr().ip();
    let name = || testbed.name(ADVANCED).forget();
    // First a good address, then the inner one.
    name().address_once(Ipv4Addr::LOCALHOST).address(inside);
    assert_eq!(trail(&look(testbed.locator(), AMPLE).await), FOUND);
    assert_eq!(testbed.queries_for(ADVANCED).len(), 2, "A and AAAA, once");
    // The same host again, by a redirect to itself and over a new connection.
    name().address_once(Ipv4Addr::LOCALHOST).address(inside);
    let sample = certs::cert(&["alice@example.org"]).binary();
    testbed
        .host(ADVANCED)
        .serve("/again", Answer::ok(&sample).header("connection", "close"));
    plant(
        &testbed,
        Answer::redirect(302, "/again").header("connection", "close"),
    );
    assert_eq!(trail(&look(testbed.locator(), AMPLE).await), FOUND);
    // There and back: now it is a new question, and a new answer to judge.
    let back = format!("https://{ADVANCED}/again");
    testbed
        .host("there.example.net")
        .serve("/", Answer::redirect(302, &back));
    plant(
        &testbed,
        Answer::redirect(302, "https://there.example.net/").header("connection", "close"),
    );
    name().address_once(Ipv4Addr::LOCALHOST).address(inside);
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_fails(&lookup, ErrorKind::Blocked, "there and back");
    // The other way round.
    name().address_once(inside).address(Ipv4Addr::LOCALHOST);
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_fails(&lookup, ErrorKind::Blocked, "the inner one first");
    assert_eq!(trap.connections(), 0);
}

/// By way of an alias, too, it is the address that counts.
#[tokio::test]
async fn aliases_that_lead_inside_are_blocked() {
    let testbed = with_alice().await;
    let Some(trap) = trap(&testbed, [127, 66, 0, 2]) else {
        return;
    };
    for hops in 1..=6 {
        testbed.name(ADVANCED).forget().cname("a1.example.net");
        for hop in 1..hops {
            let next = format!("a{}.example.net", hop + 1);
            testbed
                .name(&format!("a{hop}.example.net"))
                .forget()
                .cname(&next);
        }
        let last = format!("a{hops}.example.net");
        testbed.name(&last).forget().address(trap.addr().ip());
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Blocked, &last);
        testbed.name(&last).forget().address(Ipv4Addr::LOCALHOST);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_eq!(trail(&lookup), FOUND, "{last}");
    }
    // Into the special-purpose names.
    testbed.name("db.internal").address(trap.addr().ip());
    testbed.name(ADVANCED).forget().cname("db.internal");
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_fails(&lookup, ErrorKind::Blocked, "db.internal");
    assert_eq!(trap.connections(), 0);
}

/// A loop, and a chain that goes on for ever: neither an address nor "none".
#[tokio::test]
async fn aliases_without_an_end_are_a_failure() {
    let testbed = with_alice().await;
    testbed.name(ADVANCED).forget().cname("a.example.net");
    testbed.name("a.example.net").cname(ADVANCED);
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_fails(&lookup, ErrorKind::Dns, "a loop");

    testbed
        .name(ADVANCED)
        .forget()
        .trouble(Trouble::EndlessAliases);
    testbed
        .name(&format!("*.{ADVANCED}"))
        .trouble(Trouble::EndlessAliases);
    testbed.forget_log();
    let lookup = look(testbed.locator(), AMPLE).await;
    assert_fails(&lookup, ErrorKind::Dns, "a chain without an end");
    let asked = testbed.queries().len();
    assert!(asked <= 64, "{asked} questions");
    assert!(testbed.requests().is_empty());
}

/// Hundreds of addresses: a few of each family are tried, and those that may not
/// be reached crowd nobody out.
#[tokio::test]
async fn of_many_addresses_few_are_tried() {
    let testbed = with_alice().await;
    let many = |third: u8, count: u8| (1..=count).map(move |n| Ipv4Addr::new(127, 67, third, n));
    let name = || testbed.name(ADVANCED).forget();
    // Nobody listens there; the guard lets them through.
    let net = "127.67.0.0/16".parse().expect("a net");
    let locator = || testbed.locator().guard(testbed.guard().allow(net));
    let port = testbed.https_sockets()[0];
    testbed.host(ADVANCED).points_at(port);
    for (before, found) in [(3, true), (4, false), (250, false)] {
        let entry = many(0, before).fold(name(), |entry, ip| entry.address(ip));
        entry.address(Ipv4Addr::LOCALHOST);
        let lookup = look(locator(), AMPLE).await;
        if found {
            assert_eq!(trail(&lookup), FOUND, "behind {before}");
        } else {
            assert_fails(&lookup, ErrorKind::Connect, &format!("behind {before}"));
        }
    }
    // Hundreds that are refused, in front of the one that may be used. Nobody's
    // host has more: of a thousand the one behind is not looked at.
    for (nets, found) in [(1, true), (4, false)] {
        let mut entry = name();
        for third in 0..nets {
            entry = (1..=250).fold(entry, |entry, n| entry.address([10, 0, third, n]));
        }
        for n in 1..=250 {
            entry = entry.address(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n));
        }
        entry.address(Ipv4Addr::LOCALHOST);
        let lookup = look(locator(), AMPLE).await;
        if found {
            assert_eq!(trail(&lookup), FOUND, "behind 250");
        } else {
            assert_fails(&lookup, ErrorKind::Blocked, "behind 1,000");
        }
    }
}

/// Nobody asks for them, and an answer is read as far as it goes.
#[tokio::test]
async fn giant_txt_records_cost_nothing() {
    let testbed = with_alice().await;
    for _ in 0..200 {
        testbed.name(ADVANCED).txt(&"x".repeat(255));
    }
    assert_eq!(trail(&look(testbed.locator(), AMPLE).await), FOUND);
    let asked = testbed.queries_for(ADVANCED);
    let txt = testbed::RecordType::TXT;
    assert!(asked.iter().all(|query| query.record_type != txt));
}

/// In AAAA records: each form of an address that must not be reached.
#[tokio::test]
async fn ipv6_forms_of_inner_addresses_are_blocked() {
    let testbed = with_alice().await;
    let Some(trap) = trap(&testbed, [127, 66, 0, 3]) else {
        return;
    };
    testbed.host(ADVANCED).points_at(trap.addr());
    for form in [
        "::ffff:127.66.0.3",            // mapped: this one does reach the trap
        "::127.66.0.3",                 // compatible
        "64:ff9b::127.66.0.3",          // NAT64
        "64:ff9b:1::127.66.0.3",        // NAT64 inside a network
        "2002:7f42:3::1",               // 6to4
        "2001:0:7f42:3::",              // Teredo: the server
        "2001:0:909:909:0:0:80bd:fffc", // Teredo: the client, inverted
        "::1",
        "::",
        "fe80::1",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "2001:db8::1",
    ] {
        let ip: Ipv6Addr = form.parse().expect(form);
        testbed.name(ADVANCED).forget().address(ip);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Blocked, form);
        assert_eq!(trap.connections(), 0, "{form}");
    }
}

/// A resolver that gives an address with a zone.
#[derive(Debug)]
struct Zoned(SocketAddrV6);

impl DnsResolver for Zoned {
    fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async { Ok(vec![self.0.into()]) })
    }
}

/// A zone names a link, whatever the address is; DNS has none, other resolvers may.
#[tokio::test]
async fn zones_are_blocked() {
    let testbed = Testbed::start().await;
    // A machine without IPv6 has nobody to listen there; the refusal is the same.
    let canary = testbed.canary(Ipv6Addr::LOCALHOST).ok();
    let port = canary.as_ref().map_or(443, |canary| canary.addr().port());
    for ip in [
        Ipv6Addr::LOCALHOST,
        Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe),
    ] {
        let socket = SocketAddrV6::new(ip, port, 0, 1);
        let lookup = look(testbed.locator().resolver(Zoned(socket)), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Blocked, &socket.to_string());
    }
    assert_eq!(canary.map_or(0, |canary| canary.connections()), 0);
}

/// Whoever makes DNS fail must not choose the directory: the direct method has
/// an answer here, and is not asked.
#[tokio::test]
async fn dns_failures_do_not_force_the_fallback() {
    for trouble in [Trouble::ServFail, Trouble::Refused] {
        let testbed = Testbed::start().await;
        testbed.wkd_direct(
            &crate::alice(),
            certs::cert(&["alice@example.org"]).binary(),
        );
        testbed.name(ADVANCED).trouble(trouble);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Dns, &format!("{trouble:?}"));
        assert!(testbed.requests().is_empty());
        // Nor does a host that is there and broken.
        testbed.name(ADVANCED).forget().address(Ipv4Addr::LOCALHOST);
        testbed.host(ADVANCED).fault(Fault::CloseAtAccept);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Tls, "broken");
        let inside: IpAddr = [10, 0, 0, 1].into();
        testbed.name(ADVANCED).forget().address(inside);
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Blocked, "blocked");
        assert!(testbed.requests().is_empty());
    }
}
