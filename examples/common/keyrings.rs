//! The certificates of several files, as if they were one.

use openpgp_discovery::openpgp::Cert;

use super::certs;
use super::input::Input;

/// Reads several as one: a revocation in one of them is for the certificates of all. What
/// is wrong is told in a sentence each, for people.
pub(crate) fn read(inputs: &[Input]) -> (Vec<Cert>, Vec<String>) {
    let mut files: Vec<_> = inputs.iter().map(certs::read).collect();
    let mut certs: Vec<Cert> = files
        .iter_mut()
        .flat_map(|file| file.certs.drain(..))
        .collect();
    let mut broken = Vec::new();
    for file in &mut files {
        file.revoke(&mut certs);
        broken.append(&mut file.broken);
    }
    (certs, broken)
}
