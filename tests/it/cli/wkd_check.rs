//! `wkd_check` on the command line. Its hosts would have to be on port 443, so most of
//! them cannot be reached; what it finds where they can is tested over the library.

use testbed::{Testbed, Trouble};

use super::*;

const FIELDS: [&str; 6] = ["subject", "method", "check", "level", "detail", "remedy"];

/// Runs it in the testbed's DNS.
async fn check(t: &Testbed, arguments: &[&str]) -> Output {
    let nameserver = t.dns_addr().to_string();
    // One for each test: they run side by side.
    let ca = scratch(&format!("wkd-check-{}", t.dns_addr().port())).join("ca.pem");
    fs::write(&ca, t.ca_pem()).expect("it can be written");
    let mut command = example("wkd_check");
    command
        .args(["--nameserver", &nameserver, "--timeout", "15"])
        .arg("--ca")
        .arg(ca)
        .args(arguments);
    tokio::task::spawn_blocking(move || command.output().expect("it runs"))
        .await
        .expect("no panic")
}

fn errors(output: &Output) -> Vec<(String, String)> {
    let text = |object: &Value, field: &str| object[field].as_str().expect("a text").to_owned();
    objects(output)
        .iter()
        .filter(|object| object["level"] == "error")
        .map(|object| (text(object, "subject"), text(object, "check")))
        .collect()
}

#[tokio::test]
async fn wkd_check_prints_a_json_object_for_each_finding() {
    let t = Testbed::start().await;
    t.name("openpgpkey.failing.example")
        .trouble(Trouble::ServFail);
    t.name("inner.example").address([10, 0, 0, 1]);
    let subjects = [
        "alice@failing.example",
        "Inner.Example",
        "alice@nowhere.example",
        "printer.local",
        "no address",
    ];
    let output = check(&t, &[&["--json"][..], &subjects].concat()).await;
    assert_eq!(status(&output), 1);
    for line in stdout(&output).lines() {
        assert_fields(line, &FIELDS);
    }
    let expected = [
        ("alice@failing.example", "dns"),
        ("Inner.Example", "address_guard"),
        ("alice@nowhere.example", "dns"),
        ("printer.local", "address_guard"),
        ("no address", "other"),
    ];
    let expected = expected.map(|(subject, check)| (subject.to_owned(), check.to_owned()));
    assert_eq!(errors(&output), expected, "{}", stdout(&output));
    for object in objects(&output) {
        let level = object["level"].as_str().expect("a text");
        assert!(
            ["ok", "info", "warning", "error"].contains(&level),
            "{object}"
        );
        let method = &object["method"];
        assert!(
            method.is_null() || method == "advanced" || method == "direct",
            "{object}"
        );
        let is_bad = ["warning", "error"].contains(&level);
        assert_eq!(object["remedy"].is_string(), is_bad, "{object}");
    }
}

#[tokio::test]
async fn wkd_check_says_what_cannot_be_reached() {
    let t = Testbed::start().await;
    // Nothing listens there.
    t.name("closed.example").address([127, 255, 255, 254]);
    let arguments = [
        "--json",
        "--allow-private-addresses",
        "alice@closed.example",
    ];
    let output = check(&t, &arguments).await;
    assert_eq!(status(&output), 1);
    let expected = ("alice@closed.example".to_owned(), "connection".to_owned());
    assert_eq!(errors(&output), [expected], "{}", stdout(&output));
}

#[tokio::test]
async fn wkd_check_reports_to_people() {
    let t = Testbed::start().await;
    t.name("inner.example").address([10, 0, 0, 1]);
    let subjects = ["alice@inner.example", "nowhere.example", "two words"];
    let output = check(&t, &[&["-v"][..], &subjects].concat()).await;
    assert_eq!(status(&output), 1);
    let text = stdout(&output);
    for expected in [
        "✘ alice@inner.example  1 error",
        "✘ address_guard ",
        "→ ",
        "✘ nowhere.example  1 error",
        "✘ two words  neither an address nor a domain",
        "mend what is marked ✘ first",
        "3 checked: 0 right, 0 with warnings, 3 with errors",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("10.0.0.1"), "{text}");
    let trail = String::from_utf8_lossy(&output.stderr);
    assert!(
        trail.contains("DNS openpgpkey.inner.example: no address"),
        "{trail}"
    );
}

#[test]
fn wkd_check_tells_what_it_prints_and_how_it_ends() {
    let output = example("wkd_check")
        .arg("--help")
        .output()
        .expect("it runs");
    let text = stdout(&output);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("JSON Lines: one object per finding"),
        "{text}"
    );
    assert!(!text.contains("one object per item"), "{text}");
    for end in [
        "0 no finding",
        "1 at least one",
        "neither an address",
        "2 usage",
        "3 ",
        "130 ",
    ] {
        assert!(text.contains(end), "{end}: {text}");
    }
}
