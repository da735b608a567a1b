//! Creates, seals and reads batches.

use engine_core::{BatchId, Environment, NewBatch, RunId};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::{JsonB, Stored};
use crate::error::{OrRaise, required};
use crate::flow::batch::Asked;
use crate::{api, flow, guc, store};

entries!(engine_create_batch, engine_seal_batch, engine_batch_data);

row! {
    /// A batch that was created, or found by its key.
    BatchRow {
        batch_id: String,
        status: &'static str,
        is_cached: bool,
        run_count: Option<i32>,
        item_count: i32,
        waitpoint_id: Option<String>,
    }

    /// A batch, sealed or not.
    SealedBatchRow {
        batch_id: String,
        sealed: bool,
        status: &'static str,
        run_count: Option<i32>,
        item_count: i32,
        successful_run_count: i32,
        failed_run_count: i32,
    }
}

/// Creates a batch, whose items are added in later calls, and returns it.
///
/// `run_count` is the number of its items; without it, `engine_seal_batch` declares that all have been added. With
/// `resume_parent` the parent waits, from the same commit on, for the batch and for each of its runs. At `expires_at` a
/// batch that is not sealed is aborted, and its parent continues. If a batch of the environment has the `idempotency_key`,
/// that one is returned, with `is_cached`, and the parent waits for all of it. `options` are stored with it.
/// # Errors
/// - `22023` for a count outside 1..=`engine.max_batch`, or a bad key; `54000` for options over `engine.max_metadata_bytes`.
/// - `RE001` for an unknown parent, `RE005` for an unknown environment.
/// - With `resume_parent`: `RE003` for a parent that is finished, `RE004` for one of which no attempt runs.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn engine_create_batch(
    run_count: Option<i32>,
    environment_id: Option<&str>,
    parent_run_id: Option<&str>,
    resume_parent: Option<bool>,
    idempotency_key: Option<String>,
    idempotency_key_expires_at: Option<TimestampWithTimeZone>,
    expires_at: Option<TimestampWithTimeZone>,
    options: Option<JsonB>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<BatchRow> {
    api::enter_locking().or_raise();
    let new = NewBatch::new(
        run_count,
        idempotency_key,
        api::key_expires_at(idempotency_key_expires_at).or_raise(),
        api::moment("expires_at", expires_at).or_raise(),
        guc::max_batch(),
    );
    let asked = Asked {
        new: new.or_raise(),
        resume_parent: resume_parent.unwrap_or(false) && parent_run_id.is_some(),
        parent_run_id: parent_run_id.map(RunId::parse),
        options: api::document("options", options).or_raise(),
        caller: api::caller(worker_id, runner_id).or_raise(),
    };
    let environment_id = environment_id.unwrap_or(Environment::DEFAULT_ID);
    let (batch, is_cached) = flow::batch::create(environment_id, &asked).or_raise();
    let own = store::batch::waitpoints(&batch.id);
    let waitpoint = own.into_iter().find(|(_, index)| index.is_none());
    Rows::one(BatchRow {
        batch_id: batch.id.as_str().to_owned(),
        status: batch.status.as_str(),
        is_cached,
        run_count: batch.run_count,
        item_count: batch.item_count,
        waitpoint_id: waitpoint.map(|(id, _)| id.as_str().to_owned()),
    })
}

/// Seals a batch if all its items have been added, and returns it.
///
/// A batch without a `run_count` has all items that were added. If some are missing, `sealed` is false and nothing happens:
/// add them, then call again. A batch that has its `run_count` of items is sealed by the call that adds the last one. Its
/// status is then PROCESSING, PARTIAL_FAILED if some of its items could not be triggered, or ABORTED if none could; once all
/// its runs have ended it is COMPLETED, unless it was aborted.
///
/// # Errors
/// - `RE011` for an unknown batch.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_seal_batch(batch_id: Option<&str>) -> Rows<SealedBatchRow> {
    api::enter_locking().or_raise();
    let id = BatchId::parse(required("batch_id", batch_id).or_raise());
    flow::right::batch(&id).or_raise();
    let batch = flow::batch::seal(&id).or_raise();
    Rows::one(SealedBatchRow {
        batch_id: batch.id.as_str().to_owned(),
        sealed: batch.is_sealed,
        status: batch.status.as_str(),
        run_count: batch.run_count,
        item_count: batch.item_count,
        successful_run_count: batch.item_count - batch.failed_count,
        failed_run_count: batch.failed_count,
    })
}

/// Returns a batch with its runs and failures, or null if there is no such batch.
///
/// With `environment_id`, a batch of another environment counts as missing. `runs` are in the order of the items, `failures`
/// are the items that could not be triggered.
///
/// # Errors
/// - `22004` without a batch id.
#[pg_extern(sql = false)]
fn engine_batch_data(batch_id: Option<&str>, environment_id: Option<&str>) -> Option<Stored> {
    api::enter().or_raise();
    let id = BatchId::parse(required("batch_id", batch_id).or_raise());
    flow::shard::check(id.shard()).or_raise();
    store::batch::data(&id, environment_id).filter(|_| !flow::right::is_foreign_batch(&id))
}
