//! `verify`, against the testbed's key server.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Output;
use std::time::SystemTime;

use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;
use openpgp_discovery::openpgp::serialize::stream::{Armorer, LiteralWriter, Message, Signer};
use openpgp_discovery::openpgp::types::ReasonForRevocation;
use openpgp_discovery::openpgp::{Cert, Packet};
use serde_json::Value;
use testbed::certs::{self, Recipe};
use testbed::{Answer, Testbed};

use super::{
    arguments, armored_packet, assert_fields, cert, days_ago, objects, run_beside, scratch, status,
    stdout, unfinished,
};

const FIELDS: [&str; 6] = ["issuer", "outcome", "signer", "fresh", "created", "reason"];
const SIGNER_FIELDS: [&str; 6] = [
    "fingerprint",
    "user_ids",
    "origin",
    "names_sender",
    "status",
    "status_at_signing",
];
const TEXT: &[u8] = b"Dear Bob,\n\n- this is signed.\n";

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Detached,
    Inline,
    Cleartext,
}

/// Signed by the signing subkey of each.
fn sign(form: Form, signers: &[&Cert], at: SystemTime) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let mut pairs = signers.iter().map(|cert| -> KeyPair {
        let keys = cert.keys().with_policy(&policy, None).secret();
        let key = keys.for_signing().next().expect("a key that signs");
        key.key().clone().into_keypair().expect("no password")
    });
    let mut out = Vec::new();
    let message = match form {
        Form::Cleartext => Message::new(&mut out),
        Form::Inline => Armorer::new(Message::new(&mut out)).build().expect("armor"),
        Form::Detached => Message::new(&mut out),
    };
    let mut signer = Signer::new(message, pairs.next().expect("a signer")).expect("a signer");
    for pair in pairs {
        signer = signer.add_signer(pair).expect("a signer");
    }
    signer = signer.creation_time(at);
    let signer = match form {
        Form::Detached => signer.detached(),
        Form::Inline => signer,
        Form::Cleartext => signer.cleartext(),
    };
    let message = signer.build().expect("a message");
    let mut message = match form {
        Form::Inline => LiteralWriter::new(message).build().expect("a message"),
        _ => message,
    };
    // The last line end of a cleartext is not signed.
    let text = match form {
        Form::Cleartext => TEXT.trim_ascii_end(),
        _ => TEXT,
    };
    message.write_all(text).expect("memory");
    message.finalize().expect("memory");
    out
}

/// Files and a key server for one test.
struct Place {
    testbed: Testbed,
    directory: PathBuf,
}

impl Place {
    async fn new(name: &str) -> Self {
        Self {
            testbed: Testbed::start().await,
            directory: scratch(&format!("verify-{name}")),
        }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.directory.join(name);
        fs::write(&path, content).expect("it can be written");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        arguments(&self.testbed, more)
    }

    async fn verify(&self, more: &[&str]) -> Output {
        run_beside("verify", self.arguments(more), Vec::new()).await
    }
}

/// The only object, in the form that is promised.
fn object(output: &Output) -> Value {
    let lines: Vec<&str> = stdout(output).lines().collect();
    assert_eq!(lines.len(), 1, "{output:?}");
    assert_fields(lines[0], &FIELDS);
    let object: Value = serde_json::from_str(lines[0]).expect("JSON");
    if !object["signer"].is_null() {
        let signer = lines[0].split_once("\"signer\":").expect("it is there").1;
        let signer = signer.split_once("},\"fresh\"").expect("it ends").0;
        assert_fields(&format!("{signer}}}"), &SIGNER_FIELDS);
    }
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_good_signature() {
    let place = Place::new("forms").await;
    let alice = cert("alice");
    place.testbed.vks().confirm(&crate::alice(), &alice);
    let at = days_ago(2);
    let text = place.file("text", TEXT);
    let detached = place.file("text.sig", sign(Form::Detached, &[&alice], at));
    let inline = sign(Form::Inline, &[&alice], at);
    let clear = [
        b"Not signed.\n\n".to_vec(),
        sign(Form::Cleartext, &[&alice], at),
        b"\nNot signed either.\n".to_vec(),
    ]
    .concat();
    let (inline_file, clear_file) = (place.file("inline", &inline), place.file("clear", &clear));
    let out = place.directory.join("out");
    let out_name = out.to_str().expect("UTF-8");

    for (arguments, input, written) in [
        (&[detached.as_str(), &text][..], &[][..], false),
        (&[&detached, "-"], TEXT, false),
        (&["-", &text], &sign(Form::Detached, &[&alice], at), false),
        (&[&inline_file, "-o", out_name], &[], true),
        (&[&clear_file, "-o", out_name], &[], true),
        (&["-", "-o", out_name], &inline, true),
        (&["-", "-o", out_name], &clear, true),
    ] {
        place.testbed.forget_log();
        let arguments = place.arguments(&[&["--json"], arguments].concat());
        let output = run_beside("verify", arguments.clone(), input.to_vec()).await;
        assert_eq!(status(&output), 0, "{arguments:?}: {output:?}");
        let object = object(&output);
        assert_eq!(object["outcome"], "good");
        assert_eq!(object["fresh"], true);
        assert_eq!(object["reason"], Value::Null);
        let subkey = certs::subkey(&alice, true);
        assert_eq!(object["issuer"], subkey.to_hex());
        let created = object["created"].as_str().expect("a time");
        assert_eq!(created, super::calendar::format(at));
        let signer = &object["signer"];
        assert_eq!(signer["fingerprint"], alice.fingerprint().to_hex());
        assert_eq!(signer["user_ids"][0], "alice <alice@example.org>");
        assert_eq!(signer["origin"], "vks");
        assert_eq!(signer["names_sender"], Value::Null);
        assert_eq!(signer["status"], "valid");
        assert_eq!(signer["status_at_signing"], "valid");
        assert_eq!(out.exists(), written);
        if written {
            assert_eq!(fs::read(&out).expect("it is there"), TEXT);
            fs::remove_file(&out).expect("it can be removed");
        }
        let requests = place.testbed.vks().requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].path().starts_with("/vks/v1/by-fingerprint/"));
    }
    assert_eq!(unfinished(&place.directory), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_and_their_exit_status() {
    let place = Place::new("verdicts").await;
    let vks = place.testbed.vks();
    let [alice, gone, stolen, nobody, mute] =
        ["alice", "gone", "stolen", "nobody", "mute"].map(cert);
    vks.confirm(&crate::alice(), &alice);
    vks.upload(&stolen);
    let retired = ReasonForRevocation::KeyRetired;
    vks.upload(&certs::with_revocation(&gone, retired, days_ago(10)));
    let compromised = ReasonForRevocation::KeyCompromised;
    vks.upload(&certs::with_revocation(&stolen, compromised, days_ago(1)));
    let key_of = |cert: &Cert| certs::subkey(cert, true);
    for key in [key_of(&mute), mute.fingerprint()] {
        vks.plant_key(key, Answer::status(503));
    }
    let text = place.file("text", TEXT);
    let other = place.file("other", b"something else");
    let held = [&gone, &stolen, &mute].map(certs::armored).concat();
    let held = place.file("held.asc", held);
    let signed = |cert: &Cert, days| sign(Form::Detached, &[cert], days_ago(days));
    let by_alice = place.file("alice.sig", signed(&alice, 5));
    let by_gone = place.file("gone.sig", signed(&gone, 5));
    let by_gone_before = place.file("before.sig", signed(&gone, 20));
    let by_stolen = place.file("stolen.sig", signed(&stolen, 5));
    let by_nobody = place.file("nobody.sig", signed(&nobody, 5));
    let by_mute = place.file("mute.sig", signed(&mute, 5));
    let given = ["--cert", &held];
    let (before, after) = (
        super::calendar::format(days_ago(6)),
        super::calendar::format(days_ago(4)),
    );
    type Row<'r> = (&'r str, &'r [&'r str], [&'r str; 2], i32, &'r str);
    let table: &[Row<'_>] = &[
        ("good", &[], [&by_alice, &text], 0, "good"),
        ("another text", &[], [&by_alice, &other], 1, "bad"),
        (
            "the sender",
            &["--sender", "Alice@Example.ORG"],
            [&by_alice, &text],
            0,
            "good",
        ),
        (
            "another sender",
            &["--sender", "bob@example.org"],
            [&by_alice, &text],
            1,
            "bad",
        ),
        (
            "received before",
            &["--received", &before],
            [&by_alice, &text],
            1,
            "bad",
        ),
        (
            "received after",
            &["--received", &after],
            [&by_alice, &text],
            0,
            "good",
        ),
        ("retired before", &given, [&by_gone, &text], 1, "bad"),
        ("retired after", &given, [&by_gone_before, &text], 0, "good"),
        ("compromised since", &given, [&by_stolen, &text], 1, "bad"),
        ("unknown", &[], [&by_nobody, &text], 1, "unknown_signer"),
        ("no answer", &[], [&by_mute, &text], 3, "failed"),
        ("no answer, given", &given, [&by_mute, &text], 3, "failed"),
        (
            "no answer, lenient",
            &["--cert", &held, "--freshness", "lenient"],
            [&by_mute, &text],
            0,
            "good",
        ),
    ];
    for (name, options, files, code, outcome) in table {
        let arguments = [&["--json"], *options, files].concat();
        let output = place.verify(&arguments).await;
        assert_eq!(status(&output), *code, "{name}: {output:?}");
        let object = object(&output);
        assert_eq!(object["outcome"], *outcome, "{name}");
        assert_eq!(object["reason"].is_null(), *outcome == "good", "{name}");
        let signer = &object["signer"];
        match *name {
            "the sender" => assert_eq!(signer["names_sender"], true),
            "another sender" => assert_eq!(signer["names_sender"], false),
            "retired after" => {
                assert_eq!(signer["status"], "revoked");
                assert_eq!(signer["status_at_signing"], "valid");
                assert_eq!(signer["origin"], "given");
            }
            "unknown" => assert_eq!((signer, &object["fresh"]), (&Value::Null, &true.into())),
            "no answer, lenient" => assert_eq!(object["fresh"], false),
            _ => {}
        }
        let plain = place.verify(&[*options, files].concat()).await;
        assert_eq!(status(&plain), *code, "{name}");
    }

    // Where one is bad and of another one could not tell, 3 wins.
    let both = place.file("both.sig", [signed(&nobody, 5), signed(&mute, 5)].concat());
    let output = place.verify(&["--json", &both, &text]).await;
    assert_eq!(status(&output), 3);
    assert_eq!(objects(&output).len(), 2);

    // Nothing to verify.
    for file in [&text, &by_alice, &held] {
        let output = place.verify(&["--json", file]).await;
        assert_eq!((status(&output), stdout(&output)), (3, ""));
        assert!(!output.stderr.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_goes_out_only_where_all_is_good() {
    let place = Place::new("content").await;
    let [alice, bob] = ["alice", "bob"].map(cert);
    place.testbed.vks().upload(&alice);
    let at = days_ago(1);
    let given = place.file("alice.asc", certs::armored(&alice));
    let half_known = place.file("two", sign(Form::Inline, &[&alice, &bob], at));
    let clear = String::from_utf8(sign(Form::Cleartext, &[&alice], at)).expect("a text");
    let tampered = place.file("tampered", clear.replace("Dear Bob", "Dear Eve"));
    let good = place.file("good", sign(Form::Inline, &[&alice], at));
    let out = place.file("out", b"as it was");
    for (file, code) in [(&half_known, 1), (&tampered, 1)] {
        let output = place.verify(&["--cert", &given, file, "-o", &out]).await;
        assert_eq!(status(&output), code, "{output:?}");
        assert_eq!(fs::read(&out).expect("it is there"), b"as it was");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("is not written"), "{said}");
    }
    let secret = place.file("secret", alice.as_tsk().to_vec().expect("octets"));
    let output = place
        .verify(&["--cert", &given, &good, "-o", &secret])
        .await;
    assert_eq!((status(&output), stdout(&output)), (2, ""));
    // Its secret keys are put aside.
    let output = place.verify(&["--cert", &secret, &good, "-o", &out]).await;
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(fs::read(&out).expect("it is there"), TEXT);
    assert_eq!(unfinished(&place.directory), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refreshed_just_now_is_fresh() {
    let place = Place::new("age").await;
    let alice = cert("alice");
    place.testbed.vks().upload(&alice);
    let given = place.file("alice.pgp", certs::binary(&alice));
    let message = place.file("message", sign(Form::Cleartext, &[&alice], days_ago(1)));
    for (age, requests) in [("3600", 0), ("0", 1)] {
        place.testbed.forget_log();
        let output = place
            .verify(&["--json", "--cert", &given, "--max-age", age, &message])
            .await;
        assert_eq!(object(&output)["fresh"], true, "{age}");
        assert_eq!(place.testbed.vks().requests().len(), requests, "{age}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_for_people() {
    let place = Place::new("report").await;
    let hostile = "x\u{1b}[2J\u{9b}31m\u{202e} <x@example.org>";
    let signer = Recipe::new(&[hostile]).created(days_ago(30)).make().cert;
    let answer = Answer::armored(&signer);
    place.testbed.vks().plant_key(signer.fingerprint(), answer);
    let given = place.file("given.asc", certs::armored(&signer));
    let message = place.file("message", sign(Form::Inline, &[&signer], days_ago(1)));
    let output = place.verify(&["-v", "--cert", &given, &message]).await;
    assert_eq!(status(&output), 0, "{output:?}");
    let (said, trail) = (stdout(&output), String::from_utf8_lossy(&output.stderr));
    for expected in [
        "good",
        signer.fingerprint().to_spaced_hex().as_str(),
        "--sender",
        "given, and fresh",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(trail.contains(&signer.fingerprint().to_hex()), "{trail}");
    let as_json = place.verify(&["--json", "--cert", &given, &message]).await;
    assert_eq!(object(&as_json)["signer"]["user_ids"][0], hostile);
    for c in ['\u{1b}', '\u{9b}', '\u{202e}'] {
        assert!(!said.contains(c) && !trail.contains(c));
        assert!(!stdout(&as_json).contains(c));
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_writes_nothing() {
    use std::process::Stdio;

    let place = Place::new("interrupted").await;
    let alice = cert("alice");
    place.testbed.vks().plant_all(Answer::silent());
    let message = place.file("message", sign(Form::Inline, &[&alice], days_ago(1)));
    let out = place.directory.join("out");
    let arguments = place.arguments(&["--json", &message, "-o", out.to_str().expect("UTF-8")]);
    let child = super::example("verify")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let asked = async {
        while place.testbed.vks().requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(crate::AMPLE, asked).await;
    asked.expect("it asks the key server");
    super::interrupt(&child);
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = ended.await.expect("no panic").expect("it ends");
    assert_eq!((status(&output), stdout(&output)), (130, ""));
    assert!(!out.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_by_themselves_count() {
    let place = Place::new("bare").await;
    let alice = cert("alice");
    place.testbed.vks().upload(&alice);
    let reason = ReasonForRevocation::KeyCompromised;
    let revocation = Packet::from(certs::revocation(&alice, reason, days_ago(1)));
    let binary = revocation.to_vec().expect("octets");
    let revocation = armored_packet(revocation);
    let held = certs::armored(&alice);
    let cert = place.file("alice.asc", &held);
    let alone = place.file("alone.asc", &revocation);
    let alone_binary = place.file("alone.pgp", &binary);
    let behind = place.file("behind.asc", [&held[..], &revocation].concat());
    let front = place.file("front.asc", [&revocation[..], &held].concat());
    let message = place.file("message", sign(Form::Inline, &[&alice], days_ago(2)));
    for given in [
        &["--cert", &behind][..],
        &["--cert", &front],
        &["--cert", &cert, "--cert", &alone],
        &["--cert", &alone_binary, "--cert", &cert],
        &["--cert", &behind, "--max-age", "3600"],
    ] {
        let output = place
            .verify(&[&["--json"], given, &[&message]].concat())
            .await;
        assert_eq!(status(&output), 1, "{given:?} {output:?}");
        let object = object(&output);
        assert_eq!(object["outcome"], "bad", "{given:?}");
        assert_eq!(object["signer"]["status"], "revoked");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    // The signer comes from the key server, and the revocation is of nothing given.
    let output = place.verify(&["--json", "--cert", &alone, &message]).await;
    assert_eq!(status(&output), 3, "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("of none of the certificates given"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_cannot_be_read_are_no_success() {
    let place = Place::new("unread").await;
    let alice = cert("alice");
    place.testbed.vks().upload(&alice);
    let message = place.file("message", sign(Form::Inline, &[&alice], days_ago(1)));
    let held = certs::binary(&alice);
    for content in [
        &b"no certificate"[..],
        b"",
        &held[..held.len() - 20],
        &[&held[..], b"\xc6\xff"].concat(),
    ] {
        let given = place.file("given", content);
        let output = place.verify(&["--json", "--cert", &given, &message]).await;
        assert_eq!(status(&output), 3, "{output:?}");
        assert_eq!(object(&output)["outcome"], "good");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("given"), "{said}");
    }
}
