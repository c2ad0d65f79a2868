//! Find the OpenPGP certificate for an e-mail address.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
pub mod dns;
mod error;
pub mod filter;
mod lookup;
mod source;
mod status;
pub mod transport;
pub mod wkd;

pub use address::{AddressError, AddressProblem, EmailAddress};
pub use error::{Error, ErrorKind};
pub use filter::{Limits, UserIdFilter};
pub use lookup::{
    Absence, Attempt, Event, Found, Lookup, Outcome, Provenance, Reason, Rejection, Status,
};
pub use source::{Method, Source, Step};
pub use status::{CertStatus, Revocation, RevocationKind};

/// The OpenPGP library whose types appear in this crate's API.
pub use sequoia_openpgp as openpgp;

/// A boxed, sendable future: what the traits of [`dns`] and [`transport`] return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
