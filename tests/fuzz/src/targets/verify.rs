//! Messages: good is only what somebody signed.

use std::collections::HashMap;
use std::io::Cursor;
use std::time::Duration;

use openpgp_discovery::openpgp::Fingerprint;
use openpgp_discovery::verify::{Required, Verification, Verify};

use crate::net::{Net, block_on};
use crate::packet::Packet;
use crate::pool::{self, CONTENTS};
use crate::{Input, program};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let (mutate, how) = (input.octet(), input.octet());
    let messages = &pool::get().messages;
    let (name, message) = &messages[usize::from(input.octet()) % messages.len()];
    let is_text = message.first().is_some_and(|octet| octet & 0x80 == 0);
    let octets = match mutate % 4 {
        0 => message.clone(),
        1 if is_text => edit(message, &mut input),
        1 => program::run(Packet::all(message), &mut input),
        2 => edit(message, &mut input),
        _ => input.rest().to_vec(),
    };
    match name.contains(".detached") && mutate % 4 != 3 || how & 8 != 0 {
        true => detached(
            octets,
            &CONTENTS[usize::from(how >> 4) % CONTENTS.len()],
            how,
        ),
        false => inline(octets, how),
    }
}

/// Whose certificates are known, and nobody else is to be found.
fn verify(how: u8) -> Verify {
    let net = Net::new(HashMap::new(), Vec::new());
    let locator = net.locator().build().expect("a locator");
    let signers = ["alice-0", "bob", "rsa"];
    let verify = locator.verify().time(pool::now()).max_age(HOUR);
    let verify = verify.max_decompressed(1 << 20).required(match how & 1 {
        0 => Required::All,
        _ => Required::One,
    });
    let known = signers
        .iter()
        .filter(|name| how & 2 == 0 || **name != "bob");
    known.fold(verify, |verify, name| {
        verify.refreshed(pool::get().cert(name).clone(), pool::now())
    })
}

fn inline(octets: Vec<u8>, how: u8) -> usize {
    let verification = block_on(verify(how).message(Cursor::new(octets)));
    let Ok(mut verification) = verification else {
        return 0;
    };
    let mut content = Vec::new();
    let written = verification.write_content(&mut content);
    assert_eq!(written.is_ok(), verification.is_good(), "{written:?}");
    match written {
        Ok(count) => assert_eq!(usize::try_from(count), Ok(content.len())),
        Err(_) => assert!(content.is_empty(), "something came out that is not good"),
    }
    match verification.is_good() {
        true => good(&verification, &content),
        false => 0,
    }
}

fn detached(octets: Vec<u8>, (_, content, _): &(&str, &'static [u8], &[&str]), how: u8) -> usize {
    let mut content = content.to_vec();
    if how & 4 != 0 {
        content.push(b'!');
    }
    let data = Cursor::new(content.clone());
    let verification = block_on(verify(how).detached(Cursor::new(octets), data));
    verification.map_or(0, |verification| good(&verification, &content))
}

/// Each good signature is by somebody who signed this content.
fn good(verification: &Verification, content: &[u8]) -> usize {
    let all = verification.signatures().iter();
    let mut count = 0;
    for verdict in all.filter(|verdict| verdict.is_good()) {
        count += 1;
        let signer = verdict
            .signer()
            .expect("a good signature has a signer")
            .fingerprint();
        let signed = CONTENTS.iter().any(|(_, octets, by)| {
            let signers = by.iter().map(|name| fingerprint(name));
            canonical(octets) == canonical(content) && signers.into_iter().any(|by| by == signer)
        });
        let content = String::from_utf8_lossy(content);
        assert!(signed, "{signer} has not signed {content:?}");
    }
    count
}

fn fingerprint(name: &str) -> Fingerprint {
    let name = if name == "alice" { "alice-0" } else { name };
    pool::get().cert(name).fingerprint()
}

/// What text signatures, and the cleartext framework, leave of a content.
fn canonical(content: &[u8]) -> Vec<u8> {
    let lines = content.split(|&octet| octet == b'\n');
    let trimmed: Vec<&[u8]> = lines.map(<[u8]>::trim_ascii_end).collect();
    let mut all = trimmed.join(&b'\n');
    while all.last() == Some(&b'\n') {
        all.pop();
    }
    all
}

/// Octets changed, taken out and put in.
fn edit(message: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut octets = message.to_vec();
    while !input.is_empty() && octets.len() < 32 << 10 {
        let op = input.octet();
        let at = input.below(octets.len() + 1);
        let end = (at + usize::from(input.octet())).min(octets.len());
        match op % 6 {
            0 => {
                if let Some(octet) = octets.get_mut(at) {
                    *octet = input.octet();
                }
            }
            1 => {
                octets.drain(at..end);
            }
            2 => {
                let part = octets[at..end].to_vec();
                let to = input.below(octets.len() + 1);
                octets.splice(to..to, part);
            }
            3 => {
                let new = *input.pick(PIECES);
                octets.splice(at..at, new.bytes());
            }
            4 => {
                let count = input.octet();
                let new = input.octets(count.into());
                octets.splice(at..at, new.iter().copied());
            }
            _ => {
                let other = &input.pick(&pool::get().messages).1;
                octets.splice(at..at, other.iter().copied());
            }
        }
    }
    octets
}

const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "\r",
    "- ",
    "-",
    " ",
    "\t",
    "\0",
    "\u{85}",
    "-----BEGIN PGP SIGNED MESSAGE-----\n",
    "-----BEGIN PGP SIGNATURE-----\n",
    "-----END PGP SIGNATURE-----\n",
    "-----BEGIN PGP MESSAGE-----\n",
    "Hash: SHA512\n",
    "Hash: MD5\n",
    "Hash: SHA256,SHA512\n\n",
    "Comment: x\n",
    "=AAAA\n",
];
