//! Every verdict in every form, and what GnuPG says to the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use sequoia_openpgp::cert::{CertRevocationBuilder, SubkeyRevocationBuilder};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::types::{Curve, ReasonForRevocation};

use super::*;
use crate::verify::VerdictOutcome::{self, Bad, Failed, Good, UnknownSigner};

/// Who signed what, when and how.
struct Case {
    name: &'static str,
    /// With its secret keys.
    cert: Cert,
    known: bool,
    by_primary: bool,
    hash: HashAlgorithm,
    /// How many days ago; none for tomorrow.
    days: Option<u64>,
    /// What is there instead of the text.
    tampered: bool,
    sender: &'static str,
    outcome: VerdictOutcome,
    /// A part of the reason.
    reason: &'static str,
    /// The status that GnuPG 2.2 gives.
    gpg: &'static str,
}

fn case(name: &'static str, cert: Cert, outcome: VerdictOutcome) -> Case {
    Case {
        name,
        cert,
        known: true,
        by_primary: false,
        hash: HashAlgorithm::SHA256,
        days: Some(500),
        tampered: false,
        sender: "alice@example.org",
        outcome,
        reason: "",
        gpg: "GOODSIG",
    }
}

fn revoked(reason: ReasonForRevocation, days: u64) -> Cert {
    let cert = alice();
    let revocation = CertRevocationBuilder::new()
        .set_signature_creation_time(ago(days))
        .and_then(|builder| builder.set_reason_for_revocation(reason, b""))
        .and_then(|builder| builder.build(&mut primary(&cert), &cert, None))
        .expect("revokes");
    cert.insert_packets([revocation]).expect("its own").0
}

fn subkey_revoked(reason: ReasonForRevocation, days: u64) -> Cert {
    let cert = alice();
    let key = signing_subkey(&cert);
    let revocation = SubkeyRevocationBuilder::new()
        .set_signature_creation_time(ago(days))
        .and_then(|builder| builder.set_reason_for_revocation(reason, b""))
        .and_then(|builder| builder.build(&mut primary(&cert), &cert, &key, None))
        .expect("revokes");
    // Beside its subkey, where a revocation is found.
    cert.insert_packets([Packet::from(revocation)])
        .expect("its own")
        .0
}

/// A subkey that its owner lets sign, without the subkey's agreement.
fn without_back_signature() -> Cert {
    let cert = alice();
    let packets: Vec<_> = cert
        .as_tsk()
        .into_packets()
        .map(|packet| match packet {
            Packet::Signature(signature)
                if signature.typ() == SignatureType::SubkeyBinding
                    && signature
                        .key_flags()
                        .is_some_and(|flags| flags.for_signing()) =>
            {
                let key = signing_subkey(&cert);
                SignatureBuilder::new(SignatureType::SubkeyBinding)
                    .set_signature_creation_time(ago(1000))
                    .and_then(|builder| builder.set_key_flags(KeyFlags::empty().set_signing()))
                    .and_then(|builder| {
                        builder.sign_subkey_binding(
                            &mut primary(&cert),
                            cert.primary_key().key(),
                            &key,
                        )
                    })
                    .expect("signs")
                    .into()
            }
            other => other,
        })
        .collect();
    let bare = Cert::from_packets(packets.into_iter()).expect("a certificate");
    assert_eq!(bare.keys().subkeys().count(), 2);
    bare
}

fn cases() -> Vec<Case> {
    use ReasonForRevocation::{KeyCompromised, KeyRetired};
    let expiring = |days_| alice_who(|builder| builder.set_validity_period(days(days_)));
    vec![
        case("valid", alice(), Good),
        Case {
            reason: "had expired",
            gpg: "EXPKEYSIG",
            ..case("expired before", expiring(300), Bad)
        },
        // GnuPG looks at how the key stands now.
        Case {
            gpg: "EXPKEYSIG",
            ..case("expired after", expiring(700), Good)
        },
        Case {
            reason: "revoked for good",
            gpg: "REVKEYSIG",
            ..case("hard-revoked before", revoked(KeyCompromised, 600), Bad)
        },
        Case {
            reason: "revoked for good",
            gpg: "REVKEYSIG",
            ..case("hard-revoked after", revoked(KeyCompromised, 400), Bad)
        },
        Case {
            reason: "was revoked before",
            gpg: "REVKEYSIG",
            ..case("soft-revoked before", revoked(KeyRetired, 600), Bad)
        },
        // GnuPG does not look at the reason of a revocation.
        Case {
            gpg: "REVKEYSIG",
            ..case("soft-revoked after", revoked(KeyRetired, 400), Good)
        },
        Case {
            reason: "subkey is revoked for good",
            gpg: "REVKEYSIG",
            ..case(
                "subkey hard-revoked",
                subkey_revoked(KeyCompromised, 400),
                Bad,
            )
        },
        Case {
            reason: "subkey was revoked before",
            gpg: "REVKEYSIG",
            ..case(
                "subkey soft-revoked before",
                subkey_revoked(KeyRetired, 600),
                Bad,
            )
        },
        // The same: not the reason.
        Case {
            gpg: "REVKEYSIG",
            ..case(
                "subkey soft-revoked after",
                subkey_revoked(KeyRetired, 400),
                Good,
            )
        },
        Case {
            known: false,
            reason: "Neither",
            gpg: "NO_PUBKEY",
            ..case("unknown", alice(), UnknownSigner)
        },
        // GnuPG 2.2 takes SHA-1 for strong enough in signatures over documents.
        Case {
            hash: HashAlgorithm::SHA1,
            reason: "policy rejects it (version 4, SHA1)",
            ..case("weak hash", alice(), Bad)
        },
        // GnuPG tells it to people, and lets it pass.
        Case {
            days: None,
            reason: "future",
            ..case("future", alice(), Bad)
        },
        Case {
            days: Some(1100),
            reason: "older than the key",
            gpg: "ERRSIG",
            ..case("older than its key", alice(), Bad)
        },
        Case {
            by_primary: true,
            reason: "may not sign",
            gpg: "ERRSIG",
            ..case("not a signing key", alice(), Bad)
        },
        Case {
            reason: "does not belong",
            gpg: "ERRSIG",
            ..case("no back signature", without_back_signature(), Bad)
        },
        Case {
            tampered: true,
            reason: "not over this content",
            gpg: "BADSIG",
            ..case("tampered", alice(), Bad)
        },
        // GnuPG was not told who is expected.
        Case {
            sender: "mallory@example.org",
            reason: "does not name the sender",
            ..case("other sender", alice(), Bad)
        },
    ]
}

impl Case {
    fn signature(&self, form: Form) -> Signature {
        let mut signer = match self.by_primary {
            true => primary(&self.cert),
            false => subkey(&self.cert),
        };
        let at = match self.days {
            Some(days) => ago(days),
            None => SystemTime::now() + days(1),
        };
        let template = form
            .template()
            .set_hash_algo(self.hash)
            .set_signature_creation_time(at)
            .expect("a time");
        form.sign(template, &mut signer, TEXT)
    }

    fn text(&self) -> String {
        match self.tampered {
            true => TEXT.replace("Bob", "Rob"),
            false => TEXT.to_owned(),
        }
    }
}

#[tokio::test]
async fn every_verdict_in_every_form() {
    let gpg = Gpg::find();
    if gpg.is_none() {
        skip("there is no gpg to compare verdicts with");
    }
    for case in cases() {
        let public = case.cert.clone().strip_secret_key_material();
        let keyring = gpg
            .as_ref()
            .map(|gpg| gpg.keyring(case.known.then_some(&public)));
        for form in Form::ALL {
            let name = format!("{} {form:?}", case.name);
            let text = case.text();
            let file = form.file(&[case.signature(form)], &text);
            let source = Fake::with(case.known.then(|| public.clone()));
            for given in [true, false] {
                let mut verify = verify(&source).sender(&case.sender.parse().expect("an address"));
                if given && case.known {
                    verify = verify.cert(public.clone());
                }
                let mut verification = form.verify(verify, file.clone(), &text).await;
                let verdict = only(&verification);
                assert_eq!(verdict.outcome(), case.outcome, "{name}: {verdict:?}");
                let reason = verdict.reason().unwrap_or_default();
                assert!(reason.contains(case.reason), "{name}: {reason}");
                assert_eq!(reason.is_empty(), case.outcome == Good, "{name}: {reason}");
                assert!(verdict.is_fresh(), "{name}");
                assert_eq!(verification.is_good(), case.outcome == Good, "{name}");

                let mut out = Vec::new();
                let written = verification.write_content(&mut out);
                if case.outcome == Good && form != Form::Detached {
                    written.expect("good");
                    assert_eq!(String::from_utf8_lossy(&out), form.content(&text), "{name}");
                } else {
                    written.expect_err("nothing is handed out");
                    assert!(out.is_empty(), "{name}");
                }
            }
            if let Some(keyring) = &keyring {
                let status = keyring.verify(form, &file, &text);
                let said = status.lines().any(|line| {
                    line.strip_prefix("[GNUPG:] ")
                        .is_some_and(|line| line.starts_with(case.gpg))
                });
                assert!(said, "{name}: not {} but {status}", case.gpg);
            }
        }
    }
}

#[tokio::test]
async fn version_6() {
    let cert = alice_who(|builder| {
        builder
            .set_profile(sequoia_openpgp::Profile::RFC9580)
            .expect("a profile")
    });
    assert_eq!(cert.primary_key().key().version(), 6);
    let source = Fake::with([cert.clone()]);
    for form in Form::ALL {
        let signature = signed(form, &mut subkey(&cert), 500);
        assert_eq!(signature.version(), 6);
        for (text, expected) in [(TEXT, Good), ("other\n", Bad)] {
            let file = form.file(std::slice::from_ref(&signature), text);
            let verification = form.verify(verify(&source), file, text).await;
            let verdict = only(&verification);
            assert_eq!(verdict.outcome(), expected, "{form:?}: {verdict:?}");
        }
    }
}

#[tokio::test]
async fn the_wrong_file() {
    let cert = alice();
    let source = Fake::with([cert.clone()]);
    let signature = signed(Form::Detached, &mut subkey(&cert), 1);
    let file = Form::Detached.file(&[signature], "");
    let verification = Form::Detached.verify(verify(&source), file, "other").await;
    let verdict = only(&verification);
    assert_eq!(verdict.outcome(), Bad);
    assert!(
        verdict
            .reason()
            .is_some_and(|why| why.contains("not over this content"))
    );
}

/// What GnuPG makes by itself, it being the one that most messages come from.
#[tokio::test]
async fn messages_that_gpg_makes() {
    let Some(gpg) = Gpg::find() else {
        skip("there is no gpg to make messages");
        return;
    };
    let cert = alice();
    let keyring = gpg.keyring(None);
    let secret = keyring.0.join("secret");
    fs::write(&secret, cert.as_tsk().to_vec().expect("memory")).expect("writes");
    keyring.gpg().arg("--import").arg(&secret).run(b"");
    let source = Fake::with([cert]);
    let long = TEXT.repeat(3000);
    for text in [TEXT, "no line end", "", "\r\n\r\n", &long] {
        for (mode, form) in [
            (&["--sign"][..], Form::Compressed),
            (&["--sign", "--armor"], Form::Compressed),
            (&["--sign", "--compress-algo", "none"], Form::Inline),
            (
                &["--sign", "--compress-algo", "zlib", "--textmode"],
                Form::Compressed,
            ),
            (&["--sign", "--compress-algo", "bzip2"], Form::Compressed),
            (&["--detach-sign"], Form::Detached),
            (&["--detach-sign", "--armor"], Form::Detached),
            (&["--clear-sign"], Form::Cleartext),
        ] {
            let file = keyring.gpg().args(mode).run(text.as_bytes());
            let mut verification = form.verify(verify(&source), file, text).await;
            assert!(
                verification.is_good(),
                "{mode:?} {text:.20?} {verification:?}"
            );
            if form == Form::Detached {
                continue;
            }
            let mut out = Vec::new();
            verification.write_content(&mut out).expect("good");
            let canonical = |text: &str| text.replace("\r\n", "\n");
            let out = canonical(&String::from_utf8(out).expect("UTF-8"));
            let mut expected = canonical(&form.content(text));
            if form == Form::Cleartext && text.is_empty() {
                // An empty text and an empty line are signed alike.
                expected = out.trim_end().to_owned();
                assert!(out.is_empty() || out == "\n");
                continue;
            }
            assert_eq!(out, expected, "{mode:?}");
        }
    }
    keyring.stop();
}

/// Could not tell is not bad.
#[tokio::test]
async fn what_the_backend_cannot_compute() {
    let Some(gpg) = Gpg::find() else {
        skip("there is no gpg to make such a key");
        return;
    };
    let keyring = gpg.keyring(None);
    let id = "alice@example.org";
    keyring
        .gpg()
        .args(["--quick-gen-key", id, "brainpoolP256r1", "sign", "never"])
        .run(b"");
    let cert = keyring.gpg().args(["--export", id]).run(b"");
    let cert = Cert::from_bytes(&cert).expect("a certificate");
    let file = keyring.gpg().arg("--sign").run(TEXT.as_bytes());
    keyring.stop();
    let expected = match Curve::BrainpoolP256.is_supported() {
        true => Good,
        false => Failed,
    };
    let verify = verify(&Fake::with([cert]));
    let verification = Form::Compressed.verify(verify, file, TEXT).await;
    let verdict = only(&verification);
    assert_eq!(verdict.outcome(), expected, "{verdict:?}");
}

struct Gpg(PathBuf);

/// A home of its own, gone when it is dropped.
struct Keyring(PathBuf, PathBuf);

trait Run {
    fn run(&mut self, input: &[u8]) -> Vec<u8>;
}

impl Run for Command {
    fn run(&mut self, input: &[u8]) -> Vec<u8> {
        let mut child = self
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("gpg runs");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().expect("gpg ends");
        writer.join().expect("no panic");
        output.stdout
    }
}

/// Skipped aloud, and not at all where CI wants it.
fn skip(why: &str) {
    assert!(env::var_os("OPENPGP_DISCOVERY_GPG").is_none(), "{why}");
    println!("skipped: {why}");
}

impl Gpg {
    fn find() -> Option<Self> {
        let path = env::var_os("PATH")?;
        env::split_paths(&path)
            .map(|dir| dir.join("gpg"))
            .find(|gpg| gpg.is_file())
            .map(Self)
    }

    fn keyring(&self, cert: Option<&Cert>) -> Keyring {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = env::temp_dir().join(format!("verify-{}-{count}", std::process::id()));
        fs::create_dir_all(&home).expect("a directory");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("ours");
        }
        let keyring = Keyring(home, self.0.clone());
        if let Some(cert) = cert {
            let file = keyring.0.join("cert");
            fs::write(&file, cert.to_vec().expect("memory")).expect("writes");
            keyring.gpg().arg("--import").arg(&file).run(b"");
        }
        keyring
    }
}

impl Keyring {
    fn gpg(&self) -> Command {
        let mut gpg = Command::new(&self.1);
        gpg.arg("--homedir").arg(&self.0);
        gpg.args(["--batch", "--quiet", "--no-auto-key-retrieve"]);
        gpg.args(["--trust-model", "always", "--pinentry-mode", "loopback"]);
        gpg.args(["--passphrase", ""]);
        gpg
    }

    fn verify(&self, form: Form, file: &[u8], text: &str) -> String {
        let path = |name: &str| -> PathBuf { Path::new(&self.0).join(name) };
        fs::write(path("signed"), file).expect("writes");
        fs::write(path("text"), text).expect("writes");
        let mut gpg = self.gpg();
        gpg.args(["--status-fd", "1", "--verify"])
            .arg(path("signed"));
        if form == Form::Detached {
            gpg.arg(path("text"));
        }
        String::from_utf8_lossy(&gpg.run(b"")).into_owned()
    }

    /// Ends the agent that signing has started.
    fn stop(&self) {
        Command::new("gpgconf")
            .arg("--homedir")
            .arg(&self.0)
            .args(["--kill", "gpg-agent"])
            .run(b"");
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
