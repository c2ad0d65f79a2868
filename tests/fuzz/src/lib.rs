//! Fuzz targets: functions of any octets, that panic where a property does not hold.
//!
//! * `cargo test -p openpgp-discovery-fuzz` replays the corpus and some mutations
//!   of it, in seconds, on stable Rust.
//! * `.ci/fuzz [SECONDS]` drives them with libFuzzer.
//! * `cargo run -p openpgp-discovery-fuzz --example seeds` makes the pool of
//!   certificates and the corpus anew; the numbers in a corpus are places in the
//!   pool, so both belong together.
//!
//! Nothing here knows a network: resolver and transport are made up.

mod input;
mod kept;
mod net;
mod packet;
pub mod pool;
mod program;
mod targets;

use input::Input;

/// One target.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its name, and that of its corpus' folder.
    pub name: &'static str,
    run: fn(&[u8]) -> usize,
}

impl Target {
    /// Runs it on one input. Gives back how many things there were whose properties
    /// could be looked at (addresses, certificates, good signatures): with none at
    /// all, a target would say nothing.
    ///
    /// # Panics
    ///
    /// Where a property does not hold: a finding.
    pub fn run(&self, data: &[u8]) -> usize {
        (self.run)(data)
    }
}

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// All targets.
pub static TARGETS: &[Target] = &[
    Target {
        name: "address",
        run: targets::address::run,
    },
    Target {
        name: "url",
        run: targets::url::run,
    },
    Target {
        name: "filter",
        run: targets::filter::run,
    },
    Target {
        name: "by_key",
        run: targets::by_key::run,
    },
    Target {
        name: "armor",
        run: targets::armor::run,
    },
    Target {
        name: "dns_to_plan",
        run: targets::dns_to_plan::run,
    },
    Target {
        name: "vks_merge",
        run: targets::vks_merge::run,
    },
    Target {
        name: "verify",
        run: targets::verify::run,
    },
    Target {
        name: "publish",
        run: targets::publish::run,
    },
    Target {
        name: "keyring",
        run: targets::keyring::run,
    },
];
