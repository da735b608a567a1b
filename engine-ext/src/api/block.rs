//! Block: an executing run waits.

use engine_core::{
    BatchId, Refusal, SnapshotId, WaitpointId, check_edges, check_label, check_timeout,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use super::row::HeldRow;
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::{OrRaise, required};
use crate::flow::wait::block::Wait;
use crate::{api, flow, guc};

entries!(engine_block: engine_block_0_2);

row! {
    /// A run that waits.
    BlockedRow {
        held: HeldRow,
        pending_count: i32,
    }
}

/// Makes a run wait for waitpoints, and returns its latest snapshot.
///
/// An executing run becomes EXECUTING_WITH_WAITPOINTS and keeps its slot; a run that waits already also waits for these. It
/// continues when all are completed. `pending_count` is the number of given waitpoints that are pending: with 0 the run
/// continues at the next tick, or at once with `engine_unblock`. `batch_indexes` are the indexes of the waitpoints in the
/// run's results, one for each. At `timeout_at` pending ones are completed with the error TRIGGER_WAITPOINT_TIMEOUT, unless
/// they are due earlier. `span_id_to_complete` is returned in the event cachedRunCompleted. With `snapshot_id` only the attempt
/// that holds this snapshot may wait, and not one that was lost. Waits for completions of the waitpoints that are about to commit.
///
/// # Errors
/// - `RE001` for an unknown run, `RE010` for a waitpoint and `RE011` for a batch that is not in its environment.
/// - `RE002` if `snapshot_id` is neither the latest one nor, while the run waits, the one before.
/// - `RE003` if the run is finished, `RE004` if no attempt of it runs.
/// - `22023` for no waitpoints, more than `engine.max_batch`, as many indexes as do not fit, or a waitpoint that the end of the run
///   itself completes.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn engine_block_0_2(
    run_id: Option<&str>,
    waitpoint_ids: Option<Vec<Option<String>>>,
    batch_id: Option<&str>,
    batch_indexes: Option<Vec<Option<i32>>>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    timeout_at: Option<TimestampWithTimeZone>,
    span_id_to_complete: Option<&str>,
    snapshot_id: Option<&str>,
) -> Rows<BlockedRow> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let batch_id = batch_id.map(BatchId::parse);
    let snapshot_id = snapshot_id.map(SnapshotId::parse);
    let wait = Wait {
        waitpoints: waitpoints(waitpoint_ids, batch_indexes).or_raise(),
        batch_id: batch_id.as_ref(),
        timeout_at: check_timeout(api::moment("timeout_at", timeout_at).or_raise()).or_raise(),
        span_id: check_label("span_id_to_complete", span_id_to_complete).or_raise(),
        snapshot_id: snapshot_id.as_ref(),
    };
    let run_id = api::run_id(run_id).or_raise();
    let pending = flow::wait::block::block(&run_id, &wait, caller).or_raise();
    Rows::one(BlockedRow {
        held: HeldRow::read(&run_id),
        pending_count: i32::try_from(pending).unwrap_or(i32::MAX),
    })
}

/// Checks the caller's waitpoints and indexes.
fn waitpoints(
    ids: Option<Vec<Option<String>>>,
    indexes: Option<Vec<Option<i32>>>,
) -> Result<Vec<(WaitpointId, Option<i32>)>, Refusal> {
    let ids = api::all_given("waitpoint_ids")(required("waitpoint_ids", ids)?)?;
    let indexes = api::all_given("batch_indexes")(indexes.unwrap_or_default())?;
    check_edges(ids.len(), Some(&indexes), guc::max_batch())?;
    let index =
        |(index, id): (usize, &String)| (WaitpointId::parse(id), indexes.get(index).copied());
    Ok(ids.iter().enumerate().map(index).collect())
}
