//! What is measured, and the fewest round trips that each can take.

use openpgp_discovery::Status;

/// A line of the table.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Round trips; `None` where how long to wait for the dead is a decision, and
    /// not the network's.
    pub(crate) floor: Option<f64>,
    /// Whether sequoia-net can do the same: it has no order of sources.
    pub(crate) peer: bool,
    /// What the client has looked up before, which does not count.
    pub(crate) before: Before,
    pub(crate) address: &'static str,
    pub(crate) status: Status,
    pub(crate) timed: Timed,
    /// Why this crate is above the floor, where it is.
    pub(crate) reason: &'static str,
}

/// What a client has looked up before.
#[derive(Clone, Copy)]
pub(crate) enum Before {
    /// It is a new one.
    Nothing,
    One(&'static str),
    /// One in each of the other domains with the advanced method.
    NinetyNine,
}

/// What the clock runs for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Timed {
    LookUp,
    /// The client is made, and asked.
    MakingAndLookUp,
    /// The key server is connected to beside the look-up.
    LookUpAndConnecting,
}

impl Scenario {
    /// Whether it takes seconds whatever the round trip is.
    pub(crate) fn waits(&self) -> bool {
        self.floor.is_none()
    }
}

/// Looked up before, it leaves the key server's connection open.
const OPENS_VKS: Before = Before::One("nobody@nowhere.example.org");

const PLAIN: Scenario = Scenario {
    name: "",
    floor: None,
    peer: false,
    before: Before::Nothing,
    address: "",
    status: Status::Found,
    timed: Timed::LookUp,
    reason: "",
};

/// The floors: DNS, TCP, TLS (1.3) and HTTP take one each. What is known from
/// before, or can be asked beside something else, takes none: DNS answers may be
/// kept for five minutes here, and connections stay open.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "advanced hit, cold",
        floor: Some(4.0),
        peer: true,
        address: "alice@advanced.example.org",
        ..PLAIN
    },
    Scenario {
        name: "advanced hit, warm",
        floor: Some(1.0),
        peer: true,
        before: Before::One("bob@advanced.example.org"),
        address: "alice@advanced.example.org",
        ..PLAIN
    },
    Scenario {
        name: "direct hit, cold",
        // Both names' DNS side by side.
        floor: Some(4.0),
        peer: true,
        address: "alice@direct.example.org",
        ..PLAIN
    },
    Scenario {
        name: "direct hit, warm",
        floor: Some(1.0),
        peer: true,
        before: Before::One("bob@direct.example.org"),
        address: "alice@direct.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after no name",
        floor: Some(5.0),
        address: "alice@nowhere.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after no name, connected",
        floor: Some(2.0),
        before: OPENS_VKS,
        // Of another domain than what opened the connection.
        address: "alice@nowhere-either.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after 404",
        floor: Some(8.0),
        address: "alice@absent.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after 404, connected",
        floor: Some(5.0),
        before: OPENS_VKS,
        address: "alice@absent.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after no name, connecting beside",
        // The connection takes three, beside one of DNS.
        floor: Some(4.0),
        address: "alice@nowhere.example.org",
        timed: Timed::LookUpAndConnecting,
        ..PLAIN
    },
    Scenario {
        name: "key server, after 404, connecting beside",
        floor: Some(5.0),
        address: "alice@absent.example.org",
        timed: Timed::LookUpAndConnecting,
        ..PLAIN
    },
    Scenario {
        name: "key server, after a closed port",
        // Loopback refuses at once; a real network takes one more.
        floor: Some(5.0),
        address: "alice@refused.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after a closed port, connected",
        floor: Some(2.0),
        before: OPENS_VKS,
        address: "alice@refused.example.org",
        ..PLAIN
    },
    Scenario {
        name: "key server, after a black hole",
        address: "alice@black-hole.example.org",
        reason: "a connection gets 8 s to come about, whatever the round trip is",
        ..PLAIN
    },
    Scenario {
        name: "key server, after a black hole, connected",
        before: OPENS_VKS,
        address: "alice@black-hole.example.org",
        reason: "a connection gets 8 s to come about, whatever the round trip is",
        ..PLAIN
    },
    Scenario {
        name: "nowhere: no name",
        floor: Some(5.0),
        address: "nobody@nowhere.example.org",
        status: Status::NotFound,
        ..PLAIN
    },
    Scenario {
        name: "nowhere: 404",
        floor: Some(8.0),
        address: "nobody@absent.example.org",
        status: Status::NotFound,
        ..PLAIN
    },
    Scenario {
        name: "IPv6 refused",
        floor: Some(4.0),
        peer: true,
        address: "alice@six-refused.example.org",
        ..PLAIN
    },
    Scenario {
        name: "IPv6 dead, first look-up",
        floor: Some(4.0),
        peer: true,
        address: "alice@six-dead.example.org",
        reason: "IPv4 has its turn after 300 ms of silence over IPv6",
        ..PLAIN
    },
    Scenario {
        name: "IPv6 dead, next look-up, another domain",
        floor: Some(4.0),
        peer: true,
        before: Before::One("alice@six-dead.example.org"),
        address: "alice@six-dead-too.example.org",
        reason: "IPv4 has its turn after 300 ms of silence over IPv6",
        ..PLAIN
    },
    Scenario {
        name: "a client's first, its making counted",
        floor: Some(4.0),
        peer: true,
        address: "alice@advanced.example.org",
        timed: Timed::MakingAndLookUp,
        reason: "the platform's trust store is read",
        ..PLAIN
    },
    Scenario {
        name: "a client's hundredth, another domain each",
        floor: Some(4.0),
        peer: true,
        before: Before::NinetyNine,
        address: "alice@advanced.example.org",
        ..PLAIN
    },
];
