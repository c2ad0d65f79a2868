//! This crate's batch.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use openpgp_discovery::dns::AddressGuard;
use openpgp_discovery::transport::ReqwestTransport;
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{Attempt, KeyLocator, RefreshOutcome, Status};
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::parse::Parse;

use crate::Result;
use crate::dns::Dns;
use crate::run::Tally;
use crate::task::{Task, Who, Work};
use crate::world::{HARMLESS, World};

/// A locator that lives among these servers, and has looked somebody up.
pub(crate) async fn locator(world: &World, task: Task) -> Result<KeyLocator> {
    let guard = AddressGuard::new()
        .allow_socket(world.https)
        .allow_socket(world.dead);
    let mut builder = KeyLocator::builder()
        .resolver(Dns::new(world, task)?)
        .transport(transport(world, task.who)?)
        .guard(guard)
        .vks_budget(Budget::unlimited());
    builder = match (task.work, task.who) {
        (Work::Locate, _) => builder.no_vks(),
        // A key server that the caller names is asked over HTTP/2.
        (Work::Refresh, Who::OursHttp2) => builder.vks("https://keys.openpgp.org".parse()?),
        (Work::Refresh, _) => builder,
    };
    if let Some(lookups) = task.concurrency {
        builder = builder.concurrency(lookups);
    }
    if task.who == Who::OursHttp2 {
        // One connection carries them all.
        builder = builder.concurrency_per_host(128);
    }
    if let Some(deadline) = task.deadline {
        builder = builder.deadline(deadline);
    }
    let locator = builder.build()?;
    let lookup = locator.locate(&HARMLESS.parse()?).await;
    assert_eq!(lookup.status(), Status::Found, "{lookup:?}");
    Ok(locator)
}

/// The bundled transport: HTTP/1.1 with all hosts but a key server that is named, or
/// HTTP/2 with all.
fn transport(world: &World, who: Who) -> Result<ReqwestTransport> {
    let builder = ReqwestTransport::builder().trust_anchors_pem(world.authority.as_bytes());
    Ok(builder.http2(who == Who::OursHttp2).build()?)
}

/// Looks all addresses up.
pub(crate) async fn locate(locator: KeyLocator, task: Task, mut tally: Tally) -> Result<Tally> {
    let addresses = task
        .addresses()
        .map(|address| address.parse().expect("an address"));
    let mut lookups = Box::pin(locator.locate_all(stream::iter(addresses)));
    while let Some(lookup) = lookups.next().await {
        if lookup.status() == Status::Found && lookup.found().len() == 1 {
            tally.found(lookup.attempts().iter().map(Attempt::elapsed).sum());
        } else if task.is_dead(&format!("openpgpkey.{}", lookup.address().domain())) {
            tally.missed += 1;
        } else {
            return Err(format!("{lookup:?}").into());
        }
    }
    Ok(tally)
}

/// Refreshes all certificates of a keyring, which come from its file as they are wanted.
pub(crate) async fn refresh(
    locator: KeyLocator,
    keyring: &Path,
    mut tally: Tally,
) -> Result<Tally> {
    let certs = CertParser::from_reader(File::open(keyring)?)?;
    let certs = certs.map(|cert| cert.expect("written by this bench"));
    let mut refreshes = Box::pin(locator.refresh_all(stream::iter(certs)));
    while let Some(refresh) = refreshes.next().await {
        if refresh.outcome() != RefreshOutcome::Unchanged {
            return Err(format!("{refresh:?}").into());
        }
        let elapsed: Duration = refresh.attempt().elapsed();
        tally.found(elapsed);
    }
    Ok(tally)
}
