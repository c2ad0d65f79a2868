//! Find the OpenPGP certificate for an e-mail address.
//!
//! Somebody writes to a person whose certificate they do not have. Their client
//! calls [`KeyLocator::locate`], and the crate asks, in this order, and stops at
//! the first hit:
//!
//! 1. the **Web Key Directory** of the address's domain
//!    (draft-koch-openpgp-webkey-service): the advanced method, then, only where
//!    DNS says that `openpgpkey.DOMAIN` has no address, the direct one;
//! 2. a **validating key server** (VKS), by default keys.openpgp.org, where the
//!    holder of the address has confirmed it.
//!
//! ```no_run
//! # async fn run() -> Result<(), openpgp_discovery::Error> {
//! use openpgp_discovery::KeyLocator;
//!
//! let locator = KeyLocator::new()?; // one for the whole program
//! match locator.locate(&"alice@example.org".parse()?).await.into_result() {
//!     Ok(Some(found)) => println!("encrypt to {}", found.cert().fingerprint()),
//!     Ok(None) => println!("nobody publishes a certificate for this address"),
//!     Err(error) => println!("could not tell, or not usable: {error}"),
//! }
//! # Ok(()) }
//! ```
//!
//! # Three answers, and the trail
//!
//! A look-up ends as [`Status::Found`], [`Status::NotFound`] or
//! [`Status::Failed`], and these are three different things. "Not found" is only
//! said where every source said so. What was asked, and what came of it, is in
//! [`Lookup::attempts`]; what was refused, and why, in [`Lookup::rejected`].
//!
//! A certificate that was found can be revoked or expired: [`Found::status`] tells,
//! [`Lookup::usable`] gives the best one that mail can be encrypted to, and
//! [`Lookup::into_result`] turns everything else into an error. Found says who
//! vouches for it ([`Provenance`]): the operator of the domain's web server, or a
//! key server that sent a mail to the address. It does not say that the person is
//! who you think.
//!
//! # The tour
//!
//! | where | what |
//! | --- | --- |
//! | [`EmailAddress`] | parsed once; its forms for WKD, key servers, DANE and User IDs |
//! | [`KeyLocator`], [`KeyLocatorBuilder`] | look-ups and their options |
//! | [`Lookup`] | the answer |
//! | [`Refresh`] | news about a certificate that is held |
//! | [`plan`] | the order of a look-up, in one `match` |
//! | [`filter`] | from untrusted bytes to small certificates, within [`Limits`] |
//! | [`wkd`] | the hash and both URLs of a Web Key Directory; [publishing](wkd::publish), [serving](wkd::serve) and [checking](wkd::check) one |
//! | [`vks`] | the key server: look-ups by key, publishing one's own ([`Client`](vks::Client)), its [`Budget`](vks::Budget) |
//! | [`verify`] | signatures, judged by the fresh status of their signers |
//! | [`keyring`] | reading certificates from files |
//! | [`dns`] | resolving, and the [`AddressGuard`](dns::AddressGuard) |
//! | [`transport`] | HTTP |
//!
//! # Defaults, and why
//!
//! | what | default | why | setter |
//! | --- | --- | --- | --- |
//! | time for one address, in all | 20 s, of which WKD gets 60 % | a person waits; a dead host must not cost the key server its turn | [`deadline`](KeyLocatorBuilder::deadline) |
//! | fallback to the direct method | strict | who blocks one host must not choose the directory | [`fallback`](KeyLocatorBuilder::fallback) |
//! | reachable addresses | globally reachable ones | any user may type any address | [`guard`](KeyLocatorBuilder::guard) |
//! | redirects | 3 | enough for real directories | [`max_redirects`](KeyLocatorBuilder::max_redirects) |
//! | key server requests | by e-mail 50, then one a minute; others 1,000, then five a second | what keys.openpgp.org documents | [`vks_budget`](KeyLocatorBuilder::vks_budget) |
//! | look-ups and refreshes at once | 128, of one host 16 | in [`locate_all`](KeyLocator::locate_all) and [`refresh_all`](KeyLocator::refresh_all): enough to keep a line busy, and not to hurt a server | [`concurrency`](KeyLocatorBuilder::concurrency), [`concurrency_per_host`](KeyLocatorBuilder::concurrency_per_host) |
//! | a signer that cannot be refreshed | could not tell | whoever cuts the line must not hide a revocation | [`Verify::freshness`](verify::Verify::freshness) |
//! | signatures of a message; requests for them | 16; 8 | no message makes a client ask for ever | [`Verify`](verify::Verify) |
//! | what comes out of compression | 4 GiB, 8 layers | above real files, below endless ones | [`Verify`](verify::Verify) |
//! | size of an answer, packets, certificates, … | see [`Limits`] | above the largest certificates seen, below what hurts a server | [`limits`](KeyLocatorBuilder::limits) |
//! | User IDs | those of the address | one's other addresses are nobody's business | [`user_ids`](KeyLocatorBuilder::user_ids) |
//!
//! # Privacy
//!
//! Each call reveals what stands here, and nothing else; what is the same for
//! every request comes first. `HOST` is the host that is asked, `KEY-SERVER` the
//! key server's. All of them learn your address on the network. What goes over
//! TLS the network sees but for the server's name and the size and time of what
//! goes by.
//!
//! | on | learns | from | what |
//! | --- | --- | --- | --- |
//! | every handshake | observer, server | TLS server name | `HOST` |
//! | every handshake | observer, server | TLS protocols | `http/1.1` |
//! | every handshake | observer, server | TLS extensions | `0, 5, 10, 11, 13, 16, 23, 43, 45, 51` |
//! | every request | server | header field | `host: HOST` |
//! | every request | server | header field | `user-agent: openpgp-discovery/VERSION` |
//! | every request | server | header field | `accept: */*` |
//! | look-up | DNS resolver | query A | `openpgpkey.DOMAIN` |
//! | look-up | DNS resolver | query AAAA | `openpgpkey.DOMAIN` |
//! | look-up | DNS resolver | query A | `DOMAIN` |
//! | look-up | DNS resolver | query AAAA | `DOMAIN` |
//! | look-up, advanced method | directory | request | `GET /.well-known/openpgpkey/DOMAIN/hu/HASH?l=LOCAL-PART` |
//! | look-up, direct method | directory | request | `GET /.well-known/openpgpkey/hu/HASH?l=LOCAL-PART` |
//! | look-up, redirected | DNS resolver | query A | `TARGET` |
//! | look-up, redirected | DNS resolver | query AAAA | `TARGET` |
//! | look-up, redirected | redirect's target | request | `GET /there` |
//! | key server | DNS resolver | query A | `KEY-SERVER` |
//! | key server | DNS resolver | query AAAA | `KEY-SERVER` |
//! | connecting ahead | key server | request | `HEAD /` |
//! | look-up, key server | key server | request | `GET /vks/v1/by-email/ADDRESS` |
//! | refresh | key server | request | `GET /vks/v1/by-fingerprint/FINGERPRINT` |
//! | verification | key server | request | `GET /vks/v1/by-fingerprint/FINGERPRINT` |
//! | publishing | key server | request | `POST /vks/v1/upload` |
//! | publishing | key server | body | `keytext` |
//! | publishing | key server | request | `POST /vks/v1/request-verify` |
//! | publishing | key server | body | `addresses, locale, token` |
//! | publishing | server | header field | `content-type: application/json` |
//! | publishing | server | header field | `content-length: LENGTH` |
//!
//! * DNS is asked for both hosts of a domain side by side: whoever sees the first
//!   name learns nothing new from the second. The direct host itself is asked where
//!   the advanced one has no address, or a [lenient](plan::Fallback::Lenient)
//!   fallback says so; the key server where the directories have nothing. `/there`
//!   stands for what a redirect says.
//! * A verification asks by key ID (`/vks/v1/by-keyid/…`) where a signature names no
//!   fingerprint, and for those whom the signer named to revoke. Neither it nor a
//!   refresh sends anybody's address.
//! * To a key server that the caller [named](KeyLocatorBuilder::vks), `h2` is
//!   offered too; with [`http2`](transport::ReqwestTransportBuilder::http2), to all.
//! * The extensions are the same for all who use the same version of rustls (their
//!   names: server_name, status_request, supported_groups, ec_point_formats,
//!   signature_algorithms, application_layer_protocol_negotiation,
//!   extended_master_secret, supported_versions, psk_key_exchange_modes, key_share).
//! * No TLS session is resumed, and no ticket, cookie, referer or other header
//!   field sent. A connection is kept for a minute: what goes over it is known to
//!   come from one client.
//! * A [check](KeyLocator::check_wkd) asks as a look-up by both methods does, and
//!   besides for `policy`, `submission-address`, a list of `hu/`, a random place in
//!   it and a random name of the domain. It asks no key server.
//! * An observer of the network sees the names in DNS too, unless the resolver is
//!   asked over a private way.
//!
//! Nothing is asked for addresses that were not asked for. Errors and `tracing`
//! events of this crate hold no local part unless
//! [`log_addresses`](KeyLocatorBuilder::log_addresses) is on. What a name resolved
//! to is in no answer and no error, and in events at debug level alone. The
//! libraries below have debug and trace events of their own.
//!
//! # Features
//!
//! | feature | default | brings |
//! | --- | --- | --- |
//! | `hickory` | yes | [`dns::HickoryDns`], the bundled resolver |
//! | `reqwest` | yes | [`transport::ReqwestTransport`], the bundled transport |
//! | `ring` | yes | rustls' *ring* provider |
//! | `verify` | yes | [`verify`], with decompression (deflate, bzip2) |
//! | `aws-lc-rs` | | rustls' *aws-lc-rs* provider; used where both are on |
//! | `crypto-openssl`, `-nettle`, `-botan`, `-cng`, `-rust` | | a crypto backend of [`openpgp`]: exactly one in the whole program |
//!
//! Without `hickory` or `reqwest`, a [`DnsResolver`](dns::DnsResolver) or an
//! [`HttpTransport`](transport::HttpTransport) has to be given to the builder, and
//! there is no `KeyLocator::new`.
//! The bundled ones need a tokio runtime with its I/O and time drivers on.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod algorithms;
mod batch;
mod builder;
mod clock;
pub mod dns;
mod encode;
mod error;
mod fetch;
pub mod filter;
pub mod keyring;
mod keys;
mod locator;
mod lock;
mod lookup;
pub mod plan;
mod refresh;
mod rejection;
mod source;
mod status;
mod text;
pub mod transport;
#[cfg(feature = "verify")]
pub mod verify;
pub mod vks;
pub mod wkd;
mod workers;

pub use address::{AddressError, AddressProblem, EmailAddress};
pub use builder::KeyLocatorBuilder;
pub use error::{Error, ErrorKind};
pub use filter::{Limits, UserIdFilter};
pub use locator::KeyLocator;
pub use lookup::{Absence, Attempt, Event, Found, Lookup, Outcome, Provenance, Status};
pub use refresh::{Change, ChangeKind, Refresh, RefreshOutcome};
pub use rejection::{Reason, Rejection};
pub use source::{Method, Source, Step};
pub use status::{CertStatus, Revocation, RevocationKind};

/// The OpenPGP library whose types appear in this crate's API.
pub use sequoia_openpgp as openpgp;

/// A boxed, sendable future: what the traits of [`dns`] and [`transport`] return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The examples of the README. What stands before its first comment is not among
/// them: CI puts those lines into a program, where they are as short as can be.
#[cfg(all(doctest, feature = "verify"))]
#[doc = concat!("<!--", include_str!("../README.md"))]
struct Readme;
