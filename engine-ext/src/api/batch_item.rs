//! Items of batches: each becomes a run in the call that adds it.

use engine_core::{BatchId, BatchItem};
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::{api, flow, guc};

entries!(engine_add_to_batch);

row! {
    /// An item of a batch, and its run.
    ItemRow {
        index: i32,
        run_id: String,
        enqueued: bool,
        error_code: Option<String>,
        error_message: Option<String>,
    }
}

/// Adds items to a batch, triggers their runs, and returns one row per element, in order.
///
/// `runs` is a JSON array of objects whose keys are the parameter names of `engine_trigger`, and `index`, the index in the
/// batch, from 0; without it an item follows the last one. A taken index stays as it is: then `enqueued` is false, so that a
/// call whose answer was lost may be repeated. An item that cannot be triggered does not affect the others: it becomes a run
/// that failed as SYSTEM_FAILURE, with `error_code` and `error_message`. An item whose idempotency or debounce key belongs
/// to a run gets that run. The batch is sealed once it has its `run_count` of items.
/// # Errors
/// - `RE011` for an unknown batch, `RE012` for one that takes no more items.
/// - `RE011` for an unknown batch, `RE012` for one that accepts no more items.
/// - `22023` if `runs` is not an array of objects, names an unknown key or an index that the batch does not have, or has
///   more than `engine.max_batch` elements; `23505` for a `run_id` that is taken.
/// - `RE009` for a one-time token that was already used, with the element's position.
/// - `RE003`, `RE004` if the parent is to wait and cannot.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_add_to_batch(batch_id: Option<&str>, runs: Option<JsonB>) -> Rows<ItemRow> {
    api::enter_locking().or_raise();
    let id = BatchId::parse(required("batch_id", batch_id).or_raise());
    let runs = required("runs", runs).or_raise();
    let items = BatchItem::many(runs.0, guc::max_batch()).or_raise();
    flow::right::batch(&id).or_raise();
    let added = flow::batch::item::add(&id, items).or_raise();
    Rows::new(added.into_iter().map(|item| ItemRow {
        index: item.index,
        run_id: item.run_id,
        enqueued: item.is_new,
        error_code: item.error_code,
        error_message: item.error,
    }))
}
