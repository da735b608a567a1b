//! Batches.

use std::collections::BTreeSet;

use engine_core::{Batch, BatchId, BatchStatus, NewBatch, RunId, Shard, Timestamp, WaitpointId};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::Value;

use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::{JsonB, Stored};

static INSERT: Statement = statement!("batch_insert.sql");
static BY_KEY: Statement = statement!("batch_by_key.sql");
static ROTATE: Statement = statement!("batch_rotate.sql");
static PARENT: Statement = statement!("batch_parent_read.sql");
static BESIDE_RUN: Statement = statement!("batch_beside_run.sql");
static LOCK: Statement = statement!("batch_lock.sql");
static LOCK_FREE: Statement = statement!("batch_lock_free.sql");
static UPDATE: Statement = statement!("batch_update.sql");
static OPEN: Statement = statement!("batch_open.sql");
static NOTE: Statement = statement!("batch_note.sql");
static WAITPOINTS: Statement = statement!("batch_waitpoint_read.sql");
static DATA: Statement = statement!("batch_data_read.sql");

/// Writes a new batch, unless another one has its key; returns whether it was written.
pub(crate) fn insert(
    id: &BatchId,
    environment_id: &str,
    new: &NewBatch,
    parent: Option<&RunId>,
    resume_parent: bool,
    options: Option<Value>,
    now: Timestamp,
) -> bool {
    let written = INSERT.query(
        arguments![
            id.shard().number(),
            time(now),
            id.as_str(),
            environment_id,
            new.run_count,
            parent.map(RunId::as_str),
            resume_parent,
            new.key.as_deref(),
            new.key_expires_at.map(time),
            options.map(JsonB),
        ],
        |cells| cells.value::<String>(),
    );
    !written.is_empty()
}

/// The batch with a key, and when the key expires.
pub(crate) fn by_key(
    shard: Shard,
    environment_id: &str,
    key: &str,
) -> Option<(BatchId, Option<Timestamp>)> {
    let read = |cells: &mut Cells| {
        let id = BatchId::parse(&cells.value::<String>());
        let expires_at: Option<TimestampWithTimeZone> = cells.nullable();
        let at = |time: TimestampWithTimeZone| Timestamp::from_micros(time.into());
        (id, expires_at.map(at))
    };
    let arguments = arguments![shard.number(), environment_id, key];
    BY_KEY.query(arguments, read).pop()
}

/// Removes an expired key from its batch.
pub(crate) fn rotate(id: &BatchId, key: &str) {
    ROTATE.execute(arguments![id.shard().number(), id.as_str(), key]);
}

/// Waitpoints a run must wait for to await this batch, with their indexes; empty if the batch has none.
pub(crate) fn waitpoints(id: &BatchId) -> Vec<(WaitpointId, Option<i32>)> {
    WAITPOINTS.query(arguments![id.shard().number(), id.as_str()], |cells| {
        (
            WaitpointId::parse(&cells.value::<String>()),
            cells.nullable(),
        )
    })
}

/// Whether there is a batch, and the run that waits for it.
pub(crate) fn parent(id: &BatchId) -> Option<Option<RunId>> {
    let rows = PARENT.query(arguments![id.shard().number(), id.as_str()], |cells| {
        cells.nullable::<String>()
    });
    let parent = rows.into_iter().next()?;
    Some(parent.map(|id| RunId::parse(&id)))
}

/// Whether a batch is in the environment of a run.
pub(crate) fn is_beside(id: &BatchId, run_id: &RunId) -> bool {
    let arguments = arguments![id.shard().number(), id.as_str(), run_id.as_str()];
    BESIDE_RUN.query(arguments, Cells::value).contains(&true)
}

/// Locks batches of one shard, in the order of their ids, without those that do not exist.
pub(crate) fn lock(shard: Shard, ids: &[&BatchId]) -> Vec<Batch> {
    LOCK.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// Locks the batches among these that no other session has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&BatchId]) -> Vec<Batch> {
    LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

fn decode(cells: &mut Cells) -> Batch {
    Batch {
        id: BatchId::parse(&cells.value::<String>()),
        environment_id: cells.value(),
        status: match BatchStatus::parse(&cells.value::<String>()) {
            Some(status) => status,
            None => unreachable!("the type has no other values"),
        },
        run_count: cells.nullable(),
        item_count: cells.value(),
        failed_count: cells.value(),
        next_index: cells.value(),
        is_sealed: cells.value(),
        parent_run_id: cells
            .nullable::<String>()
            .map(|run_id| RunId::parse(&run_id)),
        resume_parent: cells.value(),
    }
}

/// Writes the new state of locked batches.
pub(crate) fn update(shard: Shard, batches: &[&Batch], now: Timestamp) {
    let has_ended = |batch: &&Batch| match batch.status {
        BatchStatus::Completed | BatchStatus::Aborted => true,
        BatchStatus::Pending | BatchStatus::Processing | BatchStatus::PartialFailed => false,
    };
    UPDATE.execute(arguments![
        shard.number(),
        time(now),
        column(batches, |batch| batch.id.as_str()),
        column(batches, |batch| batch.status.as_str()),
        column(batches, |batch| batch.run_count),
        column(batches, |batch| batch.item_count),
        column(batches, |batch| batch.failed_count),
        column(batches, |batch| batch.next_index),
        column(batches, |batch| batch.is_sealed),
        column(batches, has_ended),
    ]);
}

/// A batch as callers see it, if it exists in that environment.
pub(crate) fn data(id: &BatchId, environment_id: Option<&str>) -> Option<Stored> {
    DATA.query(
        arguments![id.shard().number(), id.as_str(), environment_id],
        Cells::value,
    )
    .pop()
}

/// The batches among these locked ones with a run that has not ended.
pub(crate) fn with_open_runs(shard: Shard, ids: &[&BatchId]) -> BTreeSet<BatchId> {
    let rows = OPEN.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| BatchId::parse(&cells.value::<String>()),
    );
    rows.into_iter().collect()
}

/// Makes the tick check these batches; each note names the event, which makes it unique.
pub(crate) fn note(shard: Shard, what: &[&(BatchId, String)], now: Timestamp) {
    NOTE.execute(arguments![
        shard.number(),
        time(now),
        column(what, |(batch_id, _)| batch_id.as_str()),
        column(what, |(_, what)| what.as_str()),
    ]);
}
