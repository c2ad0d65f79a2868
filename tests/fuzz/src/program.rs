//! Answers of a hostile server, put together from certificates that are in order:
//! the input is a program that takes their packets and does things to them.
//!
//! Mutations of whole certificates hardly ever get past the packets' frames and
//! their signatures; these do.

use crate::packet::Packet;
use crate::{Input, pool};

/// What is enough to go over every limit that is set for it.
const MOST_PACKETS: usize = 400;
const MOST_OCTETS: usize = 96 << 10;

/// The octets of an answer: as they stand in the input, or made by a program.
pub(crate) fn body(input: &mut Input<'_>) -> Vec<u8> {
    let start = match input.octet() % 4 {
        0 => return input.rest().to_vec(),
        _ => input.below(pool::get().certs.len()),
    };
    run(pool::get().certs[start].packets.clone(), input)
}

/// The octets that a program makes of packets.
pub(crate) fn run(mut packets: Vec<Packet>, input: &mut Input<'_>) -> Vec<u8> {
    let mut octets: usize = packets.iter().map(Packet::len).sum();
    while !input.is_empty() && packets.len() < MOST_PACKETS && octets < MOST_OCTETS {
        let before = packets.len();
        step(&mut packets, input);
        if packets.len() > before {
            octets = packets.iter().map(Packet::len).sum();
        }
    }
    let mut out = Vec::new();
    packets.iter().for_each(|packet| packet.write(&mut out));
    out
}

/// One instruction.
fn step(packets: &mut Vec<Packet>, input: &mut Input<'_>) {
    let pool = pool::get();
    let at = |packets: &[Packet], input: &mut Input<'_>| input.below(packets.len());
    let op = input.octet() % 18;
    match op {
        0 => {
            let cert = &pool.certs[input.below(pool.certs.len())];
            packets.extend_from_slice(&cert.packets);
        }
        1 => {
            let packet = pool.packets[input.below(pool.packets.len())].clone();
            let to = input.below(packets.len() + 1);
            packets.insert(to, packet);
        }
        2 => {
            let count = input.octet();
            let packet = Packet::new(input.octet() & 0x3f, input.octets(count.into()));
            let to = input.below(packets.len() + 1);
            packets.insert(to, packet);
        }
        3 => {
            let count = input.octet();
            packets.push(Packet::bare(input.octets(count.into())));
        }
        4 => {
            let user_id = input.pick(USER_IDS).as_bytes();
            let to = input.below(packets.len() + 1);
            packets.insert(to, Packet::new(13, user_id));
        }
        _ if packets.is_empty() => {}
        5 => {
            let packet = packets[at(packets, input)].clone();
            let to = input.below(packets.len() + 1);
            packets.insert(to, packet);
        }
        6 => {
            let packet = packets[at(packets, input)].clone();
            let count = usize::from(input.octet() % 80);
            packets.extend(std::iter::repeat_n(packet, count));
        }
        7 => {
            let (a, b) = (at(packets, input), at(packets, input));
            packets.swap(a, b);
        }
        8 => {
            packets.remove(at(packets, input));
        }
        9 => {
            let packet = packets.remove(at(packets, input));
            let to = input.below(packets.len() + 1);
            packets.insert(to, packet);
        }
        10 => {
            let from = at(packets, input);
            packets.truncate(from);
        }
        11 => {
            let other = packets[at(packets, input)].clone();
            let to = at(packets, input);
            packets[to].splice(&other, input);
        }
        _ => {
            let at = at(packets, input);
            let packet = &mut packets[at];
            match op {
                12 => packet.flip(input),
                13 => packet.retag(input),
                14 => packet.reframe(input),
                15 => packet.cut(input),
                16 => packet.insert(input),
                _ => packet.subpacket(input),
            }
        }
    }
}

/// User IDs that are, or seem to be, somebody's; nobody has signed them.
const USER_IDS: &[&str] = &[
    "alice@example.org",
    "ALICE@EXAMPLE.ORG",
    "\"alice\"@example.org",
    "Alice <alice@example.org>",
    "Alice <alice@example.org> <mallory@example.com>",
    "alice@example.org <mallory@example.com>",
    "Alice <alice@example.org>\0",
    "Alice\n<alice@example.org>",
    "Alice <\u{430}lice@example.org>",
    "Alice <alice@example.org.>",
    "Alice <alice@ex\u{E4}mple.org>",
    "<alice@example.org>",
    "",
];
