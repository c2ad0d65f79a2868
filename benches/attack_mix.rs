//! 64 look-ups at once, each of which meets a server that wants to keep it busy:
//! how much memory they take, and whether each ends by its deadline.
//!
//! The servers run in a process of their own, so that their memory does not
//! count. What is printed is the resident memory of the locator's process before
//! (with a locator that has looked somebody up) and at its peak, as the kernel
//! counts it.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench attack_mix
//! ```

use std::time::{Duration, Instant};

use openpgp_discovery::{EmailAddress, Status};
use openpgp_discovery_benches::apart::{World, serves};
use openpgp_discovery_benches::hostile::{ATTACKS, DEAREST, answer};
use openpgp_discovery_benches::{is_quick, process};
use testbed::{Fault, Testbed, certs};
use tokio::task::JoinSet;

/// What must hold: with so many at once, so much memory in all (in MiB), and no later.
const AT_ONCE: usize = 64;
const MEMORY: f64 = 128.0;
const LATE: Duration = Duration::from_millis(100);

fn main() {
    if serves(set_up) {
        return;
    }
    // A run of the tests only asks whether this works at all.
    let quick = is_quick();
    let world = World::start();
    let mut is_good = true;
    println!(
        "{:>22} {:>9} {:>10} {:>10} {:>10} {:>8} {:>26}",
        "64 at once:",
        "deadline",
        "before",
        "at peak",
        "worst late",
        "CPU",
        "found / none / could not"
    );
    let deadlines: &[u64] = if quick {
        &[1000]
    } else {
        &[20_000, 5000, 1000]
    };
    for deadline in deadlines {
        is_good &= measure(&world, "all attacks", *deadline, |n| n % ATTACKS.len());
    }
    if !quick {
        for (index, attack) in ATTACKS.iter().enumerate() {
            is_good &= measure(&world, attack, 5000, |_| index);
        }
        // So little time that most answers wait in vain for a processor.
        for deadline in [2000, 1000] {
            is_good &= measure(&world, DEAREST, deadline, |_| dearest());
        }
    }
    drop(world);
    if !is_good && !quick {
        eprintln!("over {MEMORY} MiB, or later than {LATE:?}");
        std::process::exit(1);
    }
}

/// Looks 64 addresses up, the nth of which is behind this attack.
fn measure(world: &World, title: &str, deadline: u64, attack: impl Fn(usize) -> usize) -> bool {
    let deadline = Duration::from_millis(deadline);
    // A runtime, threads and a locator of its own for each row.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (before, ended, cpu) = runtime.block_on(async {
        let locator = world.locator(|options| options.deadline(deadline));
        let harmless: EmailAddress = "alice@harmless.example".parse().expect("an address");
        let lookup = locator.locate(&harmless).await;
        assert_eq!(lookup.status(), Status::Found, "{lookup:?}");
        let before = process::resident().expect("Linux");
        process::forget_peak().expect("Linux");
        let cpu = process::processor_time("self").expect("Linux");
        let mut lookups = JoinSet::new();
        for n in 0..AT_ONCE {
            let locator = locator.clone();
            let address = format!("alice@{}", domain(attack(n), n));
            let address: EmailAddress = address.parse().expect("an address");
            lookups.spawn(async move {
                let begin = Instant::now();
                let status = locator.locate(&address).await.status();
                (status, begin.elapsed())
            });
        }
        let ended = lookups.join_all().await;
        let cpu = process::processor_time("self").expect("Linux") - cpu;
        (before, ended, cpu)
    });
    let peak = process::peak().expect("Linux");
    drop(runtime);
    let late = ended
        .iter()
        .map(|(_, elapsed)| elapsed.saturating_sub(deadline))
        .max()
        .unwrap_or_default();
    let count = |wanted| ended.iter().filter(|(status, _)| *status == wanted).count();
    println!(
        "{title:>22} {:>6} ms {:>6.1} MiB {:>6.1} MiB {:>7} ms {:>6.1} s {:>26}",
        deadline.as_millis(),
        before,
        peak,
        late.as_millis(),
        cpu,
        format!(
            "{} / {} / {}",
            count(Status::Found),
            count(Status::NotFound),
            count(Status::Failed)
        ),
    );
    peak < MEMORY && late <= LATE
}

/// Which domain is behind an attack.
fn domain(attack: usize, n: usize) -> String {
    format!("a{attack}-{n}.example.org")
}

/// What the servers do; in the mix, the nth of them by `n % 16`.
fn set_up(testbed: &Testbed) -> Vec<String> {
    let mut elsewhere = Vec::new();
    for (attack, what) in ATTACKS.iter().enumerate() {
        for n in 0..AT_ONCE {
            let domain = domain(attack, n);
            let name = format!("openpgpkey.{domain}");
            let whose = format!("alice@{domain}");
            let host = testbed.host(&name).serve_all(answer(what, &whose));
            if *what == "no handshake" {
                host.fault(Fault::Mute);
                elsewhere.push(name);
            }
            // In the mix the key server has the dearest of all; else nothing.
            if n % ATTACKS.len() == attack {
                let dear = answer(DEAREST, &whose);
                let whose = whose.parse().expect("an address");
                testbed.vks().plant(&whose, dear);
            }
        }
    }
    let harmless: EmailAddress = "alice@harmless.example".parse().expect("an address");
    testbed.wkd_advanced(&harmless, certs::cert(&["alice@harmless.example"]).binary());
    elsewhere
}

fn dearest() -> usize {
    let at = ATTACKS.iter().position(|attack| *attack == DEAREST);
    at.expect("it is one of them")
}
