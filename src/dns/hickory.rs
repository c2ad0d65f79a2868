//! The bundled resolver, over hickory.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::select;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use tokio::time::timeout;

use super::DnsResolver;
use crate::{BoxFuture, Error, ErrorKind};

#[cfg(test)]
mod tests;

/// How long one query to one server may take; each is asked at most twice, so
/// that DNS leaves the larger part of a look-up's 20 s to HTTP.
const QUERY_TIMEOUT: Duration = Duration::from_millis(2500);

/// How long a silent server is waited for before the next one is asked too.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the other address family is waited for once one has addresses.
///
/// RFC 8305 (section 3) has 50 ms, where a late answer still joins the attempts
/// to connect. Here it cannot, and a host reachable over that family alone
/// would fail.
const GRACE: Duration = Duration::from_millis(300);

/// How many answers of a server are kept. One of 4,000 addresses, which is what
/// fits into a DNS message, takes about 1 MiB; a name has two. hickory's 8,192
/// would be as many gigabytes in the hands of whoever owns a zone.
const CACHED_ANSWERS: u64 = 64;

/// Whoever moves a host waits an hour at most, whatever the records' TTLs are.
const POSITIVE_TTL: Duration = Duration::from_secs(60 * 60);

/// How many addresses of each family are handed on. Few are ever tried; those
/// in front that may not be connected to shall not crowd these out.
const ADDRESSES: usize = 256;

/// Names that do not exist may come into being before their zone's TTL ends.
const NEGATIVE_TTL: Duration = Duration::from_secs(15 * 60);

/// A caching resolver that asks the system's name servers, or the given ones.
///
/// Cheap to clone; clones share the cache, which keeps to the records' TTLs (an
/// hour at most, and 15 minutes for what does not exist) and holds about 64
/// answers of each server.
///
/// * The servers are asked in the order given: the next one when one fails or
///   is silent for a second. No other server is ever asked.
/// * Over UDP, and over TCP where the answer was cut off; with random case in
///   the names (draft-vixie-dnsext-dns0x20) and without a client subnet.
/// * Names are absolute: no search list.
/// * A and AAAA are asked side by side. Once one has addresses, the other is
///   waited for another 300 ms.
/// * The answer is "no address" only if both families say so (NXDOMAIN or
///   NODATA, RFC 2308). SERVFAIL, REFUSED, silence, a referral, or a loop of
///   aliases is an error.
/// * Of each family the first 256 addresses are handed on.
///
/// A query takes at most 5 s, and one second more for each further server.
///
/// ```
/// use openpgp_discovery::dns::HickoryDns;
///
/// let dns = HickoryDns::with_servers(&["192.0.2.53:53".parse()?])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HickoryDns {
    /// One resolver a server: hickory's pool of servers would give up when one
    /// of them refuses, and ask several at once or the first one alone.
    servers: Arc<[TokioResolver]>,
    hosts: Arc<Hosts>,
}

impl HickoryDns {
    /// Uses the system's name servers and hosts file, as they are now.
    ///
    /// A name that the hosts file has addresses for is not asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the system's configuration cannot be read or
    /// names no server.
    pub fn system() -> Result<Self, Error> {
        let (config, options) = system_conf::read_system_conf().map_err(|error| {
            Error::new(ErrorKind::Config, "the system names no DNS server")
                .with_source(error.to_string())
        })?;
        // A system without a hosts file has no names of its own.
        let hosts = Hosts::from_system().unwrap_or_default();
        Self::new(config.name_servers().to_vec(), options, hosts)
    }

    /// Uses these name servers, in this order, and no hosts file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is none.
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, Error> {
        let servers = servers.iter().copied().map(name_server).collect();
        Self::new(servers, ResolverOpts::default(), Hosts::default())
    }

    fn new(
        servers: Vec<NameServerConfig>,
        mut options: ResolverOpts,
        hosts: Hosts,
    ) -> Result<Self, Error> {
        if servers.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no DNS server is given"));
        }
        // A system that asks for less patience gets it.
        options.timeout = options.timeout.clamp(Duration::from_secs(1), QUERY_TIMEOUT);
        // The second one is needed where a connection has died in the meantime.
        options.attempts = 1;
        options.cache_size = CACHED_ANSWERS;
        options.positive_max_ttl = Some(POSITIVE_TTL);
        options.negative_max_ttl = Some(NEGATIVE_TTL);
        options.case_randomization = true;
        // hickory would look there for each family by itself, and mix a pinned
        // address of one family with what DNS says for the other.
        options.use_hosts_file = ResolveHosts::Never;
        let servers = servers.into_iter().map(|server| {
            TokioResolver::builder_with_config(
                ResolverConfig::from_name_servers(vec![server]),
                TokioRuntimeProvider::default(),
            )
            .with_options(options.clone())
            .build()
        });
        Ok(Self {
            servers: servers
                .collect::<Result<_, _>>()
                .map_err(|error: NetError| {
                    Error::new(ErrorKind::Config, "the resolver cannot be set up")
                        .with_source(error.to_string())
                })?,
            hosts: Arc::new(hosts),
        })
    }

    /// The hosts file's addresses for a name.
    fn pinned(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::AAAA, RecordType::A]
            .into_iter()
            .filter_map(|family| {
                self.hosts
                    .lookup_static_host(&Query::query(name.clone(), family))
            })
            .flat_map(|lookup| {
                let records = lookup.answers().iter();
                records
                    .filter_map(|record| record.data.ip_addr())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// The addresses of one family: the first definite answer of any server.
    async fn ask(&self, name: &Name, family: RecordType) -> Result<Vec<IpAddr>, NetError> {
        let mut waiting = self.servers.iter();
        let mut asked = FuturesUnordered::new();
        let mut failure = None;
        loop {
            if let Some(server) = waiting.next() {
                asked.push(ask_one(server, name, family));
            }
            let answer = if waiting.len() == 0 {
                asked.next().await
            } else {
                match timeout(PATIENCE, asked.next()).await {
                    Ok(answer) => answer,
                    Err(_) => continue,
                }
            };
            match answer {
                Some(Ok(addresses)) => return Ok(addresses),
                Some(Err(error)) => {
                    tracing::debug!(%name, %family, %error, "a name server failed");
                    failure.get_or_insert(error);
                }
                None => return Err(failure.unwrap_or(NetError::NoConnections)),
            }
        }
    }
}

impl DnsResolver for HickoryDns {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            let mut name = Name::from_ascii(host).map_err(|error| {
                Error::new(ErrorKind::Dns, format!("{host} is not a DNS name"))
                    .with_source(error.to_string())
            })?;
            // Absolute, or the system's search list would be tried too.
            name.set_fqdn(true);
            let pinned = self.pinned(&name);
            if !pinned.is_empty() {
                tracing::debug!(host, addresses = ?pinned, "found in the hosts file");
                return Ok(sockets(pinned));
            }
            let six = pin!(self.ask(&name, RecordType::AAAA));
            let four = pin!(self.ask(&name, RecordType::A));
            let (first, other) = select(six, four).await.factor_first();
            let second = match &first {
                Ok(addresses) if !addresses.is_empty() => timeout(GRACE, other)
                    .await
                    .unwrap_or_else(|_| Ok(Vec::new())),
                _ => other.await,
            };
            let addresses = match (first, second) {
                (Ok(first), Ok(second)) => first.into_iter().chain(second).collect(),
                (Ok(addresses), Err(error)) | (Err(error), Ok(addresses)) => {
                    // None in one family is not none at all.
                    if addresses.is_empty() {
                        return Err(failure(host, &error));
                    }
                    addresses
                }
                (Err(error), Err(_)) => return Err(failure(host, &error)),
            };
            tracing::debug!(host, ?addresses, "resolved");
            Ok(sockets(addresses))
        })
    }
}

impl fmt::Debug for HickoryDns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HickoryDns")
            .field("servers", &self.servers.len())
            .finish_non_exhaustive()
    }
}

/// A name server, over UDP and over TCP.
fn name_server(server: SocketAddr) -> NameServerConfig {
    let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
    udp.port = server.port();
    tcp.port = server.port();
    NameServerConfig::new(server.ip(), true, vec![udp, tcp])
}

/// What one server says; no address is an answer.
async fn ask_one(
    server: &TokioResolver,
    name: &Name,
    family: RecordType,
) -> Result<Vec<IpAddr>, NetError> {
    let none = match server.lookup(name.clone(), family).await {
        Ok(lookup) => {
            let mut seen = HashSet::new();
            let addresses: Vec<_> = lookup
                .answers()
                .iter()
                .filter(|record| record.record_type() == family)
                .filter_map(|record| record.data.ip_addr())
                .filter(|address| seen.insert(*address))
                .take(ADDRESSES)
                .collect();
            return if addresses.is_empty() {
                Err(NetError::Message("an answer to another question"))
            } else {
                Ok(addresses)
            };
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => none,
        Err(error) => return Err(error),
    };
    match none.response_code {
        ResponseCode::NXDomain => Ok(Vec::new()),
        ResponseCode::NoError if is_referral(&none) => Err(NetError::Message(
            "a referral: the server does not answer for others",
        )),
        ResponseCode::NoError if is_nodata(&none) => Ok(Vec::new()),
        ResponseCode::NoError => no_alias(server, &none, name).await,
        _ => Err(NetError::Dns(DnsError::NoRecordsFound(none))),
    }
}

/// NODATA as RFC 2308 (section 2.2) wants it: with a SOA record. hickory keeps
/// the authority section only where that was the server's whole answer.
fn is_nodata(none: &NoRecords) -> bool {
    none.soa.is_some() && none.authorities.is_some()
}

/// RFC 2308, section 2.2: name servers without a SOA record are not NODATA.
fn is_referral(none: &NoRecords) -> bool {
    none.soa.is_none() && none.ns.is_some()
}

/// "No record" without a proof: either a sloppy server's NODATA, or hickory has
/// followed aliases until it gave up. In the latter case the last name is an
/// alias still.
async fn no_alias(
    server: &TokioResolver,
    none: &NoRecords,
    asked: &Name,
) -> Result<Vec<IpAddr>, NetError> {
    let last = match none.query.name() {
        root if root.is_root() => asked,
        last => last,
    };
    match server.lookup(last.clone(), RecordType::CNAME).await {
        Ok(lookup) => {
            let mut records = lookup.answers().iter();
            if records.any(|record| record.record_type() == RecordType::CNAME) {
                Err(NetError::Message("a loop of aliases, or too many"))
            } else {
                Ok(Vec::new())
            }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(
                none.response_code,
                ResponseCode::NXDomain | ResponseCode::NoError
            ) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// IPv6 and IPv4 in turn (RFC 8305, section 4); port 0 stands for the URL's.
fn sockets(addresses: Vec<IpAddr>) -> Vec<SocketAddr> {
    let (six, four): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut sockets = Vec::new();
    loop {
        let pair = [six.next(), four.next()];
        if pair == [None, None] {
            return sockets;
        }
        sockets.extend(pair.into_iter().flatten().map(|ip| SocketAddr::new(ip, 0)));
    }
}

fn failure(host: &str, error: &NetError) -> Error {
    let (kind, detail) = match error {
        NetError::Timeout => (
            ErrorKind::Timeout,
            format!("no name server answered for {host}"),
        ),
        NetError::Dns(DnsError::ResponseCode(code)) => (
            ErrorKind::Dns,
            format!("the name server answered {} for {host}", mnemonic(*code)),
        ),
        NetError::Io(_) | NetError::NoConnections => (
            ErrorKind::Dns,
            format!("no name server could be reached for {host}"),
        ),
        NetError::Message(what) => (ErrorKind::Dns, format!("{host}: {what}")),
        _ => (
            ErrorKind::Dns,
            format!("no usable answer from a name server for {host}"),
        ),
    };
    // As text: hickory's types are no part of this crate's API.
    Error::new(kind, detail).with_source(error.to_string())
}

/// As operators know it.
fn mnemonic(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        other => format!("\"{other}\""),
    }
}
