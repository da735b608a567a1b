//! The second half of a dequeue: locked runs leave the queue for their worker, which may start their attempts at once.

use std::collections::HashMap;

use engine_core::{
    Assignment, ExecutionStatus, RunId, RunStatus, Settings, Shard, SlotLimits, SnapshotId,
    Timestamp, Transition,
};

use super::Source;
use super::dequeue::Candidate;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::position::Positions;
use crate::backend::statement::statement;
use crate::backend::table::{append, change, delete, table};
use crate::backend::value::column;
use crate::document::{JsonB, Stored};
use crate::store::row::Caller;

statement!(APPLY, "dequeue_apply.sql");
statement!(START, "dequeue_and_start.sql");
statement!(CARRIED, "dequeue_carried.sql");
table!(RUN_STATE, "run_state", "03_run.sql");
table!(QUEUE_ITEM, "queue_item", "05_queue_item.sql");
table!(HEARTBEAT, "heartbeat", "06_heartbeat.sql");

/// A dequeued run.
pub(crate) struct Dequeued {
    /// The candidate, as it was locked.
    pub(crate) candidate: Candidate,
    /// The new snapshot.
    pub(crate) snapshot_id: SnapshotId,
    /// The settings that it executes with.
    pub(crate) assignment: Assignment,
    /// The limits that its slot counts against.
    pub(crate) limits: SlotLimits,
    /// What its snapshot carries, after [`apply`].
    pub(crate) carried: Carried,
    /// The attempt that has started with the dequeue.
    pub(crate) begun: Option<Begun>,
}

/// An attempt that starts with the dequeue of its run.
pub(crate) struct Begun {
    /// Its number.
    pub(crate) attempt_number: i32,
    /// Its snapshot, which is the latest.
    pub(crate) snapshot_id: SnapshotId,
}

impl Dequeued {
    pub(crate) fn ordinal(&self) -> i32 {
        self.candidate.run.snapshot_ordinal + 1
    }

    fn concurrency_key(&self) -> &str {
        self.candidate
            .concurrency_key
            .as_deref()
            .unwrap_or_default()
    }

    fn retry(&self) -> Option<JsonB> {
        self.assignment.retry.clone().map(JsonB)
    }

    fn latest_snapshot_id(&self) -> &SnapshotId {
        let begun = self.begun.as_ref();
        begun.map_or(&self.snapshot_id, |begun| &begun.snapshot_id)
    }

    /// Its attempt, in a call that starts each of its runs.
    pub(crate) fn begun(&self) -> &Begun {
        match &self.begun {
            Some(begun) => begun,
            None => unreachable!("each of these runs starts"),
        }
    }
}

/// What a snapshot carries for the worker.
#[derive(Default)]
pub(crate) struct Carried {
    pub(crate) checkpoint: Option<Stored>,
    pub(crate) completed_waitpoints: Option<Stored>,
}

/// Takes locked runs out of the queue.
pub(crate) fn apply(
    from: Source<'_>,
    runs: &mut [Dequeued],
    base_cost_in_cents: f64,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let mut positions = Positions::draw(runs.len());
    let status = ExecutionStatus::PendingExecuting;
    let carrying = APPLY.query(
        arguments!(APPLY {
            shard: from.shard,
            now: settings.now,
            worker_id: caller.worker_id,
            runner_id: caller.runner_id,
            heartbeat_ms: settings.heartbeats.interval_ms(status),
            transition: Transition::Dequeued.as_str(),
            execution_status: status.as_str(),
            run_status: RunStatus::Dequeued.as_str(),
            snapshot_run_status: RunStatus::Dequeued.in_snapshot().as_str(),
            horizon: positions.horizon,
            base_cost_in_cents,
            environment_id: from.environment_id,
            run_id: column(runs, |dequeued| dequeued.candidate.run.id.as_str()),
            snapshot_id: column(runs, |dequeued| dequeued.snapshot_id.as_str()),
            ordinal: column(runs, Dequeued::ordinal),
            position: positions.column(runs.len()),
            max_attempts: column(runs, |dequeued| dequeued.assignment.max_attempts),
            machine: column(runs, |dequeued| dequeued.assignment.machine.as_str()),
            retry: column(runs, Dequeued::retry),
            is_counted: column(runs, |dequeued| dequeued.limits.is_counted),
            version: column(runs, |dequeued| dequeued.assignment.version.as_deref()),
            max_duration_seconds: column(runs, |dequeued| dequeued.assignment.max_duration_seconds),
            queue: column(runs, |dequeued| dequeued.candidate.queue.as_str()),
            concurrency_key: column(runs, Dequeued::concurrency_key),
            is_noted: column(runs, |dequeued| dequeued.limits.is_noted)
        }),
        cell!(APPLY.run_id),
    );
    if !carrying.is_empty() {
        read_carried(from.shard, runs, &carrying);
    }
}

/// Reads what the snapshots of `carrying` carry, for these dequeued runs.
fn read_carried(shard: Shard, runs: &mut [Dequeued], carrying: &[RunId]) {
    let mut runs: HashMap<RunId, &mut Dequeued> = runs
        .iter_mut()
        .map(|dequeued| (dequeued.candidate.run.id.clone(), dequeued))
        .collect();
    let rows = CARRIED.query(
        arguments!(CARRIED {
            shard,
            run_ids: column(carrying, RunId::as_str)
        }),
        |cells| {
            let id: RunId = cell!(cells, CARRIED.run_id);
            let carried = Carried {
                checkpoint: cell!(cells, CARRIED.checkpoint),
                completed_waitpoints: cell!(cells, CARRIED.completed_waitpoints),
            };
            (id, carried)
        },
    );
    for (id, carried) in rows {
        if let Some(dequeued) = runs.get_mut(&id) {
            dequeued.carried = carried;
        }
    }
}

/// Takes locked runs out of the queue, and starts their first attempts.
pub(crate) fn start(
    from: Source<'_>,
    runs: &[Dequeued],
    base_cost_in_cents: f64,
    is_warm_start: bool,
    now: Timestamp,
) {
    if are_simple(runs) {
        return start_simply(from, runs, base_cost_in_cents, is_warm_start, now);
    }
    START.execute(arguments!(START {
        shard: from.shard,
        now,
        execution_status: ExecutionStatus::Executing,
        run_status: RunStatus::Executing,
        base_cost_in_cents,
        is_warm_start,
        run_id: column(runs, |dequeued| &dequeued.candidate.run.id),
        snapshot_id: column(runs, |dequeued| &dequeued.begun().snapshot_id),
        ordinal: column(runs, |dequeued| dequeued.ordinal() + 1),
        attempt_number: column(runs, |dequeued| dequeued.begun().attempt_number),
        max_attempts: column(runs, |dequeued| dequeued.assignment.max_attempts),
        machine: column(runs, |dequeued| dequeued.assignment.machine.as_str()),
        retry: column(runs, Dequeued::retry),
        version: column(runs, |dequeued| dequeued.assignment.version.as_deref()),
        max_duration_seconds: column(runs, |dequeued| dequeued.assignment.max_duration_seconds)
    }));
}

/// Whether none of these runs was dequeued before or carries anything, and no trigger sees what becomes of them: then no statement
/// is needed.
pub(crate) fn are_simple(runs: &[Dequeued]) -> bool {
    let are_new = runs
        .iter()
        .map(|dequeued| &dequeued.candidate)
        .all(|candidate| !candidate.run.was_dequeued && !candidate.carries);
    are_new && QUEUE_ITEM.is_plain() && RUN_STATE.is_plain()
}

/// Takes simple runs out of the queue, as [`apply`] does. Their snapshots and deadlines are written beside it.
pub(crate) fn dequeue(
    from: Source<'_>,
    runs: &[Dequeued],
    base_cost_in_cents: f64,
    now: Timestamp,
) {
    delete!(QUEUE_ITEM, from.shard, run_ids(runs), []);
    change!(RUN_STATE, from.shard, runs, |dequeued| dequeued.candidate.run.id.as_str() => {
        updated_at: now,
        dequeued_at: now,
        base_cost_in_cents: Some(base_cost_in_cents).filter(|cost| *cost != 0.0),
        run_status: RunStatus::Dequeued,
        execution_status: ExecutionStatus::PendingExecuting,
        snapshot_ordinal: dequeued.ordinal(),
        max_attempts: dequeued.assignment.max_attempts,
        max_duration_seconds: dequeued.assignment.max_duration_seconds,
        snapshot_id: &dequeued.snapshot_id,
        machine: dequeued.assignment.machine.as_str(),
        retry: dequeued.retry(),
        version: dequeued.assignment.version.as_deref(),
    });
}

/// Takes simple runs out of the queue and starts them, as the statement does.
fn start_simply(
    from: Source<'_>,
    runs: &[Dequeued],
    base_cost_in_cents: f64,
    is_warm_start: bool,
    now: Timestamp,
) {
    let ids = runs
        .iter()
        .map(|dequeued| dequeued.candidate.run.id.as_str());
    delete!(QUEUE_ITEM, from.shard, ids, []);
    change!(RUN_STATE, from.shard, runs, |dequeued| dequeued.candidate.run.id.as_str() => {
        updated_at: now,
        dequeued_at: now,
        prepared_at: None::<Timestamp>,
        executed_at: now,
        base_cost_in_cents: Some(base_cost_in_cents).filter(|cost| *cost != 0.0),
        run_status: RunStatus::Executing,
        execution_status: ExecutionStatus::Executing,
        snapshot_ordinal: dequeued.ordinal() + 1,
        attempt_number: dequeued.begun().attempt_number,
        max_attempts: dequeued.assignment.max_attempts,
        max_duration_seconds: dequeued.assignment.max_duration_seconds,
        is_warm_start: is_warm_start,
        snapshot_id: &dequeued.begun().snapshot_id,
        machine: dequeued.assignment.machine.as_str(),
        retry: dequeued.retry(),
        version: dequeued.assignment.version.as_deref(),
        attempt_batch_id: None::<&str>,
    });
}

/// Writes the slots and deadlines of runs whose first attempts start.
pub(crate) fn insert_deadlines(
    from: Source<'_>,
    runs: &[Dequeued],
    interval_ms: i64,
    now: Timestamp,
) {
    let deadline_at = now.plus_ms(interval_ms);
    append!(HEARTBEAT, runs, |dequeued| {
        shard: from.shard,
        holds_slot: true,
        is_counted: dequeued.limits.is_counted,
        is_noted: dequeued.limits.is_noted,
        run_id: &dequeued.candidate.run.id,
        snapshot_id: dequeued.latest_snapshot_id(),
        interval_ms: interval_ms,
        deadline_at: deadline_at,
        check_at: deadline_at,
        acquired_at: now,
        environment_id: from.environment_id,
        queue: dequeued.candidate.queue.as_str(),
        concurrency_key: dequeued.concurrency_key(),
    });
}

fn run_ids(runs: &[Dequeued]) -> impl Iterator<Item = &str> {
    runs.iter()
        .map(|dequeued| dequeued.candidate.run.id.as_str())
}
