//! 64 look-ups at once, each of which meets a server that wants to keep it busy:
//! how much memory they take, and whether each ends by its deadline.
//!
//! The servers run in a process of their own, so that their memory does not
//! count. What is printed is the resident memory of the locator's process before
//! (with a locator that has looked somebody up) and at its peak, as the kernel
//! counts it.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench attack_mix
//! ```

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use openpgp_discovery::dns::{AddressGuard, DnsResolver, HickoryDns};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{BoxFuture, EmailAddress, Error, KeyLocator, Status};
use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::packet::key::{PrimaryRole, PublicParts};
use sequoia_openpgp::packet::prelude::*;
use sequoia_openpgp::parse::Parse;
use testbed::{Answer, Fault, Testbed, certs};

/// What must hold.
const AT_ONCE: usize = 64;
const MEMORY: u64 = 128 << 10;
const LATE: Duration = Duration::from_millis(100);

const SERVE: &str = "--serve";
const SPOILED: usize = (1 << 20) - 64;

fn main() {
    if std::env::args().any(|argument| argument == SERVE) {
        return serve();
    }
    // A run of the tests only asks whether this works at all.
    let quick = !std::env::args().any(|argument| argument == "--bench");
    let world = World::start();
    let mut is_good = true;
    println!(
        "{:>22} {:>9} {:>10} {:>10} {:>10} {:>8} {:>26}",
        "64 at once:",
        "deadline",
        "before",
        "at peak",
        "worst late",
        "CPU",
        "found / none / could not"
    );
    let deadlines: &[u64] = if quick {
        &[1000]
    } else {
        &[20_000, 5000, 1000]
    };
    for deadline in deadlines {
        is_good &= measure(&world, "all attacks", *deadline, |n| n % ATTACKS.len());
    }
    if !quick {
        for (index, attack) in ATTACKS.iter().enumerate() {
            is_good &= measure(&world, attack, 5000, |_| index);
        }
        // So little time that most answers wait in vain for a processor.
        for deadline in [2000, 1000] {
            is_good &= measure(&world, "forged RSA-4096", deadline, |_| 9);
        }
    }
    drop(world);
    if !is_good && !quick {
        eprintln!("over {MEMORY} KiB, or later than {LATE:?}");
        std::process::exit(1);
    }
}

/// Looks 64 addresses up, the nth of which is behind this attack.
fn measure(world: &World, title: &str, deadline: u64, attack: impl Fn(usize) -> usize) -> bool {
    let deadline = Duration::from_millis(deadline);
    // A runtime, threads and a locator of its own for each row.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (before, ended, cpu) = runtime.block_on(async {
        let locator = world.locator(deadline);
        let harmless: EmailAddress = "alice@harmless.example".parse().expect("an address");
        let lookup = locator.locate(&harmless).await;
        assert_eq!(lookup.status(), Status::Found, "{lookup:?}");
        let before = memory("VmRSS:");
        // The peak begins anew.
        std::fs::write("/proc/self/clear_refs", "5").expect("Linux");
        let cpu = processor_time();
        let lookups: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let locator = locator.clone();
                let address = format!("alice@{}", domain(attack(n), n));
                let address: EmailAddress = address.parse().expect("an address");
                tokio::spawn(async move {
                    let begin = Instant::now();
                    let status = locator.locate(&address).await.status();
                    (status, begin.elapsed())
                })
            })
            .collect();
        let mut ended = Vec::new();
        for lookup in lookups {
            ended.push(lookup.await.expect("no panic"));
        }
        (before, ended, processor_time() - cpu)
    });
    let peak = memory("VmHWM:");
    drop(runtime);
    let late = ended
        .iter()
        .map(|(_, elapsed)| elapsed.saturating_sub(deadline))
        .max()
        .unwrap_or_default();
    let count = |wanted| ended.iter().filter(|(status, _)| *status == wanted).count();
    println!(
        "{title:>22} {:>6} ms {:>6.1} MiB {:>6.1} MiB {:>7} ms {:>6.1} s {:>26}",
        deadline.as_millis(),
        before as f64 / 1024.0,
        peak as f64 / 1024.0,
        late.as_millis(),
        cpu,
        format!(
            "{} / {} / {}",
            count(Status::Found),
            count(Status::NotFound),
            count(Status::Failed)
        ),
    );
    peak < MEMORY && late <= LATE
}

/// A figure of this process, in KiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    figure.expect("a figure")
}

/// What this process has used of the processors, in seconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<f64> = fields
        .split(' ')
        .skip(12)
        .take(2)
        .map(|field| field.parse().expect("a number"))
        .collect();
    // Ticks of a hundredth of a second, everywhere.
    fields.iter().sum::<f64>() / 100.0
}

/// Which domain is behind an attack.
fn domain(attack: usize, n: usize) -> String {
    format!("a{attack}-{n}.example.org")
}

/// The servers, and how they are reached.
struct World {
    child: Child,
    dns: Dns,
    guard: AddressGuard,
    anchor: String,
    vks: url::Url,
}

impl World {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the servers");
        let said = child.stdout.take().expect("piped");
        let (mut dns, mut vks) = (None, None);
        let (mut ports, mut guard, mut anchor) =
            (HashMap::new(), AddressGuard::new(), String::new());
        for line in BufReader::new(said).lines() {
            let line = line.expect("text");
            match line.split_once(' ').unwrap_or((&line, "")) {
                ("dns", address) => dns = address.parse().ok(),
                ("vks", url) => vks = url.parse().ok(),
                ("socket", socket) => {
                    guard = guard.allow_socket(socket.parse().expect("a socket"));
                }
                ("port", port) => {
                    let (host, port) = port.split_once(' ').expect("a host and its port");
                    ports.insert(host.to_owned(), port.parse().expect("a port"));
                }
                ("end", _) => break,
                _ => anchor += &format!("{line}\n"),
            }
        }
        let dns = dns.expect("a DNS server");
        Self {
            child,
            dns: Dns {
                inner: HickoryDns::with_servers(&[dns]).expect("a resolver"),
                ports,
            },
            guard,
            anchor,
            vks: vks.expect("a key server"),
        }
    }

    fn locator(&self, deadline: Duration) -> KeyLocator {
        KeyLocator::builder()
            .resolver(self.dns.clone())
            .guard(self.guard.clone())
            .trust_anchors_pem(self.anchor.as_bytes())
            .vks(self.vks.clone())
            .vks_budget(Budget::unlimited())
            .deadline(deadline)
            .build()
            .expect("a locator")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        drop(self.child.stdin.take());
        // It may have ended already.
        let _ = self.child.wait();
    }
}

/// Asks the servers' DNS, and knows their ports.
#[derive(Clone, Debug)]
struct Dns {
    inner: HickoryDns,
    ports: HashMap<String, u16>,
}

impl DnsResolver for Dns {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<SocketAddr>, Error>> {
        Box::pin(async move {
            let mut addresses = self.inner.addresses(host).await?;
            let port = self.ports.get(host).or_else(|| self.ports.get("*"));
            for address in &mut addresses {
                address.set_port(port.copied().unwrap_or(0));
            }
            Ok(addresses)
        })
    }
}

/// What the servers do; in the mix, the nth of them by `n % 16`.
const ATTACKS: [&str; 16] = [
    "endless body",
    "an octet a second",
    "stalled body",
    "no answer",
    "no handshake",
    "chunks of garbage",
    "redirects in a circle",
    "compressed body",
    "armor without end",
    "forged RSA-4096",
    "20,000 User IDs",
    "subkeys",
    "signatures by others",
    "notations",
    "compressed packets",
    "length that lies",
];

/// The child: serves until its input ends.
fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let testbed = runtime.block_on(Testbed::start());
    let mut said = String::new();
    for (attack, what) in ATTACKS.iter().enumerate() {
        for n in 0..AT_ONCE {
            let domain = domain(attack, n);
            let name = format!("openpgpkey.{domain}");
            let whose = format!("alice@{domain}");
            let host = testbed.host(&name).serve_all(answer(what, &whose));
            if *what == "no handshake" {
                host.fault(Fault::Mute);
                let port = testbed.host_addr(&name).port();
                said += &format!("port {name} {port}\n");
            }
            // In the mix the key server has the dearest of all; else nothing.
            if n % ATTACKS.len() == attack {
                let dear = answer("forged RSA-4096", &whose);
                let whose = whose.parse().expect("an address");
                testbed.vks().plant(&whose, dear);
            }
        }
    }
    let harmless: EmailAddress = "alice@harmless.example".parse().expect("an address");
    testbed.wkd_advanced(&harmless, certs::cert(&["alice@harmless.example"]).binary());

    for socket in testbed.https_sockets() {
        said += &format!("socket {socket}\n");
    }
    let mute = testbed.host_addr(&format!("openpgpkey.{}", domain(4, 0)));
    said += &format!("socket {mute}\n");
    let port = testbed.host_addr("openpgpkey.harmless.example").port();
    said += &format!("port * {port}\ndns {}\n", testbed.dns_addr());
    said += &format!("vks {}\n{}end\n", testbed.vks_url(), testbed.ca_pem());
    let mut out = std::io::stdout();
    out.write_all(said.as_bytes()).expect("the parent listens");
    out.flush().expect("the parent listens");
    // Until the parent is gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn answer(what: &str, whose: &str) -> Answer {
    let cert = || certs::cert(&[whose]).binary();
    let filled = |mut body: Vec<u8>, piece: &dyn Fn(u32) -> Vec<u8>| {
        for n in 0.. {
            let piece = piece(n);
            if body.len() + piece.len() > SPOILED {
                break;
            }
            body.extend(piece);
        }
        Answer::ok(body)
    };
    match what {
        "endless body" => Answer::endless([0xcd; 4096]),
        "an octet a second" => Answer::drip(cert()),
        "stalled body" => Answer::stall(&cert()[..100]),
        "no answer" | "no handshake" => Answer::silent(),
        "redirects in a circle" => Answer::redirect(302, "/again"),
        "chunks of garbage" => Answer::chunked((0..SPOILED / 512).map(|n| vec![n as u8; 512])),
        "compressed body" => Answer::gzip(&vec![0; SPOILED]),
        "armor without end" => filled(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n".to_vec(), &|n| {
            format!("Comment: {n:050}\n").into_bytes()
        }),
        "forged RSA-4096" => filled(Vec::new(), &|n| forged(whose, n)),
        "20,000 User IDs" => filled(cert(), &|n| {
            packet(
                13,
                format!("{n:05} <user{n:05}@users.example.org>").as_bytes(),
            )
        }),
        "subkeys" => filled(cert(), &|n| {
            let mut key = vec![4, 0x60, 0, 0, 0, 22, 9];
            key.extend([0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1, 1, 7, 0x40]);
            key.extend(n.to_be_bytes().repeat(8));
            packet(14, &key)
        }),
        "signatures by others" => filled(cert(), &|n| signature(22, n, &[], &[0x55; 64])),
        "notations" => filled(cert(), &|n| {
            let mut notation = vec![255, 0, 0, 0xf0, 0, 20, 0, 0, 0, 0, 0, 1, 0xef, 0xf0];
            notation.resize(5 + 0xf000, b'a');
            signature(22, n, &notation, &[0x55; 64])
        }),
        "compressed packets" => filled(cert(), &|_| {
            // Stored blocks of zeros (RFC 1951, 3.2.4), in zip.
            let mut body = vec![1, 1, 0, 16, 0xff, 0xef];
            body.resize(6 + 4096, 0);
            packet(8, &body)
        }),
        _ => Answer::lying_length(SPOILED as u64, &cert()),
    }
}

/// A packet with a length of five octets.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xc0 | tag, 255];
    octets.extend((body.len() as u32).to_be_bytes());
    octets.extend(body);
    octets
}

/// A certification that claims to be by somebody.
fn signature(algorithm: u8, by: u32, hashed: &[u8], value: &[u8]) -> Vec<u8> {
    let mut body = vec![4, 0x13, algorithm, 8];
    let time = [5, 2, 0x60, 0, 0, 0];
    body.extend(((time.len() + hashed.len()) as u16).to_be_bytes());
    body.extend(time);
    body.extend(hashed);
    body.extend([0, 10, 9, 16, 0, 0, 0, 0]);
    body.extend(by.to_be_bytes());
    body.extend([0x12, 0x34]);
    for half in value.chunks(32) {
        body.extend(mpi(half));
    }
    packet(2, &body)
}

fn mpi(octets: &[u8]) -> Vec<u8> {
    let bits = octets.len() as u32 * 8 - octets[0].leading_zeros();
    let mut mpi = (bits as u16).to_be_bytes().to_vec();
    mpi.extend(octets);
    mpi
}

/// The nth key of RSA-4096 that nobody has, with a User ID, and bindings that only
/// the arithmetic shows to be forged: they name the key, and their digest prefix is
/// right. Of each there are a few less than are refused unseen.
fn forged(whose: &str, n: u32) -> Vec<u8> {
    const BINDINGS: u32 = 115;

    let mut modulus = [0xfb; 512];
    modulus[256..260].copy_from_slice(&n.to_be_bytes());
    let mut body = vec![4, 0x50, 0, 0, 0, 1];
    body.extend(mpi(&modulus));
    body.extend(mpi(&[1, 0, 1]));
    let mut cert = packet(6, &body);
    let key = match Packet::from_bytes(&cert) {
        Ok(Packet::PublicKey(key)) => key,
        other => panic!("a key: {other:?}"),
    };
    cert.extend(packet(13, whose.as_bytes()));
    let id = key.keyid();
    let forge = |prefix: &[u8], n: u32| {
        let mut body = vec![4, 0x13, 1, 8, 0, 6, 5, 2, 0x60, 0, 0, 0, 0, 10, 9, 16];
        body.extend(id.as_bytes());
        body.extend(prefix);
        let mut value = [0x7b; 512];
        value[508..].copy_from_slice(&n.to_be_bytes());
        body.extend(mpi(&value));
        packet(2, &body)
    };
    let prefix = digest(&forge(&[0, 0], 0), &key, whose);
    cert.extend((0..BINDINGS).flat_map(|n| forge(&prefix[..2], n)));
    cert
}

fn digest(packet: &[u8], key: &Key<PublicParts, PrimaryRole>, whose: &str) -> Vec<u8> {
    let Ok(Packet::Signature(signature)) = Packet::from_bytes(packet) else {
        panic!("a signature");
    };
    let hash = signature.hash_algo().context().expect("SHA-256");
    let mut context = hash.for_signature(4);
    signature
        .hash_userid_binding(&mut context, key, &UserID::from(whose))
        .expect("a digest");
    context.into_digest().expect("a digest")
}
