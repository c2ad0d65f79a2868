//! Five look-ups on a small network of the program's own: DNS, directories and a key
//! server over TLS, on loopback.

use std::process::ExitCode;

use anyhow::Context as _;
use openpgp_discovery::openpgp::Cert;
use openpgp_discovery::openpgp::cert::CertBuilder;
use openpgp_discovery::openpgp::serialize::SerializeInto as _;
use openpgp_discovery::{EmailAddress, Lookup, Method, Status, wkd};
use testbed::{Answer, Testbed};

use super::common::paint::Tone;
use super::session::Session;
use super::{Args, usage_error};

/// How a look-up has to end.
#[derive(Clone, Copy)]
enum Planned {
    FoundBy(Method),
    NotFound,
    Failed,
}

struct Sample {
    name: &'static str,
    address: &'static str,
    what: &'static str,
    planned: Planned,
}

const KEY_SERVER: &str = "https://keys.openpgp.org";

const SAMPLES: [Sample; 5] = [
    Sample {
        name: "Alice",
        address: "alice@advanced.example",
        what: "Her domain has a directory on a host of its own.",
        planned: Planned::FoundBy(Method::WkdAdvanced),
    },
    Sample {
        name: "Bob",
        address: "bob@direct.example",
        what: "His domain serves the directory from its main web server.",
        planned: Planned::FoundBy(Method::WkdDirect),
    },
    Sample {
        name: "Carol",
        address: "carol@vks.example",
        what: "Her domain has no directory; she confirmed her address at the key server.",
        planned: Planned::FoundBy(Method::VksByEmail),
    },
    Sample {
        name: "Dave",
        address: "dave@nowhere.example",
        what: "His domain has a web site; he has published nothing.",
        planned: Planned::NotFound,
    },
    Sample {
        name: "Erin",
        address: "erin@broken.example",
        what: "Her domain has a directory, and it is out of order.",
        planned: Planned::Failed,
    },
];

/// Runs it, one look-up after the other, in a fixed order.
pub(crate) async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    if let Some(option) = elsewhere(args) {
        usage_error::<Args>(&format!(
            "{option} needs an ADDRESS: the demonstration brings a network of its own"
        ));
    }
    let testbed = Testbed::start().await;
    for sample in &SAMPLES {
        sample
            .publish(&testbed)
            .with_context(|| format!("cannot set up {}", sample.address))?;
    }
    // By its usual name: its own address has another port in every run.
    let builder = testbed.locator().vks(KEY_SERVER.parse()?);
    let locator = args.locator(builder, session.progress());
    session.remark(|paint| {
        format!(
            "{}\n\n",
            paint.tint(
                Tone::Strong,
                "A demonstration on loopback: DNS, web servers and a key server of its own."
            )
        )
    })?;
    let mut as_planned = true;
    for (number, sample) in (1..).zip(&SAMPLES) {
        session.remark(|paint| {
            let line = format!("{number}. {}: {}", sample.name, sample.what);
            format!("{}\n", paint.tint(Tone::Faint, &line))
        })?;
        let lookup = locator.locate(&sample.address()?).await;
        as_planned &= sample.planned.matches(&lookup);
        session.lookup(&lookup)?;
    }
    session.summary()?;
    session.remark(|paint| match as_planned {
        true => format!("{}\n", paint.tint(Tone::Good, "Each ended as planned.")),
        false => format!("{}\n", paint.tint(Tone::Bad, "Not each ended as planned.")),
    })?;
    Ok(match as_planned {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// An option that names another network than the demonstration's.
fn elsewhere(args: &Args) -> Option<&'static str> {
    let network = &args.network;
    [
        (network.vks.is_some(), "--vks"),
        (!network.nameserver.is_empty(), "--nameserver"),
        (network.ca.is_some(), "--ca"),
        (network.allow_private_addresses, "--allow-private-addresses"),
    ]
    .into_iter()
    .find_map(|(given, name)| given.then_some(name))
}

impl Sample {
    fn address(&self) -> anyhow::Result<EmailAddress> {
        Ok(self.address.parse()?)
    }

    fn publish(&self, testbed: &Testbed) -> anyhow::Result<()> {
        let address = self.address()?;
        match self.planned {
            Planned::FoundBy(Method::WkdAdvanced) => {
                testbed.wkd_advanced(&address, self.certificate()?.to_vec()?);
            }
            Planned::FoundBy(Method::WkdDirect) => {
                testbed.wkd_direct(&address, self.certificate()?.to_vec()?);
            }
            Planned::FoundBy(_) => {
                testbed.vks().confirm(&address, &self.certificate()?);
            }
            Planned::NotFound => {
                // A web site without a directory: it answers 404.
                testbed.host(address.domain());
            }
            Planned::Failed => {
                let host = wkd::Url::new(&address).advanced_host();
                let host = host.context("the domain's name is too long")?;
                testbed.host(&host).serve_all(Answer::status(500));
            }
        }
        Ok(())
    }

    /// With a second User ID, to be seen no more in what is found.
    fn certificate(&self) -> anyhow::Result<Cert> {
        let (cert, _) =
            CertBuilder::general_purpose(Some(format!("{} <{}>", self.name, self.address)))
                .add_userid(format!("{} <private@elsewhere.example>", self.name))
                .generate()?;
        Ok(cert)
    }
}

impl Planned {
    fn matches(self, lookup: &Lookup) -> bool {
        match self {
            Self::FoundBy(method) => lookup
                .usable()
                .is_some_and(|found| found.provenance().method() == method),
            Self::NotFound => lookup.status() == Status::NotFound,
            Self::Failed => lookup.status() == Status::Failed,
        }
    }
}
