//! What is looked for in an answer.

use std::time::SystemTime;

use super::held::Held;
use super::{Limits, UserIdFilter, user_id};
use crate::EmailAddress;

/// What to look for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'f> {
    pub(super) whose: Whose<'f>,
    pub(super) user_ids: UserIdFilter,
    pub(super) limits: &'f Limits,
    /// What claims to be made later does not count as new.
    pub(super) horizon: SystemTime,
}

/// Whose certificates are looked for.
#[derive(Clone, Copy)]
pub(super) enum Whose<'f> {
    /// Those with a User ID of this address.
    Address(&'f EmailAddress),
    /// That of a key, with all User IDs.
    Key,
    /// What is new about a certificate that is held. Of User IDs, those that
    /// are held, and those that this lets in.
    News(&'f Held<'f>, &'f (dyn Fn(&[u8]) -> bool + 'f)),
}

impl Wanted<'_> {
    /// Whether a User ID is wanted. One that says nothing is reported where an
    /// address is asked for, and of no use elsewhere.
    pub(super) fn matches(&self, user_id: &[u8], is_signed: bool) -> bool {
        match self.whose {
            Whose::Address(address) => user_id::is_of(user_id, address),
            Whose::Key => is_signed,
            Whose::News(held, lets_in) => {
                is_signed && (held.has_user_id(user_id) || lets_in(user_id))
            }
        }
    }

    pub(super) fn is_address(&self) -> bool {
        matches!(self.whose, Whose::Address(_))
    }
}
