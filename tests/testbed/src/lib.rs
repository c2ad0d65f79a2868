//! A small internet on loopback: DNS, web hosts and a validating key server.
//!
//! Everything is real and speaks over sockets, on free ports, in this process:
//!
//! * [`Testbed::name`]: what the DNS server says about a name;
//! * [`Testbed::host`]: what a web host answers, over TLS with certificates of
//!   the testbed's CA, and how it is broken ([`Answer`], [`Fault`]);
//! * [`Testbed::vks`]: what the key server knows;
//! * [`Testbed::wkd_advanced`], [`Testbed::wkd_direct`]: a Web Key Directory;
//! * [`Testbed::canary`]: a listener that nobody may reach;
//! * [`certs`]: sample certificates;
//! * [`Testbed::queries`], [`Testbed::requests`], [`Vks::requests`]: what was
//!   really asked, and so what was not;
//! * [`Testbed::dns`], [`Testbed::guard`], [`Testbed::ca_der`],
//!   [`Testbed::vks_url`]: what a client needs to live in it.
//!
//! ```ignore
//! let t = Testbed::start().await;
//! let alice = "alice@example.org".parse().unwrap();
//! t.wkd_advanced(&alice, certs::cert(&["Alice <alice@example.org>"]).binary());
//! t.name("openpgpkey.example.com").txt("not in the wildcard");
//! t.host("openpgpkey.example.net").fault(Fault::Expired);
//! // Look somebody up, and then:
//! assert!(t.vks().requests().is_empty());
//! ```

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use openpgp_discovery::dns::{AddressGuard, HickoryDns};
use openpgp_discovery::{EmailAddress, wkd};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

mod answer;
mod ca;
mod canary;
pub mod certs;
mod client;
mod dns;
mod door;
mod fault;
mod https;
mod line;
mod log;
mod resolver;
mod vks;

pub use answer::Answer;
pub use canary::Canary;
pub use dns::{Lie, NameEntry, Trouble};
pub use fault::Fault;
pub use hickory_server::net::xfer::Protocol;
pub use hickory_server::proto::rr::{RData, RecordType};
pub use https::Host;
pub use log::{Query, Request};
pub use resolver::TestDns;
pub use vks::{Mail, Vks};

use dns::{DnsServer, Zone};
use door::{BlackHole, Door, Ports};
use https::Web;
use line::{Line, Wire};
use log::Log;

/// Where the key server is reached over HTTPS, beside its own address.
const VKS_HOST: &str = "keys.openpgp.org";

/// The running servers. They stop when this is dropped.
pub struct Testbed {
    zone: Arc<Zone>,
    web: Arc<Web>,
    vks: Arc<Vks>,
    log: Arc<Log>,
    line: Arc<Line>,
    dns: DnsServer,
    doors: Doors,
    vks_address: SocketAddr,
    /// Keeps the ports from being given to others.
    _refused: Vec<TcpSocket>,
    /// Keeps them full.
    _black_hole: Vec<BlackHole>,
    /// Ends the servers when it is dropped.
    _tasks: JoinSet<()>,
}

impl Testbed {
    /// Starts the servers on free loopback ports. They know nothing but
    /// `keys.openpgp.org`.
    ///
    /// # Panics
    ///
    /// Where loopback has no free port.
    pub async fn start() -> Self {
        Self::try_start().await.expect("free ports on loopback")
    }

    async fn try_start() -> io::Result<Self> {
        let log = Arc::new(Log::default());
        let line = Arc::new(Line::default());
        let zone = Arc::new(Zone::default());
        let vks = Arc::new(Vks::new(log.clone()));
        let web = Arc::new(Web::new(vks.clone(), log.clone()));
        let dns = DnsServer::start(zone.clone(), log.clone(), line.clone()).await?;
        let mut tasks = JoinSet::new();

        let (listeners, https) = door::listen().await?;
        for listener in listeners {
            let web = web.clone();
            tasks.spawn(door::accept(listener, line.clone(), move |wire| {
                web.clone().serve_tls(wire)
            }));
        }
        let (refused_sockets, refused) = door::refuse()?;
        let not_tls = rude(Door::NotTls, &log, &line, &mut tasks).await?;
        let mute = rude(Door::Mute, &log, &line, &mut tasks).await?;
        let close_at_accept = rude(Door::CloseAtAccept, &log, &line, &mut tasks).await?;
        let (black_hole_sockets, black_hole) = door::black_hole()?;
        let (listeners, vks_ports) = door::listen().await?;
        for listener in listeners {
            let vks = vks.clone();
            tasks.spawn(door::accept(listener, line.clone(), move |wire| {
                vks.clone().serve(wire)
            }));
        }
        let vks_address = vks_ports.sockets().next().expect("IPv4 is always there");
        let doors = Doors {
            https,
            not_tls,
            refused,
            mute,
            close_at_accept,
            black_hole,
        };
        let testbed = Self {
            zone,
            web,
            vks,
            log,
            line,
            dns,
            doors,
            vks_address,
            _refused: refused_sockets,
            _black_hole: black_hole_sockets,
            _tasks: tasks,
        };
        testbed.host(VKS_HOST).serve_vks();
        Ok(testbed)
    }

    /// What DNS says about this name. `*.example.org` is a wildcard. A name of
    /// which nothing was said does not exist.
    pub fn name<'a>(&'a self, name: &'a str) -> NameEntry<'a> {
        self.zone.name(name)
    }

    /// The web host of this name, which answers 404 where nothing else is
    /// planted. If DNS knew nothing of the name, it now leads to 127.0.0.1.
    pub fn host<'a>(&'a self, name: &'a str) -> Host<'a> {
        self.zone.name(name).loopback_if_new();
        self.web.host(name)
    }

    /// Publishes this by the advanced method, for this address.
    ///
    /// # Panics
    ///
    /// Where the domain is too long for the method.
    pub fn wkd_advanced(&self, address: &EmailAddress, body: impl AsRef<[u8]>) -> &Self {
        let url = wkd::Url::new(address)
            .advanced()
            .expect("a domain with an advanced host");
        self.publish(&url, body)
    }

    /// Publishes this by the direct method, for this address.
    pub fn wkd_direct(&self, address: &EmailAddress, body: impl AsRef<[u8]>) -> &Self {
        self.publish(&wkd::Url::new(address).direct(), body)
    }

    /// Sets how long everything takes from a client to the servers and back, for
    /// what begins from now on: DNS queries (over UDP and TCP), and connections to
    /// the web hosts and to the key server, which take one round trip to be made.
    /// At first it is nothing.
    ///
    /// A port that refuses does so at once all the same; so does the connection
    /// over which DNS is asked by TCP.
    pub fn set_round_trip(&self, round_trip: Duration) {
        self.line.set_round_trip(round_trip);
    }

    /// Sets how long resolvers may keep what DNS says (or denies) from now on. At
    /// first they may not keep it at all.
    pub fn set_ttl(&self, seconds: u32) {
        self.zone.set_ttl(seconds);
    }

    /// Whether [`Fault::BlackHole`] and [`Host::ipv6_is_dead`] are what they say.
    pub fn has_black_hole(&self) -> bool {
        self.doors.black_hole.is_some()
    }

    /// The key server.
    pub fn vks(&self) -> &Vks {
        &self.vks
    }

    /// A listener on a free port of this loopback address that only counts who
    /// connects. It ends when it is dropped.
    ///
    /// # Errors
    ///
    /// Where the machine has no such address (`::1` on some).
    pub fn canary(&self, ip: impl Into<IpAddr>) -> io::Result<Canary> {
        Canary::at(ip.into())
    }

    /// A canary that a name leads to as soon as DNS gives it this address, which
    /// must not be the one of the web hosts: `127.66.0.1`, say.
    ///
    /// # Errors
    ///
    /// Where the machine has no such address: only Linux has all of `127.0.0.0/8`.
    pub fn trap(&self, ip: impl Into<IpAddr>) -> io::Result<Canary> {
        let canary = Canary::at(ip.into())?;
        self.web.set_trap(canary.addr());
        Ok(canary)
    }

    /// Every DNS query so far, in order of arrival.
    pub fn queries(&self) -> Vec<Query> {
        self.log.queries()
    }

    /// The DNS queries for this name.
    pub fn queries_for(&self, name: &str) -> Vec<Query> {
        let mut queries = self.log.queries();
        queries.retain(|query| query.name == name);
        queries
    }

    /// Every request to a web host so far, in order of arrival. Those to the
    /// key server's own address are in [`Vks::requests`].
    pub fn requests(&self) -> Vec<Request> {
        self.log.requests()
    }

    /// The requests to this web host.
    pub fn requests_to(&self, host: &str) -> Vec<Request> {
        let mut requests = self.log.requests();
        requests.retain(|request| request.host == host);
        requests
    }

    /// The host names that clients asked for as they began TLS, in order of
    /// arrival; also where the handshake then failed.
    pub fn hellos(&self) -> Vec<String> {
        self.log.hellos()
    }

    /// How many TCP connections the web hosts' common listener has accepted.
    pub fn connections(&self) -> usize {
        self.log.connections(Door::Https)
    }

    /// How many TCP connections the listener of hosts with this fault has
    /// accepted. Faults of certificates show at the common one.
    pub fn connections_with(&self, fault: Fault) -> usize {
        self.log.connections(fault.door())
    }

    /// How many TCP connections the key server's own address has accepted.
    pub fn vks_connections(&self) -> usize {
        self.log.connections(Door::Vks)
    }

    /// Empties all logs.
    pub fn forget_log(&self) {
        self.log.clear();
        self.vks.forget_requests();
    }

    /// A resolver for a client that is to live here.
    ///
    /// # Panics
    ///
    /// Where the bundled resolver cannot be made.
    pub fn dns(&self) -> TestDns {
        TestDns {
            inner: HickoryDns::with_servers(&[self.dns_addr()]).expect("a resolver"),
            web: self.web.clone(),
            doors: self.doors,
        }
    }

    /// The guard, open for the web hosts' sockets and for nothing else on loopback.
    pub fn guard(&self) -> AddressGuard {
        let sockets = self.doors.all().into_iter().flat_map(Ports::sockets);
        sockets.fold(AddressGuard::new(), AddressGuard::allow_socket)
    }

    /// The CA's certificate in DER.
    pub fn ca_der(&self) -> Vec<u8> {
        self.web.authority.der()
    }

    /// The CA's certificate in PEM.
    pub fn ca_pem(&self) -> String {
        self.web.authority.pem()
    }

    /// Where the DNS server listens, over UDP and TCP.
    pub fn dns_addr(&self) -> SocketAddr {
        self.dns.address()
    }

    /// Where a web host of this name is served on IPv4, by the faults planted
    /// so far.
    pub fn host_addr(&self, name: &str) -> SocketAddr {
        let port = match self.web.door(name) {
            Ok(door) => self.doors.ports(door).sockets().next(),
            Err(port) => return ([127, 0, 0, 1], port).into(),
        };
        port.expect("IPv4 is always there")
    }

    /// The sockets of the web hosts' common listener, IPv4 first; also one on
    /// `::1` where the machine has that address.
    pub fn https_sockets(&self) -> Vec<SocketAddr> {
        self.doors.https.sockets().collect()
    }

    /// The key server's own address: plain HTTP. It is also reached as
    /// `https://keys.openpgp.org`.
    ///
    /// # Panics
    ///
    /// Never: an address and a port make a URL.
    pub fn vks_url(&self) -> url::Url {
        let url = format!("http://{}/", self.vks_address);
        url.parse().expect("an address and a port make a URL")
    }

    fn publish(&self, url: &url::Url, body: impl AsRef<[u8]>) -> &Self {
        let host = url.host_str().expect("a directory has a host");
        self.host(host).serve(url.path(), Answer::ok(body));
        self
    }
}

impl std::fmt::Debug for Testbed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Testbed")
            .field("dns", &self.dns_addr())
            .field("doors", &self.doors)
            .field("vks", &self.vks_address)
            .finish_non_exhaustive()
    }
}

/// The listeners of the web hosts.
#[derive(Clone, Copy, Debug)]
struct Doors {
    https: Ports,
    not_tls: Ports,
    refused: Ports,
    mute: Ports,
    close_at_accept: Ports,
    /// `None` where the machine's kernel does not make one.
    black_hole: Option<Ports>,
}

impl Doors {
    fn ports(&self, door: Door) -> Ports {
        match door {
            Door::NotTls => self.not_tls,
            Door::Refused => self.refused,
            Door::Mute => self.mute,
            Door::CloseAtAccept => self.close_at_accept,
            Door::BlackHole => self.black_hole.unwrap_or(self.mute),
            Door::Https | Door::Vks => self.https,
        }
    }

    fn all(&self) -> [Ports; 6] {
        [
            self.https,
            self.not_tls,
            self.refused,
            self.mute,
            self.close_at_accept,
            self.ports(Door::BlackHole),
        ]
    }
}

/// Starts a listener that is no good at TLS.
async fn rude(
    door: Door,
    log: &Arc<Log>,
    line: &Arc<Line>,
    tasks: &mut JoinSet<()>,
) -> io::Result<Ports> {
    let (listeners, ports) = door::listen().await?;
    for listener in listeners {
        let log = log.clone();
        tasks.spawn(door::accept(listener, line.clone(), move |wire| {
            log.connection(door);
            be_rude(door, wire)
        }));
    }
    Ok(ports)
}

async fn be_rude(door: Door, mut wire: Wire) {
    match door {
        Door::Mute => std::future::pending().await,
        Door::NotTls => {
            let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
            // The client may have gone already.
            let _ = wire.write_all(answer).await;
            let _ = wire.shutdown().await;
            // Closed with something left to read, the connection would be reset,
            // and the answer might be lost.
            let _ = tokio::io::copy(&mut wire, &mut tokio::io::sink()).await;
        }
        _ => drop(wire),
    }
}
