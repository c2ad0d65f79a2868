//! What a check finds: a sentence each, what it is about, and what to do.

use std::fmt;
use std::time::Duration;

use super::Subject;
use crate::text::printable;
use crate::wkd::Layout;

/// What is right and what is wrong with a Web Key Directory.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use openpgp_discovery::KeyLocator;
/// use openpgp_discovery::wkd::check::Level;
///
/// let locator = KeyLocator::new()?;
/// let report = locator.check_wkd(&"alice@example.org".parse()?).await;
/// for finding in report.findings() {
///     if finding.level() >= Level::Warning {
///         println!("{}: {}", finding.check(), finding.detail());
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) subject: Subject,
    pub(super) applies: Option<Layout>,
    pub(super) findings: Vec<Finding>,
    pub(super) asked: Vec<Asked>,
}

impl Report {
    /// What was checked.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The method that clients use for this domain, as DNS has it; `None` where
    /// that cannot be told.
    pub fn applies(&self) -> Option<Layout> {
        self.applies
    }

    /// What was found, in the order of the checks.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The gravest level among the findings.
    pub fn worst(&self) -> Level {
        let levels = self.findings.iter().map(Finding::level);
        levels.max().unwrap_or(Level::Ok)
    }

    /// What was asked of the network, in the order in which the answers came.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(super) method: Option<Layout>,
    pub(super) check: Check,
    pub(super) level: Level,
    pub(super) detail: String,
    pub(super) remedy: Option<String>,
}

impl Finding {
    /// The method that it is about; `None` where it is about the domain.
    pub fn method(&self) -> Option<Layout> {
        self.method
    }

    /// What was looked at.
    pub fn check(&self) -> Check {
        self.check
    }

    /// How grave it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What was found: a sentence for people, without control characters.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do about it: a sentence for people. There is one with every
    /// warning and every error.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

/// How grave a finding is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing, and nothing to do about.
    Info,
    /// Works with some clients, or not for long, or breaks a rule that look-ups do
    /// not depend on.
    Warning,
    /// Clients do not get a certificate that they can use, or whether they do could
    /// not be told.
    Error,
}

/// What a [`Finding`] is about.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Whether DNS answers, and which method follows from it.
    Dns,
    /// Whether a wildcard in DNS makes up the host of the advanced method.
    Wildcard,
    /// Whether the host has addresses that clients may connect to: the
    /// [`AddressGuard`](crate::dns::AddressGuard) refuses special-purpose ones.
    AddressGuard,
    /// Whether the host takes connections, and answers.
    Connection,
    /// Whether a host with IPv6 addresses answers at them, and has others too.
    Ipv6,
    /// Whether the TLS handshake succeeds: a certificate that has expired, is for
    /// another name or comes from an unknown issuer is an error here.
    Tls,
    /// Whether the TLS certificate, valid today, expires within 14 days. Where
    /// certificates are made for less than that, it always does.
    TlsExpiry,
    /// Whether redirects are ones that clients follow, to hosts that answer.
    Redirect,
    /// The policy file: that it is missing is a warning for an address, and an error
    /// for a domain, of which nothing else tells that it has a directory.
    Policy,
    /// The HTTP status for the address, and for one that does not exist.
    Status,
    /// The content type of the certificate.
    ContentType,
    /// Whether scripts of other origins may read it, as clients in browsers have to.
    Cors,
    /// Whether an address that does not exist is answered with 404.
    Soft404,
    /// Whether the directory lists its files.
    Listing,
    /// Whether HEAD is answered as GET is.
    Head,
    /// Whether the certificate is binary.
    Armor,
    /// Whether it is OpenPGP data at all.
    Malformed,
    /// Whether it holds secret keys.
    SecretKey,
    /// Whether a User ID of the address is bound to it, and to how many others.
    Address,
    /// Whether other User IDs have been stripped.
    OtherUserIds,
    /// Whether it has expired.
    Expired,
    /// Whether it, or its ability to encrypt, expires within 30 days.
    ExpiresSoon,
    /// Whether it is revoked.
    Revoked,
    /// Whether its algorithms are ones that clients accept.
    Algorithm,
    /// Whether mail can be encrypted to it.
    EncryptionKey,
    /// Whether it is small enough for clients.
    Size,
    /// Whether both methods, where both are served, serve the same.
    MethodsAgree,
    /// The submission-address file.
    SubmissionAddress,
    /// Whether the label `openpgpkey` below the domain is in its operator's hands:
    /// a host that hands out subdomains must reserve it.
    ReservedLabel,
    /// Anything else.
    Other,
}

/// One question to DNS or to a web server.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(super) what: String,
    pub(super) outcome: String,
    pub(super) elapsed: Duration,
}

impl Asked {
    /// What was asked: a name, or a request line with its whole URL. It can hold
    /// the address.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What came of it, for people.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// The name, as in `soft_404`.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dns => "dns",
            Self::Wildcard => "wildcard",
            Self::AddressGuard => "address_guard",
            Self::Connection => "connection",
            Self::Ipv6 => "ipv6",
            Self::Tls => "tls",
            Self::TlsExpiry => "tls_expiry",
            Self::Redirect => "redirect",
            Self::Policy => "policy",
            Self::Status => "status",
            Self::ContentType => "content_type",
            Self::Cors => "cors",
            Self::Soft404 => "soft_404",
            Self::Listing => "listing",
            Self::Head => "head",
            Self::Armor => "armor",
            Self::Malformed => "malformed",
            Self::SecretKey => "secret_key",
            Self::Address => "address",
            Self::OtherUserIds => "other_user_ids",
            Self::Expired => "expired",
            Self::ExpiresSoon => "expires_soon",
            Self::Revoked => "revoked",
            Self::Algorithm => "algorithm",
            Self::EncryptionKey => "encryption_key",
            Self::Size => "size",
            Self::MethodsAgree => "methods_agree",
            Self::SubmissionAddress => "submission_address",
            Self::ReservedLabel => "reserved_label",
            Self::Other => "other",
        })
    }
}

/// Findings of one method, as they come.
#[derive(Debug)]
pub(super) struct Findings {
    method: Option<Layout>,
    pub(super) list: Vec<Finding>,
}

impl Findings {
    pub(super) fn of(method: Option<Layout>) -> Self {
        Self {
            method,
            list: Vec::new(),
        }
    }

    pub(super) fn ok(&mut self, check: Check, detail: impl AsRef<str>) {
        self.add(check, Level::Ok, detail, None);
    }

    pub(super) fn info(&mut self, check: Check, detail: impl AsRef<str>) {
        self.add(check, Level::Info, detail, None);
    }

    pub(super) fn warning(&mut self, check: Check, detail: impl AsRef<str>, remedy: &str) {
        self.add(check, Level::Warning, detail, Some(remedy));
    }

    pub(super) fn error(&mut self, check: Check, detail: impl AsRef<str>, remedy: &str) {
        self.add(check, Level::Error, detail, Some(remedy));
    }

    /// Makes warnings of errors that follow from another one, or matter less.
    pub(super) fn soften(&mut self, which: impl Fn(Check) -> bool) {
        for finding in &mut self.list {
            if finding.level == Level::Error && which(finding.check) {
                finding.level = Level::Warning;
            }
        }
    }

    /// Says something else to do about those errors.
    pub(super) fn advise(&mut self, which: impl Fn(Check) -> bool, remedy: &str) {
        for finding in &mut self.list {
            if finding.level == Level::Error && which(finding.check) {
                finding.remedy = Some(printable(remedy));
            }
        }
    }

    pub(super) fn add(
        &mut self,
        check: Check,
        level: Level,
        detail: impl AsRef<str>,
        remedy: Option<&str>,
    ) {
        self.list.push(Finding {
            method: self.method,
            check,
            level,
            detail: printable(detail.as_ref()),
            remedy: remedy.map(printable),
        });
    }
}
