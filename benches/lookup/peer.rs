//! sequoia-net.

use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use openpgp_discovery_benches::peer::SequoiaNet;

use crate::scenarios::{Before, Scenario, Timed};
use crate::world::{AT_ONCE, World};
use crate::{Result, Run};

/// Runs a scenario once, with a client of its own.
pub(crate) async fn run(world: &World, scenario: &Scenario) -> Result<Run> {
    let authority = world.authority();
    let unmade = Instant::now();
    let client = SequoiaNet::new(&authority, world.dns())?;
    match scenario.before {
        Before::Nothing => {}
        Before::One(address) => client.find(address).await?,
        Before::NinetyNine => {
            stream::iter(world.ninety_nine())
                .map(|address| async { client.find(&address.to_string()).await })
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
    }
    let begin = match scenario.timed {
        Timed::MakingAndLookUp => unmade,
        Timed::LookUp | Timed::LookUpAndConnecting => Instant::now(),
    };
    client.find(scenario.address).await?;
    Ok(Run {
        took: begin.elapsed(),
        steps: Vec::new(),
    })
}
