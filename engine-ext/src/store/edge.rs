//! Edges: which run waits for which waitpoint.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{BatchId, Blocker, RunId, Shard, Timestamp, Waiting, WaitpointId, WaitpointType};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};

static INSERT: Statement = statement!("edge_insert.sql");
static OF_WAITPOINTS: Statement = statement!("edge_of_waitpoints.sql");
static PENDING: Statement = statement!("blocker_pending.sql");
static BLOCKERS: Statement = statement!("blocker_read.sql");
static NOTE: Statement = statement!("continuation_insert.sql");
static DELETE: Statement = statement!("edge_delete.sql");

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
    INSERT.execute(arguments![
        shard.number(),
        time(now),
        column(edges, |edge| edge.run_id.as_str()),
        column(edges, |edge| edge.waitpoint_id.as_str()),
        column(edges, |edge| edge.batch_index.unwrap_or(-1)),
        column(edges, |edge| edge.batch_id.map(BatchId::as_str)),
        column(edges, |edge| edge.span_id),
    ]);
}

/// Makes the tick check whether runs continue.
pub(crate) fn note(shard: Shard, runs: &[(&RunId, &WaitpointId)], now: Timestamp) {
    if runs.is_empty() {
        return;
    }
    NOTE.execute(arguments![
        shard.number(),
        time(now),
        column(runs, |(run_id, _)| run_id.as_str()),
        column(runs, |(_, waitpoint_id)| waitpoint_id.as_str()),
    ]);
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
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| Edge {
            run_id: RunId::parse(&cells.value::<String>()),
            waitpoint_id: WaitpointId::parse(&cells.value::<String>()),
            span_id: cells.nullable(),
            created_at: cells.value(),
            output_is_error: cells.value(),
            completed_by: cells.nullable(),
        },
    )
}

/// The runs among these locked ones with a pending waitpoint.
pub(crate) fn pending(shard: Shard, ids: &[&RunId]) -> BTreeSet<RunId> {
    let rows = PENDING.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| RunId::parse(&cells.value::<String>()),
    );
    rows.into_iter().collect()
}

/// What decides whether these locked runs continue.
pub(crate) fn blockers(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, Waiting> {
    let rows = BLOCKERS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| {
            let run_id = RunId::parse(&cells.value::<String>());
            let waiting = Waiting {
                has_checkpoint: cells.value(),
                position: Timestamp::from_micros(cells.value::<TimestampWithTimeZone>().into()),
                blockers: Vec::new(),
            };
            let waitpoint_id: Option<String> = cells.nullable();
            let kind: Option<String> = cells.nullable();
            let is_completed = cells.value();
            let batch_index = cells.nullable();
            let blocker = waitpoint_id.map(|id| Blocker {
                waitpoint_id: WaitpointId::parse(&id),
                kind: kind
                    .and_then(|kind| WaitpointType::parse(&kind))
                    .unwrap_or(WaitpointType::Manual),
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
    DELETE.execute(arguments![shard.number(), run_ids]);
}
