//! Judges both methods beside each other.

use super::report::{Check, Findings};
use super::seen::Directory;

/// Compares them, where the advanced one applies: what goes wrong with the direct
/// one is no fault as long as there is no directory. `to` are the findings of the
/// direct method and those of the domain.
///
/// Gives back whether the host of the advanced method seems to be somebody else's,
/// which is then why nothing is there.
pub(super) fn judge(
    advanced: &Directory,
    direct: Option<&Directory>,
    domain: &str,
    is_address: bool,
    to: (&mut Findings, &mut Findings),
) -> bool {
    const REMEDY: &str = "Serve the same files by both methods, or by the advanced one alone: \
         clients that fall back to the direct method get what stands there.";
    let check = Check::MethodsAgree;
    let (findings, reserved) = to;
    let Some(direct) = direct.filter(|direct| direct.is_one(is_address)) else {
        let detail = format!(
            "{domain} serves no directory by the direct method, and need not: clients use the \
             advanced one."
        );
        findings.info(check, detail);
        return false;
    };
    let host = &direct.host;
    if !advanced.is_one(is_address) {
        let is_foreign = advanced.has_nothing(is_address);
        if is_foreign {
            reserved.error(
                Check::ReservedLabel,
                format!(
                    "Clients ask {} for the directory, because it has an address, and it has none; \
                     the one on {host} is never asked for. Is that name in the hands of somebody \
                     who got it from you?",
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
        findings.warning(check, detail, REMEDY);
        return is_foreign;
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
            return false;
        }
    }
    findings.ok(check, "Both methods serve the same.");
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wkd::check::answers::tests::{answer, directory};
    use crate::wkd::check::report::Level;
    use crate::wkd::check::seen::Answer;

    #[test]
    fn both_beside_each_other() {
        use Level::{Info, Ok as Good, Warning};
        let none = || answer(404, "");
        let file = |text: &str| answer(200, text);
        type Row = (Answer, Answer, Answer, Answer, Level, bool);
        // Certificate and policy, advanced and direct.
        let table: Vec<Row> = vec![
            (file("c"), file("p"), file("c"), file("p"), Good, false),
            (file("c"), file("p"), none(), none(), Info, false),
            (
                file("c"),
                file("p"),
                file("<html>"),
                file("<html>"),
                Info,
                false,
            ),
            (file("c"), file("p"), file("d"), file("p"), Warning, false),
            (file("c"), file("p"), none(), file("p"), Warning, false),
            (file("c"), file("p"), file("c"), file("q"), Warning, false),
            (file("c"), file("p"), file("c"), none(), Warning, false),
            (none(), file("p"), none(), file("p"), Good, false),
            (none(), none(), file("c"), file("p"), Warning, true),
            (
                answer(500, ""),
                none(),
                file("c"),
                file("p"),
                Warning,
                false,
            ),
        ];
        for (row, (entry, policy, beside, beside_policy, level, is_foreign)) in
            table.into_iter().enumerate()
        {
            let of = |entry, policy| {
                let mut directory = directory();
                directory.first = Ok(entry);
                directory.rest.as_mut().unwrap().policy = Some(Ok(policy));
                directory
            };
            let (advanced, direct) = (of(entry, policy), of(beside, beside_policy));
            let (mut findings, mut reserved) = (Findings::of(None), Findings::of(None));
            let to = (&mut findings, &mut reserved);
            let foreign = judge(&advanced, Some(&direct), "example.org", true, to);
            assert_eq!(foreign, is_foreign, "row {row}");
            let levels: Vec<_> = findings.list.iter().map(|f| f.level()).collect();
            assert_eq!(levels, [level], "row {row}");
            assert_eq!(!reserved.list.is_empty(), is_foreign, "row {row}");
        }
    }
}
