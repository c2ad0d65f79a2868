//! The validating key server (VKS API v1): it lists an address only where its
//! holder has confirmed it by mail.
//!
//! By default it is [keys.openpgp.org](https://keys.openpgp.org/about/api); see
//! [`KeyLocatorBuilder::vks`](crate::KeyLocatorBuilder::vks) for another one.

mod budget;
mod client;
mod server;

pub use budget::Budget;
pub(crate) use client::by_email;
pub(crate) use server::KeyServer;
