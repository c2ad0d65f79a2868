//! Whatever was held and whatever comes: together they are the whole.

use openpgp_discovery::openpgp::parse::Parse;

use super::*;

/// Pseudo-random, the same each time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// A certificate to which much happened.
fn wholes(profile: Profile) -> Vec<(&'static str, Cert)> {
    let base = made(&[ALICE, OTHER, "third"], profile, Some(100 * DAY));
    let busy = add(
        &base,
        [
            bind(&base, ALICE, day(-20), Some(25 * DAY)),
            bind(&base, ALICE, day(-8), Some(200 * DAY)),
            bind(&base, OTHER, day(-9), Some(200 * DAY)),
            revoke_user_id(&base, OTHER, day(-5)),
            revoke_user_id(&base, "third", day(-7)),
            bind(&base, "third", day(-6), Some(200 * DAY)),
            bind_subkey(&base, day(-12), Some(300 * DAY)),
            revoke_subkey(&base, 0, day(-3)),
        ],
    );
    let retired = add(&busy, [soft(&busy, day(-4))]);
    vec![
        ("hard", add(&retired, [hard(&retired)])),
        (
            "lifted",
            add(&retired, [bind(&retired, ALICE, day(-2), None)]),
        ),
        (
            "expired",
            add(&busy, [bind(&busy, ALICE, day(-1), Some(10 * DAY))]),
        ),
        ("valid", busy),
        ("retired", retired),
    ]
}

/// The components, each with its signatures.
fn components(cert: &Cert) -> Vec<(Packet, Vec<Packet>)> {
    let mut components: Vec<(Packet, Vec<Packet>)> = Vec::new();
    for packet in cert.clone().strip_secret_key_material().into_packets() {
        match (packet, components.last_mut()) {
            (signature @ Packet::Signature(_), Some((_, all))) => all.push(signature),
            (component, _) => components.push((component, Vec::new())),
        }
    }
    components
}

/// Splits a certificate in three: what is held, and two answers. The one that
/// holds has all User IDs.
fn split(whole: &Cert, dice: &mut Dice) -> [Vec<u8>; 3] {
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    let mut components = components(whole);
    let primary = components.remove(0);
    // The held one stays in order; the answers are in any.
    for part in &mut parts {
        part.extend(packet_bytes(primary.0.clone()));
    }
    let mut groups = vec![(None, primary.1)];
    groups.extend(components.into_iter().map(|(c, all)| (Some(c), all)));
    dice.shuffle(&mut groups[1..]);
    for (component, signatures) in groups {
        let mut shares: [Vec<Packet>; 3] = Default::default();
        for signature in signatures {
            match dice.below(4) {
                3 => shares.iter_mut().for_each(|s| s.push(signature.clone())),
                at => shares[at].push(signature),
            }
        }
        for (at, mut share) in shares.into_iter().enumerate() {
            dice.shuffle(&mut share);
            let holds = at == 0 && matches!(component, Some(Packet::UserID(_)));
            if let Some(component) = component.as_ref().filter(|_| holds || !share.is_empty()) {
                parts[at].extend(packet_bytes(component.clone()));
            }
            parts[at].extend(share.into_iter().flat_map(packet_bytes));
        }
    }
    parts
}

#[tokio::test]
async fn any_split_in_any_order_and_again() {
    let mut dice = Dice::new(0x2545_f491_4f6c_dd1d);
    for profile in [Profile::RFC4880, Profile::RFC9580] {
        for (name, whole) in wholes(profile) {
            let public = whole.clone().strip_secret_key_material();
            for round in 0..12 {
                let [held, one, two] = split(&whole, &mut dice);
                let held = Cert::from_bytes(&held).expect("a certificate");
                let answers = match dice.below(2) {
                    0 => [&one, &two],
                    _ => [&two, &one],
                };
                let mut cert = held;
                for body in answers.into_iter().chain(answers) {
                    cert = refresh(&cert, body).await.into_cert();
                }
                assert_eq!(packets_of(&cert), packets_of(&public), "{name} {round}");
                assert_eq!(status(&cert), status(&whole), "{name} {round}");
                // Both at once.
                let both = [one, two].concat();
                let again = refresh(&cert, &both).await;
                assert_eq!(again.outcome(), RefreshOutcome::Unchanged, "{name}");
                assert_eq!(*again.after(), status(&whole), "{name} {round}");
            }
        }
    }
}
