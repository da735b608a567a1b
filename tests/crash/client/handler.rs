//! The handlers of a worker, which wait in every way.

use std::sync::Arc;
use std::time::Duration;

use engine_client::{
    BackoffRange, Connection, Context, Database, Failure, Identity, LinkConfig, TaskOptions,
    Trigger, Worker, WorkerConfig,
};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

const EFFECT: &str =
    "insert into public.effect (run_id, attempt, token) values ($1, $2, $3) on conflict do nothing";

/// Shorter than the naps: every second task is suspended.
const SUSPEND_AFTER: Duration = Duration::from_millis(50);

/// A worker that reconnects and ticks quickly.
pub fn worker(database: Database, name: &str) -> Worker {
    let idle = BackoffRange {
        min: Duration::from_millis(10),
        max: Duration::from_millis(100),
    };
    let config = WorkerConfig {
        identity: Identity {
            worker_id: Some(name.to_owned()),
            runner_id: Some(std::process::id().to_string()),
        },
        concurrency: 8,
        // Each crash costs the plans of every session.
        attempt_connections: 1,
        idle,
        timekeeper: Some(Duration::from_millis(150)),
        drain_timeout: Duration::from_secs(2),
        link: LinkConfig {
            reconnect: idle,
            ..LinkConfig::default()
        },
        ..WorkerConfig::default()
    };
    let ledger = Arc::new(Ledger {
        database: database.clone(),
        connection: Mutex::default(),
    });
    let suspending = || TaskOptions {
        suspend_after: Some(SUSPEND_AFTER),
        ..TaskOptions::default()
    };
    let (short, flaky, parent) = (
        Arc::clone(&ledger),
        Arc::clone(&ledger),
        Arc::clone(&ledger),
    );
    let (fan, nap, person) = (Arc::clone(&ledger), Arc::clone(&ledger), ledger);
    Worker::new(database)
        .config(config)
        .task("short", move |context: Context, _: Value| {
            let ledger = Arc::clone(&short);
            async move { ledger.write(&context).await }
        })
        .task("flaky", move |context: Context, _: Value| {
            let ledger = Arc::clone(&flaky);
            async move {
                ledger.write(&context).await?;
                if context.attempt_number() % 2 == 1 {
                    return Err(
                        Failure::message("once more").retry_after(Duration::from_millis(20))
                    );
                }
                Ok(())
            }
        })
        .task("parent", move |context: Context, _: Value| {
            let ledger = Arc::clone(&parent);
            async move {
                context.trigger_and_wait("child", child()?).await?;
                ledger.write(&context).await
            }
        })
        .task_with("fan", suspending(), move |context: Context, _: Value| {
            let ledger = Arc::clone(&fan);
            async move {
                context
                    .batch_trigger_and_wait("children", [child()?, child()?, child()?])
                    .await?;
                ledger.write(&context).await
            }
        })
        .task_with("nap", suspending(), move |context: Context, _: Value| {
            let ledger = Arc::clone(&nap);
            async move {
                context
                    .wait_for("a moment", Duration::from_millis(120))
                    .await?;
                ledger.write(&context).await
            }
        })
        .task("person", move |context: Context, _: Value| {
            let ledger = Arc::clone(&person);
            async move {
                let token = context
                    .create_token("person", Some(Duration::from_secs(2)))
                    .await?;
                context.wait_for_token::<Value>(&token).await?;
                ledger.write(&context).await
            }
        })
}

fn child() -> Result<Trigger, Failure> {
    Ok(Trigger::new("short").payload(&1)?.max_attempts(200))
}

/// Writes the token of each call of a handler, on a connection of its own.
struct Ledger {
    database: Database,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Ledger {
    /// Writes, repeatedly if necessary, while the handler lives.
    async fn write(&self, context: &Context) -> Result<(), Failure> {
        let token = rand::random::<u64>().to_string();
        while !self.try_write(context, &token).await {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn try_write(&self, context: &Context, token: &str) -> bool {
        let Some(connection) = self.connection().await else {
            return false;
        };
        let (run_id, attempt) = (context.run_id().as_str(), context.attempt_number());
        let client = connection.client();
        client
            .execute(EFFECT, &[&run_id, &attempt, &token])
            .await
            .is_ok()
    }

    async fn connection(&self) -> Option<Arc<Connection>> {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_none_or(|open| open.is_closed()) {
            *connection = self.database.connect().await.ok().map(Arc::new);
        }
        connection.clone()
    }
}
