//! SECURITY.md keeps its word: the tests it names exist, the limits are all there.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The cells of the table rows below this heading, without the tables' heads.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let text = read("SECURITY.md");
    let (_, below) = text
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = below.split("\n## ").next().unwrap_or_default();
    let lines: Vec<&str> = section.lines().collect();
    let is_rule = |line: &str| line.starts_with("| -");
    let mut rows = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let is_head = lines.get(n + 1).is_some_and(|next| is_rule(next));
        if line.starts_with('|') && !is_rule(line) && !is_head {
            let cells = line.trim_matches('|').split(" | ");
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    assert!(!rows.is_empty(), "no table below {heading:?}");
    rows
}

/// What stands in code font.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// All test functions of the workspace: a name, and the file of each that has it.
fn tests_of(directory: &Path, names: &mut HashMap<String, Vec<PathBuf>>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                tests_of(&path, names);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let mut lines = text.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if !line.starts_with("#[test]") && !line.starts_with("#[tokio::test") {
                    continue;
                }
                // Other attributes and comments may stand between the two.
                let head = lines
                    .by_ref()
                    .find_map(|line| line.split_once("fn "))
                    .and_then(|(_, rest)| rest.split_once('('));
                if let Some((name, _)) = head {
                    names.entry(name.to_owned()).or_default().push(path.clone());
                }
            }
        }
    }
}

/// A test by its name alone, where only one has it, or as `file.rs::name`.
#[test]
fn every_row_names_tests_that_exist() {
    let mut names = HashMap::new();
    for directory in ["src", "tests"] {
        tests_of(&Path::new(ROOT).join(directory), &mut names);
    }
    let rows = rows("Threats");
    assert!(rows.len() > 40, "{} rows", rows.len());
    for row in rows {
        let [what, does, shown] = &row[..] else {
            panic!("three cells: {row:?}");
        };
        assert!(!what.is_empty() && !does.is_empty(), "{row:?}");
        let shown = code(shown);
        assert!(!shown.is_empty(), "{what}: no test is named");
        for test in shown {
            let (file, name) = test.rsplit_once("::").unwrap_or(("", test));
            let mut places = names.get(name).cloned().unwrap_or_default();
            places.retain(|place| file.is_empty() || place.ends_with(file));
            assert!(!places.is_empty(), "{what}: there is no test {test}");
            assert!(places.len() == 1, "{what}: which {test}? {places:?}");
        }
    }
}

/// The public functions of this file that take `self` and hand back `Self`.
fn setters(file: &str) -> Vec<String> {
    let text = read(file).replace("\n        ", " ");
    let heads = text.split("pub fn ").skip(1);
    heads
        .filter_map(|head| {
            let (signature, _) = head.split_once(" {\n").or_else(|| head.split_once(" { "))?;
            let (name, rest) = signature.split_once('(')?;
            let takes = rest.trim_start().starts_with("mut self");
            takes.then(|| name.split('<').next().unwrap_or(name).to_owned())
        })
        .collect()
}

#[test]
fn every_limit_is_there_with_its_setter() {
    let rows = rows("Limits");
    for row in &rows {
        assert_eq!(row.len(), 4, "what, default, why, setter: {row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
    let named: HashSet<&str> = rows.iter().flat_map(|row| code(&row[3])).collect();
    let limits = read("src/filter/limits.rs");
    let (_, fields) = limits
        .split_once("pub struct Limits {")
        .expect("the limits");
    let (fields, _) = fields.split_once("\n}").expect("their end");
    let fields = fields
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub "))
        .filter_map(|field| field.split_once(':'))
        .map(|(name, _)| format!("Limits::{name}"));
    let fields: Vec<String> = fields.collect();
    assert!(fields.len() >= 12, "{fields:?}");
    for field in fields {
        assert!(named.contains(&field[..]), "{field}");
    }
    // Options that set no limit: where to ask, how to judge, what to tell.
    let others = [
        "vks",
        "no_vks",
        "no_wkd",
        "user_ids",
        "policy",
        "time",
        "refresh_user_ids",
        "nameservers",
        "resolver",
        "transport",
        "trust_anchor",
        "trust_anchors_pem",
        "user_agent",
        "on_event",
        "log_addresses",
        "build",
        "cert",
        "certs",
        "sender",
        "received",
        "refreshed",
        "required",
    ];
    for (file, owner) in [
        ("src/builder.rs", "KeyLocatorBuilder"),
        ("src/verify.rs", "Verify"),
    ] {
        let setters = setters(file);
        assert!(setters.len() > 5, "{file}: {setters:?}");
        for setter in setters {
            let setter = &setter[..];
            assert!(
                others.contains(&setter) || named.contains(&format!("{owner}::{setter}")[..]),
                "{file}: {setter}"
            );
        }
    }
}
