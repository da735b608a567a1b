//! Deletes what belongs to runs that have ended, table by table, in the order of the ids.

use engine_core::{BatchId, Hold, RunId, RunStatus, Shard, TimerKind, Timestamp, WaitpointId};

use crate::backend::cache;
use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(LOCK, "removal_lock.sql");
statement!(PINNED, "removal_pinned.sql");
statement!(HELD, "removal_held.sql");
statement!(SNAPSHOTS, "removal_snapshot_delete.sql");
statement!(DETAILS, "removal_detail_delete.sql");
statement!(NOTICES, "removal_notice_delete.sql");
statement!(HISTORY, "removal_history_delete.sql");
statement!(UNUSED, "removal_waitpoint_unused.sql");
statement!(WAITPOINTS, "removal_waitpoint_delete.sql");
statement!(CHECKPOINTS, "removal_checkpoint_delete.sql");
statement!(TIMERS, "removal_timer_delete.sql");
statement!(KEYS, "removal_key_delete.sql");
statement!(RUNS, "removal_run_delete.sql");
statement!(LOCK_BATCHES, "removal_batch_lock.sql");
statement!(BATCHES, "removal_batch_delete.sql");

/// Where ids lie: statements read along an index from a first id to a last one, and not id by id. Few others should lie between.
pub(crate) struct Spans<'a> {
    first: Vec<&'a str>,
    last: Vec<&'a str>,
}

impl<'a> Spans<'a> {
    /// One for each id.
    pub(crate) fn single(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let first: Vec<&str> = ids.into_iter().collect();
        Self {
            last: first.clone(),
            first,
        }
    }

    /// One for each row of neighbours: `ids` are in order, each with whether it is meant.
    pub(crate) fn joined(ids: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let mut is_open = false;
        for (id, is_meant) in ids {
            match (is_meant, is_open) {
                (true, true) => {
                    last.pop();
                    last.push(id);
                }
                (true, false) => {
                    first.push(id);
                    last.push(id);
                }
                (false, _) => (),
            }
            is_open = is_meant;
        }
        Self { first, last }
    }
}

/// A locked run that has ended.
pub(crate) struct EndedRun {
    pub(crate) id: RunId,
    pub(crate) run_status: RunStatus,
    pub(crate) completed_at: Timestamp,
    /// Whether a waitpoint has waited for its end.
    pub(crate) has_waitpoint: bool,
    pub(crate) environment_id: String,
    pub(crate) task: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) parent_run_id: Option<RunId>,
    pub(crate) batch_id: Option<BatchId>,
    /// How long it is kept, milliseconds, if its trigger says so.
    pub(crate) keep_ms: Option<i64>,
}

/// Locks the runs among these that have ended and that no other session has locked, in the order of their ids.
pub(crate) fn lock(shard: Shard, ids: &[&RunId], spans: &Spans<'_>) -> Vec<EndedRun> {
    LOCK.query(
        arguments!(LOCK {
            shard,
            run_ids: ids,
            first_id: &spans.first[..],
            last_id: &spans.last[..]
        }),
        |cells| EndedRun {
            id: cell!(cells, LOCK.run_id),
            run_status: cell!(cells, LOCK.run_status),
            completed_at: cell!(cells, LOCK.ended_at),
            has_waitpoint: cell!(cells, LOCK.has_waitpoint),
            environment_id: cell!(cells, LOCK.environment_id),
            task: cell!(cells, LOCK.task),
            idempotency_key: cell!(cells, LOCK.idempotency_key),
            parent_run_id: cell!(cells, LOCK.parent_run_id),
            batch_id: cell!(cells, LOCK.batch_id),
            keep_ms: cell!(cells, LOCK.keep_ms),
        },
    )
}

/// The locked runs among these that something still needs.
pub(crate) fn pinned(shard: Shard, runs: &[EndedRun], spans: &Spans<'_>) -> Vec<RunId> {
    PINNED.query(
        arguments!(PINNED {
            shard,
            run_ids: column(runs, |run| &run.id),
            parent_run_id: column(runs, |run| run.parent_run_id.as_ref()),
            batch_id: column(runs, |run| run.batch_id.as_ref()),
            has_waitpoint: column(runs, |run| run.has_waitpoint),
            first_id: &spans.first[..],
            last_id: &spans.last[..]
        }),
        cell!(PINNED.id),
    )
}

/// The runs among these with events that named readers hold.
pub(crate) fn held(shard: Shard, ids: &[&RunId], holds: &[Hold], now: Timestamp) -> Vec<RunId> {
    HELD.query(
        arguments!(HELD {
            shard,
            run_ids: ids,
            row_position: column(holds, |hold| hold.row_position),
            since: column(holds, |hold| hold.since(now))
        }),
        cell!(HELD.run_id),
    )
}

/// Deletes the history of runs; returns the position of the last event in it.
pub(crate) fn snapshots(shard: Shard, ids: &[&RunId], spans: &Spans<'_>) -> Option<i64> {
    let last = SNAPSHOTS.query(
        arguments!(SNAPSHOTS {
            shard,
            run_ids: ids,
            first_id: &spans.first[..],
            last_id: &spans.last[..]
        }),
        cell!(SNAPSHOTS.last_position),
    );
    last.into_iter().next().flatten()
}

/// Deletes payload, metadata and output of runs, and their history but for the last snapshot; returns the position of the last event
/// in it.
pub(crate) fn details(shard: Shard, ids: &[&RunId]) -> Option<i64> {
    let last = DETAILS.query(
        arguments!(DETAILS {
            shard,
            run_ids: ids
        }),
        cell!(DETAILS.last_position),
    );
    last.into_iter().next().flatten()
}

/// Deletes the checkpoints of runs.
pub(crate) fn checkpoints(shard: Shard, ids: &[&RunId], spans: &Spans<'_>) {
    CHECKPOINTS.execute(arguments!(CHECKPOINTS {
        shard,
        run_ids: ids,
        first_id: &spans.first[..],
        last_id: &spans.last[..]
    }));
}

/// Deletes the notices of runs; returns the position of the last event of them.
pub(crate) fn notices(shard: Shard, ids: &[&RunId], spans: &Spans<'_>) -> Option<i64> {
    let last = NOTICES.query(
        arguments!(NOTICES {
            shard,
            run_ids: ids,
            first_id: &spans.first[..],
            last_id: &spans.last[..]
        }),
        cell!(NOTICES.last_position),
    );
    last.into_iter().next().flatten()
}

/// Deletes the records of the waits of runs; returns the waitpoints that they name.
pub(crate) fn waits(shard: Shard, ids: &[&RunId], spans: &Spans<'_>) -> Vec<WaitpointId> {
    HISTORY.query(
        arguments!(HISTORY {
            shard,
            run_ids: ids,
            first_id: &spans.first[..],
            last_id: &spans.last[..]
        }),
        cell!(HISTORY.waitpoint_id),
    )
}

/// The locked waitpoints among these that have served, and of which no run is left that waited for them.
pub(crate) fn unused(shard: Shard, ids: &[&WaitpointId], now: Timestamp) -> Vec<WaitpointId> {
    UNUSED.query(
        arguments!(UNUSED {
            shard,
            waitpoint_ids: ids,
            now
        }),
        cell!(UNUSED.id),
    )
}

/// Deletes locked waitpoints, with their timers and the records of the runs that waited for them.
pub(crate) fn waitpoints(shard: Shard, ids: &[&WaitpointId]) {
    WAITPOINTS.execute(arguments!(WAITPOINTS {
        shard,
        waitpoint_ids: ids
    }));
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    let spans = Spans::single(ids.iter().copied());
    timers(shard, &[TimerKind::FinishWaitpoint], ids, &spans);
}

/// Deletes the checkpoints, timers and keys of locked runs, and then the runs; `digests` are those of the idempotency keys
/// that are free. Sessions forget what they know of runs.
pub(crate) fn runs(shard: Shard, ids: &[&RunId], spans: &Spans<'_>, digests: Vec<Vec<u8>>) {
    checkpoints(shard, ids, spans);
    let kinds = [
        TimerKind::CancelRun,
        TimerKind::EndDelay,
        TimerKind::ContinueRun,
        TimerKind::EndKeep,
    ];
    let subjects = ids.iter().map(|id| id.as_str()).collect();
    timers(shard, &kinds, subjects, spans);
    KEYS.execute(arguments!(KEYS {
        shard,
        run_ids: ids,
        first_id: &spans.first[..],
        last_id: &spans.last[..],
        digests
    }));
    RUNS.execute(arguments!(RUNS {
        shard,
        run_ids: ids,
        first_id: &spans.first[..],
        last_id: &spans.last[..]
    }));
    cache::removed();
}

/// Locks the batches among these that have served: they have ended, under no key that is still valid, and have no run.
pub(crate) fn lock_batches(shard: Shard, ids: &[&BatchId], now: Timestamp) -> Vec<BatchId> {
    LOCK_BATCHES.query(
        arguments!(LOCK_BATCHES {
            shard,
            batch_ids: ids,
            now
        }),
        cell!(LOCK_BATCHES.id),
    )
}

/// Deletes locked batches, with their items and timers.
pub(crate) fn batches(shard: Shard, ids: &[&BatchId]) {
    BATCHES.execute(arguments!(BATCHES {
        shard,
        batch_ids: ids
    }));
    let kinds = [TimerKind::CompleteBatch, TimerKind::ExpireBatch];
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    let spans = Spans::single(ids.iter().copied());
    timers(shard, &kinds, ids, &spans);
}

fn timers(shard: Shard, kinds: &[TimerKind], ids: Vec<&str>, spans: &Spans<'_>) {
    TIMERS.execute(arguments!(TIMERS {
        shard,
        kinds: kinds.to_vec(),
        ids,
        first_id: &spans.first[..],
        last_id: &spans.last[..]
    }));
}
