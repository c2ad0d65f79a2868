//! `refresh`, against the testbed's key server.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openpgp_discovery::openpgp::Packet;
use openpgp_discovery::openpgp::cert::CertBuilder;
use openpgp_discovery::openpgp::packet::{Signature, UserID};
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;
use openpgp_discovery::openpgp::types::ReasonForRevocation;
use openpgp_discovery::openpgp::{Cert, cert::CertParser};
use serde_json::{Value, json};
use testbed::certs::{self, Recipe};
use testbed::{Answer, Testbed};

use super::{
    arguments, assert_fields, cert, days_ago, objects, run_beside, scratch, status, stdout,
    unfinished,
};

const FIELDS: [&str; 7] = [
    "fingerprint",
    "outcome",
    "status_before",
    "status_after",
    "revocation",
    "changes",
    "error",
];

fn hex(cert: &Cert) -> String {
    cert.fingerprint().to_hex()
}

/// Those of a file, by the blocks or packets in it.
fn certs_in(path: &Path) -> Vec<Cert> {
    let content = fs::read(path).expect("it is there");
    assert!(!content.windows(7).any(|w| w == b"PRIVATE"));
    let text = String::from_utf8_lossy(&content);
    let parse = |octets: &[u8]| -> Vec<Cert> {
        let parser = CertParser::from_bytes(octets).expect("certificates");
        parser.collect::<Result<_, _>>().expect("certificates")
    };
    let certs: Vec<Cert> = match text.contains("-----BEGIN") {
        true => text
            .split_inclusive("-----END PGP PUBLIC KEY BLOCK-----\n")
            .flat_map(|block| parse(block.as_bytes()))
            .collect(),
        false => parse(&content),
    };
    assert!(certs.iter().all(|cert| !cert.is_tsk()), "public alone");
    certs
}

async fn refresh(testbed: &Testbed, more: &[&str], input: &[u8]) -> Output {
    run_beside("refresh", arguments(testbed, more), input.to_vec()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_and_its_exit_status() {
    let testbed = Testbed::start().await;
    let vks = testbed.vks();
    let [revoked, same, absent, broken, swapped] =
        ["revoked", "same", "absent", "broken", "swapped"].map(cert);
    let reason = ReasonForRevocation::KeyCompromised;
    // No address is confirmed: it is published without its User ID.
    vks.upload(&certs::with_revocation(&revoked, reason, days_ago(3)));
    vks.upload(&same);
    vks.plant_key(broken.fingerprint(), Answer::status(503));
    vks.plant_key(swapped.fingerprint(), Answer::armored(&same));

    let directory = scratch("refresh-outcomes");
    let out = directory.join("out.pgp");
    let out_name = out.to_str().expect("UTF-8");
    let all = [&revoked, &same, &absent, &broken, &swapped];
    let keyring: Vec<u8> = all.iter().flat_map(|cert| certs::armored(cert)).collect();
    let output = refresh(&testbed, &["--json", "-o", out_name, "-"], &keyring).await;
    assert_eq!(status(&output), 3, "could not tell wins");
    for line in stdout(&output).lines() {
        assert_fields(line, &FIELDS);
    }
    let objects = objects(&output);
    assert_eq!(objects.len(), 5);
    let of = |cert: &Cert| {
        let mut objects = objects.iter();
        objects
            .find(|object| object["fingerprint"] == hex(cert))
            .expect("an object")
    };

    let news = of(&revoked);
    assert_eq!(news["outcome"], "updated");
    assert_eq!(news["status_before"], "valid");
    assert_eq!(news["status_after"], "revoked");
    assert_eq!(news["revocation"]["kind"], "hard");
    let said = news["revocation"]["reason"].as_str().expect("a sentence");
    assert!(said.contains("compromised"), "{said}");
    let created = news["revocation"]["created"].as_str().expect("a time");
    let created = super::moment::parse(created).expect("RFC 3339");
    let apart = created.duration_since(days_ago(3)).unwrap_or_default();
    assert!(apart < Duration::from_secs(60));
    assert_eq!(news["changes"][0]["kind"], "revoked");
    assert!(news["changes"][0]["detail"].is_string());
    assert_eq!(news["error"], Value::Null);

    let unchanged = of(&same);
    assert_eq!(
        *unchanged,
        json!({
            "fingerprint": hex(&same), "outcome": "unchanged",
            "status_before": "valid", "status_after": "valid",
            "revocation": null, "changes": [], "error": null,
        })
    );
    assert_eq!(of(&absent)["outcome"], "not_found");
    assert_eq!(of(&absent)["error"], Value::Null);
    for (cert, why) in [(&broken, "503"), (&swapped, "another certificate")] {
        assert_eq!(of(cert)["outcome"], "failed");
        assert_eq!(of(cert)["status_after"], "valid");
        let error = of(cert)["error"].as_str().expect("a sentence");
        assert!(error.contains(why), "{error}");
    }

    let written = certs_in(&out);
    let order: Vec<_> = written.iter().map(hex).collect();
    assert_eq!(order, all.map(hex), "each that was read, in that order");
    let user_ids: Vec<&UserID> = written[0].userids().map(|u| u.userid()).collect();
    assert_eq!(user_ids, [&UserID::from("revoked <revoked@example.org>")]);
    assert_eq!(written[0].primary_key().self_revocations().count(), 1);
    for (written, read) in written.iter().zip(all).skip(1) {
        assert_eq!(*written, read.clone().strip_secret_key_material());
    }
    for request in vks.requests() {
        assert!(request.path().starts_with("/vks/v1/by-fingerprint/"));
        assert_eq!(request.body.len(), 0);
    }

    for (certs, expected) in [
        (&[&same][..], 0),
        (&[&revoked, &same], 0),
        (&[&same, &absent], 1),
        (&[&same, &broken], 3),
        (&[&absent, &swapped], 3),
    ] {
        let keyring: Vec<u8> = certs.iter().flat_map(|cert| certs::binary(cert)).collect();
        for form in [&["-"][..], &["--json", "-"]] {
            let output = refresh(&testbed, form, &keyring).await;
            assert_eq!(status(&output), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_all_sorts() {
    let testbed = Testbed::start().await;
    let [one, two, three, four] = ["one", "two", "three", "four"].map(cert);
    for cert in [&one, &two, &three, &four] {
        testbed.vks().upload(cert);
    }
    let directory = scratch("refresh-files");
    let file = |name: &str, content: &[u8]| {
        let path = directory.join(name);
        fs::write(&path, content).expect("it can be written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let secret = file(
        "secret.asc",
        &one.as_tsk().armored().to_vec().expect("octets"),
    );
    let binary = file(
        "binary",
        &[certs::binary(&one), certs::binary(&two)].concat(),
    );
    let text = file(
        "text.asc",
        &[
            "Grüße,\r\n\r\n".as_bytes(),
            &certs::armored(&three),
            b"and\n",
            &certs::armored(&two),
        ]
        .concat(),
    );
    let empty = file("empty", b"\n");

    // Each certificate once, also where it comes in three files.
    let output = refresh(
        &testbed,
        &["--json", &secret, &binary, &text, "-"],
        &certs::armored(&one),
    )
    .await;
    assert_eq!(status(&output), 0, "{output:?}");
    let asked: HashSet<String> = objects(&output)
        .iter()
        .map(|object| object["fingerprint"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(asked, [&one, &two, &three].map(hex).into());
    assert_eq!(testbed.vks().requests().len(), 3);

    // Secret keys: not written, and not written over.
    let out = directory.join("out");
    let out_name = out.to_str().expect("UTF-8");
    let output = refresh(&testbed, &[&secret, "-o", out_name], b"").await;
    assert_eq!(status(&output), 0);
    assert_eq!(certs_in(&out).len(), 1);
    let before = fs::read(&secret).expect("it is there");
    let output = refresh(&testbed, &[&secret, "-o", &secret], b"").await;
    assert_eq!((status(&output), stdout(&output)), (2, ""));
    assert_eq!(fs::read(&secret).expect("it is there"), before);

    // What is broken is told, and does not spoil the others.
    let mut cut = certs::armored(&two);
    cut.truncate(60);
    let message = "-----BEGIN PGP MESSAGE-----\n\nyw==\n-----END PGP MESSAGE-----\n";
    for (name, content) in [
        (
            "cut",
            [
                &certs::armored(&three)[..],
                b"\n",
                &cut,
                b"\n",
                &certs::armored(&four),
            ]
            .concat(),
        ),
        (
            "other",
            [
                message.as_bytes(),
                &certs::armored(&three),
                &certs::armored(&four),
            ]
            .concat(),
        ),
        (
            "rest",
            [
                certs::binary(&three),
                certs::binary(&four),
                b"\xc6\xff".to_vec(),
            ]
            .concat(),
        ),
    ] {
        let broken = file(name, &content);
        fs::remove_file(&out).expect("it is there");
        let output = refresh(&testbed, &["--json", &broken, "-o", out_name], b"").await;
        assert_eq!(status(&output), 3, "{name}");
        assert_eq!(objects(&output).len(), 2, "{name}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(name), "{said}");
        assert_eq!(certs_in(&out).len(), 2, "{name}");
    }
    for content in [
        &b"no certificate"[..],
        b"\x00\x01",
        b"\xff\xd8\xff\xe0 a picture",
    ] {
        let output = refresh(&testbed, &["--json", "-"], content).await;
        assert_eq!((status(&output), stdout(&output)), (3, ""));
    }
    // Whoever should have filled it may have failed. An older file is worth more than
    // an empty one.
    for (input, name) in [(&empty[..], "empty"), ("-", "stdin")] {
        let output = refresh(&testbed, &["--json", input, "-o", out_name], b"").await;
        assert_eq!((status(&output), stdout(&output)), (3, ""));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("{name}: it is empty")), "{said}");
        assert_eq!(certs_in(&out).len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn user_ids_come_in_where_they_may() {
    let testbed = Testbed::start().await;
    let more = certs::with_user_id(&cert("alice"), "other <other@example.org>", days_ago(1));
    let held = more
        .clone()
        .retain_userids(|user_id| !user_id.userid().value().starts_with(b"other"));
    let answer = Answer::armored(&more);
    testbed.vks().plant_key(held.fingerprint(), answer);
    for (which, outcome) in [("held", "unchanged"), ("all", "updated")] {
        let output = refresh(
            &testbed,
            &["--json", "--user-ids", which, "-"],
            &certs::binary(&held),
        )
        .await;
        assert_eq!(objects(&output)[0]["outcome"], outcome, "{which}");
        if which == "all" {
            assert_eq!(objects(&output)[0]["changes"][0]["kind"], "user_id_added");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_hundred_certificates_are_nine_hundred_requests() {
    let testbed = Testbed::start().await;
    testbed.vks().plant_all(Answer::status(404));
    let keyring: Vec<u8> = (0..900)
        .flat_map(|n| {
            let builder = CertBuilder::new().add_userid(format!("u{n}@example.org"));
            certs::binary(&builder.generate().expect("a certificate").0)
        })
        .collect();
    let output = refresh(&testbed, &["--json", "-"], &keyring).await;
    assert_eq!(status(&output), 1);
    assert_eq!(stdout(&output).lines().count(), 900);
    let requests = testbed.vks().requests();
    let different: HashSet<_> = requests.iter().map(|r| r.target.clone()).collect();
    assert_eq!((requests.len(), different.len()), (900, 900));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_interrupted_goes_on() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::Stdio;

    let testbed = Testbed::start().await;
    let reason = ReasonForRevocation::KeyRetired;
    let all: Vec<Cert> = (0..24).map(|n| cert(&format!("u{n}"))).collect();
    let news: Vec<Cert> = all
        .iter()
        .map(|cert| certs::with_revocation(cert, reason, days_ago(1)))
        .collect();
    // One fails, the last eight get no answer, all others have news.
    for (at, news) in news.iter().enumerate() {
        let answer = match at {
            0 => Answer::status(500),
            16.. => Answer::silent(),
            _ => Answer::armored(news),
        };
        testbed.vks().plant_key(news.fingerprint(), answer);
    }
    let directory = scratch("refresh-interrupted");
    let keyring = directory.join("keyring.asc");
    let content: Vec<u8> = all.iter().flat_map(certs::armored).collect();
    fs::write(&keyring, &content).expect("it can be written");
    let (out, log) = (directory.join("out.asc"), directory.join("log.jsonl"));
    let [keyring, out_name, log_name] =
        [&keyring, &out, &log].map(|path| path.to_str().expect("UTF-8").to_owned());

    let first = arguments(&testbed, &["--json", "-j", "24", "-o", &out_name, &keyring]);
    let running = tokio::task::spawn_blocking(move || {
        let mut child = super::example("refresh")
            .args(first)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = String::new();
        for _ in 0..16 {
            stdout.read_line(&mut lines).expect("a line");
        }
        super::interrupt(&child);
        stdout.read_to_string(&mut lines).expect("the rest");
        (child.wait().expect("it ends"), lines)
    });
    let (ended, lines) = running.await.expect("no panic");
    assert_eq!(ended.code(), Some(130));
    assert_eq!(lines.lines().count(), 16);
    let written = certs_in(&out);
    let modified = fs::metadata(&out).expect("it is there").modified();
    assert_eq!(modified.expect("a time"), UNIX_EPOCH, "not fresh");
    assert_eq!(written.len(), 24, "whole");
    assert_eq!(written.iter().filter(|cert| is_revoked(cert)).count(), 15);
    assert_eq!(unfinished(&directory), Vec::<std::path::PathBuf>::new());

    // The lines may end in the middle of one.
    fs::write(&log, format!("{lines}{{\"fingerp")).expect("it can be written");
    for news in news.iter().take(1).chain(&news[16..]) {
        testbed
            .vks()
            .plant_key(news.fingerprint(), Answer::armored(news));
    }
    // Also where it reads the first run's input again.
    let kept = fs::read(&out).expect("it is there");
    for input in [&out_name, &keyring] {
        fs::write(&out, &kept).expect("it can be written");
        testbed.forget_log();
        let output = refresh(
            &testbed,
            &["--json", "--skip", &log_name, "-o", &out_name, input],
            b"",
        )
        .await;
        assert_eq!(status(&output), 0, "{output:?}");
        assert_eq!(objects(&output).len(), 9);
        assert_eq!(testbed.vks().requests().len(), 9);
        let written = certs_in(&out);
        assert_eq!(written.len(), 24);
        assert!(written.iter().all(is_revoked));
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_is_no_panic_and_no_success() {
    let testbed = Testbed::start().await;
    let held = cert("alice");
    testbed.vks().upload(&held);
    let directory = scratch("refresh-pipe");
    let keyring = directory.join("keyring");
    fs::write(&keyring, certs::binary(&held)).expect("it can be written");
    let (keyring, out) = (keyring.to_str().expect("UTF-8"), directory.join("out"));
    for (more, code) in [
        (&[keyring][..], 0),
        (&[keyring, "-o", out.to_str().expect("UTF-8")], 3),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = super::example("refresh");
        command.args(arguments(&testbed, more)).stdout(writer);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("no panic").expect("it runs");
        assert_eq!(status(&output), code, "{output:?}");
    }
    assert_eq!(certs_in(&out).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_for_people() {
    let testbed = Testbed::start().await;
    let hostile = "x\u{1b}[2J\u{9b}31m\u{202e} <x@example.org>";
    let held = Recipe::new(&[hostile]).created(days_ago(30)).make().cert;
    let reason = ReasonForRevocation::KeyRetired;
    let news = certs::with_revocation(&held, reason, days_ago(1));
    testbed.vks().upload(&news);
    let output = refresh(&testbed, &["-v", "-"], &certs::binary(&held)).await;
    assert_eq!(status(&output), 0);
    let said = stdout(&output);
    for expected in [
        held.fingerprint().to_spaced_hex().as_str(),
        "updated",
        "valid → revoked",
        "The certificate is revoked: no longer used (soft, ",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let trail = String::from_utf8_lossy(&output.stderr);
    assert!(trail.contains(&hex(&held)), "{trail}");
    for c in ['\u{1b}', '\u{9b}', '\u{202e}'] {
        assert!(!said.contains(c) && !trail.contains(c));
    }
}

fn is_revoked(cert: &Cert) -> bool {
    cert.primary_key().self_revocations().count() == 1
}

/// Files for one test.
struct Files(std::path::PathBuf);

impl Files {
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).expect("it can be written");
        self.path(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_news_is_skipped_that_is_not_at_hand() {
    let testbed = Testbed::start().await;
    let files = Files(scratch("refresh-skip"));
    let [hard, same, longer] = ["hard", "same", "longer"].map(cert);
    let revoked = certs::with_revocation(&hard, ReasonForRevocation::KeyCompromised, days_ago(1));
    testbed.vks().upload(&revoked);
    testbed.vks().upload(&same);
    let later = SystemTime::now() + Duration::from_secs(1 << 26);
    testbed
        .vks()
        .upload(&certs::expiring(&longer, Some(later), days_ago(1)));
    let all = [&hard, &same, &longer].map(certs::binary).concat();
    let input = files.write("input.pgp", &all);
    let in_place = files.write("in-place.pgp", &all);
    let old = files.write("old.pgp", &all);
    let (first, second) = (files.path("first.asc"), files.path("second.asc"));
    let run = refresh(&testbed, &["--json", &input, "-o", &first], b"").await;
    assert_eq!(status(&run), 0, "{run:?}");
    let log = files.write("log", &run.stdout);
    // Where it is shown which of them are left out, and where the answers are lost.
    for (input, out, asked) in [
        (&input, &second, 2),
        (&in_place, &in_place, 2),
        (&input, &old, 2),
        (&input, &first, 1),
        (&first, &first, 1),
    ] {
        testbed.forget_log();
        let run = refresh(&testbed, &["--json", input, "--skip", &log, "-o", out], b"").await;
        assert_eq!(status(&run), 0, "{run:?}");
        assert_eq!(testbed.vks().requests().len(), asked, "{input} {out}");
        let written = certs_in(Path::new(out));
        assert_eq!(written.len(), 3);
        assert!(is_revoked(&written[0]), "{input} {out}");
        let policy = openpgp_discovery::openpgp::policy::StandardPolicy::new();
        let expires = written[2].with_policy(&policy, None).expect("valid");
        assert!(expires.primary_key().key_expiration_time().is_some());
    }
    // "unchanged" was said of another copy.
    let run = refresh(&testbed, &["--json", &first], b"").await;
    let log = files.write("log", &run.stdout);
    let run = refresh(&testbed, &["--json", &input, "--skip", &log], b"").await;
    assert_eq!(objects(&run).len(), 1, "{run:?}");
    assert_eq!(objects(&run)[0]["fingerprint"], hex(&hard));
    // What has part of the news keeps them, where more is asked for in vain.
    let failed = stdout(&run).replace("\"error\":null", "\"error\":\"cut off\"");
    let log = files.write("log", failed);
    testbed
        .vks()
        .plant_key(hard.fingerprint(), Answer::status(500));
    let run = refresh(
        &testbed,
        &["--json", &input, "--skip", &log, "-o", &first],
        b"",
    )
    .await;
    assert_eq!(status(&run), 3);
    assert!(is_revoked(&certs_in(Path::new(&first))[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_read_is_not_written_over() {
    let testbed = Testbed::start().await;
    let files = Files(scratch("refresh-unread"));
    let all @ [one, _, three] = &["one", "two", "three"].map(cert);
    for cert in all {
        testbed.vks().upload(cert);
    }
    let [first, second, third] = all.each_ref().map(certs::binary);
    let mut unknown = second.clone();
    // The version is the first octet of a packet's body.
    let version = unknown.iter().position(|&octet| octet == 4).expect("it is");
    unknown[version] = 9;
    let stranger = cert("stranger");
    let reason = ReasonForRevocation::KeyRetired;
    let alien = certs::revocation(&stranger, reason, days_ago(1));
    let alien = armored_revocation(alien);
    let armored = all.each_ref().map(certs::armored);
    let mut table = vec![
        (
            "unknown version",
            [&first[..], &unknown, &third].concat(),
            vec![one, three],
            "version 9",
        ),
        (
            "a stray",
            [b"\xb4\x01x", &first[..], &third].concat(),
            vec![one, three],
            "",
        ),
        (
            "a revocation",
            [&armored[0][..], &alien].concat(),
            vec![one],
            "of none of",
        ),
    ];
    for cut in [
        1,
        10,
        40,
        70,
        100,
        150,
        second.len() / 2,
        second.len() - 100,
    ] {
        table.push((
            "cut off",
            [&first[..], &second[..cut], &third].concat(),
            vec![one, three],
            "damaged or cut off",
        ));
    }
    for (name, content, readable, said) in table {
        let file = files.write("keyring", &content);
        let run = refresh(&testbed, &["--json", &file, "-o", &file], b"").await;
        assert_eq!(fs::read(&file).expect("it is there"), content, "{name}");
        let stderr = String::from_utf8_lossy(&run.stderr);
        // What stands behind a cut can look like anything, once in a while like this.
        if name == "cut off" && stderr.contains("holds secret keys") {
            continue;
        }
        assert_eq!(status(&run), 3, "{name}: {run:?}");
        assert!(stderr.contains(said), "{name}: {stderr}");
        assert!(stderr.contains("not written over"), "{name}: {stderr}");
        assert!(!stderr.contains("\\u{"), "{name}: {stderr}");
        assert_eq!(stderr.lines().count(), 2, "{name}: {stderr}");
        // Another file may take what could be read.
        let other = files.path("other");
        let run = refresh(&testbed, &["--json", &file, "-o", &other], b"").await;
        assert_eq!(status(&run), 3, "{name}");
        let written: Vec<String> = certs_in(Path::new(&other)).iter().map(hex).collect();
        for cert in readable {
            assert!(written.contains(&hex(cert)), "{name} {}", content.len());
        }
    }
}

fn armored_revocation(revocation: Signature) -> Vec<u8> {
    super::armored_packet(Packet::from(revocation))
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_by_themselves_count() {
    let testbed = Testbed::start().await;
    let files = Files(scratch("refresh-bare"));
    let [held, other] = ["held", "other"].map(cert);
    testbed.vks().upload(&held);
    testbed.vks().upload(&other);
    let reason = ReasonForRevocation::KeyCompromised;
    let revocation = certs::revocation(&held, reason, days_ago(1));
    let binary = Packet::from(revocation.clone()).to_vec().expect("octets");
    let armored = armored_revocation(revocation);
    let certs = [&held, &other].map(certs::binary).concat();
    let blocks = [&held, &other].map(certs::armored).concat();
    let out = files.path("out");
    for contents in [
        &[[&blocks[..], &armored].concat()][..],
        &[[&armored[..], &blocks].concat()],
        &[[&binary[..], &certs].concat()],
        &[[&certs[..], &binary].concat()],
        &[armored.clone(), certs.clone()],
        &[blocks.clone(), binary.clone()],
        &[[&armored[..], &armored].concat(), certs.clone()],
    ] {
        let names = ["a", "b"].into_iter().zip(contents);
        let names: Vec<String> = names.map(|(name, file)| files.write(name, file)).collect();
        let mut arguments = vec!["--json", "-o", &out];
        arguments.extend(names.iter().map(String::as_str));
        let run = refresh(&testbed, &arguments, b"").await;
        assert_eq!(status(&run), 0, "{run:?}");
        assert!(run.stderr.is_empty(), "{run:?}");
        let written = certs_in(Path::new(&out));
        assert_eq!(written.len(), 2);
        assert!(is_revoked(&written[0]) && !is_revoked(&written[1]));
        for object in objects(&run) {
            let is_held = object["fingerprint"] == hex(&held);
            assert_eq!(object["status_after"] == "revoked", is_held, "{object}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_fresh_does_not_look_so() {
    let testbed = Testbed::start().await;
    let files = Files(scratch("refresh-dates"));
    let [same, absent, broken] = ["same", "absent", "broken"].map(cert);
    testbed.vks().upload(&same);
    testbed
        .vks()
        .plant_key(broken.fingerprint(), Answer::status(503));
    let out = files.path("out");
    let log = refresh(&testbed, &["--json", "-"], &certs::binary(&same)).await;
    let log = files.write("log", log.stdout);
    for (certs, more, is_fresh) in [
        (&[&same, &absent][..], &[][..], true),
        (&[&same, &broken], &[], false),
        (&[&same, &absent], &["--skip", &log], false),
    ] {
        let keyring: Vec<u8> = certs.iter().flat_map(|cert| certs::binary(cert)).collect();
        refresh(&testbed, &[&["-o", &out, "-"], more].concat(), &keyring).await;
        let modified = fs::metadata(&out).expect("it is there").modified();
        let modified = modified.expect("a time");
        assert_eq!(modified != UNIX_EPOCH, is_fresh, "{more:?}");
    }
    // Nor where not all of it could be read.
    refresh(
        &testbed,
        &["-o", &out, "-"],
        &[&certs::binary(&same)[..], b"\xc6\xff"].concat(),
    )
    .await;
    let metadata = fs::metadata(&out).expect("it is there");
    assert_eq!(metadata.modified().expect("a time"), UNIX_EPOCH);
}
