//! Batches and their items.

use std::collections::BTreeSet;

use engine_core::{
    Batch, BatchEnd, BatchId, BatchStatus, NewBatch, RunId, Settings, Shard, Timestamp, WaitpointId,
};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::Value;

use super::run::{column, time};
use super::statement::{Cells, Statement, arguments, statement};
use super::waitpoint;
use crate::document::{JsonB, Stored};

static INSERT: Statement = statement!("batch_insert.sql");
static BY_KEY: Statement = statement!("batch_by_key.sql");
static ROTATE: Statement = statement!("batch_rotate.sql");
static PARENT: Statement = statement!("batch_parent_read.sql");
static BESIDE_RUN: Statement = statement!("batch_beside_run.sql");
static LOCK: Statement = statement!("batch_lock.sql");
static LOCK_FREE: Statement = statement!("batch_lock_free.sql");
static UPDATE: Statement = statement!("batch_update.sql");
static ITEMS: Statement = statement!("batch_item_read.sql");
static INSERT_ITEMS: Statement = statement!("batch_item_insert.sql");
static OPEN: Statement = statement!("batch_open.sql");
static NOTE: Statement = statement!("batch_note.sql");
static WAITPOINTS: Statement = statement!("batch_waitpoint_read.sql");
static DATA: Statement = statement!("batch_data_read.sql");

/// Writes a new batch, unless its key has one; gives whether it was written.
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

/// The batch that has a key, and when the key expires.
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

/// Takes an expired key from its batch.
pub(crate) fn rotate(id: &BatchId, key: &str) {
    ROTATE.execute(arguments![id.shard().number(), id.as_str(), key]);
}

/// What a run waits for that waits for a batch, with the places: nothing if the batch has no waitpoint.
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

/// Locks batches of one shard, in the order of their ids; those that do not exist are left out.
pub(crate) fn lock(shard: Shard, ids: &[&BatchId]) -> Vec<Batch> {
    LOCK.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// Locks those of these batches that nobody else has locked.
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

/// Writes what has become of locked batches.
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

/// An item that is there.
pub(crate) struct Item {
    pub(crate) index: i32,
    pub(crate) run_id: String,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
}

/// Those of these places of a locked batch that are taken.
pub(crate) fn items(batch: &Batch, indexes: &[i32]) -> Vec<Item> {
    ITEMS.query(
        arguments![
            batch.id.shard().number(),
            batch.id.as_str(),
            indexes.to_vec()
        ],
        |cells| Item {
            index: cells.value(),
            run_id: cells.value(),
            error_code: cells.nullable(),
            error: cells.nullable(),
        },
    )
}

/// An item that is to be written.
pub(crate) struct NewItem<'a> {
    pub(crate) batch_id: &'a BatchId,
    pub(crate) index: i32,
    pub(crate) run_id: &'a RunId,
    /// Why it could not be triggered.
    pub(crate) failure: Option<ItemFailure>,
}

/// Why an item could not be triggered.
#[derive(Clone)]
pub(crate) struct ItemFailure {
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
    /// The item as it was given.
    pub(crate) request: Option<Value>,
}

/// Writes items of locked batches of one shard.
pub(crate) fn insert_items(shard: Shard, items: &[NewItem<'_>], now: Timestamp) {
    let failure = |item: &NewItem<'_>| item.failure.clone();
    INSERT_ITEMS.execute(arguments![
        shard.number(),
        time(now),
        column(items, |item| item.batch_id.as_str()),
        column(items, |item| item.index),
        column(items, |item| item.run_id.as_str()),
        column(items, |item| failure(item).and_then(|failure| failure.code)),
        column(items, |item| failure(item).map(|failure| failure.message)),
        column(items, |item| failure(item)
            .and_then(|failure| failure.request)
            .map(JsonB)),
    ]);
}

/// All about a batch, if it is there and in that environment.
pub(crate) fn data(id: &BatchId, environment_id: Option<&str>) -> Option<Stored> {
    DATA.query(
        arguments![id.shard().number(), id.as_str(), environment_id],
        Cells::value,
    )
    .pop()
}

/// Something has happened to these batches in this transaction, such as the end of a run: ends those of which nothing is left to
/// come. It waits for no batch: of one that somebody else has locked it leaves a note, which what happened makes unique.
pub(crate) fn changed(shard: Shard, what: &[(BatchId, &str)], settings: &Settings) {
    if what.is_empty() {
        return;
    }
    let ids: BTreeSet<&BatchId> = what.iter().map(|(batch_id, _)| batch_id).collect();
    let batches = lock_free(shard, &ids.into_iter().collect::<Vec<_>>());
    let settled = settle(shard, batches, settings);
    let notes: Vec<_> = what
        .iter()
        .filter(|(batch_id, _)| !settled.contains(batch_id))
        .collect();
    if notes.is_empty() {
        return;
    }
    NOTE.execute(arguments![
        shard.number(),
        time(settings.now),
        column(&notes, |(batch_id, _)| batch_id.as_str()),
        column(&notes, |(_, what)| *what),
    ]);
}

/// Ends those of these locked batches whose runs have all ended. Gives those that were looked at; the others have a waitpoint
/// that somebody else has locked.
pub(crate) fn settle(shard: Shard, batches: Vec<Batch>, settings: &Settings) -> BTreeSet<BatchId> {
    let processed: Vec<&BatchId> = batches
        .iter()
        .filter(|batch| batch.is_processed())
        .map(|batch| &batch.id)
        .collect();
    let open = if processed.is_empty() {
        BTreeSet::new()
    } else {
        with_open_runs(shard, &processed)
    };
    let ends = |batch: Batch| {
        let end = batch.end(!open.contains(&batch.id));
        (batch, end)
    };
    end_all(shard, batches.into_iter().map(ends).collect(), settings)
}

/// Ends locked batches: their new statuses and their waitpoints, in one. Gives those for which it was done; the others have a
/// waitpoint that somebody else has locked.
pub(crate) fn end_all(
    shard: Shard,
    ends: Vec<(Batch, Option<BatchEnd>)>,
    settings: &Settings,
) -> BTreeSet<BatchId> {
    let mut done: BTreeSet<BatchId> = ends.iter().map(|(batch, _)| batch.id.clone()).collect();
    let ends: Vec<(Batch, BatchEnd)> = ends
        .into_iter()
        .filter_map(|(batch, end)| Some((batch, end?)))
        .collect();
    if ends.is_empty() {
        return done;
    }
    let waitpoints = waitpoint::of_batches(shard, &column(&ends, |(batch, _)| &batch.id));
    let pending: Vec<_> = waitpoints
        .iter()
        .filter(|(.., is_pending)| *is_pending)
        .collect();
    let free = if pending.is_empty() {
        Vec::new()
    } else {
        waitpoint::lock_free(shard, &column(&pending, |(_, id, _)| id))
    };
    for (batch_id, id, _) in &pending {
        if !free.contains(id) {
            done.remove(batch_id);
        }
    }
    let mut changed = Vec::new();
    let mut completed = Vec::new();
    for (mut batch, end) in ends {
        if !done.contains(&batch.id) {
            continue;
        }
        for (_, id, _) in pending
            .iter()
            .filter(|(batch_id, ..)| *batch_id == batch.id)
        {
            completed.push((id, end.output.clone()));
        }
        if let Some(status) = end.status {
            batch.status = status;
            changed.push(batch);
        }
    }
    if !changed.is_empty() {
        update(shard, &changed.iter().collect::<Vec<_>>(), settings.now);
    }
    waitpoint::complete(shard, &completed, settings);
    done
}

/// Those of these locked batches of which a run has not ended.
fn with_open_runs(shard: Shard, ids: &[&BatchId]) -> BTreeSet<BatchId> {
    let rows = OPEN.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| BatchId::parse(&cells.value::<String>()),
    );
    rows.into_iter().collect()
}
