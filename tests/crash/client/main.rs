//! A client process that is killed: a worker, and sessions that call everything else.
//!
//! `crash-client DATABASE NAME SEED DIRECTORY` works until it is killed, or until the file `stop` is in the directory. It notes what
//! the server has acknowledged in `NAME.journal` there. While the file `drain` is there it begins nothing new and finishes what
//! there is. Of all clients the first one that takes the file `arm` dies at the point that it names.

mod attempt;
mod caller;
mod handler;
mod journal;
mod line;
mod operate;
mod trigger;
mod turn;
mod wait;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::caller::Caller;
use crate::journal::Journal;

/// Sessions of a process that call functions, beside its worker.
const CALLERS: u64 = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, name, seed, directory] = &arguments[..] else {
        anyhow::bail!("usage: crash-client DATABASE NAME SEED DIRECTORY");
    };
    let seed: u64 = seed.parse().context("no seed")?;
    let directory = PathBuf::from(directory);
    let journal = Arc::new(Journal::open(&directory, name)?);
    let mut tasks = JoinSet::new();
    for number in 0..CALLERS {
        let name = format!("{name}-{number}");
        let caller = Caller::new(database, name, seed ^ number, &journal);
        tasks.spawn(caller.run());
    }
    let worker = handler::worker(database.parse()?, name);
    let stop = directory.join("stop");
    worker
        .run(async move {
            while !stop.exists() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await?;
    Ok(())
}
