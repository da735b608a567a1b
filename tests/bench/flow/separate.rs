//! The flows as separate commits: each write is a commit of its own, sent by the client.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, Row, Statement};

use super::caller::{Left, next};
use super::kind::{Change, Flow, USAGE_MS, Write};
use crate::load::Caller;
use crate::stock::id_start;

/// The shard of the environment `default`.
const SHARD: i16 = 0;

/// When a requeued run is due again: the first back-off of the queue.
const BACKOFF: Duration = Duration::from_secs(2);

/// Location of its checkpoints.
const LOCATION: &str = "here";

/// Does the flow with one run after the other.
pub(super) struct Separate {
    client: Client,
    change: Change,
    read_snapshot: Statement,
    read_run: Statement,
    read_children: Option<Statement>,
    writes: Vec<(Write, Statement)>,
    session: usize,
    snapshots: u64,
    left: Left,
}

type Argument<'a> = &'a (dyn ToSql + Sync);

/// A run, and its change.
struct Step<'a> {
    run_id: &'a str,
    latest: &'a Row,
    /// The new snapshot's; a checkpoint has the same one.
    id: &'a str,
    now: SystemTime,
}

impl Separate {
    pub(super) async fn new(
        client: Client,
        flow: Flow,
        session: usize,
        left: Left,
    ) -> Result<Self> {
        // The server then plans as little as for the engine's statements.
        client
            .batch_execute("set plan_cache_mode = force_generic_plan")
            .await?;
        let mut writes = Vec::new();
        for write in flow.writes() {
            writes.push((*write, client.prepare(sql(*write)).await?));
        }
        let children = include_str!("../sql/flow/children_read.sql");
        Ok(Self {
            read_snapshot: client
                .prepare(include_str!("../sql/snapshot_read.sql"))
                .await?,
            read_run: client.prepare(include_str!("../sql/run_read.sql")).await?,
            read_children: match flow {
                Flow::CancelQueued => Some(client.prepare(children).await?),
                _ => None,
            },
            client,
            change: flow.change(),
            writes,
            session,
            snapshots: 0,
            left,
        })
    }

    /// A new id, of the engine's form.
    fn id(&mut self) -> Result<String> {
        self.snapshots += 1;
        let (session, number) = (self.session, self.snapshots);
        Ok(format!("{}{session:06x}{number:08x}00", id_start()?))
    }

    async fn write(&self, write: Write, statement: &Statement, step: &Step<'_>) -> Result<()> {
        let Step {
            run_id,
            latest,
            id,
            now,
        } = step;
        let change = &self.change;
        let (status, run_status) = (&change.execution_status, &change.run_status);
        let ordinal = latest.get::<_, i32>("ordinal") + 1;
        let attempt_number: Option<i32> = latest.get("attempt_number");
        let checkpoint_id = (*status == "SUSPENDED").then_some(id);
        let (error, detail) = (
            change.error.as_ref().map(Json),
            change.detail.as_ref().map(Json),
        );
        let retry_at = change.retry.map(|delay| *now + delay);
        let available_at = retry_at.unwrap_or(*now + BACKOFF);
        // Most statements begin with the same arguments.
        let common: [Argument<'_>; 7] = [&SHARD, run_id, now, id, &ordinal, status, run_status];
        let (count, own): (usize, Vec<Argument<'_>>) = match write {
            Write::DeleteEdges | Write::DeleteItem => (2, vec![]),
            Write::Nack => (2, vec![&available_at]),
            Write::UpdateUsage => (3, vec![&USAGE_MS]),
            Write::InsertCheckpoint => (4, vec![&LOCATION]),
            Write::MoveHeartbeat => (4, vec![&change.interval_ms, &change.holds_slot]),
            Write::UpdateState => (7, vec![&change.usage_ms, &change.queue_attempts, &error]),
            Write::InsertSnapshot => (
                7,
                vec![
                    &attempt_number,
                    &change.transition,
                    &change.description,
                    &checkpoint_id,
                    &detail,
                    &retry_at,
                ],
            ),
        };
        let arguments = [&common[..count], &own].concat();
        let rows = self.client.execute(statement, &arguments).await?;
        ensure!(
            rows == 1 || write == Write::DeleteEdges,
            "{write:?} wrote {rows} rows"
        );
        Ok(())
    }
}

fn sql(write: Write) -> &'static str {
    match write {
        Write::DeleteEdges => include_str!("../sql/flow/edge_delete.sql"),
        Write::UpdateUsage => include_str!("../sql/flow/usage_update.sql"),
        Write::UpdateState => include_str!("../sql/flow/state_update.sql"),
        Write::InsertSnapshot => include_str!("../sql/flow/snapshot_insert.sql"),
        Write::InsertCheckpoint => include_str!("../sql/flow/checkpoint_insert.sql"),
        Write::MoveHeartbeat => include_str!("../sql/flow/heartbeat_move.sql"),
        Write::Nack => include_str!("../sql/flow/nack.sql"),
        Write::DeleteItem => include_str!("../sql/item_delete.sql"),
    }
}

impl Caller for Separate {
    async fn call(&mut self) -> Result<u64> {
        let Some((run_id, snapshot_id)) = next(&self.left) else {
            return Ok(0);
        };
        let id = self.id()?;
        let client = &self.client;
        let latest = client
            .query_one(&self.read_snapshot, &[&SHARD, &run_id])
            .await?;
        ensure!(
            latest.get::<_, &str>("id") == snapshot_id,
            "another session has the run"
        );
        client.query_one(&self.read_run, &[&SHARD, &run_id]).await?;
        let step = Step {
            run_id: &run_id,
            latest: &latest,
            id: &id,
            now: SystemTime::now(),
        };
        for (write, statement) in &self.writes {
            self.write(*write, statement, &step).await?;
        }
        if let Some(statement) = &self.read_children {
            client.query(statement, &[&SHARD, &run_id]).await?;
        }
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
