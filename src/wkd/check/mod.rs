//! Tells what is right and what is wrong with a Web Key Directory.
//!
//! [`KeyLocator::check_wkd`](crate::KeyLocator::check_wkd) looks at the directory
//! of an address or a domain as a client does and gives back a [`Report`]:
//! findings, each with the [`Check`] that it is of, a [`Level`], a sentence, and
//! where something is wrong what to do about it.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use openpgp_discovery::KeyLocator;
//! use openpgp_discovery::wkd::check::Level;
//!
//! let locator = KeyLocator::new()?;
//! let report = locator.check_wkd(&"alice@example.org".parse()?).await;
//! for finding in report.findings() {
//!     println!("{}: {}: {}", finding.level(), finding.check(), finding.detail());
//!     if let Some(remedy) = finding.remedy() {
//!         println!("    {remedy}");
//!     }
//! }
//! if report.worst() == Level::Error {
//!     println!("clients do not get a certificate");
//! }
//! # Ok(()) }
//! ```
//!
//! # Which method is checked
//!
//! The one that clients use (draft-koch-openpgp-webkey-service §3.1): the advanced
//! method where `openpgpkey.DOMAIN` has an address, else the direct one. Where the
//! advanced one applies, the direct one is optional: that it is not there is no
//! fault; where it is there, it has to serve the same. A wildcard in DNS that makes
//! up `openpgpkey.DOMAIN` without a directory there is one error, and the direct
//! method is checked instead. Without a wildcard, a host for the advanced method
//! that has nothing while the direct one serves is one error too: the missing
//! directory ([`Check::Status`], or [`Check::Policy`] of a domain) where both names
//! share an address, and [`Check::ReservedLabel`] where it leads elsewhere.
//!
//! # One fault, one error
//!
//! What cannot be looked at because of an earlier fault is not reported as another
//! one. [`Level::Error`] says that clients get no certificate that they can use, or
//! that whether they do could not be told: a certificate that could not be looked
//! into may hold anything. What breaks a rule that look-ups do not depend on is a
//! [`Level::Warning`]. A missing policy file is one for an address, whose certificate
//! is there all the same; for a domain it is an error, because nothing else shows
//! that there is a directory. A redirect to a host that fails is a fault of the
//! redirect ([`Check::Redirect`]), not of that host's name.

mod answers;
mod ask;
mod certificate;
mod der;
mod driver;
mod files;
mod judge;
mod methods;
mod names;
mod report;
mod seen;
mod server;
mod standing;
mod subject;

pub use report::{Asked, Check, Finding, Level, Report};
pub use subject::Subject;
