//! Reads, locks and completes waitpoints.

pub(crate) mod copy;
pub(crate) mod insert;

use std::collections::BTreeMap;

use engine_core::{BatchId, Output, Run, RunId, Shard, Timestamp, WaitpointId, WaitpointStatus};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::Stored;

statement!(BY_KEY, "waitpoint_by_key.sql");
statement!(ROTATE, "waitpoint_rotate.sql");
statement!(COMPLETE, "waitpoint_complete.sql");
statement!(OF_RUNS, "waitpoint_of_runs.sql");
statement!(OF_BATCHES, "waitpoint_of_batches.sql");
statement!(READ, "waitpoint_read.sql");
statement!(DATA, "waitpoint_data_read.sql");
statement!(ENVIRONMENT, "waitpoint_environment_read.sql");

/// A waitpoint, as its creator and its completer see it.
pub(crate) struct Waitpoint {
    pub(crate) id: WaitpointId,
    pub(crate) status: WaitpointStatus,
    pub(crate) completed_after: Option<TimestampWithTimeZone>,
    pub(crate) completed_at: Option<TimestampWithTimeZone>,
    pub(crate) output: Option<String>,
    pub(crate) output_type: String,
    pub(crate) output_is_error: bool,
    pub(crate) created_at: TimestampWithTimeZone,
}

/// A waitpoint, if it exists in that environment.
pub(crate) fn read(id: &WaitpointId, environment_id: Option<&str>) -> Option<Waitpoint> {
    READ.query(
        arguments!(READ {
            shard: id.shard(),
            waitpoint_id: id.as_str(),
            environment_id
        }),
        |cells| Waitpoint {
            id: cell!(cells, READ.id),
            status: cell!(cells, READ.status),
            completed_after: cell!(cells, READ.completed_after),
            completed_at: cell!(cells, READ.completed_at),
            output: cell!(cells, READ.output),
            output_type: cell!(cells, READ.output_type),
            output_is_error: cell!(cells, READ.output_is_error),
            created_at: cell!(cells, READ.created_at),
        },
    )
    .pop()
}

/// The environment of a waitpoint, if there is one with this id.
pub(crate) fn environment(id: &WaitpointId) -> Option<String> {
    let arguments = arguments!(ENVIRONMENT {
        shard: id.shard(),
        waitpoint_id: id.as_str()
    });
    ENVIRONMENT
        .query(arguments, cell!(ENVIRONMENT.environment_id))
        .pop()
}

/// A waitpoint as callers see it, if it exists in that environment.
pub(crate) fn data(id: &WaitpointId, environment_id: Option<&str>) -> Option<Stored> {
    DATA.query(
        arguments!(DATA {
            shard: id.shard(),
            waitpoint_id: id.as_str(),
            environment_id
        }),
        cell!(DATA.data),
    )
    .pop()
}

/// The waitpoint with a caller's key, and when the key expires.
pub(crate) fn by_key(
    shard: Shard,
    environment_id: &str,
    key: &str,
) -> Option<(WaitpointId, Option<Timestamp>)> {
    BY_KEY
        .query(
            arguments!(BY_KEY {
                shard,
                environment_id,
                key
            }),
            |cells| {
                let expires_at = cell!(cells, BY_KEY.idempotency_key_expires_at);
                (cell!(cells, BY_KEY.id), expires_at)
            },
        )
        .pop()
}

/// Removes an expired key from its waitpoint.
pub(crate) fn rotate(id: &WaitpointId, key: &str, stand_in: &str) {
    ROTATE.execute(arguments!(ROTATE {
        shard: id.shard(),
        waitpoint_id: id.as_str(),
        key,
        stand_in
    }));
}

/// The waitpoints of these locked runs.
pub(crate) fn of_runs(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, WaitpointId> {
    let rows = OF_RUNS.query(
        arguments!(OF_RUNS {
            shard,
            run_ids: ids
        }),
        |cells| {
            (
                cell!(cells, OF_RUNS.completed_by_run_id),
                cell!(cells, OF_RUNS.id),
            )
        },
    );
    rows.into_iter().collect()
}

/// The waitpoints of these batches, and whether they are pending.
pub(crate) fn of_batches(shard: Shard, ids: &[&BatchId]) -> Vec<(BatchId, WaitpointId, bool)> {
    OF_BATCHES.query(
        arguments!(OF_BATCHES {
            shard,
            batch_ids: ids
        }),
        |cells| {
            (
                cell!(cells, OF_BATCHES.completed_by_batch_id),
                cell!(cells, OF_BATCHES.id),
                cell!(cells, OF_BATCHES.status as WaitpointStatus) == WaitpointStatus::Pending,
            )
        },
    )
}

statement!(SHARE, "waitpoint_share.sql");
statement!(LOCK_FREE, "waitpoint_lock_free.sql");

/// A locked waitpoint that a run is going to wait for.
pub(crate) struct Shared {
    pub(crate) id: WaitpointId,
    pub(crate) is_completed: bool,
    /// Whether it belongs to the run's environment.
    pub(crate) is_own: bool,
    /// Whether the end of the run itself completes it.
    pub(crate) is_own_end: bool,
}

/// Locks waitpoints that a locked run is going to wait for, without those that do not exist.
pub(crate) fn share(run: &Run, ids: &[&WaitpointId]) -> Vec<Shared> {
    SHARE.query(
        arguments!(SHARE {
            shard: run.id.shard(),
            run_id: run.id.as_str(),
            waitpoint_ids: ids
        }),
        |cells| Shared {
            id: cell!(cells, SHARE.id),
            is_completed: cell!(cells, SHARE.status as WaitpointStatus)
                == WaitpointStatus::Completed,
            is_own: cell!(cells, SHARE.is_own),
            is_own_end: cell!(cells, SHARE.is_own_end),
        },
    )
}

/// Locks the waitpoints among these that no other session has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&WaitpointId]) -> Vec<WaitpointId> {
    LOCK_FREE.query(
        arguments!(LOCK_FREE {
            shard,
            waitpoint_ids: ids
        }),
        cell!(LOCK_FREE.id),
    )
}

/// Completes waitpoints of one shard; returns those that were pending.
pub(crate) fn complete(
    shard: Shard,
    waitpoints: &[(WaitpointId, Output)],
    now: Timestamp,
) -> Vec<WaitpointId> {
    if waitpoints.is_empty() {
        return Vec::new();
    }
    COMPLETE.query(
        arguments!(COMPLETE {
            shard,
            now,
            id: column(waitpoints, |(id, _)| id.as_str()),
            output: column(waitpoints, |(_, output)| output.value.as_deref()),
            output_type: column(waitpoints, |(_, output)| output.media_type.as_deref()),
            is_error: column(waitpoints, |(_, output)| output.is_error)
        }),
        cell!(COMPLETE.id),
    )
}
