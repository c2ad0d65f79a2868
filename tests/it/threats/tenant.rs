//! The other tenants of a mail platform, who may look up any address.

use std::net::Ipv4Addr;

use openpgp_discovery::vks::Budget;
use openpgp_discovery::{ErrorKind, Status};
use testbed::{Answer, Testbed, certs};

use super::{assert_fails, look, look_with, plant, said, trap};
use crate::{ADVANCED, AMPLE, address, alice, failure};

/// A look-up is no port scanner: whether somebody listens at an inner address or
/// not, the outcome is the same, word by word, and nobody connects to find out.
#[tokio::test]
async fn the_inner_network_cannot_be_scanned() {
    let testbed = Testbed::start().await;
    let Some(open) = trap(&testbed, [127, 66, 0, 4]) else {
        return;
    };
    let closed = Ipv4Addr::new(127, 66, 0, 5);
    let elsewhere = Ipv4Addr::new(10, 1, 2, 3);
    for by_redirect in [false, true] {
        let asked = match by_redirect {
            false => ADVANCED,
            true => "inner.example.net",
        };
        testbed.name(ADVANCED).forget().address(Ipv4Addr::LOCALHOST);
        plant(
            &testbed,
            Answer::redirect(302, "https://inner.example.net/"),
        );
        let mut seen = Vec::new();
        for ip in [open.addr().ip(), closed.into(), elsewhere.into()] {
            testbed.name(asked).forget().address(ip);
            let lookup = look(testbed.locator(), AMPLE).await;
            assert_fails(&lookup, ErrorKind::Blocked, &ip.to_string());
            let said = said(&lookup);
            assert!(!said.concat().contains(&ip.to_string()), "{said:?}");
            seen.push(said);
        }
        assert_eq!(seen[0], seen[1], "open or closed");
        assert_eq!(seen[0], seen[2], "loopback or private");
    }
    assert_eq!(open.connections(), 0);
}

/// A port of one's choice is no question either.
#[tokio::test]
async fn ports_cannot_be_scanned() {
    let testbed = Testbed::start().await;
    let open = testbed.canary(Ipv4Addr::LOCALHOST).expect("loopback");
    let mut seen = Vec::new();
    for port in [open.addr().port(), 1, 22, 8443] {
        let to = format!("https://{ADVANCED}:{port}/");
        plant(&testbed, Answer::redirect(302, &to));
        let lookup = look(testbed.locator(), AMPLE).await;
        assert_fails(&lookup, ErrorKind::Blocked, &to);
        seen.push(said(&lookup));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(open.connections(), 0);
}

/// One tenant asks for addresses until the key server has had enough of it; the
/// others, each with a budget, do not notice.
#[tokio::test]
async fn one_tenant_cannot_spend_everybodys_budget() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["alice@example.org"]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let budget = || Budget::new(3, 0.001).expect("a budget");
    let platform = testbed
        .locator()
        .no_wkd()
        .vks_budget(budget())
        .build()
        .expect("builds");
    let greedy = platform.with_vks_budget(budget());
    let honest = platform.with_vks_budget(budget());
    for n in 0..20 {
        let lookup = greedy.locate(&address(&format!("a{n}@example.net"))).await;
        let spent = Some(ErrorKind::BudgetSpent);
        assert_eq!(failure(&lookup), spent.filter(|_| n >= 3), "{n}");
    }
    assert_eq!(testbed.vks().requests().len(), 3, "the server is spared");
    assert_eq!(look_with(&honest, AMPLE).await.status(), Status::Found);
    assert_eq!(look_with(&platform, AMPLE).await.status(), Status::Found);
}
