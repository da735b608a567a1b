//! Waitpoints of steps and waits that a replay takes over.

use engine_core::{MAX_COPIED, MAX_KEY_BYTES, RunId, Timestamp, WaitpointId, own_keys};

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};

static FIND: Statement = statement!("waitpoint_completed.sql");
static COPY: Statement = statement!("waitpoint_copy.sql");

/// The waitpoints of a run's own steps and waits that completed without an error: all, or one more than the maximum.
pub(crate) fn find(run_id: &RunId, environment_id: &str, now: Timestamp) -> Vec<WaitpointId> {
    let (first, behind) = own_keys(run_id);
    FIND.query(
        arguments![
            run_id.shard().number(),
            environment_id,
            first,
            behind,
            time(now),
            MAX_COPIED as i64 + 1,
        ],
        |cells| WaitpointId::parse(&cells.value::<String>()),
    )
}

/// Copies completed waitpoints of one run, each with a new id, to another run of the same shard.
pub(crate) fn copy(from: &RunId, to: &RunId, waitpoints: &[(WaitpointId, WaitpointId)]) {
    COPY.execute(arguments![
        from.shard().number(),
        own_keys(from).0,
        own_keys(to).0,
        MAX_KEY_BYTES as i32,
        column(waitpoints, |(id, _)| id.as_str()),
        column(waitpoints, |(_, new_id)| new_id.as_str()),
    ]);
}
