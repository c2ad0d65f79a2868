//! A run of a client, in a process of its own.

use std::env;
use std::future::Future;
use std::io::{BufReader, Write as _, stdin};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use openpgp_discovery_benches::process;
use tokio::runtime::Builder;

use crate::run::{Run, Tally};
use crate::task::{Task, Who, Work};
use crate::world::World;
use crate::{Result, ours, peer};

pub(crate) const ROLE: &str = "--client";

/// Where the keyring is that is refreshed.
pub(crate) fn keyring() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("batch.pgp")
}

/// Runs a client.
pub(crate) fn run(world: &World, task: Task) -> Result<Run> {
    let mut child = Command::new(env::current_exe()?)
        .arg(ROLE)
        .args(task.to_arguments())
        // Whoever sets these makes each error dear, and there are errors that the
        // libraries make and drop on the way.
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(world.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{task:?} failed").into());
    }
    Run::read(&String::from_utf8(output.stdout)?)
}

/// The process itself: does it, and says how it went.
pub(crate) fn take_part(arguments: &[String]) -> Result<()> {
    let task = Task::from_arguments(arguments)?;
    let world = World::read(BufReader::new(stdin()))?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    // On the runtime's own threads, as in a program that does other things too.
    let run = runtime.block_on(async move { tokio::spawn(act(world, task)).await })??;
    println!("{run}");
    Ok(())
}

async fn act(world: World, task: Task) -> Result<Run> {
    let tally = Tally::new(task.expected().0);
    match (task.work, task.who) {
        (Work::Refresh, Who::SequoiaNet) => Err("sequoia-net refreshes nothing".into()),
        (Work::Refresh, _) => {
            let locator = ours::locator(&world, task).await?;
            measured(task, ours::refresh(locator, &keyring(), tally)).await
        }
        (Work::Locate, Who::SequoiaNet) => {
            let client = peer::client(&world, task).await?;
            measured(task, peer::locate(client, task, tally)).await
        }
        (Work::Locate, _) => {
            let locator = ours::locator(&world, task).await?;
            measured(task, ours::locate(locator, task, tally)).await
        }
    }
}

/// Measures what happens from the first poll on.
async fn measured(task: Task, work: impl Future<Output = Result<Tally>>) -> Result<Run> {
    let before = process::resident()?;
    process::forget_peak()?;
    let processor = process::processor_time("self")?;
    let begin = Instant::now();
    let tally = work.await?;
    // Before the figures are sorted.
    let above = process::peak()? - before;
    let count = tally.count();
    let run = Run::of(tally, begin);
    let processor = process::processor_time("self")? - processor;
    if count != task.expected() {
        return Err(format!("{count:?} instead of {:?}", task.expected()).into());
    }
    Ok(Run {
        processor,
        before,
        above,
        ..run
    })
}
