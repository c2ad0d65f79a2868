//! The targets, one a file.

pub(crate) mod address;
pub(crate) mod armor;
pub(crate) mod by_key;
pub(crate) mod dns_to_plan;
pub(crate) mod filter;
pub(crate) mod keyring;
pub(crate) mod publish;
pub(crate) mod url;
pub(crate) mod verify;
pub(crate) mod vks_merge;
