//! Starts attempts.

use engine_core::{Refusal, RunId, SnapshotId};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::document::Stored;
use crate::error::{OrRaise, required};
use crate::flow::attempt::start::{Pair, Started};
use crate::{api, flow, guc};

/// Starts the next attempt of a dequeued run and returns its execution data.
///
/// Beat within `heartbeat_ms` milliseconds from now on, with the snapshot that is returned. A run that has started 250
/// attempts is ended as CRASHED instead: then the execution status is FINISHED, and `execution` is null.
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: another worker has the run, or this call was made before.
/// - `RE003` if the run is finished, `RE004` if its status does not allow a start.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn engine_start_attempt(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    is_warm_start: Option<bool>,
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(execution_status, &'static str),
        name!(run_status, &'static str),
        name!(attempt_number, i32),
        name!(description, String),
        name!(created_at, TimestampWithTimeZone),
        name!(heartbeat_ms, Option<i64>),
        name!(execution, Option<Stored>),
    ),
> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let is_warm_start = is_warm_start.unwrap_or(false);
    let pair = pair(run_id, snapshot_id).or_raise();
    let settings = flow::settings(flow::now());
    match flow::attempt::start::start(&[Ok(pair)], is_warm_start, caller, &settings).pop() {
        Some(answer) => TableIterator::once(row(answer.or_raise())),
        None => unreachable!("one element has one answer"),
    }
}

/// Starts the next attempts of many dequeued runs in one commit; one row per element, in order.
///
/// An element that is refused changes nothing, and returns its SQLSTATE and message in `error_code` and `error_message`; it
/// does not affect the others. Of two elements about one run the second is refused. Otherwise each row is that of
/// `engine_start_attempt`.
///
/// # Errors
/// - `22023` if the arrays differ in length, or have more than `engine.max_batch` elements.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn engine_start_many(
    run_ids: Option<Vec<Option<String>>>,
    snapshot_ids: Option<Vec<Option<String>>>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    is_warm_start: Option<bool>,
) -> TableIterator<
    'static,
    (
        name!(run_id, Option<String>),
        name!(snapshot_id, Option<String>),
        name!(execution_status, Option<&'static str>),
        name!(run_status, Option<&'static str>),
        name!(attempt_number, Option<i32>),
        name!(description, Option<String>),
        name!(created_at, Option<TimestampWithTimeZone>),
        name!(heartbeat_ms, Option<i64>),
        name!(execution, Option<Stored>),
        name!(error_code, Option<&'static str>),
        name!(error_message, Option<String>),
    ),
> {
    api::enter_locking().or_raise();
    let run_ids = required("run_ids", run_ids).or_raise();
    let snapshot_ids = required("snapshot_ids", snapshot_ids).or_raise();
    engine_core::check_pairs(run_ids.len(), snapshot_ids.len(), guc::max_batch()).or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let pairs: Vec<Result<Pair, Refusal>> = run_ids
        .iter()
        .zip(&snapshot_ids)
        .map(|(run_id, snapshot_id)| pair(run_id.as_deref(), snapshot_id.as_deref()))
        .collect();
    let is_warm_start = is_warm_start.unwrap_or(false);
    let settings = flow::settings(flow::now());
    let answers = flow::attempt::start::start(&pairs, is_warm_start, caller, &settings);
    TableIterator::new(run_ids.into_iter().zip(answers).map(
        |(run_id, answer)| match answer.map(row) {
            Ok((
                run_id,
                snapshot_id,
                status,
                run_status,
                number,
                description,
                at,
                ms,
                execution,
            )) => (
                Some(run_id),
                Some(snapshot_id),
                Some(status),
                Some(run_status),
                Some(number),
                Some(description),
                Some(at),
                ms,
                execution,
                None,
                None,
            ),
            Err(refusal) => {
                let run_id = run_id.map(|run_id| RunId::parse(&run_id).as_str().to_owned());
                let (code, message) = (Some(refusal.sqlstate()), Some(refusal.message()));
                (
                    run_id, None, None, None, None, None, None, None, None, code, message,
                )
            }
        },
    ))
}

fn pair(run_id: Option<&str>, snapshot_id: Option<&str>) -> Result<Pair, Refusal> {
    Ok((
        RunId::parse(required("run_id", run_id)?),
        SnapshotId::parse(required("snapshot_id", snapshot_id)?),
    ))
}

type StartedRow = (
    String,
    String,
    &'static str,
    &'static str,
    i32,
    String,
    TimestampWithTimeZone,
    Option<i64>,
    Option<Stored>,
);

fn row(started: Started) -> StartedRow {
    (
        started.run_id.as_str().to_owned(),
        started.snapshot_id.as_str().to_owned(),
        started.execution_status.as_str(),
        started.run_status.as_str(),
        started.attempt_number,
        started.description,
        api::time(started.created_at),
        started.heartbeat_ms,
        started.execution,
    )
}
