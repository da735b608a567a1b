//! Suite `peers`: the engine beside other queues in Postgres, each on its own terms.

mod adapter;
mod catalog;
mod engine;
mod fill;
mod install;
mod process;

use anyhow::Result;
use engine_harness::{Workspace, progress};

use self::adapter::Adapter;
use self::catalog::PEERS;
use self::fill::{Filled, Queue};
use self::process::Order;
use super::Bench;
use super::report::Chapter;
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Runs per second out of a full queue until it is empty: dequeue, a handler that does nothing, completion. A job of a \
    peer is a run here. Each peer is driven through its own library, by a process of its own; the engine by sessions of this one. \
    A call is a dequeue together with the completion of what it found, or of what the one before found; of libraries that do not \
    show theirs, there is none.";

const ENGINE_ABOUT: &str = "engine: run, history and output stay; a row of each of four transitions (triggered, dequeued, started, \
    completed), three of which fall into the drain. A call is a worker's turn, engine_work: the completions of the turn before, and the \
    dequeue and the start of other runs, in one commit.";

/// A client takes this many runs at once where batching is on.
const BATCH: u32 = 100;

const ENGINE: &str = "engine";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batching {
    On,
    Off,
}

impl Batching {
    fn name(self) -> &'static str {
        match self {
            Self::On => "batching on",
            Self::Off => "batching off",
        }
    }

    /// Number of runs to process per second of `--seconds`: the same for all, so that all have the same backlog.
    fn runs_per_second(self) -> u64 {
        match self {
            Self::On => 10_000,
            Self::Off => 2_000,
        }
    }

    fn batch(self) -> u32 {
        match self {
            Self::On => BATCH,
            Self::Off => 1,
        }
    }
}

#[derive(Clone)]
struct Setup {
    variant: String,
    batching: Batching,
    clients: usize,
    /// Which of the filled queues.
    filled: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        format!("{}, {}", self.batching.name(), clients(self.clients))
    }

    fn variant(&self) -> String {
        self.variant.clone()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let seconds = bench.arguments.seconds(5).as_secs();
    let mut notes = vec![ENGINE_ABOUT.to_owned()];
    let adapters = adapters(&Workspace::find()?, &mut notes);
    let mut filled = Vec::new();
    for batching in [Batching::On, Batching::Off] {
        let runs = seconds * batching.runs_per_second();
        notes.push(format!(
            "*{}*: {runs} runs were queued before each trial; a client takes at most {} at once.",
            batching.name(),
            batching.batch()
        ));
        filled.extend(fill::all(&bench.cluster, &adapters, batching, runs, &mut notes).await?);
    }
    let cases = cases(&filled, &bench.arguments.clients(&[16]));
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        trial(&filled[case.filled], case).await
    })
    .await?;
    for filled in filled {
        filled.stock.remove().await?;
    }
    Ok(Chapter::new("peers", ABOUT, outcomes)
        .noting(notes)
        .compared_with(ENGINE))
}

/// Installs all peers; for those that cannot be installed, the reason goes into the notes.
fn adapters(workspace: &Workspace, notes: &mut Vec<String>) -> Vec<Adapter> {
    let mut adapters = Vec::new();
    for peer in &PEERS {
        match Adapter::install(workspace, peer) {
            Ok(adapter) => {
                notes.push(format!("{}: {}", adapter.name, peer.about));
                adapters.push(adapter);
            }
            Err(error) => notes.push(skipped(&peer.label(), &error)),
        }
    }
    adapters
}

fn cases(filled: &[Filled<'_>], clients: &[usize]) -> Vec<Setup> {
    let mut cases = Vec::new();
    for &clients in clients {
        let setups = filled.iter().enumerate();
        cases.extend(setups.map(|(index, filled)| Setup {
            variant: filled.queue.name().to_owned(),
            batching: filled.batching,
            clients,
            filled: index,
        }));
    }
    cases
}

async fn trial(filled: &Filled<'_>, case: &Setup) -> Result<Trial> {
    let copy = filled.stock.copy().await?;
    let batch = filled.batching.batch();
    let trial = match filled.queue {
        Queue::Engine => engine::drain(&copy, case.clients, batch, filled.runs).await?,
        Queue::Peer(adapter) => {
            let order = Order {
                uri: copy.uri(),
                runs: filled.runs,
                clients: case.clients,
                batch,
            };
            // An error in a peer's code must not end the suite.
            adapter.drain(&copy, &order).await.unwrap_or_else(invalid)
        }
    };
    copy.remove().await?;
    Ok(trial)
}

fn invalid(error: anyhow::Error) -> Trial {
    Trial {
        invalid: Some(reason(&error)),
        ..Trial::default()
    }
}

fn skipped(name: &str, error: &anyhow::Error) -> String {
    let note = format!("SKIPPED: {name}: {}", reason(error));
    progress::say(&note);
    note
}

/// An error on one line of the report.
fn reason(error: &anyhow::Error) -> String {
    const LONGEST: usize = 400;
    let words: Vec<String> = format!("{error:#}")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.join(" ").chars().take(LONGEST).collect()
}
