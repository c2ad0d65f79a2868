//! Gives revocations that stand apart to the certificates that they may be about.

use std::collections::{HashMap, HashSet};

use super::limits::Limits;
use super::reduce::RawCert;
use super::signature::{Head, types};
use super::strays::{Stray, Strays};

/// Once all certificates of an answer are known.
pub(super) fn adopt<'a>(strays: &mut Strays<'a>, certs: &mut [RawCert<'a>], limits: &Limits) {
    for (packet, behind) in strays.take_of_keys() {
        for cert in &mut *certs {
            cert.adopt(packet, behind.as_ref(), limits);
        }
    }
    let owners = owners(certs);
    let mut seen = HashSet::new();
    for stray in strays.take_of_components() {
        if seen.insert(stray.packet.body()) {
            of_component(&stray, certs, &owners, limits);
        }
    }
}

/// Which certificates have a primary key of that name. There may be tens of thousands
/// of strays: each is not to be compared with each certificate.
fn owners(certs: &[RawCert<'_>]) -> HashMap<Vec<u8>, Vec<usize>> {
    let mut owners: HashMap<_, Vec<_>> = HashMap::new();
    for (at, cert) in certs.iter().enumerate() {
        for name in cert.owner.names() {
            owners.entry(name.to_vec()).or_default().push(at);
        }
    }
    owners
}

fn of_component<'a>(
    stray: &Stray<'a>,
    certs: &mut [RawCert<'a>],
    owners: &HashMap<Vec<u8>, Vec<usize>>,
    limits: &Limits,
) {
    let Some(head) = Head::parse(stray.packet.body()) else {
        return;
    };
    let mut by: Vec<usize> = Vec::new();
    let mut is_by_nobody = true;
    for issuer in head.issuers() {
        is_by_nobody = false;
        by.extend(owners.get(issuer).into_iter().flatten());
    }
    // Of User IDs, nobody else can revoke what the owner says.
    let may_be_foreign = !is_by_nobody && !stray.is_placed && head.typ == types::SUBKEY_REVOCATION;
    for (at, cert) in certs.iter_mut().enumerate() {
        let behind = stray.behind.as_ref();
        let stands_here = behind.is_none_or(|key| *key == cert.fingerprint);
        if by.contains(&at) || (is_by_nobody && stands_here) {
            cert.lose(stray.packet);
        } else if may_be_foreign && stands_here {
            cert.lose_foreign(stray.packet, head, limits);
        }
    }
}
