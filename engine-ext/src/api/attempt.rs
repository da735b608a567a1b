//! Attempts that start.

use engine_core::{
    Command, ExecutionStatus, Plan, Refusal, Run, RunId, RunStatus, Settings, SnapshotId, decide,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{JsonB, default, name, pg_extern, search_path};

use crate::error::{OrRaise, required};
use crate::store::attempt::Start;
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, mint, store};

/// Text of the snapshot.
const STARTED: &str = "Attempt started";

type StartedRow = (
    String,
    String,
    &'static str,
    &'static str,
    i32,
    String,
    TimestampWithTimeZone,
    Option<i64>,
    Option<JsonB>,
);

/// Starts the next attempt of a dequeued run and returns what its handler gets to know.
///
/// Beat within `heartbeat_ms` milliseconds from now on, with the snapshot that is returned. A run that has started 250
/// attempts is not started but ended as CRASHED: then the execution status is FINISHED, and `execution` is null. Behaviour:
/// `spec/core.md §4.1`.
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
        name!(description, String),
        name!(created_at, TimestampWithTimeZone),
        name!(heartbeat_ms, Option<i64>),
        name!(execution, Option<JsonB>),
    ),
> {
    api::enter_locking().or_raise();
    let caller = Caller {
        worker_id,
        runner_id,
    };
    let is_warm_start = is_warm_start.unwrap_or(false);
    TableIterator::once(start(run_id, snapshot_id, is_warm_start, caller).or_raise())
}

/// Locks the run, decides, applies.
fn start(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    is_warm_start: bool,
    caller: Caller<'_>,
) -> Result<StartedRow, Refusal> {
    let run_id = RunId::parse(required("run_id", run_id)?);
    let given = SnapshotId::parse(required("snapshot_id", snapshot_id)?);
    let settings = api::settings(api::now());
    let Some(run) = store::run::lock(&run_id) else {
        return Err(Refusal::UnknownRun { run_id });
    };
    let command = Command::Start {
        snapshot_id: &given,
    };
    match decide(&run, command, &settings)? {
        Plan::Start { attempt_number } => {
            let snapshot_id = mint::next_snapshot_id(&run.snapshot_id);
            let start = Start {
                run: &run,
                snapshot_id: snapshot_id.clone(),
                attempt_number,
            };
            let shard = run.id.shard();
            let mut told =
                store::attempt::start(shard, &[start], STARTED, is_warm_start, caller, &settings);
            let execution = told.pop().map(|(_, execution)| execution);
            Ok(started(
                &run,
                snapshot_id,
                attempt_number,
                execution,
                &settings,
            ))
        }
        plan @ Plan::Finish(_) => Ok(ended(&run, plan, caller, &settings)),
        Plan::Claim { .. } | Plan::Move(_) | Plan::Refuse { .. } | Plan::Notify | Plan::Keep => {
            unreachable!("a start is a start, the end, or refused")
        }
    }
}

fn started(
    run: &Run,
    snapshot_id: SnapshotId,
    attempt_number: i32,
    execution: Option<JsonB>,
    settings: &Settings,
) -> StartedRow {
    let status = ExecutionStatus::Executing;
    (
        run.id.as_str().to_owned(),
        snapshot_id.as_str().to_owned(),
        status.as_str(),
        RunStatus::Executing.as_str(),
        attempt_number,
        STARTED.to_owned(),
        api::time(settings.now),
        settings.heartbeats.interval_ms(status),
        execution,
    )
}

/// The run has no attempt left.
fn ended(run: &Run, plan: Plan, caller: Caller<'_>, settings: &Settings) -> StartedRow {
    let (run_status, description) = match &plan {
        Plan::Finish(finish) => (finish.run_status, finish.description.to_string()),
        _ => (run.run_status, String::new()),
    };
    let mut transitions = Transitions::new(run.id.shard(), caller, settings);
    let snapshot_id = transitions.add(run, plan);
    transitions.apply();
    (
        run.id.as_str().to_owned(),
        snapshot_id.as_str().to_owned(),
        ExecutionStatus::Finished.as_str(),
        run_status.as_str(),
        run.attempt_number.unwrap_or(0),
        description,
        api::time(settings.now),
        None,
        None,
    )
}
