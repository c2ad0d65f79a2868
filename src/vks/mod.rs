//! The validating key server (VKS API v1): it lists an address only where its
//! holder has confirmed it by mail.
//!
//! By default it is [keys.openpgp.org](https://keys.openpgp.org/about/api); see
//! [`KeyLocatorBuilder::vks`](crate::KeyLocatorBuilder::vks) for another one.
//!
//! Look-ups by address are [`KeyLocator::locate`](crate::KeyLocator::locate)'s.
//! The rest of the protocol is [`Client`]'s, which
//! [`KeyLocator::vks`](crate::KeyLocator::vks) hands out: look-ups by fingerprint
//! and key ID, and publishing one's own certificate.

mod answer;
mod ask;
mod budget;
pub(crate) mod by_key;
mod client;
mod key_lookup;
mod publish;
mod server;
mod upload;

pub use budget::Budget;
pub use client::Client;
pub use key_lookup::KeyLookup;
pub use upload::{AddressStatus, Upload, UploadToken};

pub(crate) use ask::by_email;
pub(crate) use server::KeyServer;
