//! An answer as text: what armor must not change, and lies in it.

use openpgp_discovery::filter::{Filter, Filtered};
use openpgp_discovery::openpgp::armor::{Kind, Writer};
use openpgp_discovery::{EmailAddress, Limits};
use std::io::Write as _;

use super::filter::check;
use crate::kept::{assert_about, octets};
use crate::{Input, pool, program};

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let address: EmailAddress = "alice@example.org".parse().expect("an address");
    let filter = Filter::new().time(pool::now());
    let (honest, lies) = (input.octet(), input.octet());
    let lie = input.octets((lies % 16).into());
    let binary = program::body(&mut input);
    let is_text =
        binary.first().is_none_or(|octet| octet & 0x80 == 0) || binary.starts_with(b"\xef\xbb\xbf");

    let mut text = spell(&armored(&binary), honest);
    if lies != 0 {
        lie_about(&mut text, lies, lie);
    }
    let from_text = filter.apply(&text, &address);
    assert!(!from_text.kept().is_empty() || !from_text.rejected().is_empty());
    for kept in from_text.kept() {
        assert_about(kept.cert(), &address);
    }
    check(&from_text, &text, &Limits::default());
    if lies == 0 && !is_text {
        same(&filter.apply(&binary, &address), &from_text);
    }
    from_text.kept().len()
}

fn armored(binary: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Kind::PublicKey).expect("memory does not fail");
    writer.write_all(binary).expect("memory does not fail");
    writer.finalize().expect("memory does not fail")
}

/// The same in another spelling.
fn spell(text: &[u8], how: u8) -> Vec<u8> {
    let mut text = String::from_utf8(text.to_vec()).expect("ASCII");
    let is = |bit: u8| how & 1 << bit != 0;
    if is(0) {
        let checksum = text
            .lines()
            .find(|line| line.starts_with('='))
            .map(str::to_owned);
        if let Some(line) = checksum {
            text = text.replace(&format!("{line}\n"), if is(1) { "=AAAA\n" } else { "" });
        }
    }
    if is(2) {
        text = text.replacen("\n\n", "\nComment: a: b\nVersion: \u{E4}\n\n", 1);
    }
    if is(3) {
        text = text.replace('\n', "\r\n");
    }
    if is(4) {
        text = text.replace('\n', " \t\n");
    }
    if is(5) {
        text.insert_str(0, "Here it is:\n\n");
    }
    if is(6) {
        text.push_str("\n-- \nBye\n");
    }
    if is(7) {
        text.insert(0, '\u{FEFF}');
    }
    text.into_bytes()
}

/// Another label, two blocks, no end, or octets that are none of armor's.
fn lie_about(text: &mut Vec<u8>, how: u8, octets: &[u8]) {
    let middle = usize::from(how).wrapping_mul(97) % (text.len() + 1);
    match how >> 5 {
        0 => text.truncate(middle),
        1 => {
            text.splice(middle..middle, octets.iter().copied());
        }
        2 => text.extend_from_within(..),
        3 => text.extend_from_within(middle..),
        4 => *text = replace(text, b"PUBLIC KEY BLOCK", b"PRIVATE KEY BLOCK"),
        5 => *text = replace(text, b"-----END PGP", b"-----BEGIN PGP"),
        6 => *text = replace(text, b"-----BEGIN PGP", b"----- BEGIN PGP"),
        _ => text.extend_from_slice(octets),
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = behind;
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

fn same(binary: &Filtered, text: &Filtered) {
    let all = |filtered: &Filtered| -> Vec<_> {
        let kept = filtered.kept().iter();
        kept.map(|kept| (octets(kept.cert()), kept.status().clone(), kept.is_cut()))
            .collect()
    };
    assert_eq!(all(text), all(binary));
    assert_eq!(text.rejected(), binary.rejected());
}
