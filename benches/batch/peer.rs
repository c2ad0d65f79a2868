//! The same loop over sequoia-net.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use openpgp_discovery_benches::peer::SequoiaNet;

use crate::Result;
use crate::dns::Dns;
use crate::run::Tally;
use crate::task::Task;
use crate::world::{HARMLESS, World};

/// How many tasks there are, unless the command line says otherwise.
const TASKS: usize = 16;

/// A client that lives among these servers, and has looked somebody up.
pub(crate) async fn client(world: &World, task: Task) -> Result<SequoiaNet> {
    let client = SequoiaNet::new(&world.authority, Dns::new(world, task)?)?;
    client.find(HARMLESS).await?;
    Ok(client)
}

/// Looks all addresses up.
pub(crate) async fn locate(client: SequoiaNet, task: Task, mut tally: Tally) -> Result<Tally> {
    let lookups = task.addresses().map(|address| {
        let client = client.clone();
        tokio::spawn(async move {
            let begin = Instant::now();
            client.find(&address).await?;
            Result::<Duration>::Ok(begin.elapsed())
        })
    });
    let tasks = task.concurrency.unwrap_or(TASKS);
    let mut lookups = Box::pin(stream::iter(lookups).buffer_unordered(tasks));
    while let Some(lookup) = lookups.next().await {
        tally.found(lookup??);
    }
    Ok(tally)
}
