//! Writing on a real disk.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Os};
use super::{Writer, Written};
use crate::ErrorKind;
use crate::wkd::Layout;

mod fault;

const SAME: &str = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";
const CHANGED: &str = "jycbiujnsxs47xrkethgtj69xuunurok";
const NEW: &str = "kei1q4tipxxu1yj79k9kfukdhfy631xe";
const STALE: &str = "hu1h6jymk3xz4kss5zgbt4rn95jm8oj4";

/// A directory of one test, which goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("openpgp-discovery-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Left behind by a program with the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All files below a directory: path and content. Of a link, where it leads.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").to_str();
            let name = name.expect("UTF-8").to_owned();
            if let Ok(target) = fs::read_link(&path) {
                let target = target.to_str().expect("UTF-8");
                found.insert(name, format!("-> {target}").into_bytes());
            } else if path.is_dir() {
                todo.push(path);
            } else {
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

fn plant(root: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, content) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, content).expect("a file");
    }
}

fn tree(files: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    let owned = |(path, content): &(&str, &[u8])| ((*path).to_owned(), content.to_vec());
    files.iter().map(owned).collect()
}

/// These files, whose paths are for the layout.
fn write(
    writer: &Writer,
    disk: &impl Disk,
    plan: &BTreeMap<String, Vec<u8>>,
) -> Result<Written, crate::Error> {
    let files: Vec<(String, &[u8])> = plan
        .iter()
        .map(|(path, content)| (path.clone(), content.as_slice()))
        .collect();
    let home = match writer.layout {
        Layout::Advanced => "example.org",
        Layout::Direct => "",
    };
    writer.write_to(disk, home, &files)
}

fn below(home: &str, name: &str) -> String {
    [home, name].concat()
}

fn hu(home: &str, hash: &str) -> String {
    [home, "hu/", hash].concat()
}

/// What is there, what is planned, and what is nobody's business here.
struct Case {
    before: BTreeMap<String, Vec<u8>>,
    plan: BTreeMap<String, Vec<u8>>,
    foreign: BTreeMap<String, Vec<u8>>,
}

fn case(layout: Layout) -> Case {
    let home = match layout {
        Layout::Advanced => "example.org/",
        Layout::Direct => "",
    };
    Case {
        before: tree(&[
            (&hu(home, SAME), &[1; 3000]),
            (&hu(home, CHANGED), &[2; 5000]),
            (&hu(home, STALE), b"stale"),
            (&hu(home, &format!(".{STALE}.1-0.tmp")), b"sta"),
            (&below(home, ".policy.99999999-0.tmp"), b""),
        ]),
        plan: tree(&[
            (&hu(home, SAME), &[1; 3000]),
            (&hu(home, CHANGED), &[3; 4000]),
            (&hu(home, NEW), &[4; 9000]),
            (&below(home, "policy"), b"# made\n"),
        ]),
        foreign: tree(&[
            ("example.net/policy", b""),
            (&format!("example.net/hu/{STALE}"), b"another tenant's"),
            ("example.net/hu/.policy.1-0.tmp", b"another tenant's"),
            (&hu(home, "index.html"), b"no list here"),
            (&hu(home, &STALE.to_uppercase()), b"another name"),
            (&hu(home, ".htaccess"), b"settings"),
            (&hu(home, ".policy.1-0.tmp"), b"not of this directory"),
            (&below(home, &format!(".{STALE}.1-0.tmp")), b"nor this"),
            (&below(home, STALE), b"nor this"),
            (&below(home, "submission-address"), b"a@example.org"),
        ]),
    }
}

#[test]
fn each_file_is_written_once_and_nothing_else_is_touched() {
    for layout in [Layout::Advanced, Layout::Direct] {
        let scratch = Scratch::new(&format!("write-{layout}"));
        // Made with its parents.
        let root = scratch.0.join("srv/openpgpkey");
        let case = case(layout);
        plant(&root, &case.before);
        plant(&root, &case.foreign);
        let there = contents(&root);
        let writer = Writer::new(layout, &root);
        let paths = |filter: &dyn Fn(&str) -> bool, of: &BTreeMap<String, Vec<u8>>| {
            let paths = of.keys().filter(|path| filter(path));
            paths.cloned().collect::<Vec<_>>()
        };

        let said = write(&writer.clone().dry_run(true), &Os, &case.plan).expect("looked at");
        assert_eq!(contents(&root), there, "{layout}: a dry run");
        let age = |path: &str| {
            let metadata = fs::metadata(root.join(path)).expect("a file");
            metadata.modified().expect("a time")
        };
        let same = paths(&|path| path.ends_with(SAME), &case.plan);
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 << 30);
        let file = File::options().write(true).open(root.join(&same[0]));
        file.and_then(|file| file.set_modified(long_ago))
            .expect("a date");

        let written = write(&writer, &Os, &case.plan).expect("written");
        assert_eq!(written, said);
        let mut all: Vec<_> = written.written().to_vec();
        assert!(all[0].ends_with("policy"), "it comes first: {all:?}");
        all.sort();
        assert_eq!(all, paths(&|path| !path.ends_with(SAME), &case.plan));
        assert_eq!(written.unchanged(), same);
        assert_eq!(age(&same[0]), long_ago);
        assert!(written.removed().is_empty());
        assert_eq!(written.stale().len(), 3, "{written:?}");
        let mut expected = case.foreign.clone();
        expected.extend(case.before.clone());
        expected.extend(case.plan.clone());
        assert_eq!(contents(&root), expected, "{layout}");

        let removed = write(&writer.remove_stale(true), &Os, &case.plan).expect("written");
        assert!(removed.written().is_empty());
        assert_eq!(removed.unchanged().len(), 4);
        assert_eq!(removed.removed(), written.stale());
        assert!(removed.stale().is_empty());
        let mut expected = case.foreign;
        expected.extend(case.plan);
        assert_eq!(contents(&root), expected, "{layout}");
    }
}

#[test]
fn a_domain_of_which_nothing_is_left_keeps_its_policy() {
    let scratch = Scratch::new("write-empty");
    let plan = tree(&[("policy", b"")]);
    let hash = hu("", STALE);
    plant(&scratch.0, &tree(&[(&hash, b"stale")]));
    let writer = Writer::new(Layout::Direct, &scratch.0).remove_stale(true);
    let written = write(&writer, &Os, &plan).expect("written");
    assert_eq!(written.removed(), [hash]);
    assert_eq!(contents(&scratch.0), plan);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new("write-links");
    let (root, outside) = (scratch.0.join("root"), scratch.0.join("outside"));
    let case = case(Layout::Advanced);
    let writer = Writer::new(Layout::Advanced, &root).remove_stale(true);
    plant(&outside, &tree(&[("file", b"mine"), (STALE, b"mine")]));
    let untouched = contents(&outside);

    // In the place of a directory.
    for (link, directory) in [
        ("example.org", None),
        ("example.org/hu", Some("example.org")),
    ] {
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join(directory.unwrap_or(""))).expect("a directory");
        symlink(&outside, root.join(link)).expect("a link");
        for writer in [writer.clone(), writer.clone().dry_run(true)] {
            let error = write(&writer, &Os, &case.plan).expect_err("a link");
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().contains(link), "{error}");
        }
        assert_eq!(contents(&outside), untouched, "{link}");
        assert_eq!(contents(&root).len(), 1, "{link}: nothing is written");
    }

    // In the place of a file: replaced. An alias that somebody made stays.
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("example.org/hu")).expect("a directory");
    symlink(outside.join("file"), root.join(hu("example.org/", NEW))).expect("a link");
    symlink(NEW, root.join(hu("example.org/", STALE))).expect("a link");
    symlink("nowhere", root.join("example.org/policy")).expect("a link");
    let written = write(&writer, &Os, &case.plan).expect("written");
    assert_eq!(written.written().len(), 4);
    let mut expected = case.plan.clone();
    expected.insert(hu("example.org/", STALE), format!("-> {NEW}").into_bytes());
    assert_eq!(contents(&root), expected);
    assert_eq!(contents(&outside), untouched);

    // The root itself is the caller's.
    let link = scratch.0.join("link");
    symlink(&root, &link).expect("a link");
    let written = write(&Writer::new(Layout::Advanced, &link), &Os, &case.plan);
    assert_eq!(written.expect("written").unchanged().len(), 4);
}

#[test]
fn what_is_in_the_way_is_told_before_anything_is_changed() {
    let hash = hu("example.org/", NEW);
    for (planted, named) in [
        ("example.org", "example.org"),
        ("example.org/hu", "example.org/hu"),
        (&*format!("{hash}/file"), &*hash),
    ] {
        let scratch = Scratch::new("write-way");
        plant(&scratch.0, &tree(&[(planted, b"in the way")]));
        let writer = Writer::new(Layout::Advanced, &scratch.0);
        let plan = case(Layout::Advanced).plan;
        let error = write(&writer, &Os, &plan).expect_err("in the way");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(contents(&scratch.0).len(), 1, "{planted}");
    }
    let scratch = Scratch::new("write-root");
    plant(&scratch.0, &tree(&[("root", b"a file")]));
    let writer = Writer::new(Layout::Direct, scratch.0.join("root"));
    let error = write(&writer, &Os, &case(Layout::Direct).plan).expect_err("no directory");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.source().is_some());
}

#[cfg(unix)]
#[test]
fn the_web_server_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let scratch = Scratch::new("write-modes");
    let root = scratch.0.join("root");
    let plan = case(Layout::Advanced).plan;
    write(&Writer::new(Layout::Advanced, &root), &Os, &plan).expect("written");
    // What the umask of this process leaves of it.
    let probe = scratch.0.join("probe");
    fs::write(&probe, b"").expect("a file");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    let umask = 0o666 & !mode(&probe);
    for path in plan.keys() {
        assert_eq!(mode(&root.join(path)), 0o644 & !umask, "{path}");
    }
    for path in ["", "example.org", "example.org/hu"] {
        assert_eq!(mode(&root.join(path)) & 0o044, 0o044 & !umask, "{path}");
    }
}
