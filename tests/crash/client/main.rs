//! A client process that is killed: a session that calls everything, alone or beside a worker.
//!
//! `crash-client worker|caller DATABASE NAME SEED DIRECTORY` works until it is killed. It notes what
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

use anyhow::{Context as _, Result};

use crate::caller::Caller;
use crate::journal::Journal;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, database, name, seed, directory] = &arguments[..] else {
        anyhow::bail!("usage: crash-client worker|caller DATABASE NAME SEED DIRECTORY");
    };
    let seed: u64 = seed.parse().context("no seed")?;
    let directory = PathBuf::from(directory);
    let journal = Arc::new(Journal::open(&directory, name)?);
    let caller = Caller::new(database, name.clone(), seed, &journal).run();
    if kind == "caller" {
        caller.await;
        return Ok(());
    }
    tokio::spawn(caller);
    let worker = handler::worker(database.parse()?, name);
    worker.run(std::future::pending()).await?;
    Ok(())
}
