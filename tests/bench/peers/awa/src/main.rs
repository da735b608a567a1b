//! awa: claims and completions are appended to ring buffers of tables, which are truncated in turn. It works in batches only.

#[path = "../../contract.rs"]
mod contract;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use awa::insert::params_with;
use awa::{
    Client, InsertOpts, JobArgs, JobResult, QueueConfig, QueueStorage, QueueStorageConfig,
    migrations,
};
use contract::{Drained, Order, Peer, Result, parts};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Notify;
use tokio::time::sleep;

const QUEUE: &str = "noop";
/// Connections for its work besides claims and completions; with none to spare it waits for its own.
const SERVICES: u32 = 4;
const STOP_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize, JobArgs, Serialize)]
struct Noop {}

struct Awa {
    client: Client,
    done: Arc<AtomicUsize>,
    enough: Arc<Notify>,
}

impl Peer for Awa {
    async fn install(url: &str) -> Result<()> {
        Ok(migrations::run(&PgPool::connect(url).await?).await?)
    }

    async fn fill(url: &str, jobs: usize) -> Result<()> {
        let pool = PgPool::connect(url).await?;
        let storage = QueueStorage::new(QueueStorageConfig::default())?;
        for count in parts(jobs) {
            let mut batch = Vec::new();
            for _ in 0..count {
                let options = InsertOpts {
                    queue: QUEUE.to_owned(),
                    ..InsertOpts::default()
                };
                batch.push(params_with(&Noop {}, options)?);
            }
            storage.enqueue_params_copy(&pool, &batch).await?;
        }
        Ok(())
    }

    async fn connect(order: &Order) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .min_connections(order.clients)
            .max_connections(order.clients + SERVICES)
            .connect(&order.url)
            .await?;
        let config = QueueConfig {
            max_workers: order.clients * order.batch,
            // Its fast path: without a deadline a claim is a row for many jobs.
            deadline_duration: Duration::ZERO,
            ..QueueConfig::default()
        };
        let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, notify, wanted) = (Arc::clone(&done), Arc::clone(&enough), order.jobs);
        let client = Client::builder(pool)
            .queue(QUEUE, config)
            .register::<Noop, _, _>(move |_, _| {
                if count.fetch_add(1, Ordering::Relaxed) + 1 == wanted {
                    notify.notify_one();
                }
                async { Ok(JobResult::Completed) }
            })
            .build()?;
        Ok(Self {
            client,
            done,
            enough,
        })
    }

    async fn drain(&mut self) -> Result<Drained> {
        self.client.start().await?;
        self.enough.notified().await;
        // A job is in flight until its completion is written.
        while self.in_flight().await > 0 {
            sleep(Duration::from_millis(1)).await;
        }
        Ok(Drained {
            jobs: self.done.load(Ordering::Relaxed),
            ..Drained::default()
        })
    }

    async fn close(self) -> Result<()> {
        self.client.shutdown(STOP_PATIENCE).await;
        Ok(())
    }
}

impl Awa {
    async fn in_flight(&self) -> u32 {
        let health = self.client.health_check().await;
        health.queues.get(QUEUE).map_or(0, |queue| queue.in_flight)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    contract::run::<Awa>().await
}
