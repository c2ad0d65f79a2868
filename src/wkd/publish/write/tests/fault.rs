//! Writing on a disk that fails at each of its steps.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::super::Writer;
use super::super::disk::{Disk, Kind, Os};
use super::{CHANGED, Scratch, case, contents, hu, plant, write};
use crate::ErrorKind;
use crate::wkd::Layout;

/// What happens at one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The process is killed: nothing is done after it.
    Kill,
    /// The step fails, as on a full disk, and the next ones do not.
    Fail,
}

/// A real disk, until one step is reached.
struct Faulty {
    fault: Fault,
    /// How many steps from now.
    left: Cell<u64>,
    happened: Cell<bool>,
}

impl Faulty {
    fn new(fault: Fault, at: u64) -> Self {
        Self {
            fault,
            left: Cell::new(at),
            happened: Cell::new(false),
        }
    }

    /// Whether the step is taken.
    fn step(&self) -> io::Result<Os> {
        let is_now = self.left.get() == 0 && !self.happened.get();
        let is_dead = self.happened.get() && self.fault == Fault::Kill;
        self.left.set(self.left.get().saturating_sub(1));
        self.happened.set(self.happened.get() || is_now);
        match is_now || is_dead {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(Os),
        }
    }
}

impl Disk for Faulty {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        self.step()?.kind(path)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.step()?.read(path)
    }
    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.step()?.names(directory)
    }
    fn make_directory(&self, path: &Path, with_parents: bool) -> io::Result<()> {
        self.step()?.make_directory(path, with_parents)
    }
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step()?.create(path)
    }
    fn fill(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self.step() {
            Ok(os) => os.fill(file, bytes),
            Err(error) => {
                // Not one octet more comes to the disk.
                file.write_all(&bytes[..bytes.len() / 2])?;
                Err(error)
            }
        }
    }
    fn sync(&self, _: &File) -> io::Result<()> {
        // A killed process loses nothing that it has written, and this takes long.
        self.step().map(|_| ())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?.remove(path)
    }
    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        self.step().map(|_| ())
    }
}

#[test]
fn killed_at_any_step_every_file_is_whole_and_the_next_run_completes() {
    for layout in [Layout::Advanced, Layout::Direct] {
        for is_new in [false, true] {
            for fault in [Fault::Kill, Fault::Fail] {
                walk(layout, is_new, fault);
            }
        }
    }
}

/// Lets the writer come to harm at its first step, its second, and so on, until it does
/// not any more.
fn walk(layout: Layout, is_new: bool, fault: Fault) {
    let mut case = case(layout);
    if is_new {
        case.before.clear();
        case.foreign.clear();
    }
    let mut finished = case.foreign.clone();
    finished.extend(case.plan.clone());
    let (mut steps, mut torn) = (0, 0);
    loop {
        let name = format!("write-fault-{layout}-{is_new}-{fault:?}");
        let scratch = Scratch::new(&name);
        let root = scratch.0.join("root");
        plant(&root, &case.before);
        plant(&root, &case.foreign);
        let disk = Faulty::new(fault, steps);
        let writer = Writer::new(layout, &root).remove_stale(true);
        let result = write(&writer, &disk, &case.plan);
        let place = format!("{name}, step {steps}: {result:?}");
        if !disk.happened.get() {
            assert!(result.is_ok(), "{place}");
            break;
        }
        let after = contents(&root);
        for (path, content) in &after {
            let is_old = case.before.get(path) == Some(content);
            let is_planned = case.plan.get(path) == Some(content);
            let is_foreign = case.foreign.get(path) == Some(content);
            let name = path.rsplit('/').next().expect("a name");
            let is_temporary = name.starts_with('.');
            let is_left_over = is_temporary && fault == Fault::Kill;
            torn += u32::from(is_left_over && !is_old && !is_foreign);
            let is_whole = is_old || is_planned || is_foreign;
            assert!(is_whole || is_left_over, "{path}: {place}");
        }
        assert!(case.foreign.keys().all(|path| after.contains_key(path)));
        let is_complete = case.plan.iter().all(|(path, c)| after.get(path) == Some(c));
        let has_lost = case.before.keys().any(|path| !after.contains_key(path));
        assert!(is_complete || !has_lost, "new ones first: {place}");
        // To be unable to read an old file is the one fault that does no harm.
        assert!(result.is_err() || is_complete, "{place}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(!error.to_string().contains('@'), "{error}");
        }

        let whole = Faulty::new(fault, u64::MAX);
        let again = write(&writer, &whole, &case.plan).expect("nothing is in the way");
        assert_eq!(contents(&root), finished, "{place}: {again:?}");
        steps += 1;
    }
    assert!(steps > 25, "{steps}");
    assert_eq!(torn > 0, fault == Fault::Kill, "halves of files are seen");
}

#[test]
fn two_at_once_do_no_harm() {
    let scratch = Scratch::new("write-two");
    let case = case(Layout::Advanced);
    let mut other = case.plan.clone();
    other.insert(hu("example.org/", CHANGED), vec![7; 100_000]);
    let writer = Writer::new(Layout::Advanced, &scratch.0);
    std::thread::scope(|scope| {
        for plan in [&case.plan, &other].repeat(4) {
            scope.spawn(|| {
                for _ in 0..10 {
                    let disk = Faulty::new(Fault::Kill, u64::MAX);
                    write(&writer, &disk, plan).expect("written");
                }
            });
        }
    });
    let after = contents(&scratch.0);
    assert!(after == case.plan || after == other, "{:?}", after.keys());
}
