//! Many look-ups, and what is told on the way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{ErrorKind, Event, KeyLocator, Status, wkd};
use testbed::{Answer, Fault, Testbed, certs};

use crate::{SHORT, address, alice};

#[tokio::test]
async fn many_at_once_each_address_once() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["a0@example.org", "a1@example.org", "a2@example.org"]);
    for n in 0..3 {
        testbed.wkd_advanced(&address(&format!("a{n}@example.org")), sample.binary());
    }
    let locator = testbed
        .locator()
        .vks_budget(Budget::unlimited())
        .concurrency(usize::MAX)
        .concurrency_per_host(usize::MAX)
        .build()
        .expect("builds");
    let asked: Vec<_> = (0..40)
        .map(|n| address(&format!("a{}@example.org", n % 5)))
        .collect();
    let lookups: Vec<_> = locator.locate_all(stream::iter(asked)).collect().await;
    let ends: HashMap<String, Status> = lookups
        .iter()
        .map(|lookup| (lookup.address().to_string(), lookup.status()))
        .collect();
    assert_eq!(lookups.len(), 5);
    for (n, status) in [
        (0, Status::Found),
        (1, Status::Found),
        (2, Status::Found),
        (3, Status::NotFound),
        (4, Status::NotFound),
    ] {
        assert_eq!(ends[&format!("a{n}@example.org")], status);
    }
    assert_eq!(testbed.requests().len(), 5, "each address once");
    assert_eq!(testbed.vks().requests().len(), 2);
}

/// As they finish: one that waits does not hold up the others.
#[tokio::test]
async fn slow_ones_come_last() {
    let testbed = Testbed::start().await;
    let sample = certs::cert(&["quick@example.org"]);
    let (slow, quick) = (address("slow@example.net"), address("quick@example.org"));
    testbed
        .host("openpgpkey.example.net")
        .serve_all(Answer::silent());
    testbed.wkd_advanced(&quick, sample.binary());
    let locator = testbed
        .locator()
        .no_vks()
        .deadline(SHORT)
        .build()
        .expect("builds");
    let order: Vec<_> = locator
        .locate_all(stream::iter([slow.clone(), quick.clone()]))
        .map(|lookup| lookup.address().clone())
        .collect()
        .await;
    assert_eq!(order, [quick, slow]);
}

/// The first look-up of a domain goes alone, and gets no answer.
#[tokio::test]
async fn a_silent_answer_holds_up_nobody() {
    let testbed = Testbed::start().await;
    let asked: Vec<_> = (0..6)
        .map(|n| address(&format!("a{n}@example.org")))
        .collect();
    let url = wkd::Url::new(&asked[0]).advanced().expect("a host");
    let silent = testbed.host(crate::ADVANCED);
    silent.serve(url.path(), Answer::silent());
    for address in &asked[1..] {
        testbed.wkd_advanced(address, certs::cert(&[&address.to_string()]).binary());
    }
    let locator = testbed.locator().no_vks().build().expect("builds");
    let lookups = locator.locate_all(stream::iter(asked.clone()));
    let found = lookups
        .take(5)
        .map(|lookup| (lookup.address().to_string(), lookup.status()));
    let found: HashMap<_, _> = found.collect().await;
    for address in &asked[1..] {
        let status = found.get(&address.to_string());
        assert_eq!(status, Some(&Status::Found), "{found:?}");
    }
}

/// What the first look-up of a domain finds out, the others need not.
#[tokio::test]
async fn look_ups_of_a_domain_share_what_they_find_out() {
    let testbed = Testbed::start().await;
    let names: Vec<_> = (0..30).map(|n| format!("a{n}@example.org")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let sample = certs::cert(&names).binary();
    for name in &names {
        testbed.wkd_advanced(&address(name), &sample);
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let locator = testbed.locator().no_vks().on_event(move |event| {
        if let Event::Progress {
            ended,
            running,
            waiting,
            ..
        } = event
        {
            sink.lock().expect("lock").push((ended, running, waiting));
        }
    });
    let locator = locator.concurrency_per_host(4).build().expect("builds");
    let asked: Vec<_> = names.iter().map(|name| address(name)).collect();
    let lookups: Vec<_> = locator.locate_all(stream::iter(asked)).collect().await;
    assert_eq!(lookups.len(), 30);
    assert!(
        lookups
            .iter()
            .all(|lookup| lookup.status() == Status::Found)
    );
    assert_eq!(testbed.queries_for(crate::ADVANCED).len(), 2, "A and AAAA");
    let connections = testbed.connections();
    assert!(connections < 15, "{connections} for 30 requests");
    let told = told.lock().expect("lock");
    assert_eq!(told.len(), 30);
    assert_eq!(told[0], (1, 0, 29), "the first one went alone");
    assert_eq!(told[29], (30, 0, 0));
    assert!(told.iter().all(|(_, running, _)| *running <= 4), "{told:?}");
}

/// Nobody waits for it twice, and nobody takes it for "not there".
#[tokio::test]
async fn a_host_that_is_down_is_asked_once() {
    let testbed = Testbed::start().await;
    let fault = Fault::CloseAtAccept;
    testbed.host("openpgpkey.example.net").fault(fault);
    let good = address("good@example.org");
    testbed.wkd_advanced(&good, certs::cert(&["good@example.org"]).binary());
    let mut asked: Vec<_> = (0..20)
        .map(|n| address(&format!("a{n}@example.net")))
        .collect();
    asked.push(good);
    let locator = testbed.locator().no_vks().build().expect("builds");
    let all = || {
        locator
            .locate_all(stream::iter(asked.clone()))
            .collect::<Vec<_>>()
    };
    for lookup in all().await {
        if lookup.address().domain() == "example.org" {
            assert_eq!(lookup.status(), Status::Found);
            continue;
        }
        assert_eq!(lookup.status(), Status::Failed);
        let error = lookup.error().expect("why");
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(
            error.to_string().contains("openpgpkey.example.net"),
            "{error}"
        );
    }
    assert_eq!(testbed.connections_with(fault), 1);
    // It is the batch that knows it, and nobody else.
    locator.locate(&asked[0]).await;
    assert_eq!(testbed.connections_with(fault), 2);
    all().await;
    assert_eq!(testbed.connections_with(fault), 3);
}

#[tokio::test]
async fn events_tell_each_step() {
    let testbed = Testbed::start().await;
    testbed.wkd_direct(&alice(), certs::cert(&["alice@example.org"]).binary());
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let locator = testbed.locator().on_event(move |event| {
        sink.lock().expect("lock").push(match event {
            Event::Started { step, target, .. } => format!("> {step} {target}"),
            Event::Finished { attempt, .. } => format!("< {attempt}"),
            _ => panic!("{event:?}"),
        });
    });
    locator.build().expect("builds").locate(&alice()).await;
    assert_eq!(
        *told.lock().expect("lock"),
        [
            "> DNS openpgpkey.example.org",
            "< DNS openpgpkey.example.org: no address",
            "> DNS example.org",
            "< DNS example.org: has an address",
            "> WKD direct example.org",
            "< WKD direct example.org: one certificate",
        ]
    );
}

/// What a mail client needs: futures that can be spawned, a locator that can be shared.
#[tokio::test]
async fn look_ups_can_be_spawned() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let testbed = Testbed::start().await;
    let locator: KeyLocator = testbed.locator().build().expect("builds");
    shared(&locator);
    let task = tokio::spawn({
        let locator = locator.clone();
        async move { locator.locate(&alice()).await.status() }
    });
    assert_eq!(task.await.expect("no panic"), Status::NotFound);
    let all = tokio::spawn(
        locator
            .locate_all(stream::iter([alice()]))
            .collect::<Vec<_>>(),
    );
    assert_eq!(all.await.expect("no panic").len(), 1);
}
