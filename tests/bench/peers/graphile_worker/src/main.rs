//! graphile_worker, the Rust crate: jobs are removed when they are completed.

#[path = "../../contract.rs"]
mod contract;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contract::{Drained, Order, Peer, Result, parts};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, Worker, WorkerContext,
    WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Notify;

/// Without a local queue each of the worker's slots takes one job per poll, however many are due.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// The middle of what the crate recommends.
const COMPLETION_DELAY: Duration = Duration::from_millis(3);

#[derive(Clone, Deserialize, Serialize)]
struct Noop {}

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(count) = context.get_ext::<Arc<Count>>() {
            count.add();
        }
    }
}

/// Counts handlers, and notifies when there have been enough.
#[derive(Debug)]
struct Count {
    wanted: usize,
    done: AtomicUsize,
    enough: Notify,
}

impl Count {
    fn add(&self) {
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.wanted {
            self.enough.notify_one();
        }
    }
}

struct GraphileWorker {
    worker: Worker,
    count: Arc<Count>,
}

impl Peer for GraphileWorker {
    async fn install(url: &str) -> Result<()> {
        let utils = WorkerUtils::new(PgPool::connect(url).await?, "graphile_worker");
        Ok(utils.migrate().await?)
    }

    async fn fill(url: &str, jobs: usize) -> Result<()> {
        let utils = WorkerUtils::new(PgPool::connect(url).await?, "graphile_worker");
        let spec = JobSpec::default();
        for count in parts(jobs) {
            utils.add_jobs(&vec![(Noop {}, &spec); count]).await?;
        }
        Ok(())
    }

    async fn connect(order: &Order) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .min_connections(order.clients)
            .max_connections(order.clients)
            .connect(&order.url)
            .await?;
        let count = Arc::new(Count {
            wanted: order.jobs,
            done: AtomicUsize::new(0),
            enough: Notify::new(),
        });
        let clients = usize::try_from(order.clients)?;
        let mut options = WorkerOptions::default()
            .pg_pool(pool)
            .concurrency(clients)
            .poll_interval(POLL_INTERVAL)
            .listen_os_shutdown_signals(false)
            .add_extension(Arc::clone(&count))
            .define_job::<Noop>();
        if order.batch > 1 {
            let size = clients * usize::try_from(order.batch)?;
            options = options
                .local_queue(LocalQueueConfig::default().with_size(size))
                .complete_job_batch_delay(COMPLETION_DELAY);
        }
        let worker = options.init().await?;
        Ok(Self { worker, count })
    }

    async fn drain(&mut self) -> Result<Drained> {
        let stop = async {
            self.count.enough.notified().await;
            self.worker.request_shutdown();
        };
        let (ran, ()) = tokio::join!(self.worker.run(), stop);
        ran?;
        Ok(Drained {
            jobs: self.count.done.load(Ordering::Relaxed),
            ..Drained::default()
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    contract::run::<GraphileWorker>().await
}
