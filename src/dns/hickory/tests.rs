use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Instant;

use hickory_resolver::proto::op::{Message, OpCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, NS, SOA, TXT};
use hickory_resolver::proto::rr::{RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;

const HOST: &str = "openpgpkey.example.org";

/// In seconds.
const WEEK: u32 = 7 * 24 * 3600;

/// What a server says to a question.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Say {
    /// One address, of the family asked for.
    Address,
    NoData,
    /// NODATA without a SOA record, as sloppy servers have it.
    BareNoData,
    NxDomain,
    Code(ResponseCode),
    /// Nothing, ever.
    Mute,
    /// Name servers and nothing else: a lame server.
    Referral,
    /// An alias and nothing behind it; the alias's target gets the same again.
    AliasTo(&'static str),
    /// An alias together with the word that its target does not exist.
    AliasToNowhere(&'static str),
    /// Cut off over UDP, an address over TCP.
    TruncatedThenAddress,
    /// Records that were not asked for.
    OtherRecords,
    /// One address, for a week.
    ForAWeek,
    /// So many addresses and then the first one again: too many for UDP.
    Many(u16),
}

use Say::{Address, AliasTo, AliasToNowhere, BareNoData, Code, Mute, NoData, NxDomain};
use Say::{ForAWeek, Many, OtherRecords, Referral, TruncatedThenAddress};

type Script = dyn Fn(&str, RecordType) -> Say + Send + Sync;

/// A name server on a free port of loopback, over UDP and TCP.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, RecordType)>>>,
}

impl Server {
    async fn start(script: impl Fn(&str, RecordType) -> Say + Send + Sync + 'static) -> Self {
        let script: Arc<Script> = Arc::new(script);
        let asked = Arc::new(Mutex::new(Vec::new()));
        // A port that both protocols have free.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let (udp_script, udp_asked) = (script.clone(), asked.clone());
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
                if let Some(answer) = answer(&buffer[..length], &*udp_script, &udp_asked, true) {
                    udp.send_to(&answer, from).await.unwrap();
                }
            }
        });
        let tcp_asked = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let (script, asked) = (script.clone(), tcp_asked.clone());
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut query = vec![0; length.into()];
                        stream.read_exact(&mut query).await.unwrap();
                        if let Some(answer) = answer(&query, &*script, &asked, false) {
                            let length = u16::try_from(answer.len()).unwrap();
                            stream.write_u16(length).await.unwrap();
                            stream.write_all(&answer).await.unwrap();
                        }
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// By family, whatever the name.
    async fn by_family(six: Say, four: Say) -> Self {
        Self::start(move |_, family| match family {
            RecordType::AAAA => six,
            RecordType::A => four,
            // An alias is one for every type.
            _ if matches!(six, AliasTo(_)) => six,
            _ => NoData,
        })
        .await
    }

    fn asked(&self, family: RecordType) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(_, asked)| *asked == family).count()
    }
}

fn answer(
    query: &[u8],
    script: &Script,
    asked: &Mutex<Vec<(String, RecordType)>>,
    udp: bool,
) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).unwrap();
    let question = query.queries.first().unwrap().clone();
    let name = question.name().to_ascii().to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_owned();
    let family = question.query_type();
    asked.lock().unwrap().push((name.clone(), family));

    let mut message = Message::response(query.metadata.id, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_query(question.clone());
    let owner = question.name();
    let target = |name: &str| Name::from_ascii(format!("{name}.")).unwrap();
    let address = || {
        let data = match family {
            RecordType::AAAA => RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)),
            _ => RData::A(A(Ipv4Addr::LOCALHOST)),
        };
        Record::from_rdata(owner.clone(), 60, data)
    };
    let soa = || {
        let zone = target("example.org");
        let data = SOA::new(zone.clone(), zone.clone(), 1, 60, 60, 60, 60);
        Record::from_rdata(zone, 60, RData::SOA(data))
    };
    match script(&name, family) {
        Mute => return None,
        Address => {
            message.add_answer(address());
        }
        NoData => {
            message.add_authority(soa());
        }
        BareNoData => {}
        NxDomain => {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_authority(soa());
        }
        Code(code) => message.metadata.response_code = code,
        Referral => {
            let data = RData::NS(NS(target("a.root-servers.net")));
            message.add_authority(Record::from_rdata(Name::root(), 60, data));
        }
        AliasTo(to) | AliasToNowhere(to) => {
            let data = RData::CNAME(CNAME(target(to)));
            message.add_answer(Record::from_rdata(owner.clone(), 60, data));
            if matches!(script(&name, family), AliasToNowhere(_)) {
                message.metadata.response_code = ResponseCode::NXDomain;
                message.add_authority(soa());
            }
        }
        TruncatedThenAddress if udp => message.metadata.truncation = true,
        TruncatedThenAddress => {
            message.add_answer(address());
        }
        ForAWeek => {
            let mut record = address();
            record.ttl = WEEK;
            message.add_answer(record);
        }
        Many(_) if udp => message.metadata.truncation = true,
        Many(count) => {
            for n in (0..count).chain([0]) {
                let [high, low] = n.to_be_bytes();
                let data = match family {
                    RecordType::AAAA => {
                        RData::AAAA(AAAA(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, n)))
                    }
                    _ => RData::A(A(Ipv4Addr::new(9, 9, high, low))),
                };
                message.add_answer(Record::from_rdata(owner.clone(), 60, data));
            }
        }
        OtherRecords => {
            let data = RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()]));
            message.add_answer(Record::from_rdata(owner.clone(), 60, data));
        }
    }
    Some(message.to_vec().unwrap())
}

#[derive(Debug, PartialEq)]
enum Got {
    Addresses(Vec<&'static str>),
    None,
    Failed(ErrorKind),
}

async fn resolve(servers: &[&Server]) -> Got {
    let servers: Vec<_> = servers.iter().map(|server| server.address).collect();
    let dns = HickoryDns::with_servers(&servers).unwrap();
    got(dns.addresses(HOST).await)
}

fn got(answer: Result<Vec<SocketAddr>, Error>) -> Got {
    match answer {
        Ok(addresses) if addresses.is_empty() => Got::None,
        Ok(addresses) => Got::Addresses(
            addresses
                .iter()
                .map(|address| match address.to_string().as_str() {
                    "[::1]:0" => "six",
                    "127.0.0.1:0" => "four",
                    other => panic!("{other}"),
                })
                .collect(),
        ),
        Err(error) => {
            assert!(error.to_string().contains(HOST), "{error}");
            Got::Failed(error.kind())
        }
    }
}

#[tokio::test]
async fn three_values() {
    let both = || Got::Addresses(vec!["six", "four"]);
    let six = || Got::Addresses(vec!["six"]);
    let four = || Got::Addresses(vec!["four"]);
    let failed = || Got::Failed(ErrorKind::Dns);
    let servfail = Code(ResponseCode::ServFail);
    let refused = Code(ResponseCode::Refused);
    for (aaaa, a, expected) in [
        (Address, Address, both()),
        (NoData, Address, four()),
        (Address, NoData, six()),
        (servfail, Address, four()),
        (Address, refused, six()),
        (NxDomain, NxDomain, Got::None),
        (NoData, NoData, Got::None),
        (NxDomain, NoData, Got::None),
        (BareNoData, BareNoData, Got::None),
        (NoData, servfail, failed()),
        (servfail, NoData, failed()),
        (NxDomain, refused, failed()),
        (servfail, servfail, failed()),
        (refused, refused, failed()),
        (Code(ResponseCode::NotImp), NoData, failed()),
        (Code(ResponseCode::FormErr), NoData, failed()),
        (Code(ResponseCode::Unknown(3841)), NoData, failed()),
        (Referral, NoData, failed()),
        (Referral, Referral, failed()),
        // A chain that ends at nothing has no address, however it is told.
        (AliasToNowhere("gone.example.org"), NxDomain, Got::None),
        // Each query gets an alias to itself, or to ever the same two names.
        (AliasTo(HOST), AliasTo(HOST), failed()),
        (AliasTo("a.example.org"), NoData, failed()),
        (TruncatedThenAddress, NoData, six()),
        (TruncatedThenAddress, TruncatedThenAddress, both()),
        // Not a word about addresses: no address.
        (OtherRecords, NoData, Got::None),
    ] {
        let server = Server::by_family(aaaa, a).await;
        assert_eq!(resolve(&[&server]).await, expected, "{aaaa:?}, {a:?}");
    }
}

#[tokio::test]
async fn aliases() {
    for (target, expected) in [
        (Address, Got::Addresses(vec!["six", "four"])),
        (NoData, Got::None),
        (NxDomain, Got::None),
        (Code(ResponseCode::ServFail), Got::Failed(ErrorKind::Dns)),
    ] {
        let server = Server::start(move |name, _| match name {
            HOST => AliasTo("wkd.example.net"),
            _ => target,
        })
        .await;
        assert_eq!(resolve(&[&server]).await, expected, "{target:?}");
    }
}

/// Waits out the time that hickory takes, which no paused clock can shorten.
#[tokio::test]
async fn silence_is_a_timeout() {
    for (aaaa, a) in [(Mute, Mute), (Mute, NoData), (NxDomain, Mute)] {
        let server = Server::by_family(aaaa, a).await;
        let mut dns = HickoryDns::with_servers(&[server.address]).unwrap();
        dns.servers = Arc::new([impatient(server.address)]);
        let got = got(dns.addresses(HOST).await);
        assert_eq!(got, Got::Failed(ErrorKind::Timeout), "{aaaa:?}, {a:?}");
    }
}

fn impatient(server: SocketAddr) -> TokioResolver {
    let mut udp = ConnectionConfig::udp();
    udp.port = server.port();
    let mut options = ResolverOpts::default();
    options.timeout = Duration::from_millis(100);
    options.attempts = 0;
    TokioResolver::builder_with_config(
        ResolverConfig::from_name_servers(vec![NameServerConfig::new(
            server.ip(),
            true,
            vec![udp],
        )]),
        TokioRuntimeProvider::default(),
    )
    .with_options(options)
    .build()
    .unwrap()
}

#[tokio::test]
async fn one_mute_family_costs_a_moment() {
    for (aaaa, a, expected) in [(Mute, Address, "four"), (Address, Mute, "six")] {
        let server = Server::by_family(aaaa, a).await;
        let start = Instant::now();
        assert_eq!(resolve(&[&server]).await, Got::Addresses(vec![expected]));
        assert!(start.elapsed() < QUERY_TIMEOUT, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_fails() {
    let good = Server::by_family(Address, Address).await;
    for bad in [
        Code(ResponseCode::Refused),
        Code(ResponseCode::ServFail),
        Referral,
        Mute,
    ] {
        let bad = Server::by_family(bad, bad).await;
        let got = resolve(&[&bad, &good]).await;
        assert_eq!(got, Got::Addresses(vec!["six", "four"]));
    }
    // Nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr();
    let dns = HickoryDns::with_servers(&[gone.unwrap(), good.address]).unwrap();
    assert_eq!(dns.addresses(HOST).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_first_servers_definite_word_holds() {
    let (first, second) = (
        Server::by_family(NxDomain, NxDomain).await,
        Server::by_family(Address, Address).await,
    );
    assert_eq!(resolve(&[&first, &second]).await, Got::None);
    assert_eq!(second.asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn answers_are_cached() {
    for say in [Address, NoData, NxDomain] {
        let server = Server::by_family(say, say).await;
        let dns = HickoryDns::with_servers(&[server.address]).unwrap();
        for _ in 0..3 {
            dns.clone().addresses(HOST).await.unwrap();
        }
        assert_eq!(server.asked(RecordType::A), 1, "{say:?}");
        assert_eq!(server.asked(RecordType::AAAA), 1, "{say:?}");
    }
}

#[tokio::test]
async fn failures_are_not_cached() {
    let fail = Arc::new(Mutex::new(true));
    let failing = fail.clone();
    let server = Server::start(move |_, _| match *failing.lock().unwrap() {
        true => Code(ResponseCode::ServFail),
        false => Address,
    })
    .await;
    let dns = HickoryDns::with_servers(&[server.address]).unwrap();
    assert!(dns.addresses(HOST).await.is_err());
    *fail.lock().unwrap() = false;
    assert_eq!(dns.addresses(HOST).await.unwrap().len(), 2);
}

/// Whoever can make a client ask for many names, each with thousands of
/// addresses, gets a small part of its memory.
#[tokio::test]
async fn the_cache_holds_few_answers() {
    let server = Server::by_family(NoData, Address).await;
    let dns = HickoryDns::with_servers(&[server.address]).unwrap();
    let names: Vec<_> = (0..300).map(|n| format!("a{n}.example.org")).collect();
    for _ in 0..2 {
        for name in &names {
            assert_eq!(dns.addresses(name).await.unwrap().len(), 1);
        }
    }
    // hickory clears up behind itself, now and then: twice as many may be there.
    let again = server.asked(RecordType::A) - names.len();
    assert!(again >= names.len() - 128, "{again} were asked for again");
}

#[tokio::test]
async fn answers_are_kept_for_an_hour_at_most() {
    let server = Server::by_family(ForAWeek, ForAWeek).await;
    let dns = HickoryDns::with_servers(&[server.address]).unwrap();
    let name = Name::from_ascii("openpgpkey.example.org.").unwrap();
    for say in ["new", "cached"] {
        let lookup = dns.servers[0].lookup(name.clone(), RecordType::A).await;
        let left = lookup.unwrap().valid_until() - Instant::now();
        assert!(left <= Duration::from_secs(3600), "{say}: {left:?}");
        assert!(left > Duration::from_secs(3500), "{say}: {left:?}");
    }
    assert_eq!(server.asked(RecordType::A), 1);
}

#[tokio::test]
async fn of_each_family_the_first_256_addresses_are_handed_on() {
    for (count, expected) in [(3, 3), (256, 256), (257, 256), (1000, 256)] {
        let server = Server::by_family(Many(count), Many(count)).await;
        let dns = HickoryDns::with_servers(&[server.address]).unwrap();
        let addresses = dns.addresses(HOST).await.unwrap();
        let (six, four): (Vec<SocketAddr>, Vec<SocketAddr>) =
            addresses.into_iter().partition(SocketAddr::is_ipv6);
        for (n, (six, four)) in six.iter().zip(&four).enumerate() {
            let n = u16::try_from(n).unwrap();
            let [high, low] = n.to_be_bytes();
            assert_eq!(six.ip(), Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, n));
            assert_eq!(four.ip(), Ipv4Addr::new(9, 9, high, low));
        }
        assert_eq!((six.len(), four.len()), (expected, expected), "{count}");
    }
}

/// Also where hickory has a list of domains to search in.
#[tokio::test]
async fn names_are_absolute() {
    let server = Server::by_family(NxDomain, NxDomain).await;
    let mut dns = HickoryDns::with_servers(&[server.address]).unwrap();
    let domain = |name: &str| Name::from_ascii(name).unwrap();
    let config = ResolverConfig::from_parts(
        Some(domain("corp.example.")),
        vec![domain("lan.example.")],
        vec![name_server(server.address)],
    );
    let searching = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    dns.servers = Arc::new([searching.build().unwrap()]);
    for host in ["mail", "mail."] {
        assert!(dns.addresses(host).await.unwrap().is_empty());
    }
    let asked = server.asked.lock().unwrap();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|(name, _)| name == "mail"), "{asked:?}");
}

#[tokio::test]
async fn what_is_no_dns_name_is_an_error() {
    let server = Server::by_family(Address, Address).await;
    let dns = HickoryDns::with_servers(&[server.address]).unwrap();
    for host in [
        "a..example.org".to_owned(),
        format!("{}.example.org", "a".repeat(64)),
        "a.".repeat(200),
        "bücher.example.org".to_owned(),
        "a\u{0}b\n.example.org\\".to_owned(),
    ] {
        let error = dns.addresses(&host).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Dns, "{host}");
    }
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_hosts_file_holds_for_both_families() {
    let server = Server::by_family(Address, Address).await;
    let mut dns = HickoryDns::with_servers(&[server.address]).unwrap();
    let mut hosts = Hosts::default();
    hosts
        .read_hosts_conf("127.0.0.1 openpgpkey.example.org\n".as_bytes())
        .unwrap();
    dns.hosts = Arc::new(hosts);
    let pinned = got(dns.addresses(HOST).await);
    assert_eq!(pinned, Got::Addresses(vec!["four"]));
    assert!(server.asked.lock().unwrap().is_empty());
    assert_eq!(dns.addresses("other.example.org").await.unwrap().len(), 2);
}

#[test]
fn no_server_is_a_configuration_error() {
    let error = HickoryDns::with_servers(&[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn families_alternate_and_ipv6_is_first() {
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"];
    let sockets = sockets(addresses.map(|ip| ip.parse().unwrap()).to_vec());
    let order: Vec<_> = sockets
        .iter()
        .map(|socket| socket.ip().to_string())
        .collect();
    assert_eq!(
        order,
        ["2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]
    );
    assert!(sockets.iter().all(|socket| socket.port() == 0));
}

/// A resolver outlives the runtime that it was first used on.
#[test]
fn another_runtime_may_take_over() {
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = servers.block_on(Server::by_family(Address, TruncatedThenAddress));
    let dns = HickoryDns::with_servers(&[server.address]).unwrap();
    for host in ["a.example.org", "b.example.org", "c.example.org"] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let addresses = runtime.block_on(dns.addresses(host)).unwrap();
        assert_eq!(addresses.len(), 2, "{host}");
    }
}
