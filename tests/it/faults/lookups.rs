//! Look-ups of which one operation breaks.

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::plan::Fallback;
use openpgp_discovery::{KeyLocatorBuilder, Lookup, Method, Status, Step, wkd};
use testbed::{Answer, Testbed, certs};

use super::{Break, Broken, Seams, assert_part_of, strictness, walk};
use crate::{ADVANCED, DIRECT, alice, locate, trail};

const ALICE: &str = "Alice <alice@example.org>";

/// What is found where, in peace.
struct Scene {
    plant: fn(&Testbed, &Cert),
    options: fn(KeyLocatorBuilder) -> KeyLocatorBuilder,
    cert: Cert,
    trail: &'static [&'static str],
}

fn as_it_is(builder: KeyLocatorBuilder) -> KeyLocatorBuilder {
    builder
}

async fn play(scene: Scene) {
    let testbed = Testbed::start().await;
    (scene.plant)(&testbed, &scene.cert);
    let call = async |seams: &Seams| {
        let builder = (scene.options)(seams.locator(&testbed));
        locate(&builder.build().expect("builds")).await
    };
    walk(call, |calm, broken| {
        assert_eq!(trail(calm), scene.trail);
        judge(calm, broken, &scene.cert);
    })
    .await;
}

fn judge(calm: &Lookup, broken: &Broken<Lookup>, planted: &Cert) {
    let lookup = &broken.result;
    let mut step = broken.step;
    // The direct method's host is asked for before its turn.
    if step == 0 && broken.what == format!("dns {DIRECT}") {
        let mut attempts = calm.attempts().iter();
        let Some(turn) = attempts.position(|a| a.step() == Step::Resolve(Method::WkdDirect)) else {
            // Nobody wanted to know.
            assert_eq!(trail(lookup), trail(calm), "{broken:?}");
            return;
        };
        step = turn;
    }
    // Where a name leads is told by those who want to connect.
    let behind = usize::from(matches!(broken.how, Break::Inner | Break::Closed));
    let attempts = lookup.attempts().iter().skip(step).take(behind + 1);
    let failed = attempts
        .into_iter()
        .any(|attempt| attempt.error().is_some());
    match lookup.status() {
        Status::NotFound => {
            assert!(!broken.is_failure(), "not found, of a failure: {broken:?}");
            let says_why = calm.status() == Status::NotFound || !lookup.rejected().is_empty();
            assert!(says_why, "{broken:?}");
            let is_half = broken.how == Break::Half && calm.status() == Status::Found;
            assert!(!is_half, "half an answer is none: {broken:?}");
        }
        Status::Failed => assert!(lookup.error().is_some(), "{broken:?}"),
        Status::Found => {}
    }
    if broken.is_failure() {
        assert!(failed, "the trail does not tell the step: {broken:?}");
    }
    if broken.is_harmless() {
        assert_eq!(trail(lookup), trail(calm), "{broken:?}");
    }
    for found in lookup.found() {
        assert_part_of(found.cert(), &[planted], broken);
        let is_as_strict = calm.found().iter().all(|calm| {
            let (now, then) = (found.status(), calm.status());
            strictness(now) >= strictness(then) || broken.is_revocation_altered(planted)
        });
        assert!(is_as_strict, "{:?}: {broken:?}", found.status());
    }
}

fn path() -> String {
    let url = wkd::Url::new(&alice()).advanced().expect("a short domain");
    url.path().to_owned()
}

fn cert() -> Cert {
    certs::cert(&[ALICE]).cert
}

#[tokio::test]
async fn advanced() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.wkd_advanced(&alice(), certs::binary(cert));
        },
        options: as_it_is,
        cert: cert(),
        trail: &["dns-advanced: addresses", "advanced: found 1"],
    })
    .await;
}

/// Wherever the certificate can be found besides.
#[tokio::test]
async fn advanced_and_elsewhere() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.wkd_advanced(&alice(), certs::armored(cert));
            testbed.wkd_direct(&alice(), certs::binary(cert));
            testbed.vks().confirm(&alice(), cert);
        },
        options: |builder| builder.fallback(Fallback::Lenient),
        cert: cert(),
        trail: &["dns-advanced: addresses", "advanced: found 1"],
    })
    .await;
}

#[tokio::test]
async fn revoked() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.wkd_advanced(&alice(), certs::binary(cert));
        },
        options: as_it_is,
        cert: certs::cert(&[ALICE]).revoked(),
        trail: &["dns-advanced: addresses", "advanced: found 1"],
    })
    .await;
}

#[tokio::test]
async fn direct() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.wkd_direct(&alice(), certs::binary(cert));
        },
        options: as_it_is,
        cert: cert(),
        trail: &[
            "dns-advanced: no address",
            "dns-direct: addresses",
            "direct: found 1",
        ],
    })
    .await;
}

#[tokio::test]
async fn key_server_where_no_host_is() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.vks().confirm(&alice(), cert);
        },
        options: as_it_is,
        cert: cert(),
        trail: &[
            "dns-advanced: no address",
            "dns-direct: no address",
            "vks: found 1",
        ],
    })
    .await;
}

/// The key server over HTTPS, under its name.
#[tokio::test]
async fn key_server_behind_a_404() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.host(ADVANCED);
            testbed.vks().confirm(&alice(), cert);
        },
        options: |builder| builder.vks("https://keys.openpgp.org".parse().expect("a URL")),
        cert: cert(),
        trail: &[
            "dns-advanced: addresses",
            "advanced: absent",
            "vks: found 1",
        ],
    })
    .await;
}

#[tokio::test]
async fn nowhere() {
    play(Scene {
        plant: |testbed, _| {
            testbed.host(DIRECT);
        },
        options: as_it_is,
        cert: cert(),
        trail: &[
            "dns-advanced: no address",
            "dns-direct: addresses",
            "direct: absent",
            "vks: absent",
        ],
    })
    .await;
}

#[tokio::test]
async fn redirected() {
    play(Scene {
        plant: |testbed, cert| {
            let to = "https://hop.example.net/there";
            let hop = Answer::redirect(302, to);
            testbed.host(ADVANCED).serve(&path(), hop);
            let answer = Answer::ok(certs::binary(cert));
            testbed.host("hop.example.net").serve("/there", answer);
        },
        options: as_it_is,
        cert: cert(),
        trail: &["dns-advanced: addresses", "advanced: found 1"],
    })
    .await;
}

/// What is rejected in peace is an answer, and what breaks is none.
#[tokio::test]
async fn somebody_elses() {
    play(Scene {
        plant: |testbed, cert| {
            testbed.wkd_advanced(&alice(), certs::binary(cert));
        },
        options: as_it_is,
        cert: certs::cert(&["Bob <bob@example.org>"]).cert,
        trail: &[
            "dns-advanced: addresses",
            "advanced: rejected",
            "vks: absent",
        ],
    })
    .await;
}
