//! Waitpoints of steps and waits that a replay takes over.

use engine_core::{MAX_COPIED, MAX_KEY_BYTES, RunId, Timestamp, WaitpointId, own_keys};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;

statement!(FIND, "waitpoint_completed.sql");
statement!(COPY, "waitpoint_copy.sql");

/// The waitpoints of a run's own steps and waits that completed without an error: all, or one more than the maximum.
pub(crate) fn find(run_id: &RunId, environment_id: &str, now: Timestamp) -> Vec<WaitpointId> {
    let (first, behind) = own_keys(run_id);
    FIND.query(
        arguments!(FIND {
            shard: run_id.shard(),
            environment_id,
            first_key: first,
            end_key: behind,
            now,
            max_waitpoints: MAX_COPIED as i64 + 1
        }),
        cell!(FIND.id),
    )
}

/// Copies completed waitpoints of one run, each with a new id, to another run of the same shard.
pub(crate) fn copy(from: &RunId, to: &RunId, waitpoints: &[(WaitpointId, WaitpointId)]) {
    COPY.execute(arguments!(COPY {
        shard: from.shard(),
        key_prefix: own_keys(from).0,
        new_key_prefix: own_keys(to).0,
        max_key_bytes: MAX_KEY_BYTES as i32,
        id: column(waitpoints, |(id, _)| id.as_str()),
        new_id: column(waitpoints, |(_, new_id)| new_id.as_str())
    }));
}
