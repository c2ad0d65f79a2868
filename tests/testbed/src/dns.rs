//! The DNS server: a table of names, and what goes wrong with them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::op::{
    Edns, Header, HeaderCounts, Message, Metadata, OpCode, ResponseCode,
};
use hickory_server::proto::rr::rdata::{CNAME, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

use crate::line::Line;
use crate::log::{Log, Query, lock};

/// What goes wrong with a query.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The name does not exist. For one record type alone, what some load
    /// balancers answer for a name that does have others.
    NxDomain,
    /// The name exists and has no such record.
    NoData,
    /// The server failed.
    ServFail,
    /// The server does not want to answer.
    Refused,
    /// No answer at all.
    Mute,
    /// Over UDP an answer that is cut off and holds nothing; over TCP all of it.
    CutOff,
    /// An alias to yet another name, whatever is asked, and never its address.
    /// With a wildcard there is no end to them.
    EndlessAliases,
}

/// What is wrong with a forged answer, as somebody sends it who does not see the
/// question: all else is right.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It answers another question's ID.
    Id,
    /// It repeats another question.
    Question,
    /// It repeats the question in lower case.
    Case,
}

/// What one name holds; see [`Testbed::name`](crate::Testbed::name).
///
/// Each method plants at once. Trouble goes before records, and trouble with
/// one type before trouble with all.
#[derive(Clone, Copy, Debug)]
pub struct NameEntry<'a> {
    zone: &'a Zone,
    name: &'a str,
}

impl NameEntry<'_> {
    /// Adds an address.
    pub fn address(self, ip: impl Into<IpAddr>) -> Self {
        self.record(address(ip.into()))
    }

    /// Adds a TXT record: a name with nothing else has no address.
    pub fn txt(self, text: &str) -> Self {
        self.record(RData::TXT(TXT::new(vec![text.to_owned()])))
    }

    /// Gives this address alone to the next question for its family, before
    /// all else.
    pub fn address_once(self, ip: impl Into<IpAddr>) -> Self {
        let data = address(ip.into());
        self.edit(|entry| entry.once.push_back(data))
    }

    /// Over UDP, sends a forged answer with this address (to questions for its
    /// family) before what is planted.
    pub fn forged(self, lie: Lie, ip: impl Into<IpAddr>) -> Self {
        let ip = ip.into();
        self.edit(|entry| entry.forged = Some((lie, ip)))
    }

    /// Adds, to each answer about it, an address of another name, to be kept for
    /// an hour: among the answers and among the additional records.
    pub fn with_foreign(self, other: &str, ip: Ipv4Addr) -> Self {
        let foreign = Record::from_rdata(absolute(other), 3600, RData::A(ip.into()));
        self.edit(|entry| entry.foreign = Some(foreign))
    }

    /// Adds a record of any type.
    pub fn record(self, data: RData) -> Self {
        self.edit(|entry| entry.records.push(data))
    }

    /// Makes it an alias. The server follows it, as a recursive one does.
    pub fn cname(self, target: &str) -> Self {
        self.edit(|entry| entry.alias = Some(key(target)))
    }

    /// Plants trouble with every type.
    pub fn trouble(self, trouble: Trouble) -> Self {
        self.edit(|entry| entry.trouble = Some(trouble))
    }

    /// Plants trouble with one type.
    pub fn trouble_with(self, record_type: RecordType, trouble: Trouble) -> Self {
        self.edit(|entry| {
            entry.trouble_with.insert(record_type, trouble);
        })
    }

    /// Takes all of it away: the name does not exist.
    pub fn forget(self) -> Self {
        lock(&self.zone.names).remove(&key(self.name));
        self
    }

    /// Gives it the IPv4 loopback address, if nothing at all was planted for it.
    pub(crate) fn loopback_if_new(self) {
        let mut names = lock(&self.zone.names);
        names.entry(key(self.name)).or_insert_with(|| Entry {
            records: vec![RData::A(Ipv4Addr::LOCALHOST.into())],
            ..Entry::default()
        });
    }

    fn edit(self, edit: impl FnOnce(&mut Entry)) -> Self {
        edit(lock(&self.zone.names).entry(key(self.name)).or_default());
        self
    }
}

/// The table of names.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    names: Mutex<BTreeMap<String, Entry>>,
    /// Of answers and denials, in seconds. At first nothing may be kept by a
    /// resolver: the log shows every look-up, and what a test plants holds at once.
    ttl: AtomicU32,
}

impl Zone {
    pub(crate) fn name<'a>(&'a self, name: &'a str) -> NameEntry<'a> {
        NameEntry { zone: self, name }
    }

    pub(crate) fn set_ttl(&self, seconds: u32) {
        self.ttl.store(seconds, Ordering::Relaxed);
    }

    fn record(&self, name: &str, data: RData) -> Record {
        Record::from_rdata(absolute(name), self.ttl.load(Ordering::Relaxed), data)
    }

    /// Says for how long a denial may be kept.
    fn soa(&self) -> Record {
        let ttl = self.ttl.load(Ordering::Relaxed);
        let soa = SOA::new(Name::root(), Name::root(), 1, 60, 60, 60, ttl);
        self.record("", RData::SOA(soa))
    }

    /// What to answer; `None` for silence.
    fn look_up(&self, asked: &str, record_type: RecordType) -> Option<(ResponseCode, Vec<Record>)> {
        let mut names = lock(&self.names);
        if let Some(entry) = names.get_mut(asked) {
            let next = entry.once.iter();
            let next = next.map(RData::record_type).position(|r| r == record_type);
            if let Some(data) = next.and_then(|next| entry.once.remove(next)) {
                return Some((ResponseCode::NoError, vec![self.record(asked, data)]));
            }
        }
        let mut name = asked.to_owned();
        let mut chain = Vec::new();
        for _ in 0..MAX_ALIASES {
            let Some(entry) = find(&names, &name) else {
                return Some((ResponseCode::NXDomain, chain));
            };
            match entry
                .trouble_with
                .get(&record_type)
                .or(entry.trouble.as_ref())
            {
                Some(Trouble::NxDomain) => return Some((ResponseCode::NXDomain, chain)),
                Some(Trouble::NoData) => return Some((ResponseCode::NoError, chain)),
                Some(Trouble::ServFail) => return Some((ResponseCode::ServFail, Vec::new())),
                Some(Trouble::Refused) => return Some((ResponseCode::Refused, Vec::new())),
                Some(Trouble::Mute) => return None,
                Some(Trouble::EndlessAliases) => {
                    let next = RData::CNAME(CNAME(absolute(&next_alias(&name))));
                    chain.push(self.record(&name, next));
                    return Some((ResponseCode::NoError, chain));
                }
                Some(Trouble::CutOff) | None => {}
            }
            let Some(target) = &entry.alias else {
                let fitting = entry
                    .records
                    .iter()
                    .filter(|r| r.record_type() == record_type);
                chain.extend(fitting.map(|data| self.record(&name, data.clone())));
                return Some((ResponseCode::NoError, chain));
            };
            chain.push(self.record(&name, RData::CNAME(CNAME(absolute(target)))));
            if record_type == RecordType::CNAME {
                return Some((ResponseCode::NoError, chain));
            }
            name.clone_from(target);
        }
        // A loop: what a recursive server says when it gives up.
        Some((ResponseCode::ServFail, Vec::new()))
    }

    /// What else goes wrong with an answer about this name.
    fn extras(&self, asked: &str, record_type: RecordType) -> Extras {
        let Some(entry) = find(&lock(&self.names), asked) else {
            return Extras::default();
        };
        let trouble = entry.trouble_with.get(&record_type);
        Extras {
            cut_off: trouble.or(entry.trouble.as_ref()) == Some(&Trouble::CutOff),
            forged: entry.forged.filter(|(_, ip)| match ip {
                IpAddr::V4(_) => record_type == RecordType::A,
                IpAddr::V6(_) => record_type == RecordType::AAAA,
            }),
            foreign: entry.foreign,
        }
    }
}

#[derive(Default)]
struct Extras {
    cut_off: bool,
    forged: Option<(Lie, IpAddr)>,
    foreign: Option<Record>,
}

/// `a1.` before the name; then `a2.` in its place, and so on.
fn next_alias(name: &str) -> String {
    let counted = name
        .strip_prefix('a')
        .and_then(|rest| rest.split_once('.'))
        .and_then(|(count, rest)| Some((count.parse::<u64>().ok()?, rest)));
    match counted {
        Some((count, rest)) => format!("a{}.{rest}", count + 1),
        None => format!("a1.{name}"),
    }
}

const MAX_ALIASES: usize = 8;

#[derive(Clone, Debug, Default)]
struct Entry {
    once: VecDeque<RData>,
    forged: Option<(Lie, IpAddr)>,
    foreign: Option<Record>,
    records: Vec<RData>,
    alias: Option<String>,
    trouble: Option<Trouble>,
    trouble_with: HashMap<RecordType, Trouble>,
}

/// The entry of a name, by the rules for wildcards of RFC 4592: they stand for
/// names that do not exist, below the closest one that does.
fn find(names: &BTreeMap<String, Entry>, name: &str) -> Option<Entry> {
    if let Some(entry) = names.get(name) {
        return Some(entry.clone());
    }
    if exists(names, name) {
        return Some(Entry::default());
    }
    let mut below = name;
    while let Some((_, parent)) = below.split_once('.') {
        if let Some(entry) = names.get(&format!("*.{parent}")) {
            return Some(entry.clone());
        }
        if exists(names, parent) {
            return None;
        }
        below = parent;
    }
    None
}

/// Whether a name exists, if only because another one lies below it.
fn exists(names: &BTreeMap<String, Entry>, name: &str) -> bool {
    let below = format!(".{name}");
    names.keys().any(|n| n == name || n.ends_with(&below))
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A running server, over UDP and TCP on one port.
pub(crate) struct DnsServer {
    address: SocketAddr,
    /// Ends its tasks when it is dropped.
    _server: Server<Handler>,
}

impl DnsServer {
    pub(crate) async fn start(zone: Arc<Zone>, log: Arc<Log>, line: Arc<Line>) -> io::Result<Self> {
        let (udp, tcp) = bind_both().await?;
        let address = udp.local_addr()?;
        let udp = udp.into_std()?;
        let spoof = udp.try_clone()?;
        let mut server = Server::new(Handler {
            zone,
            log,
            line,
            spoof,
        });
        server.register_socket(UdpSocket::from_std(udp)?);
        server.register_listener(tcp, Duration::from_secs(60), 16);
        Ok(Self {
            address,
            _server: server,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One port for both, which are separate spaces: what is free in one may be
/// taken in the other.
async fn bind_both() -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = 0;
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if tries == 32 => return Err(error),
            Err(_) => tries += 1,
        }
    }
}

struct Handler {
    zone: Arc<Zone>,
    log: Arc<Log>,
    line: Arc<Line>,
    /// The server's own socket, for what is said in its name.
    spoof: std::net::UdpSocket,
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut out: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().max(512));
            edns
        });
        let mut response = MessageResponseBuilder::new(&request.queries, edns.as_ref());
        if let Some(edns) = &edns {
            response.edns(edns);
        }
        let Ok(info) = request.request_info() else {
            let refusal = response.error_msg(&request.metadata, ResponseCode::FormErr);
            return sent(out.send_response(refusal).await, metadata);
        };
        let name = key(&info.query.original().name().to_ascii());
        let record_type = info.query.query_type();
        self.log.query(Query {
            name: name.clone(),
            record_type,
            protocol: request.protocol(),
        });
        // The whole way at once: the server's socket is not ours to delay.
        let round_trip = self.line.round_trip();
        if !round_trip.is_zero() {
            tokio::time::sleep(round_trip).await;
        }
        let extras = self.zone.extras(&name, record_type);
        let udp = request.protocol() == Protocol::Udp;
        if let Some((lie, ip)) = extras.forged.filter(|_| udp) {
            let forged = forgery(request, lie, ip);
            // hickory's own way out takes no answer with another ID. The client
            // may have gone already.
            let _ = forged.map(|forged| self.spoof.send_to(&forged, request.src()));
        }
        let Some((code, mut answers)) = self.zone.look_up(&name, record_type) else {
            return sent(Err(()), metadata);
        };
        if extras.cut_off && udp {
            metadata.truncation = true;
            let message = response.build(metadata, [], [], [], []);
            return sent(out.send_response(message).await, metadata);
        }
        answers.extend(extras.foreign.clone());
        metadata.response_code = code;
        let denied = matches!(code, ResponseCode::NXDomain | ResponseCode::NoError)
            && !answers.iter().any(|r| r.record_type() == record_type);
        let soa = denied.then(|| self.zone.soa());
        let message = response.build(metadata, &answers, &[], &soa, &extras.foreign);
        sent(out.send_response(message).await, metadata)
    }
}

/// An answer with this address that is wrong in one thing; `None` where the
/// question cannot be answered at all.
fn forgery(request: &Request, lie: Lie, ip: IpAddr) -> Option<Vec<u8>> {
    let info = request.request_info().ok()?;
    let mut question = info.query.original().clone();
    let mut id = request.metadata.id;
    match lie {
        Lie::Id => id = !id,
        Lie::Question => {
            question.set_name(absolute("another.example"));
        }
        Lie::Case => {
            question.set_name(question.name().to_lowercase());
        }
    }
    let answer = Record::from_rdata(question.name().clone(), 0, address(ip));
    let mut message = Message::response(id, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_query(question);
    message.add_answer(answer);
    message.to_vec().ok()
}

fn address(ip: IpAddr) -> RData {
    match ip {
        IpAddr::V4(ip) => RData::A(ip.into()),
        IpAddr::V6(ip) => RData::AAAA(ip.into()),
    }
}

/// What was sent; or, for the server's own books, what would have been.
fn sent<E>(sent: Result<ResponseInfo, E>, metadata: Metadata) -> ResponseInfo {
    sent.unwrap_or_else(|_| {
        ResponseInfo::from(Header {
            metadata,
            counts: HeaderCounts::default(),
        })
    })
}
