//! A worker process for tests: its handlers record what they do, in the database of their runs.
//!
//! `effect-worker DATABASE NAME CONCURRENCY` works until SIGTERM. Task `short` takes up to 20 ms. Task `long` never
//! ends in its first attempt, and at once in the others.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use engine_client::tokio_postgres::types::ToSql;
use engine_client::{
    BackoffRange, Connection, Context, Database, Failure, Identity, LinkConfig, Worker,
    WorkerConfig, shutdown_signal,
};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

const EFFECT: &str = "insert into public.effect (run_id, attempt, worker, at) \
                      values ($1, $2, $3, clock_timestamp())";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, name, concurrency] = &arguments[..] else {
        anyhow::bail!("usage: effect-worker DATABASE NAME CONCURRENCY");
    };
    let database: Database = database.parse()?;
    let ledger = Arc::new(Ledger {
        database: database.clone(),
        worker: name.clone(),
        connection: Mutex::default(),
    });
    let reconnect = BackoffRange {
        min: Duration::from_millis(20),
        max: Duration::from_millis(500),
    };
    let config = WorkerConfig {
        identity: Identity {
            worker_id: Some(name.clone()),
            runner_id: None,
        },
        concurrency: concurrency.parse().context("no number")?,
        idle: BackoffRange {
            min: Duration::from_millis(10),
            max: Duration::from_millis(100),
        },
        timekeeper: Some(Duration::from_millis(200)),
        link: LinkConfig {
            reconnect,
            ..LinkConfig::default()
        },
        ..WorkerConfig::default()
    };
    let long = Arc::clone(&ledger);
    Worker::new(database)
        .config(config)
        .task("short", move |context: Context, _: Value| {
            let ledger = Arc::clone(&ledger);
            async move {
                sleep(Duration::from_millis(rand::random_range(0..20))).await;
                ledger.write(&context).await;
                Ok::<_, Failure>(())
            }
        })
        .task("long", move |context: Context, _: Value| {
            let ledger = Arc::clone(&long);
            async move {
                ledger.write(&context).await;
                if context.attempt_number() == 1 {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Failure>(())
            }
        })
        .run(shutdown_signal())
        .await?;
    Ok(())
}

/// Records effects, on a connection of its own.
struct Ledger {
    database: Database,
    worker: String,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Ledger {
    /// Writes, repeatedly if necessary, while the handler lives.
    async fn write(&self, context: &Context) {
        while !self.try_write(context).await {
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn try_write(&self, context: &Context) -> bool {
        let Some(connection) = self.connection().await else {
            return false;
        };
        let (run_id, attempt) = (context.run_id().as_str(), context.attempt_number());
        let effect: [&(dyn ToSql + Sync); 3] = [&run_id, &attempt, &self.worker];
        connection.client().execute(EFFECT, &effect).await.is_ok()
    }

    async fn connection(&self) -> Option<Arc<Connection>> {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_none_or(|open| open.is_closed()) {
            *connection = self.database.connect().await.ok().map(Arc::new);
        }
        connection.clone()
    }
}
