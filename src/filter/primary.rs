//! Which other User IDs need no verifying: what hangs on one of them, the expiration
//! and the flags of the key, hangs on the *primary* one. That is, of those that are
//! bound and not revoked, the newest that says so, or else the newest of all. Once one
//! is verified, those that are behind it by all that their own signatures claim cannot
//! be it.
//!
//! What they claim may be forged, which can only make one of them look more important:
//! that costs a verification, and hides nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::policy::HashAlgoSecurity;

use super::deciding::Deciding;
use super::packets::RawPacket;
use super::reduce::{RawCert, RawUserId};
use super::signature::Head;
use crate::clock::{created, latest};

/// Whether it says that it is the primary one, and when its binding was made.
type Rank = (bool, SystemTime);

/// The highest rank so far that nothing takes away.
pub(super) struct Primary<'d> {
    /// `None` where every User ID is verified.
    deciding: Option<Deciding<'d>>,
    rank: Option<Rank>,
}

impl<'d> Primary<'d> {
    pub(super) fn of(cert: &RawCert<'_>, deciding: Option<Deciding<'d>>) -> Self {
        // What stands elsewhere may revoke any of them, and is looked at later.
        let is_whole = cert.lost.is_empty() && !cert.lost_more;
        Self {
            deciding: deciding.filter(|_| is_whole),
            rank: None,
        }
    }

    /// Whether another one is the primary one for certain, and this one says nothing
    /// else that matters.
    pub(super) fn is_not(&self, user_id: &RawUserId<'_>) -> bool {
        let (Some(deciding), Some(rank)) = (self.deciding, self.rank) else {
            return false;
        };
        !user_id.keeps
            && claims(user_id).all(|(claim, names_revoker)| {
                // The reference time hangs on what is made ahead of it.
                claim < rank && claim.1 <= deciding.now && !names_revoker
            })
    }

    /// Takes notice of one that is verified, with its good bindings. It must carry no
    /// revocation that counts, or may count.
    pub(super) fn offer(
        &mut self,
        user_id: &RawUserId<'_>,
        bindings: &[Signature],
        security: HashAlgoSecurity,
    ) {
        let Some(deciding) = self.deciding else {
            return;
        };
        // At a later time something else could be its binding.
        if claims(user_id).any(|((_, created), _)| created > latest(deciding.now)) {
            return;
        }
        let accepted = || bindings.iter().filter(|s| deciding.settles(s, security));
        let Some(newest) = accepted().filter_map(created).max() else {
            return;
        };
        let mut newest_ones = accepted().filter(|s| created(s) == Some(newest));
        let mut is_primary = true;
        let lasts = newest_ones.all(|signature| {
            is_primary &= signature.primary_userid() == Some(true);
            signature.signature_expiration_time().is_none()
        });
        if lasts {
            self.rank = self.rank.max(Some((is_primary, newest)));
        }
    }
}

/// What each certification of a User ID claims, and whether it names a revoker.
fn claims(user_id: &RawUserId<'_>) -> impl Iterator<Item = (Rank, bool)> {
    let heads = user_id.signatures.iter().map(RawPacket::body);
    let heads = heads.filter_map(Head::parse);
    heads.filter(Head::is_certification).filter_map(|head| {
        let since = Duration::from_secs(head.created()?.into());
        let created = UNIX_EPOCH.checked_add(since)?;
        Some(((head.is_primary(), created), head.names_revoker()))
    })
}
