//! Batches.

use std::collections::BTreeSet;

use engine_core::{
    Batch, BatchId, BatchStatus, MAX_COPIED, MAX_KEY_BYTES, NewBatch, RunId, Shard, Timestamp,
    WaitpointId, own_keys,
};
use serde_json::Value;

use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::{columns, statement};
use crate::backend::value::column;
use crate::document::{JsonB, Stored};

statement!(INSERT, "batch_insert.sql");
statement!(BY_KEY, "batch_by_key.sql");
statement!(ROTATE, "batch_rotate.sql");
statement!(PARENT, "batch_parent_read.sql");
statement!(BESIDE_RUN, "batch_beside_run.sql");
statement!(LOCK, "batch_lock.sql" -> BATCH);
statement!(LOCK_FREE, "batch_lock_free.sql" -> BATCH);
columns!(BATCH, "batch.sql");
statement!(UPDATE, "batch_update.sql");
statement!(OPEN, "batch_open.sql");
statement!(NOTE, "batch_note.sql");
statement!(WAITPOINTS, "batch_waitpoint_read.sql");
statement!(DATA, "batch_data_read.sql");
statement!(ENVIRONMENT, "batch_environment_read.sql");
statement!(COMPLETED, "batch_completed.sql");
statement!(COPY, "batch_copy.sql");
statement!(HOLD_CHILDREN, "batch_children_hold.sql");

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
        arguments!(INSERT {
            shard: id.shard(),
            now,
            id: id.as_str(),
            environment_id,
            run_count: new.run_count,
            parent_run_id: parent,
            resume_parent,
            key: new.key.as_deref(),
            key_expires_at: new.key_expires_at,
            options: options.map(JsonB)
        }),
        |cells| cell!(cells, INSERT.id as String),
    );
    !written.is_empty()
}

/// The batch with a key, and when the key expires.
pub(crate) fn by_key(
    shard: Shard,
    environment_id: &str,
    key: &str,
) -> Option<(BatchId, Option<Timestamp>)> {
    let arguments = arguments!(BY_KEY {
        shard,
        environment_id,
        key
    });
    BY_KEY
        .query(arguments, |cells| {
            (
                cell!(cells, BY_KEY.id),
                cell!(cells, BY_KEY.idempotency_key_expires_at),
            )
        })
        .pop()
}

/// Removes an expired key from its batch.
pub(crate) fn rotate(id: &BatchId, key: &str) {
    ROTATE.execute(arguments!(ROTATE {
        shard: id.shard(),
        batch_id: id.as_str(),
        key
    }));
}

/// Waitpoints a run must wait for to await this batch, with their indexes; empty if the batch has none.
pub(crate) fn waitpoints(id: &BatchId) -> Vec<(WaitpointId, Option<i32>)> {
    WAITPOINTS.query(
        arguments!(WAITPOINTS {
            shard: id.shard(),
            batch_id: id.as_str()
        }),
        |cells| {
            (
                cell!(cells, WAITPOINTS.id),
                cell!(cells, WAITPOINTS.item_index),
            )
        },
    )
}

/// Whether there is a batch, and the run that waits for it.
pub(crate) fn parent(id: &BatchId) -> Option<Option<RunId>> {
    let rows = PARENT.query(
        arguments!(PARENT {
            shard: id.shard(),
            batch_id: id.as_str()
        }),
        cell!(PARENT.waiting_run_id),
    );
    rows.into_iter().next()
}

/// Whether a batch is in the environment of a run.
pub(crate) fn is_beside(id: &BatchId, run_id: &RunId) -> bool {
    let arguments = arguments!(BESIDE_RUN {
        shard: id.shard(),
        batch_id: id.as_str(),
        run_id: run_id.as_str()
    });
    BESIDE_RUN
        .query(arguments, cell!(BESIDE_RUN.exists))
        .contains(&true)
}

/// Locks batches of one shard, in the order of their ids, without those that do not exist.
pub(crate) fn lock(shard: Shard, ids: &[&BatchId]) -> Vec<Batch> {
    LOCK.query(
        arguments!(LOCK {
            shard,
            batch_ids: ids
        }),
        decode,
    )
}

/// Locks the batches among these that no other session has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&BatchId]) -> Vec<Batch> {
    LOCK_FREE.query(
        arguments!(LOCK_FREE {
            shard,
            batch_ids: ids
        }),
        decode,
    )
}

fn decode(cells: &Cells<BATCH>) -> Batch {
    Batch {
        id: cell!(cells, BATCH.id),
        environment_id: cell!(cells, BATCH.environment_id),
        status: cell!(cells, BATCH.status),
        run_count: cell!(cells, BATCH.run_count),
        item_count: cell!(cells, BATCH.item_count),
        failed_count: cell!(cells, BATCH.failed_count),
        next_index: cell!(cells, BATCH.next_index),
        is_sealed: cell!(cells, BATCH.is_sealed),
        parent_run_id: cell!(cells, BATCH.parent_run_id),
        resume_parent: cell!(cells, BATCH.resume_parent),
    }
}

/// Writes the new state of locked batches.
pub(crate) fn update(shard: Shard, batches: &[&Batch], now: Timestamp) {
    let has_ended = |batch: &&Batch| match batch.status {
        BatchStatus::Completed | BatchStatus::Aborted => true,
        BatchStatus::Pending | BatchStatus::Processing | BatchStatus::PartialFailed => false,
    };
    UPDATE.execute(arguments!(UPDATE {
        shard,
        now,
        id: column(batches, |batch| batch.id.as_str()),
        status: column(batches, |batch| batch.status.as_str()),
        run_count: column(batches, |batch| batch.run_count),
        item_count: column(batches, |batch| batch.item_count),
        failed_count: column(batches, |batch| batch.failed_count),
        next_index: column(batches, |batch| batch.next_index),
        is_sealed: column(batches, |batch| batch.is_sealed),
        has_ended: column(batches, has_ended)
    }));
}

/// A batch as callers see it, if it exists in that environment.
pub(crate) fn data(id: &BatchId, environment_id: Option<&str>) -> Option<Stored> {
    DATA.query(
        arguments!(DATA {
            shard: id.shard(),
            batch_id: id.as_str(),
            environment_id
        }),
        cell!(DATA.data),
    )
    .pop()
}

/// The batches among these locked ones with a run that has not ended.
pub(crate) fn with_open_runs(shard: Shard, ids: &[&BatchId]) -> BTreeSet<BatchId> {
    let rows = OPEN.query(
        arguments!(OPEN {
            shard,
            batch_ids: ids
        }),
        cell!(OPEN.id),
    );
    rows.into_iter().collect()
}

/// Makes the tick check these batches; each note names the event, which makes it unique.
pub(crate) fn note(shard: Shard, what: &[&(BatchId, String)], now: Timestamp) {
    NOTE.execute(arguments!(NOTE {
        shard,
        now,
        batch_id: column(what, |(batch_id, _)| batch_id.as_str()),
        what: column(what, |(_, what)| what.as_str())
    }));
}

/// The environment of a batch, if there is one with this id.
pub(crate) fn environment(id: &BatchId) -> Option<String> {
    let arguments = arguments!(ENVIRONMENT {
        shard: id.shard(),
        batch_id: id.as_str()
    });
    ENVIRONMENT
        .query(arguments, cell!(ENVIRONMENT.environment_id))
        .pop()
}

/// The batches that a run has waited for and whose runs have all succeeded, with the number of these: all, or one more than
/// the maximum.
pub(crate) fn find_succeeded(
    run_id: &RunId,
    environment_id: &str,
    now: Timestamp,
) -> Vec<(BatchId, i32)> {
    let (first, behind) = own_keys(run_id);
    COMPLETED.query(
        arguments!(COMPLETED {
            shard: run_id.shard(),
            environment_id,
            first_key: first,
            end_key: behind,
            now,
            max_batches: MAX_COPIED as i64 + 1
        }),
        |cells| {
            (
                cell!(cells, COMPLETED.id),
                cell!(cells, COMPLETED.item_count),
            )
        },
    )
}

/// Keeps the runs of these batches from being removed, from now on: those that are there.
pub(crate) fn hold_children(shard: Shard, batches: &[(BatchId, i32)]) {
    HOLD_CHILDREN.execute(arguments!(HOLD_CHILDREN {
        shard,
        batch_ids: column(batches, |(id, _)| id.as_str())
    }));
}

/// Copies completed batches of one run, each with a new id, to another run of the same shard.
pub(crate) fn copy(from: &RunId, to: &RunId, batches: &[(BatchId, BatchId)]) {
    COPY.execute(arguments!(COPY {
        shard: from.shard(),
        run_id: to.as_str(),
        key_prefix: own_keys(from).0,
        new_key_prefix: own_keys(to).0,
        max_key_bytes: MAX_KEY_BYTES as i32,
        id: column(batches, |(id, _)| id.as_str()),
        new_id: column(batches, |(_, new_id)| new_id.as_str())
    }));
}
