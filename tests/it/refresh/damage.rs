//! Damaged answers: never a panic, never a loss, never a stranger.

use super::union::Dice;
use super::*;

#[tokio::test]
async fn any_octet_may_be_another() {
    let mut dice = Dice::new(0x9e37_79b9_7f4a_7c15);
    let cert = cert(&[ALICE]);
    let held = add(&cert, [bind(&cert, ALICE, day(-9), Some(300 * DAY))]);
    let published = add(
        &held,
        [
            hard(&cert),
            revoke_subkey(&cert, 1, day(-2)),
            bind(&cert, ALICE, day(-8), None),
        ],
    );
    let body = bytes(&published);
    let whole = packets_of(&published);
    for round in 0..400 {
        let mut damaged = body.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(damaged.len());
            damaged[at] ^= 1 << dice.below(8);
        }
        if dice.below(4) == 0 {
            damaged.truncate(dice.below(body.len()));
        }
        let refreshed = refresh(&held, &damaged).await;
        let user_ids: Vec<_> = refreshed.cert().userids().collect();
        assert_eq!(user_ids.len(), 1, "{round}");
        assert_eq!(refreshed.cert().keys().count(), 3, "{round}");
        // Apart from areas that nobody signs, all that came is the owner's.
        let signatures = refreshed.cert().clone().into_packets();
        let count = signatures
            .filter(|p| matches!(p, Packet::Signature(_)))
            .count();
        assert!(count + 4 <= whole.len(), "{round}");
        assert_eq!(refreshed.cert().bad_signatures().count(), 0, "{round}");
    }
}
