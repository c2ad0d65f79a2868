//! The same loop over sequoia-net.

use std::future::Future;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use sequoia_net::{HttpClient, wkd};

use crate::Result;
use crate::dns::Dns;
use crate::run::Tally;
use crate::task::Task;
use crate::world::{HARMLESS, World};

/// How many tasks there are, unless the command line says otherwise.
const TASKS: usize = 16;

/// One client for all, with reqwest's defaults: HTTP/2 where the server offers it,
/// connections and TLS sessions used again.
///
/// sequoia-net has the same lines for `reqwest::Client` itself, behind a feature that
/// would bring a second TLS provider into the build.
#[derive(Clone)]
pub(crate) struct Client(reqwest::Client);

impl HttpClient for Client {
    fn get(
        &self,
        url: url::Url,
    ) -> Box<dyn Future<Output = sequoia_net::Result<Vec<u8>>> + Send + '_> {
        Box::new(async {
            let answer = self.0.get(url).send().await?;
            match answer.status() {
                StatusCode::OK => Ok(answer.bytes().await?.to_vec()),
                StatusCode::NOT_FOUND => Err(sequoia_net::Error::NotFound.into()),
                other => Err(sequoia_net::Error::HttpStatus(other).into()),
            }
        })
    }

    /// Nothing is posted in a look-up.
    fn post(
        &self,
        _: url::Url,
        _: Vec<u8>,
    ) -> Box<dyn Future<Output = sequoia_net::Result<()>> + Send + '_> {
        Box::new(async { Err(sequoia_net::Error::ProtocolViolation.into()) })
    }
}

/// A client that lives among these servers, and has looked somebody up.
pub(crate) async fn client(world: &World, task: Task) -> Result<Client> {
    let provider = rustls::crypto::ring::default_provider();
    // Another one can only be there where this is called twice.
    let _ = provider.install_default();
    let authority = reqwest::Certificate::from_pem(world.authority.as_bytes())?;
    let client = reqwest::Client::builder()
        .tls_certs_merge([authority])
        .dns_resolver(Dns::new(world, task)?)
        .build()?;
    let client = Client(client);
    look_up(&client, HARMLESS).await?;
    Ok(client)
}

/// Looks all addresses up.
pub(crate) async fn locate(client: Client, task: Task, mut tally: Tally) -> Result<Tally> {
    let lookups = task.addresses().map(|address| {
        let client = client.clone();
        tokio::spawn(async move {
            let begin = Instant::now();
            look_up(&client, &address).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(begin.elapsed())
        })
    });
    let tasks = task.concurrency.unwrap_or(TASKS);
    let mut lookups = Box::pin(stream::iter(lookups).buffer_unordered(tasks));
    while let Some(lookup) = lookups.next().await {
        tally.found(lookup??);
    }
    Ok(tally)
}

async fn look_up(client: &Client, address: &str) -> Result<()> {
    let certs = wkd::get_with_client(client, address).await?;
    match &certs[..] {
        [Ok(_)] => Ok(()),
        _ => Err(format!("{address}: {certs:?}").into()),
    }
}
