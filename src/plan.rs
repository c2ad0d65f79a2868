//! The order of a look-up, as a pure state machine: no I/O, no clock, no async.
//!
//! [`Plan::next`] says what to do; [`Plan::observe`] takes what came of it. Which
//! source is asked, when, and when to stop is decided in the `match` of `observe`
//! and nowhere else.
//!
//! ```text
//!  DNS: openpgpkey.DOMAIN ──── no address ────► DNS: DOMAIN
//!     │ has an address  │                          │ has an address  │
//!     ▼                 │ could not tell,          ▼                 │ no address,
//!  WKD advanced         │ or blocked            WKD direct           │ could not tell,
//!     │ none,           │                          │ none,           │ or blocked
//!     │ could not tell  │                          │ could not tell  │
//!     ▼                 ▼                          ▼                 ▼
//!  VKS by e-mail ◄───────────────────────────────────────────────────
//! ```
//!
//! A hit ends the look-up at once. [`Fallback::Lenient`] adds one arrow: from the
//! advanced method, or its undetermined host, to the direct one.

use crate::{Method, Step};

/// Whether the direct method of WKD may follow where the advanced one's host
/// exists, or may exist.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// No: only where DNS says that `openpgpkey.DOMAIN` has no address, as the
    /// draft demands (draft-koch-openpgp-webkey-service, section 3.1).
    #[default]
    Strict,
    /// Also after a failure or a 404 of the advanced method, and where DNS could
    /// not tell; never after a refusal by the guard or of certificates. Most
    /// other clients do so. Whoever controls or blocks one of the two hosts then
    /// chooses which directory answers.
    Lenient,
}

/// What a look-up may use.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Ask the Web Key Directory of the address's domain.
    pub wkd: bool,
    /// Ask the key server where the directory has nothing.
    pub vks: bool,
    /// When the direct method may follow.
    pub fallback: Fallback,
    /// The advanced method's host can exist: its name is not too long.
    pub advanced: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wkd: true,
            vks: true,
            fallback: Fallback::Strict,
            advanced: true,
        }
    }
}

/// What came of a [`Step`], as far as the order is concerned.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// DNS has an address for the host.
    Addresses,
    /// DNS says that the host has none.
    NoAddress,
    /// A certificate was found.
    Found,
    /// The source says that it has none.
    Absent,
    /// The source has something that is not for this address.
    Rejected,
    /// The guard refused a name or an address.
    Blocked,
    /// One could not tell.
    Failed,
}

/// One look-up in progress.
#[derive(Clone, Debug)]
pub struct Plan {
    options: Options,
    next: Option<Step>,
}

impl Plan {
    /// The plan at its first step.
    pub fn new(options: Options) -> Self {
        let next = match (options.wkd, options.advanced) {
            (true, true) => Some(Step::Resolve(Method::WkdAdvanced)),
            (true, false) => Some(Step::Resolve(Method::WkdDirect)),
            (false, _) => vks(options),
        };
        Self { options, next }
    }

    /// What to do now; `None` where the look-up is over.
    pub fn next(&self) -> Option<Step> {
        self.next
    }

    /// Takes what came of the step that [`next`](Self::next) named.
    ///
    /// An observation that cannot be an answer to that step counts as a failure of it.
    pub fn observe(&mut self, seen: Observation) {
        use Method::{WkdAdvanced, WkdDirect};
        use Observation::{Absent, Addresses, Failed, Found, NoAddress};
        use Step::{Ask, Resolve};

        let Some(step) = self.next else { return };
        let lenient = self.options.fallback == Fallback::Lenient;

        self.next = match (step, seen) {
            // A hit ends the look-up: no later source is asked.
            (Ask(_), Found) => None,

            // DNS alone decides between the two methods of WKD …
            (Resolve(WkdAdvanced), Addresses) => Some(Ask(WkdAdvanced)),
            (Resolve(WkdAdvanced), NoAddress) => Some(Resolve(WkdDirect)),
            (Resolve(WkdDirect), Addresses) => Some(Ask(WkdDirect)),
            // … unless the caller chose otherwise.
            (Resolve(WkdAdvanced), Failed) if lenient => Some(Resolve(WkdDirect)),
            (Ask(WkdAdvanced), Absent | Failed) if lenient => Some(Resolve(WkdDirect)),

            // WKD is through, whatever it ended with: the key server is next.
            (Resolve(WkdAdvanced | WkdDirect) | Ask(WkdAdvanced | WkdDirect), _) => {
                vks(self.options)
            }
            // The key server is the last.
            (Resolve(_) | Ask(_), _) => None,
        };
    }
}

fn vks(options: Options) -> Option<Step> {
    options.vks.then_some(Step::Ask(Method::VksByEmail))
}

#[cfg(test)]
mod tests {
    use super::Fallback::{Lenient, Strict};
    use super::Observation::*;
    use super::*;
    use crate::Method::{VksByEmail, WkdAdvanced, WkdDirect};
    use crate::Step::{Ask, Resolve};

    const DNS_ADV: Step = Resolve(WkdAdvanced);
    const DNS_DIR: Step = Resolve(WkdDirect);
    const ADV: Step = Ask(WkdAdvanced);
    const DIR: Step = Ask(WkdDirect);
    const VKS: Step = Ask(VksByEmail);

    const ALL: [Observation; 7] = [
        Addresses, NoAddress, Found, Absent, Rejected, Blocked, Failed,
    ];

    fn every_options() -> impl Iterator<Item = Options> {
        [Strict, Lenient].into_iter().flat_map(|fallback| {
            (0..8).map(move |bits| Options {
                wkd: bits & 1 != 0,
                vks: bits & 2 != 0,
                advanced: bits & 4 != 0,
                fallback,
            })
        })
    }

    /// What can come of a step.
    fn possible(step: Step) -> &'static [Observation] {
        match step {
            Resolve(_) => &[Addresses, NoAddress, Blocked, Failed],
            Ask(_) => &[Found, Absent, Rejected, Blocked, Failed],
        }
    }

    /// The rules of the protocol sheet, written down a second time, as a table:
    /// where each (step, observation) leads, strict and lenient.
    const TABLE: &[(Step, Observation, Option<Step>, Option<Step>)] = &[
        (DNS_ADV, Addresses, Some(ADV), Some(ADV)),
        (DNS_ADV, NoAddress, Some(DNS_DIR), Some(DNS_DIR)),
        (DNS_ADV, Blocked, Some(VKS), Some(VKS)),
        (DNS_ADV, Failed, Some(VKS), Some(DNS_DIR)),
        (ADV, Found, None, None),
        (ADV, Absent, Some(VKS), Some(DNS_DIR)),
        (ADV, Rejected, Some(VKS), Some(VKS)),
        (ADV, Blocked, Some(VKS), Some(VKS)),
        (ADV, Failed, Some(VKS), Some(DNS_DIR)),
        (DNS_DIR, Addresses, Some(DIR), Some(DIR)),
        (DNS_DIR, NoAddress, Some(VKS), Some(VKS)),
        (DNS_DIR, Blocked, Some(VKS), Some(VKS)),
        (DNS_DIR, Failed, Some(VKS), Some(VKS)),
        (DIR, Found, None, None),
        (DIR, Absent, Some(VKS), Some(VKS)),
        (DIR, Rejected, Some(VKS), Some(VKS)),
        (DIR, Blocked, Some(VKS), Some(VKS)),
        (DIR, Failed, Some(VKS), Some(VKS)),
        (VKS, Found, None, None),
        (VKS, Absent, None, None),
        (VKS, Rejected, None, None),
        (VKS, Blocked, None, None),
        (VKS, Failed, None, None),
    ];

    /// Walks every path from every set of options, and holds each move against
    /// the table.
    #[test]
    fn every_path() {
        let mut moves = std::collections::HashSet::new();
        let mut paths = 0;
        for options in every_options() {
            let mut open = vec![(Plan::new(options), Vec::new())];
            while let Some((plan, path)) = open.pop() {
                let Some(step) = plan.next() else {
                    paths += 1;
                    continue;
                };
                assert!(
                    !path.contains(&step),
                    "{options:?}: {path:?} asks {step:?} again"
                );
                for &seen in possible(step) {
                    let (_, _, strict, lenient) = TABLE
                        .iter()
                        .find(|row| (row.0, row.1) == (step, seen))
                        .unwrap_or_else(|| panic!("no row for {step:?}, {seen:?}"));
                    let wanted = match options.fallback {
                        Strict => *strict,
                        Lenient => *lenient,
                    };
                    let wanted = wanted.filter(|step| *step != VKS || options.vks);
                    let mut after = plan.clone();
                    after.observe(seen);
                    assert_eq!(
                        after.next(),
                        wanted,
                        "{options:?}: {path:?} {step:?} {seen:?}"
                    );
                    moves.insert((step, seen));
                    let mut path = path.clone();
                    path.push(step);
                    open.push((after, path));
                }
            }
        }
        assert_eq!(moves.len(), TABLE.len(), "every row was taken");
        assert!(paths > 100, "{paths}");
    }

    #[test]
    fn first_step() {
        for options in every_options() {
            let first = match (options.wkd, options.advanced, options.vks) {
                (true, true, _) => Some(DNS_ADV),
                (true, false, _) => Some(DNS_DIR),
                (false, _, true) => Some(VKS),
                (false, _, false) => None,
            };
            assert_eq!(Plan::new(options).next(), first, "{options:?}");
        }
    }

    /// An observation that cannot be one of the step neither finds nor loops.
    #[test]
    fn impossible_observations_go_on_to_the_next_source() {
        for options in every_options() {
            for seen in ALL {
                let mut plan = Plan::new(options);
                let mut steps = 0;
                while plan.next().is_some() {
                    plan.observe(seen);
                    steps += 1;
                }
                assert!(steps <= 5, "{options:?} {seen:?}");
                plan.observe(seen);
                assert_eq!(plan.next(), None, "over is over");
            }
        }
        let mut plan = Plan::new(Options::default());
        plan.observe(Found);
        assert_eq!(plan.next(), Some(VKS), "DNS cannot find a certificate");
    }
}
