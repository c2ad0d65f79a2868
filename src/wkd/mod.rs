//! Web Key Directory (draft-koch-openpgp-webkey-service).

mod url;

pub use self::url::Url;
