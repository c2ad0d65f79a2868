//! The answer of a key server, filtered for a key.

use openpgp_discovery::filter::Filter;
use openpgp_discovery::openpgp::{Fingerprint, KeyHandle, KeyID};

use super::filter::{check, limits, time};
use crate::kept::{octets, severity};
use crate::{Input, pool, program};

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let limits = limits(&mut input);
    let key = key(&mut input);
    let filter = Filter::new().limits(limits).time(time(&mut input));
    let body = program::body(&mut input);

    let filtered = filter.apply_to_key(&body, &key);
    check(&filtered, &body, &limits);
    for kept in filtered.kept() {
        let cert = kept.cert();
        let has_it = |fingerprint: Fingerprint| KeyHandle::from(fingerprint).aliases(&key);
        assert!(
            cert.keys().any(|one| has_it(one.key().fingerprint())),
            "{key} is not in it"
        );

        let body = octets(cert);
        let second = filter.apply_to_key(&body, &key);
        let [same] = second.kept() else {
            panic!("kept once and not again: {:?}", second.rejected());
        };
        assert_eq!(octets(same.cert()), body, "not the same again");
        assert!(severity(same.status()) <= severity(kept.status()));
    }
    filtered.kept().len()
}

/// A key of the pool, primary or subkey, by fingerprint or key ID.
fn key(input: &mut Input<'_>) -> KeyHandle {
    let cert = &input.pick(&pool::get().certs).cert;
    let which = input.octet();
    let keys: Vec<_> = cert.keys().map(|one| one.key().fingerprint()).collect();
    let key = &keys[usize::from(which >> 1) % keys.len()];
    match which & 1 {
        0 => key.into(),
        _ => KeyID::from(key).into(),
    }
}
