//! The listeners, all bound to free loopback ports at the start.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

use crate::line::{Line, Wire};

/// A listener, told apart by how it treats a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    Https,
    NotTls,
    Refused,
    Mute,
    CloseAtAccept,
    BlackHole,
    Vks,
}

/// A listener's ports, one for each address family that there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    v4: u16,
    v6: Option<u16>,
}

impl Ports {
    /// The port at this address, where this address is the testbed's.
    pub(crate) fn at(self, ip: IpAddr) -> Option<u16> {
        // An IPv4-mapped address leads to the IPv4 listener, and must do so
        // here: else nothing would show that a guard has failed.
        match ip.to_canonical() {
            IpAddr::V4(Ipv4Addr::LOCALHOST) => Some(self.v4),
            IpAddr::V6(Ipv6Addr::LOCALHOST) => self.v6,
            _ => None,
        }
    }

    pub(crate) fn sockets(self) -> impl Iterator<Item = SocketAddr> {
        let v6 = self.v6.map(|port| (Ipv6Addr::LOCALHOST, port).into());
        std::iter::once((Ipv4Addr::LOCALHOST, self.v4).into()).chain(v6)
    }
}

/// Listens on a free port of each loopback address.
pub(crate) async fn listen() -> io::Result<(Vec<TcpListener>, Ports)> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    // A machine without IPv6 is no reason to fail.
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.ok();
    let ports = Ports {
        v4: v4.local_addr()?.port(),
        v6: v6
            .as_ref()
            .and_then(|v6| Some(v6.local_addr().ok()?.port())),
    };
    Ok((std::iter::once(v4).chain(v6).collect(), ports))
}

/// Ports that refuse connections for as long as the sockets live: bound, so
/// that nobody else gets them, and not listening.
pub(crate) fn refuse() -> io::Result<(Vec<TcpSocket>, Ports)> {
    let v4 = TcpSocket::new_v4()?;
    v4.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let v6 = TcpSocket::new_v6()
        .and_then(|v6| v6.bind((Ipv6Addr::LOCALHOST, 0).into()).map(|()| v6))
        .ok();
    let ports = Ports {
        v4: v4.local_addr()?.port(),
        v6: v6
            .as_ref()
            .and_then(|v6| Some(v6.local_addr().ok()?.port())),
    };
    Ok((std::iter::once(v4).chain(v6).collect(), ports))
}

/// A listener whose queue is full, with the connection that fills it.
#[derive(Debug)]
pub(crate) struct BlackHole {
    _listener: TcpListener,
    _filling: TcpStream,
}

/// Ports that never answer a connection, for as long as the sockets live.
///
/// A listener with a queue of length 0 takes one connection; as long as nobody
/// accepts that, Linux drops every further SYN, as it drops what comes too fast.
/// Other systems have other rules, so there is no such port.
pub(crate) fn black_hole() -> io::Result<(Vec<BlackHole>, Option<Ports>)> {
    if !cfg!(target_os = "linux") {
        return Ok((Vec::new(), None));
    }
    let (v4, v4_port) = fill(TcpSocket::new_v4()?, Ipv4Addr::LOCALHOST.into())?;
    let v6 = TcpSocket::new_v6().and_then(|v6| fill(v6, Ipv6Addr::LOCALHOST.into()));
    let (v6, v6_port) = v6.ok().unzip();
    let ports = Ports {
        v4: v4_port,
        v6: v6_port,
    };
    Ok((std::iter::once(v4).chain(v6).collect(), Some(ports)))
}

fn fill(socket: TcpSocket, ip: IpAddr) -> io::Result<(BlackHole, u16)> {
    socket.bind((ip, 0).into())?;
    let listener = socket.listen(0)?;
    let address = listener.local_addr()?;
    // The kernel completes it by itself and at once, so it blocks nobody.
    let filling = TcpStream::connect(address)?;
    let hole = BlackHole {
        _listener: listener,
        _filling: filling,
    };
    Ok((hole, address.port()))
}

/// Serves each connection in a task of its own. Dropping the future ends them all.
pub(crate) async fn accept<F, S>(listener: TcpListener, line: Arc<Line>, serve: S)
where
    S: Fn(Wire) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // As web servers do: small answers must not wait for the
                    // client's delayed acknowledgement. Fails on a dead one.
                    let _ = stream.set_nodelay(true);
                    let (line, serve) = (line.clone(), serve.clone());
                    open.spawn(async move { line.serve(stream, serve).await });
                }
                // The client has gone again, or the process is out of files.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = open.join_next() => {}
        }
    }
}
