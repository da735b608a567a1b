//! Edges: which run waits for which waitpoint.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{BatchId, Blocker, RunId, Shard, Timestamp, Waiting, WaitpointId, WaitpointType};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(INSERT, "edge_insert.sql");
statement!(OF_WAITPOINTS, "edge_of_waitpoints.sql");
statement!(PENDING, "blocker_pending.sql");
statement!(BLOCKERS, "blocker_read.sql");
statement!(NOTE, "continuation_insert.sql");
statement!(DELETE, "edge_delete.sql");

/// A run, and a waitpoint to wait for.
#[derive(Clone, Copy)]
pub(crate) struct NewEdge<'a> {
    pub(crate) run_id: &'a RunId,
    pub(crate) waitpoint_id: &'a WaitpointId,
    pub(crate) batch_index: Option<i32>,
    pub(crate) batch_id: Option<&'a BatchId>,
    pub(crate) span_id: Option<&'a str>,
}

/// Makes locked runs of one shard wait.
pub(crate) fn insert(shard: Shard, edges: &[NewEdge<'_>], now: Timestamp) {
    INSERT.execute(arguments!(INSERT {
        shard,
        now,
        run_id: column(edges, |edge| edge.run_id.as_str()),
        waitpoint_id: column(edges, |edge| edge.waitpoint_id.as_str()),
        batch_index: column(edges, |edge| edge.batch_index.unwrap_or(-1)),
        batch_id: column(edges, |edge| edge.batch_id),
        span_id: column(edges, |edge| edge.span_id)
    }));
}

/// Makes the tick check whether runs continue.
pub(crate) fn note(shard: Shard, runs: &[(&RunId, &WaitpointId)], now: Timestamp) {
    if runs.is_empty() {
        return;
    }
    NOTE.execute(arguments!(NOTE {
        shard,
        now,
        run_id: column(runs, |(run_id, _)| run_id.as_str()),
        waitpoint_id: column(runs, |(_, waitpoint_id)| waitpoint_id.as_str())
    }));
}

/// A run that waits for a completed waitpoint.
pub(crate) struct Edge {
    pub(crate) run_id: RunId,
    pub(crate) waitpoint_id: WaitpointId,
    pub(crate) span_id: Option<String>,
    pub(crate) created_at: TimestampWithTimeZone,
    pub(crate) output_is_error: bool,
    pub(crate) completed_by: Option<String>,
}

/// The edges that lead to these waitpoints.
pub(crate) fn of_waitpoints(shard: Shard, ids: &[WaitpointId]) -> Vec<Edge> {
    OF_WAITPOINTS.query(
        arguments!(OF_WAITPOINTS {
            shard,
            waitpoint_ids: ids
        }),
        |cells| Edge {
            run_id: cell!(cells, OF_WAITPOINTS.run_id),
            waitpoint_id: cell!(cells, OF_WAITPOINTS.waitpoint_id),
            span_id: cell!(cells, OF_WAITPOINTS.span_id),
            created_at: cell!(cells, OF_WAITPOINTS.created_at),
            output_is_error: cell!(cells, OF_WAITPOINTS.output_is_error),
            completed_by: cell!(cells, OF_WAITPOINTS.completed_by_run_id),
        },
    )
}

/// The runs among these locked ones with a pending waitpoint.
pub(crate) fn pending(shard: Shard, ids: &[&RunId]) -> BTreeSet<RunId> {
    let rows = PENDING.query(
        arguments!(PENDING {
            shard,
            run_ids: ids
        }),
        cell!(PENDING.run_id),
    );
    rows.into_iter().collect()
}

/// What decides whether these locked runs continue.
pub(crate) fn blockers(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, Waiting> {
    let rows = BLOCKERS.query(
        arguments!(BLOCKERS {
            shard,
            run_ids: ids
        }),
        |cells| {
            let run_id: RunId = cell!(cells, BLOCKERS.run_id);
            let waiting = Waiting {
                has_checkpoint: cell!(cells, BLOCKERS.has_checkpoint),
                position: cell!(cells, BLOCKERS.position),
                blockers: Vec::new(),
            };
            let waitpoint_id = cell!(cells, BLOCKERS.waitpoint_id as Option<WaitpointId>);
            let kind = cell!(cells, BLOCKERS.type as Option<WaitpointType>);
            let is_completed = cell!(cells, BLOCKERS.is_completed);
            let batch_index = cell!(cells, BLOCKERS.batch_index);
            let blocker = waitpoint_id.map(|waitpoint_id| Blocker {
                waitpoint_id,
                kind: kind.unwrap_or(WaitpointType::Manual),
                is_completed,
                batch_index,
            });
            (run_id, waiting, blocker)
        },
    );
    let mut all: BTreeMap<RunId, Waiting> = BTreeMap::new();
    for (run_id, waiting, blocker) in rows {
        let waiting = all.entry(run_id).or_insert(waiting);
        waiting.blockers.extend(blocker);
    }
    all
}

/// Deletes the edges of runs that stop waiting.
pub(crate) fn delete(shard: Shard, run_ids: Vec<&str>) {
    DELETE.execute(arguments!(DELETE { shard, run_ids }));
}
