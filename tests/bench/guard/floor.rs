//! The floor: plain SQL on tables of its own, which does the writes of a run's life.

mod dequeues;
mod lives;

use anyhow::Result;
use tokio_postgres::{Client, Statement};

pub(super) use self::dequeues::FloorDequeues;
pub(super) use self::lives::FloorLives;
use crate::stock::id_start;

const WORKER_QUEUE: &str = "main";

/// A session of the floor, which can trigger runs.
struct Floor {
    client: Client,
    trigger: Statement,
    minted: u64,
}

impl Floor {
    /// Makes the tables.
    async fn new(client: Client) -> Result<Self> {
        for sql in [
            include_str!("../sql/floor/tables.sql"),
            include_str!("../sql/floor/session.sql"),
        ] {
            client.batch_execute(sql).await?;
        }
        Ok(Self {
            trigger: client
                .prepare(include_str!("../sql/floor/trigger.sql"))
                .await?,
            client,
            minted: 0,
        })
    }

    /// In one commit.
    async fn trigger(&mut self, count: usize) -> Result<()> {
        let (runs, first) = (self.ids(count)?, self.ids(count)?);
        self.client
            .execute(&self.trigger, &[&runs, &first, &"noop"])
            .await?;
        Ok(())
    }

    /// New ids, in ascending order.
    fn ids(&mut self, count: usize) -> Result<Vec<String>> {
        (0..count).map(|_| self.id()).collect()
    }

    fn id(&mut self) -> Result<String> {
        self.minted += 1;
        Ok(format!("{}{:016x}", id_start()?, self.minted))
    }
}
