//! Look-ups whose internet is the testbed.

use openpgp_discovery::{KeyLocator, KeyLocatorBuilder};

use crate::Testbed;

impl Testbed {
    /// A locator that asks the testbed's DNS, trusts its CA beside the system's,
    /// uses its key server, and has the guard up but for its HTTPS listeners.
    pub fn locator(&self) -> KeyLocatorBuilder {
        KeyLocator::builder()
            .resolver(self.dns())
            .guard(self.guard())
            .trust_anchor(self.ca_der())
            .vks(self.vks_url())
    }
}
