//! Every file of the corpus, and some mutations of each, through its target.

use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use fuzz::{Target, pool};

/// How many threads have panicked that are no test's: the crate turns their panics
/// into errors.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// How many mutations of each file there are.
const MUTATIONS: u64 = 12;

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn each_target_is_replayed() {
            let names: Vec<_> = fuzz::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets! { address url filter by_key armor dns_to_plan vks_merge verify publish keyring }

fn replay(name: &str) {
    let target = fuzz::target(name).expect("a target");
    let files = corpus(name);
    assert!(files.len() >= 5, "{} files", files.len());
    let mut seen = 0;
    for (file, octets) in &files {
        seen += hold(target, file, octets);
        let seed = |sum: u64, octet| sum.rotate_left(5) ^ u64::from(octet);
        let mut random = Random(file.bytes().fold(1 << 63, seed) | 1);
        for n in 0..MUTATIONS {
            let other = &files[random.below(files.len())].1;
            hold(
                target,
                &format!("{file}, mutation {n}"),
                &random.mutate(octets, other),
            );
        }
    } // Properties of nothing hold always.
    assert!(seen >= 5, "{seen}");
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    pool::files(&pool::directory().join("corpus").join(name))
}

/// Runs it, and says which input it was that failed.
fn hold(target: &Target, name: &str, octets: &[u8]) -> usize {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            if thread.name().and_then(fuzz::target).is_none() {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            usual(info);
        }));
    });
    let result = catch_unwind(|| target.run(octets));
    let panics = PANICS.load(Ordering::SeqCst);
    match result {
        Ok(seen) if panics == 0 => seen,
        _ => panic!("{}: {name}, {octets:02x?}", target.name),
    }
}

/// The same mutations each time (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("64 bits").max(1);
        usize::try_from(self.next() % end).expect("below a usize")
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    /// One to four changes.
    fn mutate(&mut self, octets: &[u8], other: &[u8]) -> Vec<u8> {
        let mut octets = octets.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(octets.len());
            match self.below(5) {
                0 => octets.insert(at, self.octet()),
                1 if !octets.is_empty() => octets[at] = self.octet(),
                2 if !octets.is_empty() => {
                    octets.remove(at);
                }
                3 => {
                    let tail = &other[self.below(other.len())..];
                    octets.truncate(at);
                    octets.extend_from_slice(tail);
                }
                _ => octets.extend((0..6).map(|_| self.octet())),
            }
        }
        octets
    }
}
