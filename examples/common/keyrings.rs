//! The certificates of several files, as if they were one.

use openpgp_discovery::keyring::Keyring;
use openpgp_discovery::openpgp::Cert;

use super::input::Input;

/// The certificates that are whole, and what is wrong: a sentence each, for people.
pub(crate) fn read(inputs: &[Input]) -> (Vec<Cert>, Vec<String>) {
    let (mut keyring, mut certs, mut broken) = (Keyring::new(), Vec::new(), Vec::new());
    for input in inputs {
        broken.extend(input.add_to(&mut keyring).err());
    }
    for cert in keyring.certs() {
        match cert {
            Ok(cert) => certs.push(cert),
            Err(why) => broken.push(why.to_string()),
        }
    }
    (certs, broken)
}
