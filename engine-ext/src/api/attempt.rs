//! Starts attempts.

use engine_core::{Refusal, RunId, SnapshotId};
use pgrx::pg_extern;

use super::row::{Element, StartedRow};
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::document::Stored;
use crate::error::{OrRaise, required};
use crate::flow::attempt::start::{Pair, Started, With};
use crate::{api, flow, guc};

entries!(
    engine_start_attempt: engine_start_attempt_0_2,
    engine_start_many: engine_start_many_0_2,
    engine_execution,
);

/// Starts the next attempt of a dequeued run and returns its execution data.
///
/// Beat within `heartbeat_ms` milliseconds from now on, with the snapshot that is returned. A run that has started 250
/// attempts is ended as CRASHED instead, and one that was cancelled since its dequeue as CANCELED: then the execution status is
/// FINISHED, and `execution` is null. It also is unless `with_execution` asks for it; `engine_execution` returns it later.
/// Repeated with the same snapshot by the same worker, with `worker_id` and `runner_id`, the call returns the first answer until
/// the run moves on.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: another worker has the run, or this call was made before.
/// - `RE003` if the run is finished, `RE004` if its status does not allow a start.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_start_attempt_0_2(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    is_warm_start: Option<bool>,
    with_execution: Option<bool>,
) -> Rows<StartedRow> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let with = With {
        warm_start: is_warm_start.unwrap_or(false),
        execution: with_execution.unwrap_or(true),
    };
    let pair = pair(run_id, snapshot_id).or_raise();
    flow::right::run(&pair.0).or_raise();
    let settings = flow::settings(flow::now());
    match flow::attempt::start::start(&[Ok(pair)], with, caller, &settings).pop() {
        Some(answer) => Rows::one(row(answer.or_raise())),
        None => unreachable!("one element has one answer"),
    }
}

/// Starts the next attempts of many dequeued runs in one commit; one row per element, in order.
///
/// An element that is refused changes nothing, and returns its SQLSTATE and message in `error_code` and `error_message`; it
/// does not affect the others. Of two elements about one run the second is refused. Otherwise each row is that of
/// `engine_start_attempt`; `with_execution` is false by default.
///
/// # Errors
/// - `22023` if the arrays differ in length, or have more than `engine.max_batch` elements.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_start_many_0_2(
    run_ids: Option<Vec<Option<String>>>,
    snapshot_ids: Option<Vec<Option<String>>>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    is_warm_start: Option<bool>,
    with_execution: Option<bool>,
) -> Rows<Element<StartedRow>> {
    api::enter_locking().or_raise();
    let run_ids = required("run_ids", run_ids).or_raise();
    let snapshot_ids = required("snapshot_ids", snapshot_ids).or_raise();
    engine_core::check_pairs(run_ids.len(), snapshot_ids.len(), guc::max_batch()).or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let ids: Vec<RunId> = run_ids
        .iter()
        .flatten()
        .map(|id| RunId::parse(id))
        .collect();
    let refused = flow::right::refused_runs(ids.iter());
    let pairs: Vec<Result<Pair, Refusal>> = run_ids
        .iter()
        .zip(&snapshot_ids)
        .map(|(run_id, snapshot_id)| pair(run_id.as_deref(), snapshot_id.as_deref()))
        .map(|pair| {
            let pair = pair?;
            match refused.get(&pair.0) {
                Some(refusal) => Err(refusal.clone()),
                None => Ok(pair),
            }
        })
        .collect();
    let with = With {
        warm_start: is_warm_start.unwrap_or(false),
        execution: with_execution.unwrap_or(false),
    };
    let settings = flow::settings(flow::now());
    let answers = flow::attempt::start::start(&pairs, with, caller, &settings);
    Rows::new(run_ids.into_iter().zip(answers).map(|(run_id, answer)| {
        let run_id = run_id.as_deref().map(RunId::parse);
        Element::new(run_id.as_ref(), answer.map(row))
    }))
}

/// Returns what the handler of the attempt that a run started last may know, or null if it has started none.
///
/// The document that `engine_start_attempt` returns as `execution`.
///
/// # Errors
/// - `22004` without a run id.
#[pg_extern(sql = false)]
fn engine_execution(run_id: Option<&str>) -> Option<Stored> {
    api::enter().or_raise();
    let run_id = api::run_id_to_read(run_id).or_raise();
    flow::attempt::start::document(&run_id).filter(|_| !flow::right::is_foreign_run(&run_id))
}

fn pair(run_id: Option<&str>, snapshot_id: Option<&str>) -> Result<Pair, Refusal> {
    Ok((
        RunId::parse(required("run_id", run_id)?),
        SnapshotId::parse(required("snapshot_id", snapshot_id)?),
    ))
}

fn row(started: Started) -> StartedRow {
    StartedRow {
        run_id: started.run_id.as_str().to_owned(),
        snapshot_id: started.snapshot_id.as_str().to_owned(),
        execution_status: started.execution_status.as_str(),
        run_status: started.run_status.as_str(),
        attempt_number: started.attempt_number,
        description: started.description,
        created_at: api::time(started.created_at),
        heartbeat_ms: started.heartbeat_ms,
        execution: started.execution,
    }
}
