//! Web Key Directory (draft-koch-openpgp-webkey-service).

pub mod check;
mod layout;
pub mod publish;
pub mod serve;
mod url;

pub use self::layout::Layout;
pub use self::url::Url;
