//! pgmq: a message is read, which hides it for a time, and then deleted, or moved to the table of the archive.

#[path = "../../contract.rs"]
mod contract;

use std::time::Instant;

use contract::{Drained, Order, Peer, Result, parts};
use pgmq::PGMQueueExt;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;

const QUEUE: &str = "noop";
/// Longer than any trial.
const HIDDEN_SECONDS: i32 = 3600;

struct Pgmq {
    clients: Vec<Client>,
}

impl Peer for Pgmq {
    async fn install(url: &str) -> Result<()> {
        let queue = PGMQueueExt::new_with_pool(PgPool::connect(url).await?).await;
        queue.install_sql_from_embedded().await?;
        queue.create(QUEUE).await?;
        Ok(())
    }

    async fn fill(url: &str, jobs: usize) -> Result<()> {
        let pool = PgPool::connect(url).await?;
        for count in parts(jobs) {
            let sql =
                "select count(*) from pgmq.send_batch($1, array_fill('{}'::jsonb, array[$2]))";
            sqlx::query(sql)
                .bind(QUEUE)
                .bind(i32::try_from(count)?)
                .execute(&pool)
                .await?;
        }
        Ok(())
    }

    async fn connect(order: &Order) -> Result<Self> {
        let complete = match order.variant.as_deref() {
            Some("archive") => "select count(*) from pgmq.archive($1, $2)",
            _ => "select count(*) from pgmq.delete($1, $2)",
        };
        let mut clients = Vec::new();
        for _ in 0..order.clients {
            let options = PgPoolOptions::new().max_connections(1);
            clients.push(Client {
                session: options.connect(&order.url).await?,
                batch: i32::try_from(order.batch)?,
                complete,
            });
        }
        Ok(Self { clients })
    }

    async fn drain(&mut self) -> Result<Drained> {
        let mut tasks = JoinSet::new();
        for client in &self.clients {
            tasks.spawn(client.clone().work());
        }
        let mut all = Drained::default();
        while let Some(ended) = tasks.join_next().await {
            let drained = ended??;
            all.jobs += drained.jobs;
            all.cycles_ms.extend(drained.cycles_ms);
        }
        Ok(all)
    }
}

#[derive(Clone)]
struct Client {
    session: PgPool,
    batch: i32,
    complete: &'static str,
}

impl Client {
    async fn work(self) -> Result<Drained> {
        let mut drained = Drained::default();
        loop {
            let start = Instant::now();
            let sql = "select msg_id from pgmq.read($1, $2, $3)";
            let read: Vec<i64> = sqlx::query_scalar(sql)
                .bind(QUEUE)
                .bind(HIDDEN_SECONDS)
                .bind(self.batch)
                .fetch_all(&self.session)
                .await?;
            if read.is_empty() {
                return Ok(drained);
            }
            sqlx::query(self.complete)
                .bind(QUEUE)
                .bind(&read)
                .execute(&self.session)
                .await?;
            drained.jobs += read.len();
            drained.cycles_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    contract::run::<Pgmq>().await
}
