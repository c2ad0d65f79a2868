//! How a client reaches the servers: what their process tells at its start.

use std::fmt;
use std::io::BufRead;
use std::net::SocketAddr;

use crate::Result;

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The DNS server.
    pub(crate) dns: SocketAddr,
    /// Where all hosts are served.
    pub(crate) https: SocketAddr,
    /// Where no connection is ever answered.
    pub(crate) dead: SocketAddr,
    /// What to trust, in PEM.
    pub(crate) authority: String,
}

/// An address that is not in the batch, to warm up with.
pub(crate) const HARMLESS: &str = "alice@harmless.example";

impl World {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn read(from: impl BufRead) -> Result<Self> {
        let (mut sockets, mut authority) = (Vec::new(), String::new());
        for line in from.lines() {
            let line = line?;
            match line.strip_prefix("socket ") {
                Some(socket) => sockets.push(socket.parse()?),
                None if line == END => break,
                None => authority += &format!("{line}\n"),
            }
        }
        match sockets[..] {
            [dns, https, dead] => Ok(Self {
                dns,
                https,
                dead,
                authority,
            }),
            _ => Err("the servers did not start".into()),
        }
    }
}

const END: &str = "end";

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for socket in [self.dns, self.https, self.dead] {
            writeln!(f, "socket {socket}")?;
        }
        writeln!(f, "{}\n{END}", self.authority.trim_end())
    }
}
