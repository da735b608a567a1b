//! Reads, locks and completes waitpoints.

pub(crate) mod copy;
pub(crate) mod insert;

use std::collections::BTreeMap;

use engine_core::{BatchId, Output, Run, RunId, Shard, Timestamp, WaitpointId, WaitpointStatus};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::Stored;

static BY_KEY: Statement = statement!("waitpoint_by_key.sql");
static ROTATE: Statement = statement!("waitpoint_rotate.sql");
static COMPLETE: Statement = statement!("waitpoint_complete.sql");
static OF_RUNS: Statement = statement!("waitpoint_of_runs.sql");
static OF_BATCHES: Statement = statement!("waitpoint_of_batches.sql");
static READ: Statement = statement!("waitpoint_read.sql");
static DATA: Statement = statement!("waitpoint_data_read.sql");

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
        arguments![id.shard().number(), id.as_str(), environment_id],
        |cells| Waitpoint {
            id: WaitpointId::parse(&cells.value::<String>()),
            status: status(&cells.value::<String>()),
            completed_after: cells.nullable(),
            completed_at: cells.nullable(),
            output: cells.nullable(),
            output_type: cells.value(),
            output_is_error: cells.value(),
            created_at: cells.value(),
        },
    )
    .pop()
}

/// A waitpoint as callers see it, if it exists in that environment.
pub(crate) fn data(id: &WaitpointId, environment_id: Option<&str>) -> Option<Stored> {
    DATA.query(
        arguments![id.shard().number(), id.as_str(), environment_id],
        Cells::value,
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
        .query(arguments![shard.number(), environment_id, key], |cells| {
            let expires_at: Option<TimestampWithTimeZone> = cells.nullable();
            let at = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
            (
                WaitpointId::parse(&cells.value::<String>()),
                expires_at.map(at),
            )
        })
        .pop()
}

/// Removes an expired key from its waitpoint.
pub(crate) fn rotate(id: &WaitpointId, key: &str, stand_in: &str) {
    ROTATE.execute(arguments![id.shard().number(), id.as_str(), key, stand_in]);
}

/// The waitpoints of these locked runs.
pub(crate) fn of_runs(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, WaitpointId> {
    let rows = OF_RUNS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| {
            (
                RunId::parse(&cells.value::<String>()),
                WaitpointId::parse(&cells.value::<String>()),
            )
        },
    );
    rows.into_iter().collect()
}

/// The waitpoints of these batches, and whether they are pending.
pub(crate) fn of_batches(shard: Shard, ids: &[&BatchId]) -> Vec<(BatchId, WaitpointId, bool)> {
    OF_BATCHES.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| {
            (
                BatchId::parse(&cells.value::<String>()),
                WaitpointId::parse(&cells.value::<String>()),
                status(&cells.value::<String>()) == WaitpointStatus::Pending,
            )
        },
    )
}

static SHARE: Statement = statement!("waitpoint_share.sql");
static LOCK_FREE: Statement = statement!("waitpoint_lock_free.sql");

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
        arguments![
            run.id.shard().number(),
            run.id.as_str(),
            column(ids, |id| id.as_str())
        ],
        |cells| Shared {
            id: WaitpointId::parse(&cells.value::<String>()),
            is_completed: status(&cells.value::<String>()) == WaitpointStatus::Completed,
            is_own: cells.value(),
            is_own_end: cells.value(),
        },
    )
}

/// Locks the waitpoints among these that no other session has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&WaitpointId]) -> Vec<WaitpointId> {
    LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| WaitpointId::parse(&cells.value::<String>()),
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
        arguments![
            shard.number(),
            time(now),
            column(waitpoints, |(id, _)| id.as_str()),
            column(waitpoints, |(_, output)| output.value.as_deref()),
            column(waitpoints, |(_, output)| output.media_type.as_deref()),
            column(waitpoints, |(_, output)| output.is_error),
        ],
        |cells| WaitpointId::parse(&cells.value::<String>()),
    )
}

fn status(text: &str) -> WaitpointStatus {
    match WaitpointStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}
