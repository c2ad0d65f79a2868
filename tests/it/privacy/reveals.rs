//! Everything that others get to see of a call, held against the table in the
//! crate's documentation.

use std::collections::BTreeSet;
use std::io::Cursor;

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::{EmailAddress, KeyLocator, RefreshOutcome, Status, wkd};
use testbed::{Answer, Request, Testbed, certs};

use super::hello::Tap;
use crate::faults::{TEXT, signed};
use crate::{ADVANCED, DIRECT, alice};

const ELSEWHERE: &str = "elsewhere.example.net";
const KEY_SERVER: &str = "keys.openpgp.org";
const ALICE: &str = "Alice <alice@example.org>";

/// Who learns it, from where, and what: three columns of the table.
type Fact = [String; 3];

/// The rows of the table, each behind what it is about.
fn table() -> Vec<(String, Fact)> {
    let docs = include_str!("../../../src/lib.rs");
    let (_, section) = docs.split_once("//! # Privacy").expect("the section");
    let (section, _) = section.split_once("//! # Features").expect("the next one");
    let rows = section.lines().filter_map(|line| {
        let cells = line.strip_prefix("//! |")?.strip_suffix('|')?;
        let cells: Vec<_> = cells
            .split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect();
        let [about, who, place, what] = cells.try_into().ok()?;
        Some((about, [who, place, what]))
    });
    // The heading, and the line below it.
    rows.skip(2).collect()
}

/// A testbed all of whose web hosts are tapped, and a locator in it.
struct Scene {
    testbed: Testbed,
    tap: Tap,
    locator: KeyLocator,
    cert: Cert,
}

impl Scene {
    async fn new() -> Self {
        let testbed = Testbed::start().await;
        let tap = Tap::start(&testbed).await;
        let guard = testbed.guard().allow_socket(tap.socket);
        for host in [ADVANCED, DIRECT, ELSEWHERE, KEY_SERVER] {
            testbed.host(host).points_at(tap.socket);
            testbed.name(host).forget();
        }
        let builder = KeyLocator::builder()
            .resolver(testbed.dns())
            .guard(guard)
            .trust_anchor(testbed.ca_der());
        testbed.name(KEY_SERVER).address([127, 0, 0, 1]);
        Self {
            locator: builder.build().expect("builds"),
            cert: certs::cert(&[ALICE]).cert,
            testbed,
            tap,
        }
    }

    /// Closes the connection behind the answer, so that the next request begins
    /// with a handshake again.
    fn answer(&self) -> Answer {
        Answer::ok(certs::binary(&self.cert)).header("connection", "close")
    }

    fn exists(&self, host: &str) {
        self.testbed.name(host).address([127, 0, 0, 1]);
    }

    async fn locate(&self) {
        let lookup = self.locator.locate(&alice()).await;
        assert_eq!(lookup.status(), Status::Found, "{lookup:?}");
    }

    /// Everything that has been revealed, in the words of the table.
    fn facts(&self) -> BTreeSet<Fact> {
        let mut facts = BTreeSet::new();
        let mut add = |who: &str, place: &str, what: &str| {
            facts.insert([who.to_owned(), place.to_owned(), self.masked(what)]);
        };
        for query in self.testbed.queries() {
            let place = format!("query {}", query.record_type);
            add("DNS resolver", &place, &query.name);
        }
        for hello in self.tap.take() {
            let who = "observer, server";
            let name = hello.server_name().expect("always named");
            let known = [ADVANCED, DIRECT, ELSEWHERE, KEY_SERVER];
            assert!(known.contains(&name.as_str()), "{name}");
            add(who, "TLS server name", "HOST");
            add(who, "TLS protocols", &hello.protocols().join(", "));
            let numbers: Vec<_> = hello
                .extensions
                .iter()
                .map(|(n, _)| n.to_string())
                .collect();
            add(who, "TLS extensions", &numbers.join(", "));
        }
        for request in self.testbed.requests() {
            let who = match request.host.as_str() {
                KEY_SERVER => "key server",
                ELSEWHERE => "redirect's target",
                _ => "directory",
            };
            let target = format!("{} {}", request.method, request.target);
            add(who, "request", &target);
            for (name, value) in &request.headers {
                let value = value.to_str().expect("text");
                assert!(name != "host" || value == request.host, "{value}");
                let value = match name.as_str() {
                    "host" => "HOST",
                    "content-length" => "LENGTH",
                    _ => value,
                };
                add("server", "header field", &format!("{name}: {value}"));
            }
            if !request.body.is_empty() {
                add(who, "body", &fields(&request));
            }
        }
        self.testbed.forget_log();
        facts
    }

    /// Names in place of what differs.
    fn masked(&self, text: &str) -> String {
        let alice = alice();
        let url = wkd::Url::new(&alice);
        let mut text = text.to_owned();
        for key in self.cert.keys() {
            text = text.replace(&key.key().fingerprint().to_hex(), "FINGERPRINT");
        }
        for (value, name) in [
            (url.hash(), "HASH"),
            (ELSEWHERE, "TARGET"),
            (KEY_SERVER, "KEY-SERVER"),
            ("alice%40example.org", "ADDRESS"),
            (DIRECT, "DOMAIN"),
            ("l=alice", "l=LOCAL-PART"),
            (env!("CARGO_PKG_VERSION"), "VERSION"),
        ] {
            text = text.replace(value, name);
        }
        text
    }
}

/// The fields of a JSON body.
fn fields(request: &Request) -> String {
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    let names = body.as_object().expect("an object").keys().cloned();
    names.collect::<Vec<_>>().join(", ")
}

/// Holds what was revealed against the rows about all of these.
fn assert_told(scene: &Scene, about: &[&str], used: &mut BTreeSet<String>) {
    let is_about = |row: &&(String, Fact)| about.contains(&row.0.as_str());
    let told: BTreeSet<Fact> = table()
        .iter()
        .filter(is_about)
        .map(|row| row.1.clone())
        .collect();
    let facts = scene.facts();
    let untold: Vec<_> = facts.difference(&told).collect();
    let unseen: Vec<_> = told.difference(&facts).collect();
    assert!(
        untold.is_empty() && unseen.is_empty(),
        "{about:?}\nrevealed, and not in the table: {untold:#?}\nin the table, and not revealed: {unseen:#?}"
    );
    used.extend(about.iter().map(|about| (*about).to_owned()));
}

/// Each kind of call, twice: the second shows what a server could recognise.
#[tokio::test]
async fn nothing_is_revealed_but_what_the_documentation_tells() {
    const ALWAYS: [&str; 2] = ["every request", "every handshake"];
    let mut used = BTreeSet::new();
    let alice = alice();
    let url = wkd::Url::new(&alice);
    let (advanced, direct) = (url.advanced().expect("short"), url.direct());

    let scene = Scene::new().await;
    scene.exists(ADVANCED);
    let host = scene.testbed.host(ADVANCED);
    host.serve(advanced.path(), scene.answer());
    for _ in 0..2 {
        scene.locate().await;
        let about = [&ALWAYS[..], &["look-up", "look-up, advanced method"]].concat();
        assert_told(&scene, &about, &mut used);
    }
    let hop = format!("https://{ELSEWHERE}/there");
    let hop = Answer::redirect(307, &hop).header("connection", "close");
    host.serve(advanced.path(), hop);
    scene.exists(ELSEWHERE);
    let there = scene.testbed.host(ELSEWHERE);
    there.serve("/there", scene.answer());
    for _ in 0..2 {
        scene.locate().await;
        let about = ["look-up", "look-up, advanced method", "look-up, redirected"];
        assert_told(&scene, &[&ALWAYS[..], &about].concat(), &mut used);
    }

    let scene = Scene::new().await;
    scene.exists(DIRECT);
    let host = scene.testbed.host(DIRECT);
    host.serve(direct.path(), scene.answer());
    for _ in 0..2 {
        scene.locate().await;
        let about = ["look-up", "look-up, direct method"];
        assert_told(&scene, &[&ALWAYS[..], &about].concat(), &mut used);
    }

    // The key server, over a connection of its own for each.
    let scene = Scene::new().await;
    let vks = scene.testbed.host(KEY_SERVER);
    vks.serve_all(scene.answer());
    for _ in 0..2 {
        scene.locate().await;
        let about = ["look-up", "look-up, key server"];
        let about = [&ALWAYS[..], &about, &["key server"]].concat();
        assert_told(&scene, &about, &mut used);

        let refresh = scene.locator.refresh(&scene.cert).await;
        assert_eq!(refresh.outcome(), RefreshOutcome::Unchanged);
        let about = [&ALWAYS[..], &["key server", "refresh"]].concat();
        assert_told(&scene, &about, &mut used);

        let signature = Cursor::new(signed(&scene.cert));
        let verify = scene.locator.verify().sender(&alice);
        let verification = verify.detached(signature, Cursor::new(TEXT)).await;
        assert!(verification.expect("a signature").is_good());
        let about = [&ALWAYS[..], &["key server", "verification"]].concat();
        assert_told(&scene, &about, &mut used);
    }

    let scene = Scene::new().await;
    let client = scene.locator.vks().expect("a key server");
    let addresses: [EmailAddress; 1] = [alice.clone()];
    let upload = client.upload(&scene.cert, &addresses).await.expect("taken");
    let token = upload.token();
    let asked = client.request_verify(token, &addresses, &["de_DE"]).await;
    asked.expect("asked");
    let about = [&ALWAYS[..], &["key server", "publishing"]].concat();
    assert_told(&scene, &about, &mut used);

    let scene = Scene::new().await;
    let client = scene.locator.vks().expect("a key server");
    client.connect().await.expect("connected");
    let about = [&ALWAYS[..], &["key server", "connecting ahead"]].concat();
    assert_told(&scene, &about, &mut used);

    let rows: BTreeSet<String> = table().into_iter().map(|(about, _)| about).collect();
    assert_eq!(used, rows, "every row has been seen");
}

/// Two connections to one server have nothing in common that it could know the
/// client by: no session is resumed, and no ticket is shown.
#[tokio::test]
async fn handshakes_have_nothing_in_common() {
    /// session_ticket, pre_shared_key, early_data, cookie.
    const RECOGNISED: [u16; 4] = [35, 41, 42, 44];

    let scene = Scene::new().await;
    scene.exists(ADVANCED);
    let url = wkd::Url::new(&alice()).advanced().expect("short");
    let host = scene.testbed.host(ADVANCED);
    host.serve(url.path(), scene.answer());
    scene.locate().await;
    scene.locate().await;
    let hellos = scene.tap.take();
    let [first, second] = &hellos[..] else {
        panic!("{hellos:?}");
    };
    assert!(first.session_id.is_empty() || first.session_id != second.session_id);
    for hello in [first, second] {
        for (number, content) in &hello.extensions {
            let is_ticket = RECOGNISED.contains(number) && !content.is_empty();
            assert!(!is_ticket, "{number}: {content:?}");
        }
    }
}
