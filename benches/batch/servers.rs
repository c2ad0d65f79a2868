//! The servers, in a process of their own, and how they are spoken to.

use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{available_parallelism, scope};
use std::time::Duration;

use openpgp_discovery_benches::process;
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::serialize::Serialize as _;
use testbed::{Answer, Fault, Testbed, certs};
use tokio::runtime::Builder;

use crate::Result;
use crate::client::keyring;
use crate::options::Options;
use crate::run::Run;
use crate::task::{Work, address};
use crate::world::{HARMLESS, World};

pub(crate) const ROLE: &str = "--serve";

/// A running process of servers. It ends with its input.
pub(crate) struct Servers {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) world: World,
}

impl Servers {
    /// Servers of so many domains with so many addresses each: Web Key Directories,
    /// or, to refresh them, a key server that has their certificates.
    pub(crate) fn start(
        work: Work,
        domains: usize,
        per_domain: usize,
        options: &Options,
    ) -> Result<Self> {
        let round_trip = usize::try_from(options.round_trip.as_micros())?;
        let mut child = Command::new(env::current_exe()?)
            .arg(ROLE)
            .arg(format!("{work:?}"))
            .args([domains, per_domain, round_trip, options.ttl].map(|n| n.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("no pipe")?;
        let mut output = BufReader::new(output);
        let world = World::read(&mut output)?;
        Ok(Self {
            child,
            input,
            output,
            world,
        })
    }

    /// Runs this client, and adds what the servers saw of it.
    pub(crate) fn watch(&mut self, client: impl FnOnce(&World) -> Result<Run>) -> Result<Run> {
        let number = self.child.id().to_string();
        self.report()?;
        let before = process::processor_time(&number)?;
        let mut run = client(&self.world)?;
        run.servers = process::processor_time(&number)? - before;
        [run.connections, run.queries, run.requests] = self.report()?;
        Ok(run)
    }

    /// What there was since the last report.
    fn report(&mut self) -> Result<[f64; 3]> {
        let input = self.input.as_mut().ok_or("it has ended")?;
        input.write_all(b"report\n")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let mut figures = [0.0; 3];
        for (figure, text) in figures.iter_mut().zip(line.split_whitespace()) {
            *figure = text.parse()?;
        }
        Ok(figures)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        drop(self.input.take());
        // It may have ended already.
        let _ = self.child.wait();
    }
}

/// The process itself.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let [work, domains, per_domain, round_trip, ttl] = arguments else {
        return Err("the servers' arguments are for this bench alone".into());
    };
    let (domains, per_domain) = (domains.parse()?, per_domain.parse()?);
    let round_trip = Duration::from_micros(round_trip.parse()?);
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let testbed = runtime.block_on(Testbed::start());
    let harmless = HARMLESS.parse()?;
    testbed.wkd_advanced(&harmless, certs::cert(&[HARMLESS]).binary());
    let all = certificates(domains, per_domain)?;
    if *work == format!("{:?}", Work::Refresh) {
        plant_at_key_server(&testbed, &all)?;
    } else {
        for (address, cert) in &all {
            testbed.wkd_advanced(&address.parse()?, certs::binary(cert));
        }
    }
    drop(all);
    testbed.host("dead.example").fault(Fault::BlackHole);
    testbed.set_round_trip(round_trip);
    testbed.set_ttl(ttl.parse()?);
    let world = World {
        dns: testbed.dns_addr(),
        https: testbed.host_addr("openpgpkey.harmless.example"),
        dead: testbed.host_addr("dead.example"),
        authority: testbed.ca_pem(),
    };
    let mut out = stdout();
    out.write_all(world.to_string().as_bytes())?;
    out.flush()?;
    for line in stdin().lines() {
        line?;
        let report = [
            testbed.connections(),
            testbed.queries().len(),
            testbed.requests().len(),
        ];
        // Or it would grow from run to run.
        testbed.forget_log();
        let report = report.map(|number| number.to_string()).join(" ");
        writeln!(out, "{report}")?;
        out.flush()?;
    }
    Ok(())
}

/// Plants what the clients hold, and writes that down for them.
fn plant_at_key_server(testbed: &Testbed, all: &[(String, Cert)]) -> Result<()> {
    let mut keyring = BufWriter::new(File::create(keyring())?);
    for (_, cert) in all {
        cert.serialize(&mut keyring)?;
        // The answer itself: what the key server would do to make it is not measured.
        let answer = Answer::armored(cert);
        testbed.vks().plant_key(cert.fingerprint(), answer);
    }
    Ok(keyring.flush()?)
}

/// One for each address, small: Ed25519 and X25519.
fn certificates(domains: usize, per_domain: usize) -> Result<Vec<(String, Cert)>> {
    let all: Vec<(usize, usize)> = (0..domains)
        .flat_map(|domain| (0..per_domain).map(move |user| (domain, user)))
        .collect();
    let threads = available_parallelism().map_or(1, usize::from);
    let share = all.len().div_ceil(threads).max(1);
    scope(|scope| {
        let makers: Vec<_> = all
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().map(|&(d, u)| certificate(d, u)).collect()))
            .collect();
        let mut certs = Vec::with_capacity(all.len());
        for maker in makers {
            let made: Result<Vec<_>> = maker.join().expect("no panic");
            certs.extend(made?);
        }
        Ok(certs)
    })
}

fn certificate(domain: usize, user: usize) -> Result<(String, Cert)> {
    let address = address(domain, user);
    let (cert, _) = CertBuilder::new()
        .set_cipher_suite(CipherSuite::Cv25519)
        .add_userid(&address[..])
        .add_transport_encryption_subkey()
        .generate()?;
    Ok((address, cert.strip_secret_key_material()))
}
