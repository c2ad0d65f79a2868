//! A directory that wants the check to go wrong.

use std::time::{Duration, Instant};

use super::*;

/// What a finding may have, and what a report.
const LONGEST: usize = 1000;
const MOST: usize = 80;

fn assert_sane(report: &Report, what: &str) {
    assert!(report.findings().len() <= MOST, "{what}");
    for finding in report.findings() {
        for text in [finding.detail(), finding.remedy().unwrap_or_default()] {
            assert!(
                text.len() <= LONGEST,
                "{what}: {} {}",
                finding.check(),
                text.len()
            );
            let is_bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
            assert!(!text.contains(is_bad), "{what}: {text:?}");
        }
    }
}

#[tokio::test]
async fn hostile_answers_make_no_hostile_report() {
    let escape = "\u{1b}]0;x\u{7}\u{202e}\u{9b}31m\r";
    let long = "a".repeat(60_000);
    let page = format!("{escape}\n").repeat(10_000);
    let policy = format!("submission-address: {escape}@x\n{long}: {escape}\n").repeat(3);
    let listing = "<a href=\"iy9q119eutrkn8s1mk4r39qejnbu3n5q\">x</a>\n".repeat(10_000);
    let mut hostile = vec![
        ("page", Answer::ok(&page)),
        ("policy", Answer::ok(&policy)),
        ("listing", Answer::ok(&listing)),
        (
            "label",
            Answer::ok("x").header("content-type", &"t/".repeat(4000)),
        ),
        (
            "bidi",
            Answer::ok("x").header("content-encoding", "\u{202e}\u{9b}31m"),
        ),
        (
            "origin",
            Answer::ok("x").header("access-control-allow-origin", "\u{202e}x\u{85}"),
        ),
    ];
    for to in [
        format!("https://{}.example/", "a.".repeat(3000)),
        format!("https://example.org:444/{long}"),
        format!("https://10.0.0.1/{}", &long[..8000]),
        format!("https://localhost/{}", &long[..8000]),
        format!("https://user:{}@example.org/", &long[..8000]),
        format!("https://\u{202e}/{}", &long[..800]),
        format!("gopher://x/{}", &long[..8000]),
        "https://[::ffff:10.0.0.1]/".to_owned(),
        "https://[64:ff9b::10.0.0.1]/".to_owned(),
        "//127.0.0.1/".to_owned(),
        "https://0x7f.1/".to_owned(),
        "http://example.org/".to_owned(),
    ] {
        hostile.push(("redirect", Answer::redirect(302, &to)));
    }
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Advanced, "example.org");
    let locator = locator(&t);
    let paths = ["policy", "hu/", "submission-address"].map(|name| site.file(name));
    for (what, answer) in hostile {
        for path in &paths {
            t.host(&site.host).serve(path, answer.clone());
        }
        site.answer(&t, answer.clone());
        for subject in ["alice@example.org", "example.org"] {
            assert_sane(&check(&locator, subject).await, what);
        }
        t.host(&site.host).serve_all(answer.clone());
        assert_sane(&check(&locator, "alice@example.org").await, what);
        t.host(&site.host).serve_all(Answer::status(404));
    }
}

#[tokio::test]
async fn the_deadline_holds_whatever_is_slow() {
    const DEADLINE: Duration = Duration::from_millis(1500);
    let slow = || {
        [
            Answer::endless(vec![b'a'; 100_000]),
            Answer::drip(vec![b'a'; 100_000]),
            Answer::stall("x"),
            Answer::silent(),
        ]
    };
    let t = Testbed::start().await;
    let site = Site::perfect(&t, Layout::Advanced, "example.org");
    let locator = t.locator().deadline(DEADLINE).build().expect("a locator");
    let paths = ["policy", "hu/", "submission-address"].map(|name| site.file(name));
    for entry in [true, false] {
        for answer in slow() {
            for path in &paths {
                t.host(&site.host).serve(path, answer.clone());
            }
            if entry {
                site.answer(&t, answer.clone());
            }
            t.host(&site.host).answer_head(answer);
            let start = Instant::now();
            let report = check(&locator, "alice@example.org").await;
            let took = start.elapsed();
            assert!(took < DEADLINE + Duration::from_millis(700), "{took:?}");
            assert_sane(&report, "slow");
        }
        site.publish(&t, site.sample.binary());
    }
}
