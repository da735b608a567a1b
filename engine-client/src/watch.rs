//! Following a run from outside.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::GenericClient;

use crate::backoff::{Backoff, BackoffRange};
use crate::{Engine, Error, ExecutionStatus, RunId, RunResult, RunSnapshot, SnapshotId};

/// Default pauses between polls.
const POLL: BackoffRange = BackoffRange {
    min: Duration::from_millis(20),
    max: Duration::from_secs(1),
};

/// Follows a run: snapshot by snapshot, or only its result.
///
/// It polls with pauses that grow while nothing happens. Each poll is one read by keys. All methods are cancel
/// safe, so that [`tokio::time::timeout`] limits a wait; after an error they may be called again. The connection
/// must not be in a transaction of a stricter isolation level than READ COMMITTED, which would not see anything
/// new.
///
/// ```no_run
/// # async fn example() -> Result<(), engine_client::Error> {
/// use engine_client::{Database, Trigger, Watch};
///
/// let database: Database = "host=/var/run/postgresql dbname=app".parse()?;
/// let connection = database.connect().await?;
/// let run = connection.engine().trigger(&Trigger::new("double").payload(&21)?).await?;
///
/// // What happens to it, from its first snapshot on …
/// let mut watch = Watch::new(connection.client(), run.run_id.clone()).after(run.snapshot_id);
/// while let Some(snapshot) = watch.next().await? {
///     println!("{}: {}", snapshot.execution_status, snapshot.description);
/// }
/// // … or only what came of it.
/// let result = Watch::new(connection.client(), run.run_id).result().await?;
/// println!("{}", result.output::<i64>()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watch<'a, C> {
    client: &'a C,
    run_id: RunId,
    backoff: Backoff,
    last: Option<SnapshotId>,
    /// Snapshots that were read and not returned yet.
    ahead: VecDeque<RunSnapshot>,
    is_over: bool,
}

impl<'a, C: GenericClient> Watch<'a, C> {
    /// Follows a run from its latest snapshot, which is returned first. Polls every 20 ms to 1 s.
    pub fn new(client: &'a C, run_id: RunId) -> Self {
        Self {
            client,
            run_id,
            backoff: Backoff::new(POLL),
            last: None,
            ahead: VecDeque::new(),
            is_over: false,
        }
    }

    /// Starts with the snapshot after this one, if there is one. If there are more than fifty, the oldest are skipped.
    pub fn after(mut self, snapshot_id: impl Into<Option<SnapshotId>>) -> Self {
        self.last = snapshot_id.into();
        self
    }

    /// The shortest and the longest pause between polls.
    pub fn poll(mut self, range: BackoffRange) -> Self {
        self.backoff = Backoff::new(range);
        self
    }

    /// Waits for the next snapshot; none after the run's last one was returned.
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun) for a run or snapshot that does not exist;
    /// [`Serialization`](crate::ErrorKind::Serialization) for a status that this version of the crate does not
    /// know. Otherwise as [every call](Engine).
    pub async fn next(&mut self) -> Result<Option<RunSnapshot>, Error> {
        loop {
            if let Some(snapshot) = self.ahead.pop_front() {
                self.is_over = snapshot.execution_status == ExecutionStatus::Finished;
                return Ok(Some(snapshot));
            }
            if self.is_over {
                return Ok(None);
            }
            self.look().await?;
            if self.ahead.is_empty() {
                sleep(self.backoff.pause()).await;
            } else {
                self.backoff.reset();
            }
        }
    }

    /// Waits until the run has ended, and returns its result.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn result(&mut self) -> Result<RunResult, Error> {
        loop {
            let engine = Engine::new(self.client);
            match engine.run_result(&self.run_id, None).await? {
                Some(result) if result.is_finished() => return Ok(result),
                Some(_) => sleep(self.backoff.pause()).await,
                None => return Err(self.unknown()),
            }
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        let engine = Engine::new(self.client);
        let found = match &self.last {
            Some(last) => engine.snapshots_since(&self.run_id, last, None).await?,
            None => {
                let latest = engine.execution_data(&self.run_id, None).await?;
                latest.map(|latest| vec![latest])
            }
        };
        for data in found.ok_or_else(|| self.unknown())? {
            let snapshot = RunSnapshot::from_json(data)?;
            self.last = Some(snapshot.snapshot_id.clone());
            self.ahead.push_back(snapshot);
        }
        Ok(())
    }

    fn unknown(&self) -> Error {
        let message = format!("run \"{}\" or its snapshot is unknown", self.run_id);
        Error::refused("RE001", message)
    }
}
