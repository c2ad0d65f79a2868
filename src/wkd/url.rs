//! Where a Web Key Directory keeps the certificates of an address.

use crate::EmailAddress;

/// The places of an address in a Web Key Directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    address: &'a EmailAddress,
    hash: String,
}

impl<'a> Url<'a> {
    /// The places of this address.
    pub fn new(address: &'a EmailAddress) -> Self {
        let _ = address;
        todo!()
    }

    /// The 32 letters that stand for the local part.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The host of the advanced method; `None` where its name would be too long to exist.
    pub fn advanced_host(&self) -> Option<String> {
        let _ = self.address;
        todo!()
    }

    /// The URL of the advanced method, as text; `None` where there is no such host.
    pub fn advanced_text(&self) -> Option<String> {
        todo!()
    }

    /// The URL of the direct method, as text.
    pub fn direct_text(&self) -> String {
        todo!()
    }

    /// The URL of the advanced method; `None` where there is no such host.
    pub fn advanced(&self) -> Option<::url::Url> {
        todo!()
    }

    /// The URL of the direct method.
    pub fn direct(&self) -> ::url::Url {
        todo!()
    }
}
