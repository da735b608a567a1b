//! The claim without the engine's functions: the same rows, written by the client, statement by statement.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio_postgres::{Client, Row, Statement};

use super::load::Caller;
use super::stock::id_start;

/// The shard of the environment `default`.
const SHARD: i16 = 0;
const WORKER_QUEUE: &str = "main";
/// What the engine resolves where a run names none.
const MACHINE: &str = "small-1x";
const MAX_ATTEMPTS: i32 = 3;
/// The default of `engine.heartbeat_pending_executing_ms`.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Ids of runs that were taken out of the queue beforehand, the next one last.
pub(super) type Claimed = Arc<Mutex<Vec<String>>>;

/// Takes every run out of the queue, in one commit.
pub(super) async fn claim_all(client: &Client) -> Result<Claimed> {
    let sql = include_str!("sql/claim_all_items.sql");
    let rows = client.query(sql, &[&SHARD]).await?;
    let ids = rows.iter().rev().map(|row| row.get(0)).collect();
    Ok(Arc::new(Mutex::new(ids)))
}

/// What the client writes about a claimed run, as the engine's own claim does.
struct Writer {
    client: Client,
    update_state: Statement,
    insert_snapshot: Statement,
    insert_slot: Statement,
    insert_heartbeat: Statement,
    session: usize,
    snapshots: u64,
}

impl Writer {
    async fn new(client: Client, session: usize) -> Result<Self> {
        // The server then plans as little as for the engine's statements.
        client
            .batch_execute("set plan_cache_mode = force_generic_plan")
            .await?;
        Ok(Self {
            update_state: client.prepare(include_str!("sql/state_update.sql")).await?,
            insert_snapshot: client
                .prepare(include_str!("sql/snapshot_insert.sql"))
                .await?,
            insert_slot: client.prepare(include_str!("sql/slot_insert.sql")).await?,
            insert_heartbeat: client
                .prepare(include_str!("sql/heartbeat_insert.sql"))
                .await?,
            client,
            session,
            snapshots: 0,
        })
    }

    /// A new id of a snapshot, of the engine's form.
    fn snapshot_id(&mut self) -> Result<String> {
        self.snapshots += 1;
        let (session, number) = (self.session, self.snapshots);
        Ok(format!("{}{number:08x}{session:08x}", id_start()?))
    }

    async fn begin(&self) -> Result<()> {
        Ok(self.client.batch_execute("begin").await?)
    }

    async fn commit(&self) -> Result<()> {
        Ok(self.client.batch_execute("commit").await?)
    }

    async fn update_state(
        &self,
        run_id: &str,
        latest: &Row,
        run: &Row,
        snapshot_id: &str,
        now: SystemTime,
    ) -> Result<()> {
        let ordinal = latest.get::<_, i32>("ordinal") + 1;
        let max_attempts: Option<i32> = run.get("max_attempts");
        let max_attempts = max_attempts.unwrap_or(MAX_ATTEMPTS);
        let machine: Option<&str> = run.get("machine");
        let machine = machine.unwrap_or(MACHINE);
        self.client
            .execute(
                &self.update_state,
                &[
                    &SHARD,
                    &run_id,
                    &now,
                    &snapshot_id,
                    &ordinal,
                    &max_attempts,
                    &machine,
                ],
            )
            .await?;
        Ok(())
    }

    /// Snapshot, slot and deadline.
    async fn insert(
        &self,
        run_id: &str,
        latest: &Row,
        run: &Row,
        snapshot_id: &str,
        now: SystemTime,
    ) -> Result<()> {
        let ordinal = latest.get::<_, i32>("ordinal") + 1;
        self.client
            .execute(
                &self.insert_snapshot,
                &[
                    &SHARD,
                    &run_id,
                    &now,
                    &snapshot_id,
                    &ordinal,
                    &latest.get::<_, &str>("id"),
                    &latest.get::<_, Option<i32>>("attempt_number"),
                    &latest.get::<_, Option<&str>>("batch_id"),
                    &latest.get::<_, Option<&str>>("checkpoint_id"),
                    &latest.get::<_, Vec<&str>>("completed_waitpoint_ids"),
                    &latest.get::<_, Vec<&str>>("completed_waitpoint_order"),
                ],
            )
            .await?;
        self.client
            .execute(
                &self.insert_slot,
                &[
                    &SHARD,
                    &run_id,
                    &now,
                    &run.get::<_, &str>("environment_id"),
                    &run.get::<_, &str>("queue"),
                    &run.get::<_, Option<&str>>("concurrency_key"),
                ],
            )
            .await?;
        let interval_ms = i64::try_from(HEARTBEAT.as_millis())?;
        let deadline = now + HEARTBEAT;
        self.client
            .execute(
                &self.insert_heartbeat,
                &[&SHARD, &run_id, &snapshot_id, &interval_ms, &deadline],
            )
            .await?;
        Ok(())
    }
}

/// Update of the run in one commit, insert of its snapshot in another; before them the claim of the queue, unless that
/// was done beforehand.
pub(super) struct TwoCommits {
    writer: Writer,
    claim: Statement,
    read_snapshot: Statement,
    read_run: Statement,
    claimed: Option<Claimed>,
}

impl TwoCommits {
    pub(super) async fn new(
        client: Client,
        session: usize,
        claimed: Option<Claimed>,
    ) -> Result<Self> {
        let writer = Writer::new(client, session).await?;
        let client = &writer.client;
        Ok(Self {
            claim: client
                .prepare(include_str!("sql/claim_item_delete.sql"))
                .await?,
            read_snapshot: client
                .prepare(include_str!("sql/snapshot_read.sql"))
                .await?,
            read_run: client.prepare(include_str!("sql/run_read.sql")).await?,
            writer,
            claimed,
        })
    }

    async fn next_run(&self, now: SystemTime) -> Result<Option<String>> {
        if let Some(claimed) = &self.claimed {
            return Ok(claimed.lock().unwrap_or_else(PoisonError::into_inner).pop());
        }
        let client = &self.writer.client;
        let row = client
            .query_opt(&self.claim, &[&SHARD, &WORKER_QUEUE, &now])
            .await?;
        Ok(row.map(|row| row.get(0)))
    }
}

impl Caller for TwoCommits {
    async fn call(&mut self) -> Result<u64> {
        let now = SystemTime::now();
        let Some(run_id) = self.next_run(now).await? else {
            return Ok(0);
        };
        let snapshot_id = self.writer.snapshot_id()?;
        let writer = &self.writer;
        let read = &self.read_snapshot;
        let latest = writer.client.query_one(read, &[&SHARD, &run_id]).await?;
        let run = writer
            .client
            .query_one(&self.read_run, &[&SHARD, &run_id])
            .await?;
        writer.begin().await?;
        writer
            .update_state(&run_id, &latest, &run, &snapshot_id, now)
            .await?;
        writer.commit().await?;
        writer.begin().await?;
        writer
            .insert(&run_id, &latest, &run, &snapshot_id, now)
            .await?;
        writer.commit().await?;
        let read_back = writer.client.query_one(read, &[&SHARD, &run_id]).await?;
        anyhow::ensure!(
            read_back.get::<_, &str>("id") == snapshot_id,
            "not read back"
        );
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.writer.client
    }
}

/// Everything in one transaction.
pub(super) struct OneCommit {
    writer: Writer,
    lock_item: Statement,
    lock_run: Statement,
    delete_item: Statement,
}

impl OneCommit {
    pub(super) async fn new(client: Client, session: usize) -> Result<Self> {
        let writer = Writer::new(client, session).await?;
        let client = &writer.client;
        Ok(Self {
            lock_item: client
                .prepare(include_str!("sql/claim_item_lock.sql"))
                .await?,
            lock_run: client
                .prepare(include_str!("sql/run_lock_read.sql"))
                .await?,
            delete_item: client.prepare(include_str!("sql/item_delete.sql")).await?,
            writer,
        })
    }
}

impl Caller for OneCommit {
    async fn call(&mut self) -> Result<u64> {
        let now = SystemTime::now();
        let snapshot_id = self.writer.snapshot_id()?;
        let writer = &self.writer;
        writer.begin().await?;
        let item = writer
            .client
            .query_opt(&self.lock_item, &[&SHARD, &WORKER_QUEUE, &now])
            .await?;
        let Some(item) = item else {
            writer.commit().await?;
            return Ok(0);
        };
        let run_id: &str = item.get(0);
        let run = writer
            .client
            .query_opt(&self.lock_run, &[&SHARD, &run_id])
            .await?
            .context("somebody else holds the run")?;
        writer
            .client
            .execute(&self.delete_item, &[&SHARD, &run_id])
            .await?;
        writer
            .update_state(run_id, &run, &run, &snapshot_id, now)
            .await?;
        writer.insert(run_id, &run, &run, &snapshot_id, now).await?;
        writer.commit().await?;
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.writer.client
    }
}
