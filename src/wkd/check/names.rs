//! Judges what DNS says: which method applies, and whether it can.

use super::report::{Check, Findings, Level};
use super::seen::{Name, Names};
use crate::wkd::Layout;

const DNS_FAILS: &str = "Have the domain's name servers answer for this name, for A and for AAAA: \
     while they fail, clients must not use the direct method in place of the advanced one.";
const SPECIAL: &str = "Give the host an address that can be reached from the Internet, in public \
     DNS; in a network of its own, clients have to allow such addresses.";

/// What DNS decides: the findings, and the method that clients use.
pub(super) fn judge(names: &Names) -> (Findings, Findings, Option<Layout>) {
    let mut advanced = Findings::of(Some(Layout::Advanced));
    let mut direct = Findings::of(Some(Layout::Direct));
    let domain = &names.domain;
    let host = Layout::Advanced.host(domain);
    match &names.advanced {
        None => advanced.info(
            Check::Dns,
            format!("{domain} is too long for the advanced method, so clients use the direct one."),
        ),
        Some(Name::None) => advanced.info(
            Check::Dns,
            format!("{host} has no address, so clients use the direct method."),
        ),
        Some(name) => {
            let applies = has_way(name, &host, &mut advanced).then_some(Layout::Advanced);
            if applies.is_none() {
                direct.info(
                    Check::Other,
                    "Not checked: without an answer for the host of the advanced method, clients \
                     use neither.",
                );
            }
            return (advanced, direct, applies);
        }
    }
    if matches!(names.direct, Name::None) {
        direct.error(
            Check::Dns,
            format!("Neither {host} nor {domain} has an address: there is no Web Key Directory."),
            &format!(
                "Give {host} the address of the web server with the directory (the advanced \
                 method), or {domain} (the direct one)."
            ),
        );
        return (advanced, direct, None);
    }
    let applies = has_way(&names.direct, domain, &mut direct).then_some(Layout::Direct);
    (advanced, direct, applies)
}

/// Whether the host of a method can be connected to, and what is to be said.
fn has_way(name: &Name, host: &str, findings: &mut Findings) -> bool {
    match name {
        Name::None => false,
        Name::Failed(error) => {
            let detail = format!("DNS does not say whether {host} has an address ({error}).");
            findings.error(Check::Dns, detail, DNS_FAILS);
            false
        }
        Name::Special => {
            let detail = format!("{host} is a special-purpose name, which clients do not ask for.");
            findings.error(Check::AddressGuard, detail, SPECIAL);
            false
        }
        Name::Addresses(addresses) => {
            findings.ok(Check::Dns, format!("{host} has an address."));
            match (addresses.allowed.is_empty(), addresses.refused.is_empty()) {
                (true, _) => findings.error(
                    Check::AddressGuard,
                    format!(
                        "{host} has only special-purpose addresses (private, loopback or the \
                         like), which clients refuse to connect to."
                    ),
                    SPECIAL,
                ),
                (false, false) => findings.warning(
                    Check::AddressGuard,
                    format!(
                        "Some of the addresses of {host} are special-purpose ones (private, \
                         loopback or the like), which clients may try in vain."
                    ),
                    SPECIAL,
                ),
                (false, true) => findings.ok(
                    Check::AddressGuard,
                    format!("The addresses of {host} may be connected to."),
                ),
            }
            !addresses.allowed.is_empty()
        }
    }
}

/// What the hosts of a domain serve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    /// There is a directory on the host of the advanced method.
    pub(super) advanced: bool,
    /// That host answers, and has none.
    pub(super) has_nothing: bool,
    /// There is one on the domain's own.
    pub(super) direct: bool,
}

/// What a wildcard is the cause of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wildcard {
    /// It takes the place of the direct method.
    Replaces,
    /// Clients come to a host without a directory, and there is no other.
    LeadsNowhere,
}

/// Judges wildcards: those that make up the host of the advanced method, and what
/// they say about who holds the names below the domain. Gives back what one is the
/// cause of: that is said, and is no error beside it.
pub(super) fn judge_wildcard(
    names: &Names,
    served: Served,
    findings: &mut Findings,
) -> Option<Wildcard> {
    let is_served = served.advanced;
    let (domain, host) = (&names.domain, Layout::Advanced.host(&names.domain));
    if domain.starts_with("openpgpkey.") {
        findings.warning(
            Check::ReservedLabel,
            format!(
                "Clients ask {domain} for the certificates of everybody at the domain above it: \
                 it must not be a name that is handed out, nor one for mail."
            ),
            "Do not use this name for mail; who hands out names below a domain has to keep \
             openpgpkey for the domain itself.",
        );
    }
    let random = names.random.as_ref()?;
    let advanced = match (random, &names.advanced) {
        (Name::Failed(error), _) => {
            let detail =
                format!("Whether there is a wildcard below {domain} cannot be told ({error}).");
            findings.info(Check::Wildcard, detail);
            return None;
        }
        (Name::None | Name::Special, _) => {
            let detail = format!("There is no wildcard with addresses below {domain}.");
            findings.ok(Check::Wildcard, detail);
            return None;
        }
        (Name::Addresses(_), Some(advanced)) => advanced,
        (Name::Addresses(_), None) => return None,
    };
    if !advanced.is_same(random) || is_served {
        let detail = match advanced.addresses() {
            None => format!("There is a wildcard below {domain}, and {host} is kept out of it."),
            Some(_) if is_served => {
                format!("There is a wildcard below {domain}, and {host} serves the directory.")
            }
            Some(_) => {
                format!("There is a wildcard below {domain}, and {host} is not made by it.")
            }
        };
        findings.ok(Check::Wildcard, detail);
        let is_kept = is_served || advanced.addresses().is_none();
        if is_kept && !domain.starts_with("openpgpkey.") {
            let detail = format!("{host} is not left to whoever gets names below {domain}.");
            findings.ok(Check::ReservedLabel, detail);
        }
        return None;
    }
    if !served.direct {
        // A host that cannot even be asked may be one that was meant to serve it.
        let (level, also) = match served.has_nothing {
            true => (Level::Error, ", nor on that of the direct method"),
            false => (Level::Warning, ""),
        };
        let detail = format!(
            "{host} has the address that a wildcard below {domain} gives to any name, and there \
             is no directory on that host{also}."
        );
        let remedy = format!(
            "Serve the directory on {host}. Or serve it on {domain}, and keep {host} out of the \
             wildcard: an empty TXT record at that name ({host}. IN TXT \"\") does it."
        );
        findings.add(Check::Wildcard, level, detail, Some(&remedy));
        return served.has_nothing.then_some(Wildcard::LeadsNowhere);
    }
    let keep_out = format!(
        "Keep {host} out of the wildcard: add an empty TXT record at that name ({host}. IN TXT \
         \"\"), and clients use the direct method."
    );
    findings.error(
        Check::Wildcard,
        format!(
            "A wildcard below {domain} gives {host} an address, so clients use the advanced \
             method; but there is no directory on that host, and they never get to the direct one."
        ),
        &format!("{keep_out} Or serve the directory there too."),
    );
    findings.warning(
        Check::ReservedLabel,
        format!(
            "If names below {domain} are handed out to others, whoever gets {host} answers for \
             everybody's certificates."
        ),
        "Reserve the label openpgpkey: hand it out to nobody.",
    );
    Some(Wildcard::Replaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wkd::check::seen::Addresses;
    use crate::{Error, ErrorKind};

    fn at(allowed: &[&str], refused: &[&str]) -> Name {
        Name::Addresses(Addresses {
            allowed: allowed
                .iter()
                .map(|ip| (ip.parse::<std::net::IpAddr>().unwrap(), 0).into())
                .collect(),
            refused: refused.iter().map(|ip| ip.parse().unwrap()).collect(),
        })
    }

    fn failed() -> Name {
        Name::Failed(Error::new(ErrorKind::Dns, "SERVFAIL"))
    }

    fn names(advanced: Option<Name>, direct: Name, random: Option<Name>) -> Names {
        Names {
            domain: "example.org".to_owned(),
            advanced,
            direct,
            random,
        }
    }

    fn graver(findings: &Findings) -> Vec<(Check, Level)> {
        let list = findings.list.iter();
        list.filter(|f| f.level() > Level::Info)
            .map(|f| (f.check(), f.level()))
            .collect()
    }

    #[test]
    fn which_method_applies() {
        use Check::{AddressGuard, Dns};
        use Level::{Error, Warning};
        let good = || at(&["9.9.9.9"], &[]);
        for (advanced, direct, applies, expected) in [
            (Some(good()), good(), Some(Layout::Advanced), vec![]),
            (Some(good()), failed(), Some(Layout::Advanced), vec![]),
            (Some(Name::None), good(), Some(Layout::Direct), vec![]),
            (None, good(), Some(Layout::Direct), vec![]),
            (Some(failed()), good(), None, vec![(Dns, Error)]),
            (Some(Name::None), failed(), None, vec![(Dns, Error)]),
            (Some(Name::None), Name::None, None, vec![(Dns, Error)]),
            (
                Some(Name::Special),
                Name::Special,
                None,
                vec![(AddressGuard, Error)],
            ),
            (
                Some(at(&[], &["10.0.0.1"])),
                good(),
                None,
                vec![(AddressGuard, Error)],
            ),
            (
                Some(Name::None),
                at(&[], &["::1"]),
                None,
                vec![(AddressGuard, Error)],
            ),
            (
                Some(at(&["9.9.9.9"], &["10.0.0.1"])),
                good(),
                Some(Layout::Advanced),
                vec![(AddressGuard, Warning)],
            ),
        ] {
            let names = names(advanced, direct, None);
            let (advanced, direct, found) = judge(&names);
            assert_eq!(found, applies, "{names:?}");
            let all = [graver(&advanced), graver(&direct)].concat();
            assert_eq!(all, expected, "{names:?}");
        }
    }

    #[test]
    fn inner_addresses_are_not_told() {
        let names = names(Some(at(&["9.9.9.9"], &["10.1.2.3"])), Name::None, None);
        let (advanced, direct, _) = judge(&names);
        assert!(!format!("{advanced:?} {direct:?}").contains("10.1.2.3"));
    }

    #[test]
    fn wildcards() {
        use Check::{ReservedLabel, Wildcard};
        use Level::{Error, Warning};
        let own = || at(&["9.9.9.9"], &[]);
        let wild = || at(&["8.8.8.8"], &["10.0.0.1"]);
        let at = |advanced, direct, has_nothing| Served {
            advanced,
            direct,
            has_nothing,
        };
        let (here, there) = (at(true, false, false), at(false, true, true));
        let (nowhere, broken) = (at(false, false, true), at(false, false, false));
        for (advanced, random, served, expected) in [
            (own(), Name::None, there, vec![]),
            (own(), failed(), there, vec![]),
            (own(), wild(), there, vec![]),
            (own(), own(), here, vec![]),
            (Name::None, wild(), there, vec![]),
            (wild(), wild(), here, vec![]),
            (wild(), wild(), nowhere, vec![(Wildcard, Error)]),
            (wild(), wild(), broken, vec![(Wildcard, Warning)]),
            (
                wild(),
                wild(),
                there,
                vec![(Wildcard, Error), (ReservedLabel, Warning)],
            ),
        ] {
            let names = names(Some(advanced), own(), Some(random));
            let mut findings = Findings::of(None);
            let cause = judge_wildcard(&names, served, &mut findings);
            assert_eq!(graver(&findings), expected, "{names:?} {served:?}");
            let is_error = expected.contains(&(Wildcard, Error));
            let leads = match served.direct {
                true => super::Wildcard::Replaces,
                false => super::Wildcard::LeadsNowhere,
            };
            assert_eq!(cause, is_error.then_some(leads));
        }
    }

    #[test]
    fn a_domain_in_the_place_of_a_directory() {
        let mut names = names(Some(Name::None), at(&["9.9.9.9"], &[]), Some(Name::None));
        names.domain = "openpgpkey.example.org".to_owned();
        let mut findings = Findings::of(None);
        let served = Served {
            advanced: true,
            direct: true,
            has_nothing: false,
        };
        assert_eq!(judge_wildcard(&names, served, &mut findings), None);
        assert_eq!(graver(&findings), [(Check::ReservedLabel, Level::Warning)]);
    }

    fn says(findings: &Findings, check: Check, level: Level, part: &str) -> bool {
        let mut list = findings.list.iter();
        list.any(|f| (f.check(), f.level()) == (check, level) && f.detail().contains(part))
    }

    #[test]
    fn what_is_no_fault_of_names_is_said() {
        use Level::{Info, Ok};
        let own = || at(&["9.9.9.9"], &[]);
        for (advanced, part) in [
            (None, "too long for the advanced method"),
            (
                Some(Name::None),
                "has no address, so clients use the direct",
            ),
        ] {
            let (advanced, ..) = judge(&names(advanced, own(), None));
            assert!(says(&advanced, Check::Dns, Info, part), "{advanced:?}");
        }
        let (_, direct, _) = judge(&names(Some(failed()), own(), None));
        assert!(
            says(&direct, Check::Other, Info, "Not checked"),
            "{direct:?}"
        );
        let (wildcard, reserved) = (Check::Wildcard, Check::ReservedLabel);
        let wild = || at(&["8.8.8.8"], &[]);
        for (advanced, random, check, level, part) in [
            (own(), failed(), wildcard, Info, "cannot be told"),
            (own(), Name::None, wildcard, Ok, "There is no wildcard"),
            (own(), wild(), wildcard, Ok, "is not made by it"),
            (Name::None, wild(), wildcard, Ok, "is kept out of it"),
            (Name::None, wild(), reserved, Ok, "is not left to"),
        ] {
            let names = names(Some(advanced), own(), Some(random));
            let mut findings = Findings::of(None);
            let served = Served {
                advanced: false,
                direct: true,
                has_nothing: true,
            };
            judge_wildcard(&names, served, &mut findings);
            assert!(says(&findings, check, level, part), "{part}: {findings:?}");
        }
    }
}
