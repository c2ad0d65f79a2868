//! Key revocations that stand apart from the keys that they name: before any
//! key, behind another one, or in a copy that is refused.

use sequoia_openpgp::Fingerprint;

use super::limits::Limits;
use super::packets::RawPacket;
use super::reduce::{RawCert, add};
use super::signature::{By, Head};

/// So many are looked at. Honest answers have a handful.
const MAX: usize = 4096;

/// Revocations to be given to certificates, once all of these are known.
#[derive(Debug, Default)]
pub(super) struct Strays<'a> {
    list: Vec<(RawPacket<'a>, Option<Fingerprint>)>,
    pub(super) too_many: bool,
}

impl<'a> Strays<'a> {
    /// Adds one; `behind` is the key that it stands behind, which it may be about.
    pub(super) fn push(&mut self, packet: RawPacket<'a>, behind: Option<&Fingerprint>) {
        if self.list.len() == MAX {
            self.too_many = true;
        } else {
            self.list.push((packet, behind.cloned()));
        }
    }

    /// Gives each to the certificates that it may be about: those that its issuer
    /// names, and that behind which it stands, whose designated revoker's it may
    /// be. Signatures will tell.
    pub(super) fn settle(&mut self, certs: &mut [RawCert<'a>], limits: &Limits) {
        for (packet, behind) in std::mem::take(&mut self.list) {
            let Some(head) = Head::parse(packet.body()) else {
                continue;
            };
            for cert in &mut *certs {
                let by = head.by(&cert.owner);
                if by != By::Other {
                    let limit = limits.self_signatures;
                    add(&mut cert.signatures, packet, limit, &mut cert.too_large);
                } else if behind.as_ref().is_none_or(|key| *key == cert.fingerprint) {
                    cert.offer(packet, limits);
                }
            }
        }
    }
}
