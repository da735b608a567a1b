//! Reads the rows of a history.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use engine_core::{ExecutionStatus, RunStatus, Timestamp, Transition};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::row::{DeadlineRow, RunRows, SnapshotRow, StateRow};
use crate::server::{self, Server};

/// Every run of a worker queue, by id, with all its rows.
///
/// # Errors
/// What the server raises, and if ordinals skip or repeat.
pub async fn rows(server: &Server, worker_queue: &str) -> Result<Vec<RunRows>> {
    let runs = server.query(RUNS, &[&worker_queue]).await?;
    let mut runs: Vec<RunRows> = runs.iter().map(run).collect();
    for row in server.query(SNAPSHOTS, &[&worker_queue]).await? {
        let run_id: String = row.get("run_id");
        let run = runs.iter_mut().find(|run| run.run_id == run_id);
        let snapshots = &mut run.context("a snapshot without a run")?.snapshots;
        let ordinal: i32 = row.get("ordinal");
        ensure!(
            usize::try_from(ordinal) == Ok(snapshots.len() + 1),
            "snapshots of run {run_id} skip or repeat an ordinal"
        );
        snapshots.push(snapshot(&row));
    }
    Ok(runs)
}

const RUNS: &str = "
    select r.id, r.parent_run_id, r.root_run_id, r.depth, r.replayed_from, s.run_status::text, s.execution_status::text,
           s.snapshot_id, s.snapshot_ordinal, s.attempt_number, s.max_attempts, coalesce(s.queue_attempts, 0) as queue_attempts,
           coalesce(s.released_attempts, 0) as released_attempts, s.machine, s.retry,
           s.usage_duration_ms, coalesce(s.cost_in_cents, 0) as cost_in_cents, s.dequeued_at, s.is_dead_lettered, s.completed_at, s.output,
           case when s.run_status = 'COMPLETED_SUCCESSFULLY' then coalesce(s.output_type, 'application/json') end as output_type,
           s.error, coalesce(s.bulk_action_ids, '{}') as bulk_action_ids, i.available_at, h.snapshot_id as watched_id,
           h.holds_slot, h.interval_ms, h.deadline_at, h.check_at
    from engine.run as r
    join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
    left join engine.queue_item as i on i.shard = r.shard and i.run_id = r.id
    left join engine.heartbeat as h on h.shard = r.shard and h.run_id = r.id
    where r.worker_queue = $1
    order by r.id";

const SNAPSHOTS: &str = "
    select p.run_id, p.ordinal, p.id, p.previous_snapshot_id, p.transition::text, p.execution_status::text,
           p.run_status::text, p.attempt_number, p.is_valid, p.description, p.worker_id, p.runner_id, p.machine, p.detail, p.created_at
    from engine.history as p
    join engine.run as r on r.shard = p.shard and r.id = p.run_id
    where r.worker_queue = $1
    order by p.run_id, p.ordinal";

fn run(row: &Row) -> RunRows {
    RunRows {
        run_id: row.get("id"),
        parent_run_id: row.get("parent_run_id"),
        root_run_id: row.get("root_run_id"),
        depth: row.get("depth"),
        replayed_from: row.get("replayed_from"),
        state: state(row),
        available_at: moment(row, "available_at"),
        deadline: deadline(row),
        snapshots: Vec::new(),
    }
}

fn state(row: &Row) -> StateRow {
    StateRow {
        run_status: word(row, "run_status", RunStatus::parse),
        execution_status: word(row, "execution_status", ExecutionStatus::parse),
        snapshot_id: row.get("snapshot_id"),
        snapshot_ordinal: row.get("snapshot_ordinal"),
        attempt_number: row.get("attempt_number"),
        max_attempts: row.get("max_attempts"),
        queue_attempts: row.get("queue_attempts"),
        released_attempts: row.get("released_attempts"),
        machine: row.get("machine"),
        retry: json(row, "retry"),
        usage_duration_ms: row.get("usage_duration_ms"),
        cost_in_cents: row.get("cost_in_cents"),
        was_dequeued: moment(row, "dequeued_at").is_some(),
        is_dead_lettered: row.get("is_dead_lettered"),
        completed_at: moment(row, "completed_at"),
        output: row.get("output"),
        output_type: row.get("output_type"),
        error: json(row, "error"),
        bulk_action_ids: row.get("bulk_action_ids"),
    }
}

fn deadline(row: &Row) -> Option<DeadlineRow> {
    Some(DeadlineRow {
        snapshot_id: row.get::<_, Option<String>>("watched_id")?,
        holds_slot: row.get("holds_slot"),
        interval_ms: row.get("interval_ms"),
        deadline_at: moment(row, "deadline_at")?,
        check_at: moment(row, "check_at")?,
    })
}

fn snapshot(row: &Row) -> SnapshotRow {
    SnapshotRow {
        id: row.get("id"),
        previous_id: row.get("previous_snapshot_id"),
        transition: word(row, "transition", Transition::parse),
        execution_status: word(row, "execution_status", ExecutionStatus::parse),
        run_status: word(row, "run_status", RunStatus::parse),
        attempt_number: row.get("attempt_number"),
        is_valid: row.get("is_valid"),
        description: row.get("description"),
        worker_id: row.get("worker_id"),
        runner_id: row.get("runner_id"),
        machine: row.get("machine"),
        detail: json(row, "detail"),
        created_at: server::moment(row.get("created_at")),
    }
}

/// A value of an enum; core knows all of them.
fn word<T>(row: &Row, column: &str, parse: impl Fn(&str) -> Option<T>) -> T {
    let text = row.get::<_, String>(column);
    parse(&text).unwrap_or_else(|| panic!("core does not know {text}"))
}

fn moment(row: &Row, column: &str) -> Option<Timestamp> {
    row.get::<_, Option<SystemTime>>(column).map(server::moment)
}

fn json(row: &Row, column: &str) -> Option<Value> {
    row.get::<_, Option<Json<Value>>>(column).map(|json| json.0)
}
