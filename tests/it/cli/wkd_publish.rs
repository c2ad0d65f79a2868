//! `wkd_publish`: what is in its directory, and what it says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::cert::CertParser;
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;
use openpgp_discovery::wkd;
use serde_json::Value;
use testbed::certs::{self, Recipe};

use super::{assert_fields, days_ago, objects, run_with_input, scratch, status, stdout};
use crate::address;

const FIELDS: [&str; 4] = ["address", "path", "fingerprints", "bytes"];

fn publish(out: &Path, more: &[&str], keyring: &[u8]) -> Output {
    let out = out.to_str().expect("UTF-8");
    let arguments = ["--domain", "example.org", "--out", out];
    let arguments = [&arguments[..], more, &["-"]].concat();
    run_with_input("wkd_publish", &arguments, keyring)
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("UTF-8")
}

/// Where an address is served.
fn place(home: &str, of: &str) -> String {
    [home, "hu/", wkd::Url::new(&address(of)).hash()].concat()
}

/// All files below a directory.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("below").to_str();
            let content = fs::read(&path).expect("a file");
            found.insert(name.expect("UTF-8").to_owned(), content);
        }
    }
    found
}

fn user_ids(content: &[u8]) -> Vec<String> {
    let certs = CertParser::from_bytes(content).expect("packets");
    let certs: Vec<Cert> = certs.collect::<Result<_, _>>().expect("certificates");
    assert!(certs.iter().all(|cert| !cert.is_tsk()), "public alone");
    let user_ids = certs.iter().flat_map(Cert::userids);
    let texts = user_ids.map(|id| String::from_utf8_lossy(id.userid().value()).into_owned());
    texts.collect()
}

fn keyring(certs: &[&Cert]) -> Vec<u8> {
    certs.iter().flat_map(|cert| certs::armored(cert)).collect()
}

fn hex(cert: &Cert) -> String {
    cert.fingerprint().to_hex()
}

fn alice() -> Cert {
    certs::cert(&["Alice <Alice@Example.org>", "<alice@home.example>"]).cert
}

fn allow_file(directory: &Path, content: &str) -> PathBuf {
    let path = directory.join("allow");
    fs::write(&path, content).expect("it can be written");
    path
}

#[test]
fn both_methods_have_their_paths_and_their_json() {
    let (alice, bob) = (alice(), certs::cert(&["bob+news@example.org"]).cert);
    // Secret keys among them.
    let input = [
        alice.as_tsk().armored().to_vec().expect("octets"),
        certs::armored(&bob),
    ]
    .concat();
    for (method, home) in [
        (&[][..], "example.org/"),
        (&["--method", "advanced"], "example.org/"),
        (&["--method", "direct"], ""),
    ] {
        let root = scratch("publish-methods").join("made/by/it");
        let output = publish(&root, &[method, &["--json"]].concat(), &input);
        assert_eq!(status(&output), 0, "{output:?}");
        assert_eq!(stderr(&output), "");
        let files = files(&root);
        let lines: Vec<&str> = stdout(&output).lines().collect();
        assert_eq!(lines.len(), 3);
        for line in &lines {
            assert_fields(line, &FIELDS);
        }
        let objects = objects(&output);
        let expected = [
            (
                Some("alice@example.org"),
                place(home, "alice@example.org"),
                Some(&alice),
            ),
            (
                Some("bob+news@example.org"),
                place(home, "bob+news@example.org"),
                Some(&bob),
            ),
            (None, [home, "policy"].concat(), None),
        ];
        for (who, path, cert) in &expected {
            let mut of_path = objects.iter().filter(|object| object["path"] == **path);
            let object = of_path.next().expect("an object");
            assert_eq!(object["address"], Value::from(*who));
            let fingerprints: Vec<Value> = cert.iter().map(|cert| hex(cert).into()).collect();
            assert_eq!(object["fingerprints"], Value::from(fingerprints));
            assert_eq!(object["bytes"], files[path].len());
        }
        assert_eq!(files.len(), 3, "{:?}", files.keys());
        let served = &files[&place(home, "alice@example.org")];
        assert_eq!(user_ids(served), ["Alice <Alice@Example.org>"]);
        assert!(!output.stdout.windows(12).any(|w| w == b"home.example"));
    }
}

#[test]
fn people_read_what_was_done_and_what_to_do_next() {
    let root = scratch("publish-human");
    let sample = certs::cert(&["Bob <bob@example.org>"]);
    let input = keyring(&[&alice(), &sample.revoked()]);
    let output = publish(&root, &[], &input);
    assert_eq!(status(&output), 0, "{output:?}");
    let text = stdout(&output);
    for expected in [
        "alice@example.org  written",
        "policy  written",
        "bob@example.org  not published",
        &sample.cert.fingerprint().to_spaced_hex(),
        "It is revoked.",
        "1 address of example.org published",
        "https://openpgpkey.example.org/.well-known/openpgpkey/",
        "wkd_check -- example.org",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let again = publish(&root, &["--include-revoked"], &input);
    assert_eq!(status(&again), 0);
    let text = stdout(&again);
    assert!(text.contains("alice@example.org  unchanged"), "{text}");
    assert!(text.contains("bob@example.org  written"), "{text}");
    let direct = publish(&root, &["--method", "direct"], &input);
    let text = stdout(&direct);
    assert!(
        text.contains("https://example.org/.well-known/openpgpkey/"),
        "{text}"
    );
}

#[test]
fn expired_and_revoked_ones_are_published_by_choice() {
    let revoked = certs::cert(&["<revoked@example.org>"]).revoked();
    let expired = Recipe::new(&["<expired@example.org>"])
        .created(days_ago(9))
        .valid_for(Duration::from_secs(86_400))
        .make()
        .cert;
    let input = keyring(&[&alice(), &revoked, &expired]);
    for (options, also) in [
        (&[][..], &[][..]),
        (&["--include-revoked"], &["revoked@example.org"][..]),
        (&["--include-expired"], &["expired@example.org"]),
        (
            &["--include-expired", "--include-revoked"],
            &["expired@example.org", "revoked@example.org"],
        ),
    ] {
        let root = scratch("publish-choice");
        let output = publish(&root, options, &input);
        assert_eq!(status(&output), 0, "{options:?}");
        let mut expected = vec!["example.org/policy".to_owned()];
        for of in ["alice@example.org"].iter().chain(also) {
            expected.push(place("example.org/", of));
        }
        expected.sort();
        let files: Vec<_> = files(&root).into_keys().collect();
        assert_eq!(files, expected, "{options:?}");
    }
}

#[test]
fn allow_narrows_and_says_what_did_not_come_about() {
    let directory = scratch("publish-allow");
    let mallory = certs::cert(&["<alice@example.org>", "<mallory@example.org>"]).cert;
    let alice = alice();
    let input = keyring(&[&mallory, &alice]);

    // Without it, the claim is told.
    let output = publish(&directory.join("all"), &["--json"], &input);
    assert_eq!(status(&output), 0);
    let said = stderr(&output);
    assert!(
        said.contains("alice@example.org") && said.contains("2 certificates"),
        "{said}"
    );
    assert!(!said.contains("mallory"), "{said}");
    let both = objects(&output);
    assert_eq!(both[0]["fingerprints"].as_array().map(Vec::len), Some(2));

    let spaced = mallory.fingerprint().to_spaced_hex();
    let content = format!(
        "\u{feff}# who may have what\r\n\r\n  ALICE@example.org\t{}  # the real one\r\n\
         mallory@example.org {spaced}\nsomebody@example.net {}\n",
        hex(&alice).to_lowercase(),
        hex(&alice),
    );
    let allow = allow_file(&directory, &content);
    let allow = allow.to_str().expect("UTF-8");
    let output = publish(
        &directory.join("some"),
        &["--json", "--allow", allow],
        &input,
    );
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(stderr(&output), "");
    let named: Vec<(Value, Value)> = objects(&output)
        .iter()
        .map(|object| (object["address"].clone(), object["fingerprints"].clone()))
        .collect();
    let one = |cert: &Cert| Value::from(vec![hex(cert)]);
    let expected = [
        ("alice@example.org".into(), one(&alice)),
        ("mallory@example.org".into(), one(&mallory)),
        (Value::Null, Value::Array(Vec::new())),
    ];
    assert_eq!(named, expected);

    // Bob has no certificate here.
    fs::write(
        allow,
        format!("alice@example.org {0}\nbob@example.org {0}\n", hex(&alice)),
    )
    .expect("it can be written");
    let output = publish(&directory.join("none"), &["--allow", allow], &input);
    assert_eq!(status(&output), 1);
    assert!(stderr(&output).contains("line 2"), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("It is not allowed"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_bad_line_of_allow_is_a_usage_error_that_names_it() {
    let directory = scratch("publish-bad-allow");
    let good = format!("alice@example.org {}", "A".repeat(40));
    for bad in [
        "alice@example.org",
        "alice@example.org AAAAAAAAAAAAAAAA",
        "alice@example.org nothing",
        "alice AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA alice@example.org",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let allow = allow_file(&directory, &format!("{good}\n# so far\n{bad}\n"));
        let allow = allow.to_str().expect("UTF-8");
        let root = directory.join("out");
        let output = publish(&root, &["--allow", allow], b"");
        assert_eq!(status(&output), 2, "{bad}");
        assert!(stderr(&output).contains("line 3"), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert!(!root.exists());
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let directory = scratch("publish-dry");
    let root = directory.join("out");
    let input = keyring(&[&alice()]);
    let dry = publish(&root, &["--dry-run", "--json"], &input);
    assert_eq!(status(&dry), 0);
    assert!(!root.exists());
    let told = publish(&root, &["--dry-run"], &input);
    assert!(stdout(&told).contains("alice@example.org  to be written"));
    let real = publish(&root, &["--json"], &input);
    assert_eq!(stdout(&dry), stdout(&real), "it says what would be");
    let before = files(&root);
    let bob = certs::cert(&["<bob@example.org>"]).cert;
    let dry = publish(&root, &["--dry-run", "--remove-stale"], &keyring(&[&bob]));
    assert_eq!(status(&dry), 0);
    assert!(stdout(&dry).contains("to be removed"), "{}", stdout(&dry));
    assert_eq!(files(&root), before);
}

#[test]
fn stale_files_go_when_asked_and_when_all_could_be_read() {
    let root = scratch("publish-stale");
    let bob = certs::cert(&["<bob@example.org>"]).cert;
    let (both, one) = (keyring(&[&alice(), &bob]), keyring(&[&bob]));
    let stale = place("example.org/", "alice@example.org");
    let has_stale = || root.join(&stale).exists();
    assert_eq!(status(&publish(&root, &[], &both)), 0);
    fs::write(root.join("example.org/hu/README"), "mine").expect("a file");

    let output = publish(&root, &[], &one);
    assert_eq!(status(&output), 0);
    assert!(has_stale() && stdout(&output).contains("stale, and still served"));
    // What cannot be read may be Alice's.
    let damaged = [&one[..], b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnothing"].concat();
    for (input, code) in [(&damaged[..], 3), (b"", 3)] {
        let output = publish(&root, &["--remove-stale"], input);
        assert_eq!(status(&output), code, "{output:?}");
        assert!(stderr(&output).contains("nothing is removed"), "{output:?}");
        assert!(has_stale());
    }
    // So may everything be, where the domain is mistyped.
    let stranger = keyring(&[&certs::cert(&["<a@example.net>"]).cert]);
    let output = publish(&root, &["--remove-stale"], &stranger);
    assert_eq!(status(&output), 1, "{output:?}");
    assert!(has_stale());

    let output = publish(&root, &["--remove-stale"], &one);
    assert_eq!(status(&output), 0);
    assert!(!has_stale() && stdout(&output).contains("removed"));
    let left: Vec<_> = files(&root).into_keys().collect();
    let mut expected = [
        "example.org/hu/README".to_owned(),
        place("example.org/", "bob@example.org"),
        "example.org/policy".to_owned(),
    ];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn what_cannot_be_written_is_told() {
    let directory = scratch("publish-unwritable");
    let root = directory.join("out");
    fs::write(&root, "a file").expect("it can be written");
    for form in [&[][..], &["--json"]] {
        let output = publish(&root, form, &keyring(&[&alice()]));
        assert_eq!(status(&output), 3);
        assert_eq!(stdout(&output), "");
        assert!(!stderr(&output).is_empty());
        assert!(!stderr(&output).contains("alice"), "{}", stderr(&output));
    }
}

#[test]
fn user_ids_do_not_steer_the_terminal() {
    let root = scratch("publish-hostile").join("\u{1b}[2J");
    let name = "\u{202e}Mallory";
    // These are letters of a local part to the parser.
    let hostile = certs::cert(&[
        &format!("{name} <mallory@example.org>"),
        "x\u{200b}\u{202e}y@example.org",
    ])
    .cert;
    let twin = certs::cert(&["x\u{200b}\u{202e}y@example.org"]).cert;
    for form in [&[][..], &["--json"], &["--dry-run"]] {
        let output = publish(&root, form, &keyring(&[&hostile, &twin]));
        assert!(status(&output) < 2, "{output:?}");
        for c in ['\u{1b}', '\u{202e}', '\u{200b}'] {
            assert!(!stdout(&output).contains(c), "{form:?} {c:?}");
            assert!(!stderr(&output).contains(c), "{form:?} {c:?}");
        }
        assert!(stdout(&output).contains("mallory@example.org"));
    }
}

#[cfg(unix)]
/// One has no fingerprint: what takes it for granted dies.
#[test]
fn a_key_that_is_too_large_spoils_no_other() {
    let alice = certs::binary(&alice());
    let body = [&[4, 0x60, 0, 0, 0, 99][..], &[7; 70_000]].concat();
    let huge = |tag: u8| {
        let length = u32::try_from(body.len()).expect("not that long");
        [&[0xc0 | tag, 0xff][..], &length.to_be_bytes(), &body].concat()
    };
    let scratch = scratch("huge-key");
    for (keyring, code) in [
        ([&huge(6)[..], &alice].concat(), 3),
        ([&alice[..], &huge(14)].concat(), 0),
        ([&alice[..], &huge(6)].concat(), 3),
    ] {
        let output = publish(&scratch, &[], &keyring);
        assert_eq!(status(&output), code, "{}", stderr(&output));
        assert!(files(&scratch).contains_key(&place("example.org/", "alice@example.org")));
        fs::remove_dir_all(scratch.join("example.org")).expect("it was made");
    }
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let root = scratch("publish-pipe");
    let path = root.join("keyring");
    fs::write(&path, keyring(&[&alice()])).expect("a file");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = super::example("wkd_publish")
        .args(["--domain", "example.org", "--out"])
        .args([root.join("out"), path])
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(output.stderr, b"");
    assert_eq!(status(&output), 0);
    assert_eq!(files(&root.join("out")).len(), 2);
}
