//! Work that goes on while the shard moves: callers find out where it is by the errors of the nodes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine_client::{Completion, Connection, Dequeue, Dequeued, Engine, Error, Trigger};
use engine_harness::Database;
use engine_harness::condition::eventually;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::{ENVIRONMENT, LIMIT, PATIENCE};

const WORKERS: usize = 3;
const PAUSE: Duration = Duration::from_millis(5);

/// What callers share.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// Whether nothing more is triggered.
    has_all: AtomicBool,
    triggered: AtomicU64,
    completed: AtomicU64,
    /// Runs that execute, at least so many.
    running: AtomicI64,
}

/// A caller that triggers, and workers.
pub(super) struct Load {
    shared: Arc<Shared>,
    caller: JoinHandle<Result<BTreeSet<String>>>,
    workers: Vec<JoinHandle<Result<()>>>,
}

impl Load {
    pub(super) async fn begin(databases: &[Database; 2]) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let caller = trigger(Places::open(databases).await?, Arc::clone(&shared));
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            let places = Places::open(databases).await?;
            workers.push(tokio::spawn(work(places, Arc::clone(&shared))));
        }
        Ok(Self {
            caller: tokio::spawn(caller),
            shared,
            workers,
        })
    }

    /// Waits until so many more runs are completed.
    pub(super) async fn has_completed(&self, more: u64) -> Result<()> {
        let completed = || self.shared.completed.load(Ordering::SeqCst);
        let enough = completed() + more;
        let is_enough = async || {
            ensure!(!self.caller.is_finished(), "the caller has ended");
            Ok(completed() >= enough)
        };
        eventually("runs are completed", PATIENCE, is_enough).await
    }

    /// So many runs of others are to be completed as well.
    pub(super) fn expect(&self, runs: u64) {
        self.shared.triggered.fetch_add(runs, Ordering::SeqCst);
    }

    /// Ends the load once all runs are completed; returns those that were triggered.
    pub(super) async fn end(self) -> Result<BTreeSet<String>> {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let triggered = self.caller.await??;
        self.shared.has_all.store(true, Ordering::SeqCst);
        for worker in self.workers {
            worker.await??;
        }
        Ok(triggered)
    }
}

/// The two nodes, and which of them served the last call.
struct Places {
    nodes: [Connection; 2],
    last: usize,
}

impl Places {
    async fn open(databases: &[Database; 2]) -> Result<Self> {
        let open = async |database: &Database| {
            let database: engine_client::Database = database.connection_string().parse()?;
            anyhow::Ok(database.connect().await?)
        };
        Ok(Self {
            nodes: [open(&databases[0]).await?, open(&databases[1]).await?],
            last: 0,
        })
    }

    /// The node that served the last call.
    fn engine(&self) -> Engine<'_, Client> {
        self.nodes[self.last].engine()
    }

    /// After a call that was refused because the shard is elsewhere, or on its way: the next one goes to the other node.
    async fn turn(&mut self, refused: Error) -> Result<()> {
        if !is_elsewhere(&refused) {
            bail!(refused);
        }
        self.last = 1 - self.last;
        sleep(PAUSE).await;
        Ok(())
    }
}

/// Whether the shard is not there, or moves. An environment that has never been there is unknown.
fn is_elsewhere(error: &Error) -> bool {
    let code = error.as_db_error().map(|report| report.code().code());
    matches!(code, Some("RE020" | "RE021" | "RE005"))
}

async fn trigger(mut places: Places, shared: Arc<Shared>) -> Result<BTreeSet<String>> {
    let mut triggered = BTreeSet::new();
    let trigger = Trigger::new("t").environment_id(ENVIRONMENT);
    while !shared.is_over.load(Ordering::SeqCst) {
        match places.engine().trigger(&trigger).await {
            Ok(run) => {
                triggered.insert(run.run_id.as_str().to_owned());
                shared.triggered.fetch_add(1, Ordering::SeqCst);
                sleep(PAUSE).await;
            }
            Err(error) => places.turn(error).await?,
        }
    }
    Ok(triggered)
}

async fn work(mut places: Places, shared: Arc<Shared>) -> Result<()> {
    let dequeue = Dequeue::default().environment_id(ENVIRONMENT).max_runs(2);
    let all_are_done = || {
        let (triggered, completed) = (&shared.triggered, &shared.completed);
        shared.has_all.load(Ordering::SeqCst)
            && completed.load(Ordering::SeqCst) >= triggered.load(Ordering::SeqCst)
    };
    while !all_are_done() {
        let found = places.engine().dequeue(&dequeue).await;
        match found {
            Ok(runs) => {
                let more = i64::try_from(runs.len())?;
                let running = shared.running.fetch_add(more, Ordering::SeqCst) + more;
                ensure!(running <= LIMIT, "{running} runs at once");
                for run in runs {
                    execute(&mut places, &run, &shared).await?;
                }
                sleep(PAUSE).await;
            }
            Err(error) => places.turn(error).await?,
        }
    }
    Ok(())
}

async fn execute(places: &mut Places, run: &Dequeued, shared: &Shared) -> Result<()> {
    let started = loop {
        let started = places
            .engine()
            .start_attempt(&run.run_id, &run.snapshot_id, false)
            .await;
        match started {
            Ok(started) => break started.execution,
            Err(error) => places.turn(error).await.context("start")?,
        }
    };
    let completion = Completion::success(&())?;
    // From here on the server may give its slot to another run.
    shared.running.fetch_sub(1, Ordering::SeqCst);
    loop {
        let completed = places
            .engine()
            .complete_attempt(&run.run_id, &started.snapshot_id, &completion)
            .await;
        match completed {
            Ok(_) => break,
            Err(error) => places.turn(error).await.context("complete")?,
        }
    }
    shared.completed.fetch_add(1, Ordering::SeqCst);
    Ok(())
}
