//! What of a message each of its signatures is over (RFC 9580, section 10.3).
//!
//! A message is one literal data packet, perhaps compressed, with signatures
//! around it. Those that are over its text stand beside it in the same
//! container: one-pass announcements before it and the signatures themselves
//! behind it in the opposite order, or signatures of the old style before it.
//! Others are over signatures or over compressed packets. Implementations do not
//! agree on what these are computed over, so nobody here can tell.

use super::blocking::refused;
use super::collect::{Collected, Collector};
use crate::Error;

/// A packet that counts.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The containers that it is in, by their places.
    pub(super) container: Vec<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A one-pass announcement; whether what is signed follows at once.
    OnePass(bool),
    Signature(Box<Collected>),
    Text,
}

const OVER_A_SIGNATURE: &str =
    "It is over another signature and not over the text alone, which nobody here can judge.";
const OVER_A_PACKET: &str =
    "It is over a compressed packet and not over the text, which nobody here can judge.";

/// The signatures of a message in their order, those that are not over its text
/// marked so.
pub(super) fn signatures(items: Vec<Item>, limit: usize) -> Result<Vec<Collected>, Error> {
    let text = match texts(&items)[..] {
        [at] => at,
        [] => return Err(refused("there is no text in it")),
        _ => return Err(refused("it is more than one message")),
    };
    let container = items[text].container.clone();
    let level = |item: &Item| item.container == container;
    let one_pass = |item: &&Item| matches!(item.kind, Kind::OnePass(_));
    if items[text..].iter().any(|item| one_pass(&item)) {
        return Err(refused("its packets stand in an order that means nothing"));
    }
    for place in items.iter().map(|item| &item.container) {
        let count = |part: &[Item], what: fn(&Kind) -> bool| {
            let here = part.iter().filter(|item| &item.container == place);
            here.filter(|item| what(&item.kind)).count()
        };
        let announced = count(&items[..text], |kind| matches!(kind, Kind::OnePass(_)));
        let present = count(&items[text..], |kind| matches!(kind, Kind::Signature(_)));
        if announced != present {
            return Err(refused(format!(
                "it announces {announced} signature(s) and has {present}: it is cut off, or \
                 put together"
            )));
        }
    }

    // The announcements that are about the text, the innermost last: behind each
    // of them come only others about the same.
    let before: Vec<_> = items[..text].iter().filter(|item| level(item)).collect();
    let about_the_text = |at: usize| {
        before[at + 1..].iter().all(|item| match item.kind {
            Kind::OnePass(_) => true,
            Kind::Signature(_) | Kind::Text => false,
        }) && before[at..]
            .iter()
            .rev()
            .skip(1)
            .all(|item| matches!(item.kind, Kind::OnePass(false)))
    };
    let announced: Vec<bool> = (0..before.len())
        .filter(|&at| one_pass(&before[at]))
        .map(about_the_text)
        .collect();
    // A signature of the old style is about the text where only such follow.
    let old_style: Vec<bool> = (0..before.len())
        .filter(|&at| !one_pass(&before[at]))
        .map(|at| !before[at..].iter().any(one_pass))
        .collect();
    let mut about = old_style.into_iter().chain(announced.into_iter().rev());

    let mut collector = Collector::new(limit);
    for item in items {
        let here = level(&item);
        if let Kind::Signature(signature) = item.kind {
            let why = match here {
                true if about.next() == Some(true) => None,
                true => Some(OVER_A_SIGNATURE),
                false => Some(OVER_A_PACKET),
            };
            collector.add(match (why, &signature.signature) {
                // What could not even be read stays so.
                (Some(why), Ok(_)) => signature.without_a_look(why),
                _ => *signature,
            });
        }
    }
    match collector.found.is_empty() {
        true => Err(refused("it is not signed")),
        false => Ok(collector.found),
    }
}

fn texts(items: &[Item]) -> Vec<usize> {
    let is_text = |(at, item): (usize, &Item)| matches!(item.kind, Kind::Text).then_some(at);
    items.iter().enumerate().filter_map(is_text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sequoia_openpgp::packet::signature::SignatureBuilder;
    use sequoia_openpgp::packet::{Key, key};
    use sequoia_openpgp::types::SignatureType;

    fn signature() -> Collected {
        let key: Key<key::SecretParts, key::PrimaryRole> =
            key::Key4::generate_ecc(true, sequoia_openpgp::types::Curve::Ed25519)
                .expect("Ed25519")
                .into();
        let mut signer = key.into_keypair().expect("a secret key");
        let signature = SignatureBuilder::new(SignatureType::Binary)
            .sign_message(&mut signer, b"")
            .expect("signs");
        Collected::new(signature)
    }

    /// `o` and `O` announce (`O`: nested), `s` signs, `t` is the text, brackets
    /// compress.
    fn items(picture: &str) -> Vec<Item> {
        let signature = signature();
        let mut container = Vec::new();
        let mut places = vec![0];
        let mut items = Vec::new();
        for c in picture.chars() {
            let kind = match c {
                'o' => Kind::OnePass(false),
                'O' => Kind::OnePass(true),
                's' => Kind::Signature(Box::new(signature.clone())),
                't' => Kind::Text,
                '(' => {
                    container.push(*places.last().expect("one"));
                    places.push(0);
                    continue;
                }
                _ => {
                    container.pop();
                    places.pop();
                    *places.last_mut().expect("one") += 1;
                    continue;
                }
            };
            *places.last_mut().expect("one") += 1;
            items.push(Item {
                container: container.clone(),
                kind,
            });
        }
        items
    }

    #[test]
    fn what_signatures_are_over() {
        for (picture, expected) in [
            ("Ots", Ok("+")),
            ("ots", Ok("+")),
            ("oOtss", Ok("++")),
            ("st", Ok("+")),
            ("sst", Ok("++")),
            ("(Ots)", Ok("+")),
            ("((oOtss))", Ok("++")),
            // Over another signature.
            ("OOtss", Ok("+-")),
            ("OoOtsss", Ok("++-")),
            ("oOOtsss", Ok("+--")),
            ("sOts", Ok("-+")),
            ("Osts", Ok("+-")),
            // Over a compressed packet.
            ("O(t)s", Ok("-")),
            ("s(Ots)", Ok("-+")),
            ("O(Ots)s", Ok("+-")),
            // Nothing that means anything.
            ("t", Err("not signed")),
            ("(t)", Err("not signed")),
            ("Os", Err("no text")),
            ("tt", Err("more than one")),
            ("OtsOts", Err("more than one")),
            ("ts", Err("announces 0")),
            ("Ot", Err("announces 1")),
            ("oOts", Err("announces 2")),
            ("(Ot)s", Err("announces 1")),
            ("tOs", Err("order")),
        ] {
            let found = signatures(items(picture), 16);
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    let marks: String = found
                        .iter()
                        .map(|one| if one.signature.is_ok() { '+' } else { '-' })
                        .collect();
                    assert_eq!(marks, expected, "{picture}");
                }
                (Err(error), Err(why)) => {
                    assert!(error.to_string().contains(why), "{picture}: {error}");
                }
                (found, _) => panic!("{picture}: {found:?}"),
            }
        }
    }

    #[test]
    fn no_more_than_the_limit() {
        let found = signatures(items("ssst"), 2).expect("signatures");
        let looked: Vec<_> = found.iter().map(|one| one.signature.is_ok()).collect();
        assert_eq!(looked, [true, true, false]);
    }
}
