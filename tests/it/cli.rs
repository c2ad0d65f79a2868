//! The example programs, run as a user runs them, and the parts they share.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::cert::{CertBuilder, CertParser};
use openpgp_discovery::openpgp::parse::Parse as _;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;
use serde_json::Value;
use testbed::Testbed;
use testbed::certs::Recipe;

#[path = "../../examples/common/calendar.rs"]
pub(crate) mod calendar;
#[path = "../../examples/common/cert_file.rs"]
mod cert_file;
#[path = "../../examples/verify/moment.rs"]
mod moment;
#[path = "../../examples/common/output.rs"]
mod output;
mod refresh;
#[path = "../../examples/common/sanitize.rs"]
pub(crate) mod sanitize;
mod verify;
mod wkd_check;
mod wkd_publish;
mod wkd_server;

/// Where the programs find what they share.
mod common {
    pub(crate) use super::calendar;
}

/// The example, which cargo builds beside this program.
fn example(name: &str) -> Command {
    let this = std::env::current_exe().expect("the path of this program");
    let profile = this.ancestors().nth(2).expect("target/PROFILE/deps/it");
    let program = profile
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{} is missing: `cargo build --examples` makes it",
        program.display()
    );
    let mut command = Command::new(program);
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    example(name).args(arguments).output().expect("it runs")
}

fn run_with_input(name: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = example(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("UTF-8")
}

fn objects(output: &Output) -> Vec<Value> {
    stdout(output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect()
}

/// Each field is there, in this order, and no other at the top level.
fn assert_fields(line: &str, fields: &[&str]) {
    let object: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(object.as_object().expect("an object").len(), fields.len());
    let places: Vec<usize> = fields
        .iter()
        .map(|field| {
            line.find(&format!("\"{field}\":"))
                .unwrap_or_else(|| panic!("{field} is missing in {line}"))
        })
        .collect();
    assert!(places.is_sorted(), "{line}");
}

const LOCATE_FIELDS: [&str; 10] = [
    "address", "outcome", "usable", "source", "method", "url", "certs", "rejected", "trail",
    "error",
];

#[test]
fn wkd_url_prints_the_drafts_example() {
    let output = run("wkd_url", &["Joe.Doe@Example.ORG"]);
    assert_eq!(status(&output), 0);
    for expected in [
        "iy9q119eutrkn8s1mk4r39qejnbu3n5q",
        "https://openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe",
        "https://example.org/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe",
    ] {
        assert!(stdout(&output).contains(expected), "{}", stdout(&output));
    }
}

#[test]
fn wkd_url_prints_every_vector_as_json() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../vectors/wkd.json")).expect("JSON");
    let vectors: Vec<Value> = vectors
        .into_iter()
        .filter(|vector| vector["hash"].is_string())
        .collect();
    assert!(vectors.len() > 10);
    let addresses = vectors.iter().map(|vector| vector["address"].as_str());
    let mut arguments = vec!["--json", "--"];
    arguments.extend(addresses.map(|address| address.expect("a text")));
    let output = run("wkd_url", &arguments);
    assert_eq!(status(&output), 0, "{}", stdout(&output));
    let fields = [
        "address",
        "local_part",
        "domain",
        "hash",
        "advanced_url",
        "direct_url",
    ];
    assert_eq!(stdout(&output).lines().count(), vectors.len());
    for (line, vector) in stdout(&output).lines().zip(&vectors) {
        assert_fields(line, &fields);
        let object: Value = serde_json::from_str(line).expect("JSON");
        for field in fields {
            assert_eq!(object[field], vector[field], "{field} of {vector}");
        }
    }
}

#[test]
fn wkd_url_says_what_is_not_an_address() {
    let output = run("wkd_url", &["--json", "alice@example.org", "nobody"]);
    assert_eq!(status(&output), 1);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 2);
    assert_fields(lines[1], &["address", "error"]);
    let object = &objects(&output)[1];
    assert_eq!(object["address"], "nobody");
    assert!(object["error"].as_str().is_some_and(|text| text.len() > 10));
    assert_eq!(status(&run("wkd_url", &["nobody"])), 1);
}

#[test]
fn help_is_there_and_explains_the_exit_status() {
    for name in [
        "wkd_url",
        "locate",
        "refresh",
        "verify",
        "wkd_check",
        "wkd_publish",
        "wkd_server",
    ] {
        let output = run(name, &["--help"]);
        assert_eq!(status(&output), 0);
        assert!(stdout(&output).contains("Exit status"), "{name}");
    }
}

#[test]
fn usage_errors_end_with_2_and_an_empty_stdout() {
    let pem_without_certificate = scratch("usage-errors").join("empty.pem");
    fs::write(&pem_without_certificate, "nothing").expect("it can be written");
    let pem_without_certificate = pem_without_certificate.to_str().expect("UTF-8");
    let a = "alice@example.org";
    // It has a host, but no `openpgpkey.` in front of that.
    let long_domain = [&["a".repeat(60).as_str(); 4][..], &["b"]]
        .concat()
        .join(".");
    let table: &[(&str, &[&str])] = &[
        ("wkd_url", &[]),
        ("wkd_url", &["--no-such-option", a]),
        ("locate", &["--no-wkd", "--no-vks", a]),
        ("locate", &["--no-vks", "--vks", "https://vks.example", a]),
        ("locate", &["--vks", "not a URL", a]),
        ("locate", &["--vks-rate", "often", a]),
        ("locate", &["--vks-rate", "0/1", a]),
        ("locate", &["--vks-rate", "5/-1", a]),
        ("locate", &["--nameserver", "dns.example", a]),
        ("locate", &["--nameserver", "192.0.2.1:0", a]),
        ("locate", &["--nameserver", "[::1", a]),
        ("locate", &["--ca", "no/such/file", a]),
        ("locate", &["--ca", pem_without_certificate, a]),
        ("locate", &["--timeout", "0", a]),
        ("locate", &["--timeout", "-1", a]),
        ("locate", &["--timeout", "NaN", a]),
        ("locate", &["--timeout", "1e300", a]),
        ("locate", &["--jobs", "0", a]),
        ("locate", &["--fallback", "sometimes", a]),
        ("locate", &["--user-ids", "none", a]),
        ("locate", &["-o", "no/such/directory/file", a]),
        ("refresh", &[]),
        ("refresh", &["no/such/file"]),
        ("refresh", &["tests"]),
        ("refresh", &["-o", "no/such/directory/file", "-"]),
        ("refresh", &["-o", "-", "-"]),
        ("locate", &["-o", "-", a]),
        ("verify", &["-o", "-", "-"]),
        ("refresh", &["--skip", "no/such/file", "-"]),
        ("refresh", &["--skip", "Cargo.toml", "-"]),
        ("refresh", &["--user-ids", "matching", "-"]),
        ("refresh", &["--ca", pem_without_certificate, "-"]),
        ("verify", &[]),
        ("verify", &["no/such/file"]),
        ("verify", &["-", "no/such/file"]),
        ("verify", &["-", "-"]),
        ("verify", &["--cert", "-", "-"]),
        ("verify", &["--cert", "no/such/file", "-"]),
        ("verify", &["-o", "out", "-", "Cargo.toml"]),
        ("verify", &["-o", "no/such/directory/file", "-"]),
        ("verify", &["--sender", "nobody", "-"]),
        ("verify", &["--received", "yesterday", "-"]),
        ("verify", &["--freshness", "some", "-"]),
        ("verify", &["--max-age", "60", "-"]),
        ("verify", &["--cert", "Cargo.toml", "--max-age", "-1", "-"]),
        ("wkd_check", &[]),
        ("wkd_check", &["--ca", pem_without_certificate, a]),
        ("wkd_check", &["--method", "direct", a]),
        // The demonstration has a network of its own.
        ("locate", &["--vks", "https://vks.example"]),
        ("wkd_publish", &[]),
        ("wkd_publish", &["--domain", "example.org", "-"]),
        ("wkd_publish", &["--out", "out", "-"]),
        ("wkd_publish", &["--domain", "example.org", "--out", "out"]),
        (
            "wkd_publish",
            &["--domain", "exa_mple.org", "--out", "o", "-"],
        ),
        (
            "wkd_publish",
            &["--domain", "a.example", "--out", "o", "no/such/file"],
        ),
        (
            "wkd_publish",
            &[
                "--domain",
                "a.example",
                "--out",
                "o",
                "--method",
                "both",
                "-",
            ],
        ),
        (
            "wkd_publish",
            &["--domain", "a.example", "--out", "o", "--allow", "no", "-"],
        ),
        (
            "wkd_publish",
            &["--domain", &long_domain, "--out", "o", "-"],
        ),
    ];
    for (name, arguments) in table {
        let output = run(name, arguments);
        assert_eq!(status(&output), 2, "{name} {arguments:?}");
        assert_eq!(stdout(&output), "", "{name} {arguments:?}");
        assert!(!output.stderr.is_empty(), "{name} {arguments:?}");
    }
}

#[test]
fn options_that_are_right_are_taken() {
    for arguments in [
        &["--nameserver", "192.0.2.1"][..],
        &["--nameserver", "192.0.2.1:5353", "--nameserver", "::1"],
        &["--nameserver", "[2001:db8::1]"],
        &["--nameserver", "[2001:db8::1]:5353"],
        &["--vks-rate", "off"],
        &["--vks-rate", "50/0.0167"],
        &["--vks", "http://127.0.0.1:8080"],
        &["--timeout", "0.5", "-j", "1", "--allow-private-addresses"],
        &["--fallback", "lenient", "--user-ids", "all", "--no-wkd"],
        &["--no-vks"],
    ] {
        // Nothing is asked for: what stands there is no address.
        let output = run("locate", &[&["--json"], arguments, &["nobody"]].concat());
        assert_eq!(status(&output), 1, "{arguments:?}");
        assert_eq!(objects(&output).len(), 1, "{arguments:?}");
    }
}

#[test]
fn locate_answers_what_is_not_an_address() {
    let output = run("locate", &["--json", "nobody", "@example.org"]);
    assert_eq!(status(&output), 1);
    assert_eq!(stdout(&output).lines().count(), 2);
    for (line, text) in stdout(&output).lines().zip(["nobody", "@example.org"]) {
        assert_fields(line, &LOCATE_FIELDS);
        let object: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(object["address"], text);
        assert_eq!(object["outcome"], "invalid_address");
        assert_eq!(object["usable"], false);
        for field in ["source", "method", "url"] {
            assert_eq!(object[field], Value::Null, "{field}");
        }
        for field in ["certs", "rejected", "trail"] {
            assert_eq!(object[field], Value::Array(Vec::new()), "{field}");
        }
        assert!(object["error"].is_string());
    }
}

#[test]
fn locate_reads_lines() {
    // The ends of lines do not count; the third is no UTF-8, the last has no end.
    let input = b"first\r\n\r\n  \t\n\xff\xfe@example.org\n last";
    let output = run_with_input("locate", &["--json", "-"], input);
    assert_eq!(status(&output), 1);
    let addresses: Vec<Value> = objects(&output)
        .iter()
        .map(|object| object["address"].clone())
        .collect();
    assert_eq!(
        addresses,
        ["first", "\u{fffd}\u{fffd}@example.org", " last"]
    );
    let nothing = run_with_input("locate", &["--json", "-"], b"");
    assert_eq!((status(&nothing), stdout(&nothing)), (0, ""));
}

#[test]
fn nothing_steers_the_terminal() {
    // ESC, CSI as one character, a bidirectional override, a line separator.
    let hostile = "x\u{1b}[2J\u{9b}31m\u{202e}\u{2028}";
    for (name, form) in [
        ("wkd_url", None),
        ("wkd_url", Some("--json")),
        ("locate", None),
        ("locate", Some("--json")),
    ] {
        let arguments: Vec<&str> = form.into_iter().chain([hostile]).collect();
        let output = run(name, &arguments);
        assert_eq!(status(&output), 1, "{name} {form:?}");
        for c in ['\u{1b}', '\u{9b}', '\u{202e}', '\u{2028}'] {
            assert!(!stdout(&output).contains(c), "{name} {form:?} {c:?}");
        }
        if form.is_some() {
            assert_eq!(objects(&output)[0]["address"], hostile, "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_panic() {
    for (name, arguments) in [("wkd_url", ["a@example.org"]), ("locate", ["nobody"])] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = example(name)
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        assert_eq!(output.stderr, b"", "{name}");
        assert!(status(&output) < 2, "{name}");
    }
}

#[test]
fn cleaning_leaves_ordinary_text_alone() {
    for (text, cleaned) in [
        ("Zoë Müller <zoë@example.org>", None),
        ("愛 \u{1f600} ✔", None),
        ("a\tb\nc", Some(r"a\u{9}b\u{a}c")),
        ("\u{7f}\u{85}\u{9b}", Some(r"\u{7f}\u{85}\u{9b}")),
        ("\u{202e}gro.elpmaxe", Some(r"\u{202e}gro.elpmaxe")),
        ("\u{2066}\u{200f}\u{61c}", Some(r"\u{2066}\u{200f}\u{61c}")),
        ("\u{e0041}\u{feff}", Some(r"\u{e0041}\u{feff}")),
    ] {
        assert_eq!(sanitize::clean(text), cleaned.unwrap_or(text));
    }
}

#[test]
fn a_file_is_armored_unless_its_name_says_otherwise() {
    let directory = scratch("armor");
    let certs = [sample("alice"), sample("bob")];
    for (name, armored) in [
        ("out.asc", true),
        ("out", true),
        ("out.pgp", false),
        ("out.gpg", false),
    ] {
        let path = directory.join(name);
        let file = cert_file::CertFile::new(path.clone()).expect("it may be written");
        assert_eq!(file.path(), path);
        // Twice: the second time there is a file to replace.
        file.write(&certs[..1], None).expect("written");
        file.write(&certs, None).expect("written");
        let content = fs::read(&path).expect("a file");
        let blocks = count(&content, b"-----BEGIN PGP PUBLIC KEY BLOCK-----");
        assert_eq!(blocks, if armored { 2 } else { 0 }, "{name}");
        assert_eq!(count(&content, b"PRIVATE"), 0);
        if !armored {
            let read: Vec<Cert> = CertParser::from_bytes(&content)
                .expect("packets")
                .collect::<Result<_, _>>()
                .expect("certificates");
            assert_eq!(read.len(), 2);
            assert!(read.iter().all(|cert| !cert.is_tsk()));
        }
    }
    assert_eq!(unfinished(&directory), Vec::<PathBuf>::new());
}

#[test]
fn secret_keys_are_never_replaced() {
    let directory = scratch("secret");
    let (alice, bob) = (sample("alice"), sample("bob"));
    let secret_armored = bob.as_tsk().armored().to_vec().expect("octets");
    let public_armored = alice.armored().to_vec().expect("octets");
    // The block's first line lies across the pieces in which a file is read.
    let far = |secret: &[u8]| [vec![b'x'; (1 << 16) - 8], b"\n".to_vec(), secret.to_vec()].concat();
    let table = [
        ("binary", bob.as_tsk().to_vec().expect("octets")),
        ("far behind", far(&secret_armored)),
        ("armored", secret_armored.clone()),
        (
            "second block",
            [public_armored.clone(), secret_armored.clone()].concat(),
        ),
        (
            "second of a binary keyring",
            [
                alice.to_vec().expect("octets"),
                bob.as_tsk().to_vec().expect("octets"),
            ]
            .concat(),
        ),
        (
            "in a text",
            [b"Dear Bob,\n\n".to_vec(), secret_armored].concat(),
        ),
    ];
    for (name, content) in table {
        let path = directory.join(name);
        // Put there after the first check: the second one still sees it.
        let file = cert_file::CertFile::new(path.clone()).expect("nothing is there");
        fs::write(&path, &content).expect("it can be written");
        assert!(file.write(&[sample("carol")], None).is_err(), "{name}");
        assert!(cert_file::CertFile::new(path.clone()).is_err(), "{name}");
        assert!(fs::read(&path).expect("a file") == content, "{name}");
    }
    for (name, content) in [
        ("public", public_armored),
        ("begun", b"-----BEGIN PGP ".to_vec()),
        ("empty", Vec::new()),
    ] {
        let path = directory.join(name);
        fs::write(&path, content).expect("it can be written");
        let holds = output::holds_secret_keys(&path).expect("it can be read");
        assert!(!holds, "{name}");
    }
    assert!(cert_file::CertFile::new(directory).is_err());
}

#[cfg(unix)]
#[test]
fn a_link_and_the_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let directory = scratch("link");
    let (real, link) = (directory.join("real.pgp"), directory.join("link.pgp"));
    fs::write(&real, "").expect("it can be written");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("it can be set");
    symlink(&real, &link).expect("a link");
    let file = cert_file::CertFile::new(link.clone()).expect("it may be written");
    file.write(&[sample("alice")], None).expect("written");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    let metadata = fs::metadata(&real).expect("a file");
    assert!(metadata.len() > 100);
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
}

fn sample(name: &str) -> Cert {
    let (cert, _) = CertBuilder::general_purpose(Some(format!("<{name}@example.org>")))
        .generate()
        .expect("a certificate");
    assert!(cert.is_tsk());
    cert
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn days_ago(days: u32) -> SystemTime {
    SystemTime::now() - DAY * days
}

/// A certificate of a month ago, with its secret keys.
fn cert(name: &str) -> Cert {
    let user_id = format!("{name} <{name}@example.org>");
    Recipe::new(&[&user_id]).created(days_ago(30)).make().cert
}

/// With the testbed's key server, as often as one likes.
fn arguments(testbed: &Testbed, more: &[&str]) -> Vec<String> {
    let vks = testbed.vks_url().to_string();
    ["--vks", &vks, "--vks-rate", "off"]
        .into_iter()
        .chain(more.iter().copied())
        .map(str::to_owned)
        .collect()
}

/// An empty directory for one test.
fn scratch(name: &str) -> PathBuf {
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}-{}", std::process::id()));
    // Left behind by a program with the same number.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// As gpg writes a revocation.
fn armored_packet(packet: openpgp_discovery::openpgp::Packet) -> Vec<u8> {
    use openpgp_discovery::openpgp::armor::{Kind, Writer};

    let mut writer = Writer::new(Vec::new(), Kind::PublicKey).expect("memory");
    let octets = packet.to_vec().expect("octets");
    writer.write_all(&octets).expect("memory");
    writer.finalize().expect("memory")
}

fn count(content: &[u8], what: &[u8]) -> usize {
    content
        .windows(what.len())
        .filter(|window| *window == what)
        .count()
}

/// Runs beside the servers that live in this process.
async fn run_beside(name: &'static str, arguments: Vec<String>, input: Vec<u8>) -> Output {
    let work = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run_with_input(name, &arguments, &input)
    };
    let running = tokio::task::spawn_blocking(work);
    running.await.expect("no panic")
}

/// As Ctrl-C does.
#[cfg(unix)]
fn interrupt(child: &std::process::Child) {
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
}

/// The files in a directory that were begun and not finished.
fn unfinished(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tmp"))
        .collect()
}

#[test]
fn times_are_read_and_written() {
    use std::time::UNIX_EPOCH;

    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (86_399, "1970-01-01T23:59:59Z"),
        (31_535_999, "1970-12-31T23:59:59Z"),
        (68_169_600, "1972-02-29T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (u64::from(u32::MAX), "2106-02-07T06:28:15Z"),
    ] {
        assert_eq!(calendar::format(at(seconds)), text);
        assert_eq!(moment::parse(text), Ok(at(seconds)));
    }
    for (text, seconds) in [
        ("1970-01-01t00:00:01z", Some(1)),
        ("1970-01-01 01:00:00+01:00", Some(0)),
        ("1969-12-31T23:00:00-01:00", None),
        ("1970-01-01T23:30:00-00:45", Some(87_300)),
        ("1970-01-01T00:00:00+00:01", None),
        ("1990-12-31T23:59:60Z", Some(662_688_000)),
        ("1970-02-29T00:00:00Z", None),
        ("2100-02-29T00:00:00Z", None),
        ("1970-13-01T00:00:00Z", None),
        ("1970-00-01T00:00:00Z", None),
        ("1970-01-00T00:00:00Z", None),
        ("1970-01-01T24:00:00Z", None),
        ("1970-01-01T00:60:00Z", None),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01T00:00:00.Z", None),
        ("1970-01-01T00:00:00.5", None),
        ("1970-01-01T00:00:00+1:00", None),
        ("+970-01-01T00:00:00Z", None),
        ("1970-01-01-T00:00:00Z", None),
        ("1970-01-01T00:00:00Z ", None),
        ("1970-01-01", None),
        ("19é0-01-01T00:00:00Z", None),
        ("", None),
    ] {
        assert_eq!(moment::parse(text).ok(), seconds.map(at), "{text}");
    }
    let half = moment::parse("1970-01-01T00:00:00.5Z").expect("a time");
    assert_eq!(half, UNIX_EPOCH + Duration::from_millis(500));
}

/// A network for the programs: the testbed's, by the options alone.
#[tokio::test(flavor = "multi_thread")]
async fn locate_asks_the_network_that_it_is_told() {
    use crate::alice;
    use testbed::{Answer, certs};

    let testbed = Testbed::start().await;
    let sample = certs::cert(&["Alice <alice@example.org>", "Alice <alice@home.example>"]);
    testbed.vks().confirm(&alice(), &sample.cert);
    let broken = "broken@example.org".parse().expect("an address");
    testbed.vks().plant(&broken, Answer::status(503));
    let file = scratch("network").join("found.pgp");
    let (nameserver, vks) = (
        testbed.dns_addr().to_string(),
        testbed.vks_url().to_string(),
    );
    let arguments = ["--json", "--nameserver", &nameserver, "--vks", &vks, "-o"]
        .into_iter()
        .chain([file.to_str().expect("UTF-8")])
        .chain([
            "Alice@Example.ORG",
            "nobody@example.org",
            "broken@example.org",
            "alice",
        ])
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let output = run_beside("locate", arguments, Vec::new()).await;
    assert_eq!(status(&output), 3, "could not tell wins");

    let objects = objects(&output);
    let of = |address: &str| {
        let mut objects = objects.iter();
        objects
            .find(|object| object["address"] == address)
            .expect(address)
    };
    assert_eq!(objects.len(), 4);
    let found = of("Alice@Example.ORG");
    assert_eq!(found["outcome"], "found");
    assert_eq!(found["usable"], true);
    assert_eq!(
        (&found["source"], &found["method"]),
        (&"vks".into(), &Value::Null)
    );
    assert_eq!(
        found["certs"][0]["fingerprint"],
        sample.cert.fingerprint().to_hex()
    );
    assert_eq!(
        found["certs"][0]["user_ids"],
        serde_json::json!(["Alice <alice@example.org>"])
    );
    let steps: Vec<_> = found["trail"].as_array().expect("a list").iter().collect();
    let steps: Vec<_> = steps
        .iter()
        .map(|s| (s["step"].as_str(), s["outcome"].as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            (Some("dns"), Some("no_address")),
            (Some("dns"), Some("no_address")),
            (Some("vks"), Some("found"))
        ]
    );
    assert_eq!(of("nobody@example.org")["outcome"], "not_found");
    let failed = of("broken@example.org");
    assert_eq!(failed["outcome"], "failed");
    assert_eq!(failed["trail"][2]["outcome"], "http_failure");
    assert!(
        failed["error"]
            .as_str()
            .expect("a sentence")
            .contains("503")
    );
    assert_eq!(of("alice")["outcome"], "invalid_address");
    let written = fs::read(file).expect("written");
    let written = Cert::from_bytes(&written).expect("a certificate");
    assert_eq!(written.fingerprint(), sample.cert.fingerprint());
}
