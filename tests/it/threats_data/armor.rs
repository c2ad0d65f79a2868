//! Armor that says something else than it holds.

use openpgp_discovery::Reason;
use testbed::certs;

use super::*;

#[test]
fn armor_that_lies() {
    let sample = certs::cert(&[ALICE]);
    let public = String::from_utf8(sample.armored()).expect("ASCII");
    let label = |text: &str, label: &str| text.replace("PUBLIC KEY BLOCK", label);
    let secret = {
        let mut text = Vec::new();
        let kind = openpgp_discovery::openpgp::armor::Kind::PublicKey;
        let mut writer =
            openpgp_discovery::openpgp::armor::Writer::new(&mut text, kind).expect("memory");
        std::io::Write::write_all(&mut writer, &sample.secret()).expect("memory");
        writer.finalize().expect("memory");
        String::from_utf8(text).expect("ASCII")
    };
    let (first, rest) = public.split_once('\n').expect("lines");
    let headers = |count: usize| format!("{first}\n{}{rest}", "Comment: x\n".repeat(count));
    let endless = format!("{first}\n{}", "Comment: x\n".repeat(90_000));
    let one_line = format!("{first}\nComment: {}\n", "x".repeat(1_000_000));
    let twice = format!("{first}\n{public}");
    let malformed = || vec![Reason::Malformed];
    for (name, text, kept, reasons) in [
        (
            "secret keys, labelled public",
            secret,
            0,
            vec![Reason::SecretKey],
        ),
        (
            "public keys, labelled secret",
            label(&public, "PRIVATE KEY BLOCK"),
            1,
            vec![],
        ),
        ("labelled a message", label(&public, "MESSAGE"), 1, vec![]),
        ("a thousand headers", headers(1_000), 1, vec![]),
        ("headers without an end", endless, 0, malformed()),
        ("a header without an end", one_line, 0, malformed()),
        ("one block begins in another", twice, 1, malformed()),
        (
            "no end",
            public.replace("-----END", "-----STOP"),
            0,
            malformed(),
        ),
        (
            "no last line",
            public.replace("-----END PGP PUBLIC KEY BLOCK-----\n", ""),
            0,
            malformed(),
        ),
        (
            "something behind the checksum",
            public.replace("-----END", "=AAAA\nAAAA\n-----END"),
            0,
            malformed(),
        ),
        (
            "padding in the middle",
            public.replacen("\n\n", "\n\nAA==\n", 1),
            0,
            malformed(),
        ),
        (
            "a NUL in it",
            public.replacen("\n\n", "\n\n\0", 1),
            0,
            malformed(),
        ),
    ] {
        assert!(text.len() < 1 << 20, "{name}");
        assert_eq!(told(&apply(text.as_bytes())), (kept, reasons), "{name}");
    }
}
