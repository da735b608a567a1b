//! The engine's sessions of the suite `peers`.

use anyhow::Result;
use tokio_postgres::Client;

use crate::caller::Work;
use crate::load::Caller;
use crate::measure;
use crate::stock::Stock;
use crate::trial::Trial;

/// Processes `runs` runs, `batch` at a time.
pub(super) async fn drain(
    stock: &Stock<'_>,
    clients: usize,
    batch: u32,
    runs: u64,
) -> Result<Trial> {
    let mut callers = Vec::new();
    for client in stock.sessions(clients).await? {
        callers.push(Drainer::new(client, i32::try_from(batch)?).await?);
    }
    measure::drain(stock, callers, runs).await
}

/// Takes a worker's turns.
struct Drainer {
    client: Client,
    work: Work,
    batch: i32,
}

impl Drainer {
    async fn new(client: Client, batch: i32) -> Result<Self> {
        Ok(Self {
            work: Work::prepare(&client).await?,
            client,
            batch,
        })
    }
}

impl Caller for Drainer {
    async fn call(&mut self) -> Result<u64> {
        self.work.take(&self.client, self.batch).await
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
