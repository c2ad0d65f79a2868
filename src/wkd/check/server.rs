//! Judges the server below HTTP, and where it redirects to.

use std::time::{Duration, SystemTime};

use super::report::{Check, Findings, Level};
use super::seen::{Directory, Failure, Families, Led, Over, Redirect, Tls};
use crate::ErrorKind;
use crate::text::rfc3339;

/// A certificate that is not renewed two weeks before its end has been forgotten.
const TLS_NOTICE: Duration = Duration::from_secs(14 * 24 * 3600);

/// What GnuPG follows.
const GNUPG_REDIRECTS: usize = 2;

/// Judges how the server was met: whether there is an answer to look into.
pub(super) fn judge(directory: &Directory, now: SystemTime, findings: &mut Findings) -> bool {
    let host = &directory.host;
    let answer = match &directory.first {
        Ok(answer) => answer,
        Err(failure) => {
            judge_failure(failure, Level::Error, findings);
            findings.info(
                Check::Other,
                "The rest was not checked, because the first question was not answered.",
            );
            return false;
        }
    };
    findings.ok(Check::Connection, format!("{host} answers."));
    if let Some(rest) = &directory.rest {
        judge_families(host, directory.families, &rest.over, findings);
    }
    findings.ok(
        Check::Tls,
        format!("The TLS certificate of {host} is valid and trusted."),
    );
    judge_expiry(host, directory.tls, now, findings);
    judge_redirects(&answer.redirects, findings);
    true
}

/// Says why there is no answer. With redirects it can be another host's fault.
pub(super) fn judge_failure(failure: &Failure, level: Level, findings: &mut Findings) {
    if let Some(Led { from, to: Some(to) }) = &failure.by_redirect {
        let detail = format!(
            "{from} redirects to {to}, from where there is no answer ({}).",
            failure.error
        );
        return findings.add(Check::Redirect, level, detail, Some(REDIRECTED));
    }
    let (check, remedy) = match failure.kind() {
        ErrorKind::Redirect => (Check::Redirect, REDIRECTS),
        ErrorKind::Blocked if failure.by_redirect.is_some() => (Check::Redirect, REDIRECTS),
        ErrorKind::Blocked => (
            Check::AddressGuard,
            "Give the host an address that can be reached from the Internet, in public DNS.",
        ),
        ErrorKind::Dns => (
            Check::Dns,
            "Have the name servers answer for this name with an address, for A and for AAAA.",
        ),
        // Only the sentence tells; of another transport's, the second is true too.
        ErrorKind::Tls if failure.error.to_string().contains("TLS certificate") => (
            Check::Tls,
            "Give the web server a TLS certificate for exactly this name, from a public CA, with \
             its intermediate certificates (nginx: ssl_certificate with the full chain; Apache: \
             SSLCertificateFile), and renew it in time.",
        ),
        ErrorKind::Tls => (
            Check::Tls,
            "Let the web server speak TLS 1.2 or 1.3 on port 443, for this name too (nginx: \
             listen 443 ssl; with ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLEngine on), and see \
             in its log why a handshake fails.",
        ),
        ErrorKind::Connect | ErrorKind::Timeout => (
            Check::Connection,
            "See that a web server runs there, listens on port 443 at every address that DNS has \
             for it, and is let through by the firewall.",
        ),
        ErrorKind::Http => (
            Check::Connection,
            "See in the web server's log why it breaks the connection off instead of answering.",
        ),
        _ => (Check::Other, "See in the web server's log what it answers."),
    };
    let hint = match failure.no_route {
        true => "; this machine has no way to its addresses, so check from another one",
        false => "",
    };
    let detail = format!("There is no answer ({}{hint}).", failure.error);
    findings.add(check, level, detail, Some(remedy));
}

const REDIRECTED: &str = "Redirect to a host that answers, with addresses in public DNS and a \
     TLS certificate for its name; best serve the files where they are asked for.";

const REDIRECTS: &str = "Redirect to https URLs with a host name and without a port, in one or two \
     steps; best serve the files where they are asked for.";

fn judge_families(host: &str, families: Families, over: &Over, findings: &mut Findings) {
    match &over.v6 {
        None if families.v6 => {
            let detail = format!(
                "{host} has no IPv4 address, so clients without IPv6, of which there are many, do \
                 not get to it."
            );
            findings.info(Check::Ipv6, detail);
        }
        None => findings.info(
            Check::Ipv6,
            format!("{host} has no IPv6 address, so clients without IPv4 do not get to it."),
        ),
        Some(Ok(())) => findings.ok(Check::Ipv6, format!("{host} answers over IPv6 too.")),
        Some(Err(unanswered)) if unanswered.no_route => findings.info(
            Check::Ipv6,
            format!(
                "Whether {host} answers over IPv6 could not be checked: this machine has no way \
                 there."
            ),
        ),
        Some(Err(unanswered)) => findings.warning(
            Check::Ipv6,
            format!(
                "{host} has IPv6 addresses and does not answer over IPv6 ({}); clients lose time \
                 there, and those without IPv4 get nothing.",
                unanswered.error
            ),
            "Let the web server listen on IPv6 (nginx: listen [::]:443 ssl;) and the firewall let \
             it through, or take the AAAA records away.",
        ),
    }
    if let Some(Err(unanswered)) = &over.v4
        && !unanswered.no_route
    {
        findings.warning(
            Check::Connection,
            format!(
                "{host} has IPv4 addresses and answers over IPv6 alone ({}).",
                unanswered.error
            ),
            "Let the web server listen on IPv4 (nginx: listen 443 ssl;) and the firewall let it \
             through, or take the A records away.",
        );
    }
}

fn judge_expiry(host: &str, tls: Tls, now: SystemTime, findings: &mut Findings) {
    let until = match tls {
        Tls::Until(until) => until,
        Tls::Unseen | Tls::Unreadable => {
            let detail = format!("When the TLS certificate of {host} expires could not be seen.");
            return findings.info(Check::TlsExpiry, detail);
        }
    };
    let left = until.duration_since(now).unwrap_or_default();
    let (day, days) = (day_of(until), left.as_secs() / (24 * 3600));
    if left <= TLS_NOTICE {
        let detail =
            format!("The TLS certificate of {host} expires on {day}: {days} full days are left.");
        findings.warning(
            Check::TlsExpiry,
            detail,
            "Renew it now, and see why that has not happened by itself (certbot renew --dry-run); \
             then reload the web server.",
        );
    } else {
        let detail = format!("The TLS certificate of {host} is good until {day}, for {days} days.");
        findings.ok(Check::TlsExpiry, detail);
    }
}

/// The date, without the time.
pub(super) fn day_of(time: SystemTime) -> String {
    let text = rfc3339(time);
    text.split('T').next().unwrap_or_default().to_owned()
}

fn judge_redirects(redirects: &[Redirect], findings: &mut Findings) {
    let Some(first) = redirects.first() else {
        return findings.ok(Check::Redirect, "There is no redirect.");
    };
    let last = redirects.last().unwrap_or(first);
    let (from, to) = (host(&first.from), host(&last.to));
    let elsewhere = redirects.iter().any(|redirect| {
        host(&redirect.from) != host(&redirect.to) && redirect.from.path() != redirect.to.path()
    });
    let rare = redirects
        .iter()
        .find(|redirect| !matches!(redirect.status, 301 | 302 | 307));
    let why = if redirects.len() > GNUPG_REDIRECTS {
        format!(
            "{from} redirects {} times; GnuPG follows two redirects.",
            redirects.len()
        )
    } else if let Some(rare) = rare {
        format!(
            "{from} redirects with status {}; GnuPG knows 301, 302 and 307 alone.",
            rare.status
        )
    } else if elsewhere {
        format!(
            "{from} redirects to another host, {to}, with another path; GnuPG asks there for the \
             path that it had."
        )
    } else {
        let detail = format!("{from} redirects to {to}, as clients follow.");
        return findings.info(Check::Redirect, detail);
    };
    findings.warning(Check::Redirect, why, REDIRECTS);
}

fn host(url: &url::Url) -> &str {
    url.host_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::wkd::check::seen::Unanswered;

    fn only(findings: Findings) -> (Check, Level) {
        let [finding] = &findings.list[..] else {
            panic!("{findings:?}");
        };
        let is_bad = finding.level() >= Level::Warning;
        assert_eq!(finding.remedy().is_some(), is_bad, "{finding:?}");
        (finding.check(), finding.level())
    }

    fn led(to: Option<&str>) -> Option<Led> {
        Some(Led {
            from: "a.example".to_owned(),
            to: to.map(str::to_owned),
        })
    }

    #[test]
    fn failures_by_kind() {
        for (kind, by_redirect, check) in [
            (ErrorKind::Connect, None, Check::Connection),
            (ErrorKind::Timeout, None, Check::Connection),
            (ErrorKind::Http, None, Check::Connection),
            (ErrorKind::Tls, None, Check::Tls),
            (ErrorKind::Redirect, None, Check::Redirect),
            (ErrorKind::Blocked, None, Check::AddressGuard),
            (ErrorKind::Blocked, led(None), Check::Redirect),
            (ErrorKind::Dns, None, Check::Dns),
            (ErrorKind::Config, None, Check::Other),
            (ErrorKind::Connect, led(Some("b.example")), Check::Redirect),
            (ErrorKind::Tls, led(Some("b.example")), Check::Redirect),
            (ErrorKind::Dns, led(Some("b.example")), Check::Redirect),
        ] {
            let failure = Failure {
                error: Error::new(kind, "why"),
                by_redirect: by_redirect.clone(),
                no_route: false,
            };
            for level in [Level::Warning, Level::Error] {
                let mut findings = Findings::of(None);
                judge_failure(&failure, level, &mut findings);
                assert_eq!(only(findings), (check, level), "{kind:?}");
            }
        }
    }

    #[test]
    fn expiry() {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let now = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        for (tls, level) in [
            (Tls::Until(now + 90 * DAY), Level::Ok),
            (Tls::Until(now + 15 * DAY), Level::Ok),
            (Tls::Until(now + 14 * DAY), Level::Warning),
            (Tls::Until(now + 5 * DAY), Level::Warning),
            (Tls::Until(now - DAY), Level::Warning),
            (Tls::Unreadable, Level::Info),
            (Tls::Unseen, Level::Info),
        ] {
            let mut findings = Findings::of(None);
            judge_expiry("example.org", tls, now, &mut findings);
            assert_eq!(only(findings), (Check::TlsExpiry, level), "{tls:?}");
        }
    }

    #[test]
    fn redirects() {
        let hop = |status, from: &str, to: &str| Redirect {
            status,
            from: format!("https://{from}").parse().unwrap(),
            to: format!("https://{to}").parse().unwrap(),
        };
        let slash = |n: usize| vec![hop(301, "a.example/x", "a.example/y"); n];
        for (redirects, level) in [
            (vec![], Level::Ok),
            (slash(1), Level::Info),
            (slash(2), Level::Info),
            (slash(3), Level::Warning),
            (vec![hop(308, "a.example/x", "a.example/y")], Level::Warning),
            (vec![hop(302, "a.example/x", "b.example/x")], Level::Info),
            (vec![hop(302, "a.example/x", "b.example/y")], Level::Warning),
        ] {
            let mut findings = Findings::of(None);
            judge_redirects(&redirects, &mut findings);
            assert_eq!(only(findings), (Check::Redirect, level), "{redirects:?}");
        }
    }

    #[test]
    fn families() {
        let no = |no_route| {
            Err(Unanswered {
                error: Error::new(ErrorKind::Connect, "refused"),
                no_route,
            })
        };
        use Level::{Info, Ok as Good, Warning};
        for (v6, v4, expected) in [
            (Some(Ok(())), Some(Ok(())), vec![(Check::Ipv6, Good)]),
            (Some(no(false)), Some(Ok(())), vec![(Check::Ipv6, Warning)]),
            (Some(no(true)), Some(Ok(())), vec![(Check::Ipv6, Info)]),
            (
                Some(Ok(())),
                Some(no(false)),
                vec![(Check::Ipv6, Good), (Check::Connection, Warning)],
            ),
        ] {
            let mut findings = Findings::of(None);
            let families = Families { v6: true, v4: true };
            let over = Over { v6, v4 };
            judge_families("example.org", families, &over, &mut findings);
            let all: Vec<_> = findings
                .list
                .iter()
                .map(|f| (f.check(), f.level()))
                .collect();
            assert_eq!(all, expected, "{over:?}");
        }
        for v6 in [true, false] {
            let mut findings = Findings::of(None);
            let families = Families { v6, v4: !v6 };
            let over = Over { v6: None, v4: None };
            judge_families("example.org", families, &over, &mut findings);
            assert_eq!(only(findings), (Check::Ipv6, Info));
        }
    }

    #[test]
    fn where_nothing_is_answered_the_rest_is_not_checked() {
        let mut directory = crate::wkd::check::answers::tests::directory();
        directory.first = Err(Failure {
            error: Error::new(ErrorKind::Connect, "refused"),
            by_redirect: None,
            no_route: false,
        });
        let mut findings = Findings::of(None);
        assert!(!judge(&directory, SystemTime::now(), &mut findings));
        let list = findings.list.iter().map(|f| (f.check(), f.level()));
        let expected = [
            (Check::Connection, Level::Error),
            (Check::Other, Level::Info),
        ];
        assert!(list.eq(expected), "{findings:?}");
    }
}
