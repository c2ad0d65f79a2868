//! Listeners that nobody may ever reach.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Mutex;

use crate::log::lock;

/// A listener on a free port that only counts who connects.
///
/// Connections are left open and unanswered.
#[derive(Debug)]
pub struct Canary {
    listener: TcpListener,
    address: SocketAddr,
    open: Mutex<Vec<std::net::TcpStream>>,
}

impl Canary {
    /// Sits down at this address; fails where the machine does not have it.
    pub(crate) fn at(ip: IpAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((ip, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            open: Mutex::default(),
        })
    }

    /// Where it sits.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made so far.
    ///
    /// Exact: the system has queued them, and they are taken from there now, so
    /// none is missed because a task has not run yet.
    pub fn connections(&self) -> usize {
        let mut open = lock(&self.open);
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => open.push(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return open.len(),
                // A connection that was reset meanwhile: look at the next.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => panic!("canary at {}: {error}", self.address),
            }
        }
    }
}
