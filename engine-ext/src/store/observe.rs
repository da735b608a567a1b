//! Reads that change nothing.

use engine_core::{RunId, Shard, SnapshotId};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::Stored;
use crate::store::row::Execution;

statement!(EXECUTION, "execution_read.sql");
statement!(EXECUTION_DATA, "execution_data_read.sql");
statement!(MOVED, "run_moved.sql");
statement!(OUTCOME, "run_outcome_read.sql");
statement!(SNAPSHOTS_SINCE, "snapshots_since_read.sql");

/// The status of a run, with its result once it has ended.
pub(crate) struct RunResult {
    pub(crate) run_id: String,
    pub(crate) snapshot_id: String,
    pub(crate) run_status: String,
    pub(crate) execution_status: String,
    pub(crate) attempt_number: Option<i32>,
    pub(crate) output: Option<String>,
    pub(crate) output_type: Option<String>,
    pub(crate) error: Option<Stored>,
    pub(crate) completed_at: Option<TimestampWithTimeZone>,
    pub(crate) usage_duration_ms: i32,
}

/// The latest snapshots of these runs of one shard, in the given order.
pub(crate) fn executions(shard: Shard, ids: &[&RunId]) -> Vec<Execution> {
    EXECUTION.query(
        arguments!(EXECUTION {
            shard,
            run_ids: ids
        }),
        |cells| Execution {
            run_id: cell!(cells, EXECUTION.run_id),
            snapshot_id: cell!(cells, EXECUTION.id),
            execution_status: cell!(cells, EXECUTION.execution_status),
            run_status: cell!(cells, EXECUTION.run_status),
            attempt_number: cell!(cells, EXECUTION.attempt_number),
            description: cell!(cells, EXECUTION.description),
            created_at: cell!(cells, EXECUTION.created_at),
            heartbeat_ms: cell!(cells, EXECUTION.interval_ms),
        },
    )
}

/// The runs among these of one shard that have moved on, or do not exist.
pub(crate) fn moved(shard: Shard, held: &[&(RunId, SnapshotId)]) -> Vec<String> {
    MOVED.query(
        arguments!(MOVED {
            shard,
            run_id: column(held, |(run_id, _)| run_id.as_str()),
            snapshot_id: column(held, |(_, snapshot_id)| snapshot_id.as_str())
        }),
        cell!(MOVED.run_id),
    )
}

/// The latest snapshot of a run.
pub(crate) fn execution(id: &RunId) -> Execution {
    match executions(id.shard(), &[id]).pop() {
        Some(execution) => execution,
        None => unreachable!("there is a row for each id"),
    }
}

/// The latest snapshot of a run as its worker reads it.
pub(crate) fn execution_data(id: &RunId, environment_id: Option<&str>) -> Option<Stored> {
    EXECUTION_DATA
        .query(
            arguments!(EXECUTION_DATA {
                shard: id.shard(),
                run_id: id.as_str(),
                environment_id
            }),
            cell!(EXECUTION_DATA.data),
        )
        .pop()
}

/// The snapshots of a run after a given one.
pub(crate) fn snapshots_since(
    id: &RunId,
    since: &SnapshotId,
    environment_id: Option<&str>,
) -> Option<Stored> {
    SNAPSHOTS_SINCE
        .query(
            arguments!(SNAPSHOTS_SINCE {
                shard: id.shard(),
                run_id: id.as_str(),
                snapshot_id: since.as_str(),
                environment_id
            }),
            cell!(SNAPSHOTS_SINCE.snapshots),
        )
        .pop()
}

/// The status of a run, with its result once it has ended; `None` if there is no such run.
pub(crate) fn result(id: &RunId, environment_id: Option<&str>) -> Option<RunResult> {
    OUTCOME
        .query(
            arguments!(OUTCOME {
                shard: id.shard(),
                run_id: id.as_str(),
                environment_id
            }),
            |cells| RunResult {
                run_id: cell!(cells, OUTCOME.run_id),
                snapshot_id: cell!(cells, OUTCOME.snapshot_id),
                run_status: cell!(cells, OUTCOME.run_status),
                execution_status: cell!(cells, OUTCOME.execution_status),
                attempt_number: cell!(cells, OUTCOME.attempt_number),
                output: cell!(cells, OUTCOME.output),
                output_type: cell!(cells, OUTCOME.output_type),
                error: cell!(cells, OUTCOME.error),
                completed_at: cell!(cells, OUTCOME.completed_at),
                usage_duration_ms: cell!(cells, OUTCOME.usage_duration_ms),
            },
        )
        .pop()
}
