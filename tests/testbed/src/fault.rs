//! What can be broken about a host before any HTTP is spoken.

use crate::door::Door;

/// A fault of a whole host. What goes wrong with one path is an
/// [`Answer`](crate::Answer).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The server certificate has expired.
    Expired,
    /// The server certificate is not valid yet.
    NotYetValid,
    /// The server certificate is for another name.
    WrongName,
    /// The server certificate is signed by itself.
    SelfSigned,
    /// The server certificate comes from a CA with the right name and another key.
    UnknownCa,
    /// The server ends the handshake with a fatal alert.
    Alert,
    /// No TLS: the server speaks plain HTTP at once.
    NotTls,
    /// The port is closed.
    Refused,
    /// Connections are accepted, and nothing is ever said.
    Mute,
    /// Connections are accepted and closed at once.
    CloseAtAccept,
    /// The server's part of the handshake stops in the middle.
    StallHandshake,
    /// The same, and the connection is closed.
    CutHandshake,
    /// Connections are never answered: the first packet (SYN) is dropped, as by a
    /// firewall, or where there is no machine. Linux alone makes such a port
    /// (see [`Testbed::has_black_hole`](crate::Testbed::has_black_hole)); elsewhere
    /// it is [`Mute`](Self::Mute). So it is not among [`ALL`](Self::ALL).
    BlackHole,
    /// The server certificate is good for five days more. Nothing breaks, so it is
    /// not among [`ALL`](Self::ALL).
    ExpiresSoon,
}

impl Fault {
    /// Every fault that keeps clients out on every machine, for tables.
    pub const ALL: [Self; 12] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::SelfSigned,
        Self::UnknownCa,
        Self::Alert,
        Self::NotTls,
        Self::Refused,
        Self::Mute,
        Self::CloseAtAccept,
        Self::StallHandshake,
        Self::CutHandshake,
    ];

    /// Where a host with this fault is reached: faults below TLS show before a
    /// server could know which host is meant, so they have listeners of their own.
    pub(crate) fn door(self) -> Door {
        match self {
            Self::NotTls => Door::NotTls,
            Self::Refused => Door::Refused,
            Self::Mute => Door::Mute,
            Self::CloseAtAccept => Door::CloseAtAccept,
            Self::BlackHole => Door::BlackHole,
            _ => Door::Https,
        }
    }
}
