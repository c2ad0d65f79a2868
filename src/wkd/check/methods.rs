//! Judges both methods beside each other.

use super::report::{Check, Findings};
use super::seen::{Directory, Names};

/// Why the host of the advanced method has no directory, where the other has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// It seems to be somebody else's: that is said.
    Foreign,
    /// It is the domain's own, and lacks it.
    Missing,
}

/// What to do where it is [`Lack::Missing`].
pub(super) fn missing(host: &str) -> String {
    format!(
        "Serve the directory on {host} too; or take that name out of DNS, and clients use the \
         direct method."
    )
}

/// Compares them, where the advanced one applies: what goes wrong with the direct
/// one is no fault as long as there is no directory. `to` are the findings of the
/// direct method and those of the domain.
pub(super) fn judge(
    advanced: &Directory,
    direct: Option<&Directory>,
    names: &Names,
    is_address: bool,
    to: (&mut Findings, &mut Findings),
) -> Option<Lack> {
    const REMEDY: &str = "Serve the same files by both methods, or by the advanced one alone: \
         clients that fall back to the direct method get what stands there.";
    let check = Check::MethodsAgree;
    let (findings, reserved) = to;
    let domain = &names.domain;
    let Some(direct) = direct.filter(|direct| direct.is_one(is_address)) else {
        let detail = match advanced.is_one(is_address) {
            true => format!(
                "{domain} serves no directory by the direct method, and need not: clients use \
                 the advanced one."
            ),
            false => format!("{domain} serves no directory by the direct method."),
        };
        findings.info(check, detail);
        return None;
    };
    let host = &direct.host;
    if !advanced.is_one(is_address) {
        let lack = advanced.has_nothing(is_address).then(|| {
            // On a machine of the domain's own it is just not there. Elsewhere, it
            // would be odd to set a host up for this and then to serve from another.
            let own = names.advanced.as_ref();
            match own.is_some_and(|own| own.shares_an_address(&names.direct)) {
                true => Lack::Missing,
                false => Lack::Foreign,
            }
        });
        if lack == Some(Lack::Foreign) {
            reserved.error(
                Check::ReservedLabel,
                format!(
                    "Clients ask {} for the directory, because that name has an address (another \
                     one than {host}), and there is none on that host; the one on {host} is never \
                     asked for. Is that name in the hands of somebody who got it from you?",
                    advanced.host
                ),
                &format!(
                    "Reserve the label openpgpkey. Take the addresses of {} away (an empty TXT \
                     record keeps a wildcard off), or serve the directory there.",
                    advanced.host
                ),
            );
        }
        let detail = format!("The directory that {host} serves by the direct method is not used.");
        findings.warning(check, detail, &missing(&advanced.host));
        return lack;
    }
    let pairs = [
        (
            "certificate",
            is_address.then_some((&advanced.first, &direct.first)),
        ),
        (
            "policy file",
            advanced.policy(is_address).zip(direct.policy(is_address)),
        ),
    ];
    for (what, pair) in pairs {
        let same = match pair {
            Some((Ok(one), Ok(other))) => {
                one.is_ok() == other.is_ok() && (!one.is_ok() || one.body == other.body)
            }
            // What could not be asked for differs from nothing.
            _ => true,
        };
        if !same {
            let detail =
                format!("The {what} of the direct method is not that of the advanced one.");
            findings.warning(check, detail, REMEDY);
            return None;
        }
    }
    findings.ok(check, "Both methods serve the same.");
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wkd::check::answers::tests::{answer, directory};
    use crate::wkd::check::report::Level;
    use std::net::IpAddr;

    use crate::wkd::check::seen::{Addresses, Answer, Name};

    /// The advanced host at this address; the domain at more than one.
    fn names(advanced: &str) -> Names {
        let at = |ips: &[&str]| {
            let ips = ips.iter().map(|ip| ip.parse::<IpAddr>().unwrap());
            Name::Addresses(Addresses {
                allowed: ips.map(|ip| (ip, 443).into()).collect(),
                refused: Vec::new(),
            })
        };
        Names {
            domain: "example.org".to_owned(),
            advanced: Some(at(&[advanced])),
            direct: at(&["8.8.8.8", "2001:4860:4860::8888"]),
            random: None,
        }
    }

    #[test]
    fn both_beside_each_other() {
        use Level::{Info, Ok as Good, Warning};
        let none = || answer(404, "");
        let file = |text: &str| answer(200, text);
        type Row = (Answer, Answer, Answer, Answer, Level, Option<Lack>);
        // Certificate and policy, advanced and direct.
        let table: Vec<Row> = vec![
            (file("c"), file("p"), file("c"), file("p"), Good, None),
            (file("c"), file("p"), none(), none(), Info, None),
            (
                file("c"),
                file("p"),
                file("<html>"),
                file("<html>"),
                Info,
                None,
            ),
            (file("c"), file("p"), file("d"), file("p"), Warning, None),
            (file("c"), file("p"), none(), file("p"), Warning, None),
            (file("c"), file("p"), file("c"), file("q"), Warning, None),
            (file("c"), file("p"), file("c"), none(), Warning, None),
            (none(), file("p"), none(), file("p"), Good, None),
            (
                none(),
                none(),
                file("c"),
                file("p"),
                Warning,
                Some(Lack::Foreign),
            ),
            (none(), none(), none(), none(), Info, None),
            (answer(500, ""), none(), file("c"), file("p"), Warning, None),
        ];
        for (row, (entry, policy, beside, beside_policy, level, lack)) in
            table.into_iter().enumerate()
        {
            let of = |entry, policy| {
                let mut directory = directory();
                directory.first = Ok(entry);
                directory.rest.as_mut().unwrap().policy = Some(Ok(policy));
                directory
            };
            let (advanced, direct) = (of(entry, policy), of(beside, beside_policy));
            for (at, is_elsewhere) in [("9.9.9.9", true), ("8.8.8.8", false)] {
                let (mut findings, mut reserved) = (Findings::of(None), Findings::of(None));
                let to = (&mut findings, &mut reserved);
                let found = judge(&advanced, Some(&direct), &names(at), true, to);
                let expected = match is_elsewhere {
                    true => lack,
                    false => lack.map(|_| Lack::Missing),
                };
                assert_eq!(found, expected, "row {row}");
                let levels: Vec<_> = findings.list.iter().map(|f| f.level()).collect();
                assert_eq!(levels, [level], "row {row}");
                let is_foreign = found == Some(Lack::Foreign);
                assert_eq!(!reserved.list.is_empty(), is_foreign, "row {row}");
            }
        }
    }
}
