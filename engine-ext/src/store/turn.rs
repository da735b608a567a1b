//! The last turns of workers.

use engine_core::{NamedTurn, RunId, Shard, SnapshotId, Timestamp};
use serde_json::Value;

use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;
use crate::store::row::Caller;

statement!(READ, "turn_read.sql");
statement!(WRITE, "turn_write.sql");
statement!(FORGET, "turn_forget.sql");

/// The last turn of a worker.
pub(crate) struct Last {
    pub(crate) id: String,
    /// Whether its content is that of the turn that the worker takes now.
    pub(crate) has_same_content: bool,
    /// SQLSTATE and message of each completion that was refused, by its position.
    pub(crate) refused: Option<Value>,
    /// The runs that started, each with the snapshot of its start.
    pub(crate) started: Vec<(RunId, SnapshotId)>,
    pub(crate) taken_at: Timestamp,
}

/// Reads the last turn of a worker.
pub(crate) fn last(caller: Caller<'_>, turn: &NamedTurn) -> Option<Last> {
    let rows = READ.query(
        arguments!(READ {
            shard: Shard::FIRST,
            worker_id: caller.worker_id,
            runner_id: caller.runner_id,
            digest: turn.digest.clone()
        }),
        decode,
    );
    rows.into_iter().next()
}

fn decode(cells: &Cells<READ>) -> Last {
    let run_ids: Vec<String> = cell!(cells, READ.run_ids);
    let snapshot_ids: Vec<String> = cell!(cells, READ.snapshot_ids);
    let started = run_ids.iter().zip(&snapshot_ids);
    Last {
        id: cell!(cells, READ.turn_id),
        has_same_content: cell!(cells, READ.has_same_content),
        refused: cell!(cells, READ.refused),
        started: started
            .map(|(run_id, snapshot_id)| (RunId::parse(run_id), SnapshotId::parse(snapshot_id)))
            .collect(),
        taken_at: cell!(cells, READ.taken_at),
    }
}

/// Writes a turn in place of the worker's last one; returns false if another call has taken the same turn meanwhile.
pub(crate) fn write(
    caller: Caller<'_>,
    turn: &NamedTurn,
    refused: Option<Value>,
    started: &[(&RunId, &SnapshotId)],
    taken_at: Timestamp,
) -> bool {
    WRITE.execute(arguments!(WRITE {
        shard: Shard::FIRST,
        worker_id: caller.worker_id,
        runner_id: caller.runner_id,
        turn_id: turn.id.as_str(),
        digest: turn.digest.clone(),
        refused: refused.map(JsonB),
        run_ids: column(started, |(run_id, _)| *run_id),
        snapshot_ids: column(started, |(_, snapshot_id)| *snapshot_id),
        taken_at,
        forget_at: NamedTurn::forget_at(taken_at)
    })) > 0
}

/// Deletes old turns; returns their number.
pub(crate) fn forget(max_items: i32, now: Timestamp) -> usize {
    FORGET.execute(arguments!(FORGET { now, max_items })) as usize
}
