//! This crate.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use openpgp_discovery::{KeyLocator, Lookup, Status, Step};

use crate::scenarios::{Before, Scenario, Timed};
use crate::world::{AT_ONCE, World};
use crate::{Result, Run};

/// Runs a scenario once, with a client of its own. `hurried`, it has this long for
/// the look-up instead of its default.
pub(crate) async fn run(
    world: &World,
    scenario: &Scenario,
    hurried: Option<Duration>,
) -> Result<Run> {
    let builder = world.locator();
    let address = scenario.address.parse()?;
    let unmade = Instant::now();
    let mut locator = builder.build()?;
    prepare(world, &locator, scenario.before).await?;
    if let Some(deadline) = hurried {
        locator = locator.with_deadline(deadline);
    }
    let begin = match scenario.timed {
        Timed::MakingAndLookUp => unmade,
        Timed::LookUp | Timed::LookUpAndConnecting => Instant::now(),
    };
    let connecting = async {
        if scenario.timed == Timed::LookUpAndConnecting {
            locator.vks().ok_or("no key server")?.connect().await?;
        }
        Ok(())
    };
    let looking = async { (locator.locate(&address).await, begin.elapsed()) };
    let ((lookup, took), connected): (_, Result<()>) = tokio::join!(looking, connecting);
    connected?;
    expect(&lookup, scenario.status)?;
    let steps = lookup.attempts().iter().map(|attempt| {
        let step = match attempt.step() {
            Step::Resolve(method) => format!("DNS for {method}"),
            step => step.to_string(),
        };
        (step, attempt.elapsed())
    });
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
            stream::iter(world.ninety_nine())
                .map(|address| async { expect(&locator.locate(address).await, Status::Found) })
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
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
