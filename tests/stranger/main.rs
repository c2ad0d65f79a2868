//! A program outside the workspace: the README's lines, word for word, against
//! the testbed. `.ci/run` puts them in place of the line marked below.

use std::sync::OnceLock;

use openpgp_discovery::Error;
use testbed::Testbed;

static TESTBED: OnceLock<Testbed> = OnceLock::new();

/// Stands in for the crate's own, so that the lines reach the testbed.
struct KeyLocator;

impl KeyLocator {
    #[expect(clippy::new_ret_no_self, reason = "it stands in for a constructor")]
    fn new() -> Result<openpgp_discovery::KeyLocator, Error> {
        TESTBED.get().expect("started").locator().build()
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let testbed = Testbed::start().await;
    let address = "alice@example.org".parse()?;
    let sample = testbed::certs::cert(&["Alice <alice@example.org>"]);
    testbed.wkd_advanced(&address, sample.binary());
    println!("expected: {}", sample.cert.fingerprint());
    TESTBED.set(testbed).expect("set once");
    // README
    Ok(())
}
