//! Revocations of subkeys and User IDs that stand behind something else: each is
//! tried where it may belong, by the first octets of its digest, before any
//! arithmetic. Else whoever sorts the packets anew could take a revocation away.

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::types::SignatureType;

use super::checked::Checked;
use super::reduce::Room;
use super::search::Search;
use super::subkeys::Subkeys;
use super::verifier::{Over, Verifier, signature};
use super::work::TooMany;

const MORE: &str = "It carries more revocations out of place than are looked at; one of them may \
     count.";

pub(super) const UNCHECKED_ON_SUBKEY: &str = "It carries a revocation of a subkey whose algorithm \
     cannot be computed, which was not counted.";
pub(super) const UNCHECKED_ON_USER_ID: &str = "It carries a revocation of a User ID whose \
     algorithm cannot be computed, which was not counted.";

/// Takes in what stands nowhere near its component. Where there is an end of it,
/// the certificate is good as far as it was looked at, and said to be cut.
pub(super) fn misplaced(
    checked: &mut Checked,
    search: &mut Search,
    verifier: &mut Verifier<'_>,
    subkeys: &Subkeys<'_, '_>,
    room: &mut Room,
) {
    for signature in subkeys.lost.iter().filter_map(signature) {
        search.gave_up |= take(checked, search, verifier, signature, room).is_err();
        if search.gave_up {
            break;
        }
    }
    if search.gave_up || subkeys.lost_more {
        checked.is_cut = true;
        checked.note(MORE);
    }
}

fn take(
    checked: &mut Checked,
    search: &mut Search,
    verifier: &mut Verifier<'_>,
    signature: Signature,
    room: &mut Room,
) -> Result<(), TooMany> {
    let is_of_subkey = signature.typ() == SignatureType::SubkeyRevocation;
    if !signature.hash_algo().is_supported() {
        checked.note(match is_of_subkey {
            true => UNCHECKED_ON_SUBKEY,
            false => UNCHECKED_ON_USER_ID,
        });
        return Ok(());
    }
    let subkeys = checked.subkeys.iter().map(|subkey| &subkey.revocations);
    let user_ids = checked.user_ids.iter().map(|user_id| &user_id.revocations);
    // A copy of what is in its place.
    if subkeys.chain(user_ids).any(|all| all.contains(&signature)) {
        return Ok(());
    }
    let list = if is_of_subkey {
        let subkeys = checked.subkeys.iter().map(|s| Over::Subkey(&s.key));
        let at = search.place(&signature, subkeys, verifier)?;
        at.map(|at| &mut checked.subkeys[at].revocations)
    } else {
        let user_ids = checked.user_ids.iter_mut().filter(|id| id.keeps);
        let mut user_ids: Vec<_> = user_ids.collect();
        let places = user_ids.iter().map(|user_id| Over::UserId(&user_id.id));
        let at = search.place(&signature, places, verifier)?;
        at.map(|at| &mut user_ids.swap_remove(at).revocations)
    };
    if let Some(list) = list {
        let signature = verifier.owned(signature);
        match room.fits(&signature) {
            true => list.push(signature),
            false => search.gave_up = true,
        }
    }
    Ok(())
}
