//! A report for administrators: the worst first, with what to do, and what is right in
//! a line.

use std::cmp::Reverse;

use openpgp_discovery::wkd::Layout;
use openpgp_discovery::wkd::check::{Finding, Level, Report};

use super::common::page::Page;
use super::common::paint::{Paint, Tone};
use super::common::sanitize::clean;

/// A headline, a group for the domain and for each method, and what to do next.
pub(crate) fn report(subject: &str, report: &Report, paint: Paint) -> String {
    let mut page = Page::new(paint);
    headline(&mut page, subject, report);
    let methods = [None, Some(Layout::Advanced), Some(Layout::Direct)];
    let mut groups = methods.map(|method| {
        let findings = report.findings().iter();
        let of_method: Vec<&Finding> = findings.filter(|f| f.method() == method).collect();
        (title(method, report), of_method)
    });
    // Stable: where none is worse than another, in the order of the methods.
    groups.sort_by_key(|(_, findings)| Reverse(findings.iter().map(|f| f.level()).max()));
    for (title, findings) in groups.iter().filter(|(_, findings)| !findings.is_empty()) {
        group(&mut page, title, findings);
    }
    page.row("next", &next(report));
    page.line("");
    page.text
}

fn headline(page: &mut Page, subject: &str, report: &Report) {
    let count = |level| {
        let findings = report.findings().iter();
        findings.filter(|finding| finding.level() == level).count()
    };
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let method = match report.applies() {
        Some(method) => format!(", {method} method"),
        None => String::new(),
    };
    // What is worth knowing is no blemish.
    let (mark, tone) = match report.worst() {
        Level::Info => look(Level::Ok),
        worst => look(worst),
    };
    let what = match (errors, warnings) {
        (0, 0) => format!("all is right{method}"),
        (0, _) => format!("works{method}, with {}", plural(warnings, "warning")),
        (_, 0) => format!("{}{method}", plural(errors, "error")),
        _ => format!(
            "{} and {}{method}",
            plural(errors, "error"),
            plural(warnings, "warning")
        ),
    };
    page.headline(mark, tone, subject, &what);
}

fn title(method: Option<Layout>, report: &Report) -> String {
    match method {
        None => "the domain".to_owned(),
        Some(method) if report.applies() == Some(method) => {
            format!("{method} method, which clients use")
        }
        Some(method) => format!("{method} method"),
    }
}

/// What is wrong, the worst first; what is worth knowing; what is right.
fn group(page: &mut Page, title: &str, findings: &[&Finding]) {
    let paint = page.paint;
    page.line(&format!("  {}", paint.tint(Tone::Strong, title)));
    let mut sorted = findings.to_vec();
    // Stable: within a level the order of the checks is kept.
    sorted.sort_by_key(|finding| Reverse(finding.level()));
    for finding in sorted.iter().filter(|finding| finding.level() > Level::Ok) {
        let (mark, tone) = look(finding.level());
        let mark = paint.tint(tone, mark.encode_utf8(&mut [0; 4]));
        let check = paint.tint(tone, &format!("{:<18}", finding.check()));
        page.line(&format!("  {mark} {check}  {}", clean(finding.detail())));
        if let Some(remedy) = finding.remedy() {
            page.line(&format!("    {:<18}  → {}", "", clean(remedy)));
        }
    }
    let right: Vec<String> = findings
        .iter()
        .filter(|finding| finding.level() == Level::Ok)
        .map(|finding| finding.check().to_string())
        .collect();
    if !right.is_empty() {
        let mark = paint.tint(Tone::Good, "✔");
        let list = paint.tint(Tone::Faint, &right.join(", "));
        page.line(&format!("  {mark} {:<18}  {list}", "right"));
    }
}

fn look(level: Level) -> (char, Tone) {
    match level {
        Level::Ok => ('✔', Tone::Good),
        Level::Info => ('·', Tone::Faint),
        Level::Warning => ('!', Tone::Doubt),
        // Any other is no better.
        _ => ('✘', Tone::Bad),
    }
}

fn next(report: &Report) -> String {
    match (report.worst(), report.subject().address()) {
        (Level::Ok | Level::Info, Some(_)) => "nothing to do".to_owned(),
        (Level::Ok | Level::Info, None) => {
            "check an address of this domain too: certificates are looked into by address"
                .to_owned()
        }
        (Level::Warning, _) => {
            "look-ups work; see to what is marked ! when there is time, and check again".to_owned()
        }
        _ => {
            "mend what is marked ✘ first, until then look-ups fail or cannot be seen to work; and \
              check again"
                .to_owned()
        }
    }
}

fn plural(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
