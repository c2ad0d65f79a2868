//! How it starts, runs and ends.

use std::fs;
use std::net::{TcpListener, TcpStream};

use openpgp_discovery::wkd::Url;
use testbed::certs;

use super::super::{run, scratch, status, stdout};
use super::{
    ALICE, HOST, Server, advanced, domain, keyring, new_tls, replace, secret, text, tls_files,
};
use crate::address;

#[test]
fn a_keyring_that_changes_is_read_again_and_a_worse_one_is_not_taken() {
    let directory = scratch("server-reload");
    let [alice, bob] = ["alice", "bob"].map(|name| {
        let user_id = format!("<{name}@example.org>");
        certs::cert(&[&user_id]).cert
    });
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let server = Server::start(&["--domain", &domain("example.org", &path)]);
    server.says("serving 1 address");
    let bobs = advanced("bob@example.org");
    assert_eq!(server.get(HOST, &bobs).status, 404);
    let tag = server.get(HOST, &advanced(ALICE));
    let tag = tag.field("etag").expect("a tag").to_owned();

    let both = [secret(&alice), secret(&bob)].concat();
    replace(&path, &both);
    server.says("serving 2 addresses");
    assert_eq!(server.get(HOST, &bobs).status, 200);
    // Of Alice nothing has changed.
    let same = server.get(HOST, &advanced(ALICE));
    assert_eq!(same.field("etag"), Some(&*tag));

    let cut_off = &both[..both.len() - 40];
    for worse in [&b""[..], b"no keyring", cut_off] {
        replace(&path, worse);
        let line = server.says("stays as it was");
        assert!(line.contains("example.org"), "{line}");
        assert_eq!(server.get(HOST, &bobs).status, 200);
    }
    fs::remove_file(&path).expect("it can be removed");
    server.says("stays as it was");
    assert_eq!(server.get(HOST, &bobs).status, 200);

    replace(&path, &secret(&bob));
    server.says("serving 1 address");
    assert_eq!(server.get(HOST, &bobs).status, 200);
    assert_eq!(server.get(HOST, &advanced(ALICE)).status, 404);
}

#[test]
fn the_log_has_no_local_part_and_steers_no_terminal() {
    let directory = scratch("server-log");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let server = Server::start(&["-v", "--domain", &domain("example.org", &path)]);
    server.get(HOST, &advanced(ALICE));
    let of_alice = address(ALICE);
    let line = server.says(Url::new(&of_alice).hash());
    assert!(line.contains("200") && line.contains("GET"), "{line}");
    assert!(line.contains(HOST), "{line}");
    assert!(!line.contains("alice"), "{line}");
    assert!(!line.contains("127.0.0.1"), "{line}");
    let long = "x".repeat(5000);
    for target in ["/é\u{202e}\u{9b}31m".to_owned(), format!("/{long}")] {
        server.get("host", &target);
        let line = server.says("404");
        assert!(line.len() < 1000, "{line}");
        assert!(!line.contains(['\u{202e}', '\u{9b}']), "{line}");
    }
    // Nothing is logged without being asked for.
    let server = Server::start(&["--domain", &domain("example.org", &path)]);
    server.get(HOST, &advanced(ALICE));
    server.says("serving");
    assert!(server.stderr.try_recv().is_err());
}

#[test]
fn heads_have_an_end() {
    let directory = scratch("server-heads");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let server = Server::start(&["--domain", &domain("example.org", &path)]);
    for more in [
        format!("X: {}\r\n", "x".repeat(17 << 10)),
        "X: x\r\n".repeat(100),
    ] {
        let reply = server.ask("GET", HOST, &advanced(ALICE), &more);
        assert_eq!(reply.status, 431);
    }
    let reply = server.ask("GET", "a\u{1}b", &advanced(ALICE), "");
    assert_eq!(reply.status, 400);
    assert_eq!(server.get(HOST, &advanced(ALICE)).status, 200);
}

#[cfg(unix)]
#[test]
fn it_ends_when_it_is_told_to() {
    let directory = scratch("server-end");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    for (signal, code) in [("-INT", 130), ("-TERM", 0)] {
        let server = Server::start(&["--domain", &domain("example.org", &path)]);
        // One that says nothing does not hold it up.
        let idle = TcpStream::connect(server.address).expect("it listens");
        assert_eq!(server.signal(signal).code(), Some(code));
        drop(idle);
    }
}

#[test]
fn usage_errors_name_what_is_wrong() {
    let directory = scratch("server-usage");
    let alice = certs::cert(&["<alice@example.org>"]).cert;
    let path = keyring(&directory, "keyring.pgp", &[&alice]);
    let good = domain("example.org", &path);
    let (cert, key) = tls_files(&directory, "one", &new_tls(&[HOST]));
    let (_, other_key) = tls_files(&directory, "two", &new_tls(&[HOST]));
    let (cert, key, other_key) = (text(&cert), text(&key), text(&other_key));
    let here = ["--listen", "127.0.0.1:0"];
    for (arguments, named) in [
        (vec!["--domain", &good], "--listen"),
        (vec!["--listen", "localhost", "--domain", &good], "--listen"),
        ([&here[..], &[]].concat(), "--domain"),
        (
            [&here[..], &["--domain", "example.org"]].concat(),
            "DOMAIN=KEYRING",
        ),
        (
            [&here[..], &["--domain", "example.org="]].concat(),
            "keyring",
        ),
        (
            [&here[..], &["--domain", "example.org=-"]].concat(),
            "stdin",
        ),
        (
            [&here[..], &["--domain", "192.0.2.1=x"]].concat(),
            "192.0.2.1",
        ),
        (
            [&here[..], &["--domain", "example.org=no/such/file"]].concat(),
            "no/such/file",
        ),
        (
            [&here[..], &["--domain", "example.org=tests"]].concat(),
            "tests",
        ),
        (
            [&here[..], &["--domain", &good, "--allow", "no/such/file"]].concat(),
            "no/such/file",
        ),
        (
            [&here[..], &["--domain", &good, "--allow", "Cargo.toml"]].concat(),
            "line 1",
        ),
        (
            [&here[..], &["--domain", &good, "--cert", cert]].concat(),
            "--key",
        ),
        (
            [&here[..], &["--domain", &good, "--key", key]].concat(),
            "--cert",
        ),
        (
            [&here[..], &["--domain", &good, "--cert", key, "--key", key]].concat(),
            "cannot",
        ),
        (
            [
                &here[..],
                &["--domain", &good, "--cert", cert, "--key", other_key],
            ]
            .concat(),
            "cannot use",
        ),
    ] {
        let output = run("wkd_server", &arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = other.local_addr().expect("an address").to_string();
    let output = run("wkd_server", &["--listen", &taken, "--domain", &good]);
    assert_eq!(status(&output), 3);
    assert_eq!(stdout(&output), "");
}
