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
use crate::backend::table::{append, table};
use crate::backend::value::column;
use crate::document::{JsonB, Stored};
use crate::store::row::Caller;

statement!(APPLY, "dequeue_apply.sql");
statement!(START, "dequeue_and_start.sql");
statement!(CARRIED, "dequeue_carried.sql");
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
        snapshot_id: &dequeued.begun().snapshot_id,
        interval_ms: interval_ms,
        deadline_at: deadline_at,
        check_at: deadline_at,
        acquired_at: now,
        environment_id: from.environment_id,
        queue: dequeued.candidate.queue.as_str(),
        concurrency_key: dequeued.concurrency_key(),
    });
}
