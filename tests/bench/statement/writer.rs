//! The client's writes for a dequeued run.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use tokio_postgres::{Client, Row, Statement};

use super::SHARD;
use crate::stock::id_start;

/// The engine's default for runs that name none.
const MACHINE: &str = "small-1x";
const MAX_ATTEMPTS: i32 = 3;
/// The default of `engine.heartbeat_pending_executing_ms`.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// The client's writes for a dequeued run, the same as the engine's.
pub(super) struct Writer {
    pub(super) client: Client,
    update_state: Statement,
    insert_snapshot: Statement,
    insert_heartbeat: Statement,
    session: usize,
    snapshots: u64,
}

impl Writer {
    pub(super) async fn new(client: Client, session: usize) -> Result<Self> {
        // The server then plans as little as for the engine's statements.
        client
            .batch_execute("set plan_cache_mode = force_generic_plan")
            .await?;
        Ok(Self {
            update_state: client
                .prepare(include_str!("../sql/state_update.sql"))
                .await?,
            insert_snapshot: client
                .prepare(include_str!("../sql/snapshot_insert.sql"))
                .await?,
            insert_heartbeat: client
                .prepare(include_str!("../sql/heartbeat_insert.sql"))
                .await?,
            client,
            session,
            snapshots: 0,
        })
    }

    /// A new id of a snapshot, of the engine's form.
    pub(super) fn snapshot_id(&mut self) -> Result<String> {
        self.snapshots += 1;
        let (session, number) = (self.session, self.snapshots);
        Ok(format!("{}{number:08x}{session:08x}", id_start()?))
    }

    pub(super) async fn begin(&self) -> Result<()> {
        Ok(self.client.batch_execute("begin").await?)
    }

    pub(super) async fn commit(&self) -> Result<()> {
        Ok(self.client.batch_execute("commit").await?)
    }

    pub(super) async fn update_state(
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
        let machine = machine(run);
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

    /// Snapshot, deadline and slot.
    pub(super) async fn insert(
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
                    &latest.get::<_, Option<i32>>("attempt_number"),
                    &latest.get::<_, Option<&str>>("batch_id"),
                    &latest.get::<_, Option<&str>>("checkpoint_id"),
                    &latest.get::<_, Option<Vec<&str>>>("completed_waitpoint_ids"),
                    &latest.get::<_, Option<Vec<&str>>>("completed_waitpoint_order"),
                    &machine(run),
                ],
            )
            .await?;
        let interval_ms = i64::try_from(HEARTBEAT.as_millis())?;
        let deadline = now + HEARTBEAT;
        self.client
            .execute(
                &self.insert_heartbeat,
                &[
                    &SHARD,
                    &run_id,
                    &snapshot_id,
                    &interval_ms,
                    &deadline,
                    &now,
                    &run.get::<_, &str>("environment_id"),
                    &run.get::<_, &str>("queue"),
                    &run.get::<_, Option<&str>>("concurrency_key"),
                ],
            )
            .await?;
        Ok(())
    }
}

/// The machine that a run asks for.
fn machine(run: &Row) -> &str {
    let machine: Option<&str> = run.get("machine");
    machine.unwrap_or(MACHINE)
}
