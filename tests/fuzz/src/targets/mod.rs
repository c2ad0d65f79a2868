//! The targets, one a file.

pub mod address;
pub mod armor;
pub mod by_key;
pub mod dns_to_plan;
pub mod filter;
pub mod url;
pub mod verify;
pub mod vks_merge;
