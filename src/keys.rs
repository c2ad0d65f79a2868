//! The two sorts of key in a certificate.

use sequoia_openpgp::packet::{Key, key};

pub(crate) type PrimaryKey = Key<key::PublicParts, key::PrimaryRole>;
pub(crate) type Subkey = Key<key::PublicParts, key::SubordinateRole>;
