//! Attempts: start, complete.

use engine_core::{
    Command, Completion, ExecutionStatus, Machine, Plan, Refusal, Run, RunId, RunStatus,
    SnapshotId, decide,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{JsonB, default, name, pg_extern, search_path};

use crate::error::{OrRaise, required};
use crate::store::run::{Caller, Start};
use crate::{api, clock, guc, mint, store};

type CompletedRow = (
    String,
    String,
    &'static str,
    &'static str,
    &'static str,
    Option<i32>,
    Option<TimestampWithTimeZone>,
);

/// Starts the next attempt of a dequeued run and returns what its handler gets to know.
///
/// Beat within `heartbeat_ms` milliseconds from now on, with the snapshot that is returned. Behaviour: `spec/core.md §4.1`.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: another worker has the run, or this call was made before.
/// - `RE003` if the run is finished, `RE004` if its status does not allow a start.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_start_attempt(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    worker_id: default!(Option<&str>, "NULL"),
    runner_id: default!(Option<&str>, "NULL"),
    is_warm_start: default!(Option<bool>, "false"),
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(execution_status, &'static str),
        name!(run_status, &'static str),
        name!(attempt_number, i32),
        name!(description, &'static str),
        name!(created_at, TimestampWithTimeZone),
        name!(heartbeat_ms, i64),
        name!(execution, JsonB),
    ),
> {
    api::enter_locking().or_raise();
    let now = clock::now();
    let (run, given) = lock(run_id, snapshot_id).or_raise();
    let attempt_number = match decide(
        &run,
        Command::Start {
            snapshot_id: &given,
        },
    )
    .or_raise()
    {
        Plan::Start { attempt_number } => attempt_number,
        Plan::Claim { .. } | Plan::Finish(_) | Plan::Requeue(_) | Plan::Keep => {
            unreachable!("a start is a plan to start, or a refusal")
        }
    };
    let snapshot_id = mint::next_snapshot_id(&run.snapshot_id);
    let heartbeat_ms = guc::heartbeat_ms(ExecutionStatus::Executing);
    let description = "Attempt started";
    let start = Start {
        run: &run,
        snapshot_id: &snapshot_id,
        attempt_number,
        description,
        is_warm_start: is_warm_start.unwrap_or(false),
        machine: JsonB(Machine::resolve(run.machine.as_deref(), guc::default_machine()).to_json()),
        heartbeat_ms,
    };
    let execution = store::run::start(
        start,
        Caller {
            worker_id,
            runner_id,
        },
        now,
    );
    TableIterator::once((
        run.id.as_str().to_owned(),
        snapshot_id.as_str().to_owned(),
        ExecutionStatus::Executing.as_str(),
        RunStatus::Executing.as_str(),
        attempt_number,
        description,
        api::time(now),
        heartbeat_ms,
        execution,
    ))
}

/// Completes an attempt: `{"ok": true, "output": "…"}` or `{"ok": false, "error": {…}}`.
///
/// `completion` has the keys of `spec/core.md §4.2`: `ok`; `output` and `outputType` of a success; `error` of a failure, with
/// `type` BUILT_IN_ERROR, CUSTOM_ERROR, STRING_ERROR or INTERNAL_ERROR; `usage.durationMs`. A failure ends the run with the
/// status that `spec/core.md §4.5` gives the error.
///
/// # Errors
/// - `22032` for a malformed completion.
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: the run has moved on, stop the work.
/// - `RE003` if the run is finished, `RE004` if no worker holds it.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
/// - `0A000` for a failure that asks for a retry and has attempts left.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_complete_attempt(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    completion: Option<JsonB>,
    worker_id: default!(Option<&str>, "NULL"),
    runner_id: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(attempt_status, &'static str),
        name!(execution_status, &'static str),
        name!(run_status, &'static str),
        name!(attempt_number, Option<i32>),
        name!(retry_at, Option<TimestampWithTimeZone>),
    ),
> {
    let completion = required("completion", completion).and_then(|json| Completion::parse(&json.0));
    TableIterator::once(
        complete(
            run_id,
            snapshot_id,
            completion,
            Caller {
                worker_id,
                runner_id,
            },
        )
        .or_raise(),
    )
}

/// Completes an attempt that succeeded; `output` is JSON as text.
///
/// # Errors
/// As `engine_complete_attempt`.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_succeed(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    output: default!(Option<String>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(attempt_status, &'static str),
        name!(execution_status, &'static str),
        name!(run_status, &'static str),
        name!(attempt_number, Option<i32>),
        name!(retry_at, Option<TimestampWithTimeZone>),
    ),
> {
    TableIterator::once(
        complete(
            run_id,
            snapshot_id,
            Ok(Completion::success(output)),
            Caller::default(),
        )
        .or_raise(),
    )
}

/// Completes an attempt that failed, with a message, and ends its run.
///
/// # Errors
/// As `engine_complete_attempt`.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_fail(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    message: default!(Option<&str>, "'failed'"),
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(attempt_status, &'static str),
        name!(execution_status, &'static str),
        name!(run_status, &'static str),
        name!(attempt_number, Option<i32>),
        name!(retry_at, Option<TimestampWithTimeZone>),
    ),
> {
    let completion = Completion::failure(message.unwrap_or("failed"));
    TableIterator::once(complete(run_id, snapshot_id, Ok(completion), Caller::default()).or_raise())
}

/// Locks the run, decides, applies.
fn complete(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    completion: Result<Completion, Refusal>,
    caller: Caller<'_>,
) -> Result<CompletedRow, Refusal> {
    api::enter_locking()?;
    let completion = completion?;
    let now = clock::now();
    let (run, given) = lock(run_id, snapshot_id)?;
    let finish = match decide(
        &run,
        Command::Complete {
            snapshot_id: &given,
            completion: &completion,
        },
    )? {
        Plan::Finish(finish) => finish,
        Plan::Claim { .. } | Plan::Start { .. } | Plan::Requeue(_) | Plan::Keep => {
            unreachable!("without retries, a completion ends the run, or is refused")
        }
    };
    let snapshot_id = mint::next_snapshot_id(&run.snapshot_id);
    store::run::finish(
        run.id.shard(),
        &[(&run, snapshot_id.clone(), finish.clone())],
        caller,
        now,
    );
    Ok((
        run.id.as_str().to_owned(),
        snapshot_id.as_str().to_owned(),
        finish.attempt_status.as_str(),
        ExecutionStatus::Finished.as_str(),
        finish.run_status.as_str(),
        run.attempt_number,
        None,
    ))
}

/// The run under lock, and the caller's snapshot.
fn lock(run_id: Option<&str>, snapshot_id: Option<&str>) -> Result<(Run, SnapshotId), Refusal> {
    let run_id = RunId::parse(required("run_id", run_id)?);
    let snapshot_id = SnapshotId::parse(required("snapshot_id", snapshot_id)?);
    match store::run::lock(&run_id) {
        Some(run) => Ok((run, snapshot_id)),
        None => Err(Refusal::UnknownRun { run_id }),
    }
}
