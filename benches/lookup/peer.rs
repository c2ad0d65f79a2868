//! sequoia-net, with a client of reqwest as it is by default, which is what it uses
//! by itself; but that it lives in the testbed.

use std::sync::Arc;
use std::time::Instant;

use openpgp_discovery::dns::DnsResolver as _;
use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use sequoia_net::{Error, HttpClient, wkd};
use testbed::TestDns;
use tokio::task::JoinSet;
use url::Url;

use crate::scenarios::{Before, Scenario, Timed};
use crate::world::World;
use crate::{Result, Run};

/// Runs a scenario once, with a client of its own.
pub(crate) async fn run(world: &World, scenario: &Scenario) -> Result<Run> {
    let unmade = Instant::now();
    let client = Client::new(world)?;
    match scenario.before {
        Before::Nothing => {}
        Before::One(address) => find(&client, address).await?,
        Before::NinetyNine => {
            for some in world.ninety_nine().chunks(9) {
                let mut all = JoinSet::new();
                for address in some {
                    let (client, address) = (client.clone(), address.to_string());
                    all.spawn(async move { find(&client, &address).await });
                }
                for found in all.join_all().await {
                    found?;
                }
            }
        }
    }
    let begin = match scenario.timed {
        Timed::MakingAndLookUp => unmade,
        Timed::LookUp | Timed::LookUpAndConnecting => Instant::now(),
    };
    find(&client, scenario.address).await?;
    Ok(Run {
        took: begin.elapsed(),
        steps: Vec::new(),
    })
}

async fn find(client: &Client, address: &str) -> Result<()> {
    let certs = wkd::get_with_client(client, address).await?;
    match certs.iter().all(sequoia_net::Result::is_ok) && !certs.is_empty() {
        true => Ok(()),
        false => Err(format!("{address}: {certs:?}").into()),
    }
}

/// Does word for word what sequoia-net's own implementation for reqwest's client
/// does; that one comes with a second TLS provider, and a C compiler's work.
#[derive(Clone)]
struct Client(reqwest::Client);

impl Client {
    fn new(world: &World) -> Result<Self> {
        let ca = reqwest::Certificate::from_der(&world.ca_der())?;
        let client = reqwest::Client::builder()
            .tls_certs_merge([ca])
            .dns_resolver(Arc::new(Resolver(world.dns())))
            .build()?;
        Ok(Self(client))
    }
}

impl HttpClient for Client {
    fn get(&self, url: Url) -> Box<dyn Future<Output = sequoia_net::Result<Vec<u8>>> + Send + '_> {
        Box::new(async {
            let answer = self.0.get(url).send().await?;
            match answer.status() {
                StatusCode::OK => Ok(answer.bytes().await?.to_vec()),
                StatusCode::NOT_FOUND => Err(Error::NotFound.into()),
                status => Err(Error::HttpStatus(status).into()),
            }
        })
    }

    fn post(
        &self,
        _: Url,
        _: Vec<u8>,
    ) -> Box<dyn Future<Output = sequoia_net::Result<()>> + Send + '_> {
        Box::new(std::future::ready(Err(Error::ProtocolViolation.into())))
    }
}

/// The resolver that this crate has too.
struct Resolver(TestDns);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.0.clone();
        Box::pin(async move {
            let addresses = dns.addresses(name.as_str()).await?;
            if addresses.is_empty() {
                return Err("no address".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
