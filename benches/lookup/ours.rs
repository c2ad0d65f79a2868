//! This crate.

use std::time::{Duration, Instant};

use openpgp_discovery::{KeyLocator, Lookup, Status};
use tokio::task::JoinSet;

use crate::scenarios::{Before, Scenario, Timed};
use crate::world::World;
use crate::{Result, Run};

/// Runs a scenario once, with a client of its own. `hurried`, the client has this
/// long for each look-up instead of its default.
pub(crate) async fn run(
    world: &World,
    scenario: &Scenario,
    hurried: Option<Duration>,
) -> Result<Run> {
    let mut builder = world.locator();
    if let Some(deadline) = hurried {
        builder = builder.deadline(deadline);
    }
    let address = scenario.address.parse()?;
    let unmade = Instant::now();
    let locator = builder.build()?;
    prepare(world, &locator, scenario.before).await?;
    let begin = match scenario.timed {
        Timed::MakingAndLookUp => unmade,
        Timed::LookUp => Instant::now(),
    };
    let lookup = locator.locate(&address).await;
    let took = begin.elapsed();
    expect(&lookup, scenario.status)?;
    let attempts = lookup.attempts().iter();
    let steps = attempts.map(|attempt| (attempt.step().to_string(), attempt.elapsed()));
    Ok(Run {
        took,
        steps: steps.collect(),
    })
}

/// What the client has done before.
async fn prepare(world: &World, locator: &KeyLocator, before: Before) -> Result<()> {
    match before {
        Before::Nothing => {}
        // Found or not.
        Before::One(address) => {
            locator.locate(&address.parse()?).await;
        }
        Before::NinetyNine => {
            let mut all = JoinSet::new();
            for address in world.ninety_nine() {
                let (locator, address) = (locator.clone(), address.clone());
                all.spawn(async move { locator.locate(&address).await });
            }
            for lookup in all.join_all().await {
                expect(&lookup, Status::Found)?;
            }
        }
    }
    Ok(())
}

fn expect(lookup: &Lookup, status: Status) -> Result<()> {
    if lookup.status() == status {
        return Ok(());
    }
    let error = format!("{}: {:?}", lookup.address(), lookup.attempts());
    Err(error.into())
}
