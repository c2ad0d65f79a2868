//! A testbed in a process of its own: neither its memory nor its threads are those of
//! whoever looks up.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use openpgp_discovery::dns::{AddressGuard, DnsResolver, HickoryDns};
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{BoxFuture, Error, KeyLocator, KeyLocatorBuilder};
use testbed::Testbed;

const SERVE: &str = "--serve";

/// In the child, serves until its input ends, and is true then; else false at once. To
/// be called first. `set_up` fills the testbed, and returns the hosts that do not
/// listen where the others do.
///
/// # Panics
///
/// Where servers cannot start, and where nobody listens to this process.
pub fn serves(set_up: impl FnOnce(&Testbed) -> Vec<String>) -> bool {
    if std::env::args().all(|argument| argument != SERVE) {
        return false;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let testbed = runtime.block_on(Testbed::start());
    let mut said = String::new();
    for host in set_up(&testbed) {
        let socket = testbed.host_addr(&host);
        said += &format!("port {host} {}\nsocket {socket}\n", socket.port());
    }
    let sockets = testbed.https_sockets();
    for socket in &sockets {
        said += &format!("socket {socket}\n");
    }
    said += &format!("port * {}\n", sockets[0].port());
    said += &format!("dns {}\nvks {}\n", testbed.dns_addr(), testbed.vks_url());
    said += &format!("{}end\n", testbed.ca_pem());
    let mut out = std::io::stdout();
    out.write_all(said.as_bytes()).expect("the parent listens");
    out.flush().expect("the parent listens");
    // Until the parent is gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    true
}

/// The servers, and how they are reached.
#[derive(Debug)]
pub struct World {
    child: Child,
    dns: Dns,
    guard: AddressGuard,
    anchor: String,
    vks: url::Url,
}

impl World {
    /// Starts this program once more, which has to call [`serves`].
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub fn start() -> Self {
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

    /// A locator that asks these servers.
    ///
    /// # Panics
    ///
    /// Where none can be made.
    pub fn locator(
        &self,
        options: impl FnOnce(KeyLocatorBuilder) -> KeyLocatorBuilder,
    ) -> KeyLocator {
        let builder = KeyLocator::builder()
            .resolver(self.dns.clone())
            .guard(self.guard.clone())
            .trust_anchors_pem(self.anchor.as_bytes())
            .vks(self.vks.clone())
            .vks_budget(Budget::unlimited());
        options(builder).build().expect("a locator")
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
