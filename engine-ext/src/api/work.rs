//! A worker's turn: what it reports, and what it gets.

use engine_core::{
    CompletionOf, ExecutionStatus, Refusal, RunId, RunStatus, Settings, turn_request,
};
use pgrx::{pg_extern, pg_sys};

use crate::api::complete::CompletedRow;
use crate::backend::rows::{Cell, Rows, cell};
use crate::document::{JsonB, Stored};
use crate::error::OrRaise;
use crate::flow::dequeue::Request;
use crate::flow::work::Turn;
use crate::store::queue_item::claim::{Begun, Dequeued};
use crate::{api, backend, flow, guc};

/// Kinds of rows.
const COMPLETED: &str = "completed";
const STARTED: &str = "started";

/// The columns that rows of both kinds have, `kind` to `retry_at`, and those that only a run that starts has.
const COMMON_COLUMNS: usize = 8;
const DEQUEUED_COLUMNS: usize = 27;

/// Executes a worker's turn in one commit: reports ends of attempts, then dequeues and starts due runs.
///
/// `completions` is what `engine_complete_many` takes; each has its answer, in order, of the kind `completed`, and one that is
/// refused tells its SQLSTATE and message and spoils no other. Then come up to `max_runs` rows of the kind `started`: runs as
/// `engine_dequeue` would hand them out, whose attempts have begun. Beat each within `heartbeat_ms` milliseconds with the snapshot
/// that is returned, and report its end with it in the next turn. Slots that the completions give back serve the runs that are
/// claimed. A run with a `checkpoint` continues its attempt. With 0 for `max_runs` it only reports.
/// With completions the call never waits; without, `wait_ms` counts as for `engine_dequeue`.
///
/// # Errors
/// - `22023` if `completions` is not an array of objects, or has more than `engine.max_batch` elements; if `max_runs` is outside
///   0..=`engine.max_batch`, or `wait_ms` outside 0..=60000.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn engine_work(
    completions: Option<JsonB>,
    worker_queue: Option<&str>,
    max_runs: Option<i32>,
    environment_id: Option<&str>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    worker_version: Option<&str>,
    wait_ms: Option<i32>,
    call: pg_sys::FunctionCallInfo,
) {
    // Looks things up, and holds nothing of it.
    let (completions, from, request, caller) = backend::hold::only_if_written(|| {
        api::enter_locking()?;
        let completions = match completions {
            Some(completions) => CompletionOf::many(completions.0, guc::max_batch())?,
            None => Vec::new(),
        };
        let (max_runs, wait_ms) = (max_runs.unwrap_or(1), wait_ms.unwrap_or(0));
        let reports = !completions.is_empty();
        let request = turn_request(max_runs, wait_ms, guc::max_batch(), reports)?;
        let caller = api::caller(worker_id, runner_id)?;
        let from = Request::new(worker_queue, environment_id, worker_version, max_runs)?;
        Ok::<_, Refusal>((completions, from, request, caller))
    })
    .or_raise();
    let asked: Vec<Option<RunId>> = completions
        .iter()
        .map(|element| element.as_ref().ok().map(|element| element.run_id.clone()))
        .collect();
    let turn = flow::work::turn(completions, from, request, caller);
    let Turn {
        completed,
        started,
        settings,
    } = turn;
    let rows = Rows::of(call);
    for (run_id, answer) in asked.into_iter().zip(completed) {
        let answer = answer.map(api::complete::row);
        rows.add(&completed_row(run_id, answer));
    }
    for (dequeued, begun) in started {
        rows.add(&started_row(dequeued, begun, worker_version, &settings));
    }
}

/// The row of a completion: nothing is told of its run that its worker does not know.
fn completed_row(run_id: Option<RunId>, answer: Result<CompletedRow, Refusal>) -> Vec<Cell> {
    let mut row = vec![cell(COMPLETED)];
    let refusal = match answer {
        Ok((
            run_id,
            snapshot_id,
            attempt_status,
            execution_status,
            run_status,
            number,
            retry_at,
        )) => {
            row.extend([cell(run_id), cell(snapshot_id)]);
            let statuses = [attempt_status, execution_status, run_status];
            row.extend(statuses.map(cell));
            row.extend([cell(number), cell(retry_at)]);
            None
        }
        Err(refusal) => {
            row.push(cell(run_id.map(|run_id| run_id.as_str().to_owned())));
            row.resize_with(COMMON_COLUMNS, || None);
            Some(refusal)
        }
    };
    row.resize_with(COMMON_COLUMNS + DEQUEUED_COLUMNS, || None);
    row.push(cell(refusal.as_ref().map(Refusal::sqlstate)));
    row.push(cell(refusal.as_ref().map(Refusal::message)));
    row
}

/// The row of a run that starts.
fn started_row(
    dequeued: Dequeued,
    begun: Begun,
    worker_version: Option<&str>,
    settings: &Settings,
) -> [Cell; COMMON_COLUMNS + DEQUEUED_COLUMNS + 2] {
    let status = ExecutionStatus::Executing;
    let Dequeued {
        candidate,
        assignment,
        carried,
        ..
    } = dequeued;
    let now = || cell(api::time(settings.now));
    let waitpoints = carried.completed_waitpoints;
    [
        cell(STARTED),
        cell(candidate.run.id.as_str()),
        cell(begun.snapshot_id.as_str()),
        None,
        cell(status.as_str()),
        cell(RunStatus::Executing.as_str()),
        cell(begun.attempt_number),
        None,
        cell(candidate.run.id.friendly()),
        cell(begun.snapshot_id.friendly()),
        now(),
        cell(candidate.task),
        cell(candidate.payload),
        cell(candidate.payload_type),
        cell(candidate.queue),
        cell(candidate.concurrency_key),
        cell(candidate.worker_queue),
        cell(candidate.environment_id),
        cell(candidate.run.environment_type.as_str()),
        cell(candidate.project_id),
        cell(candidate.organization_id),
        cell(assignment.version.as_deref().or(worker_version)),
        cell(assignment.image),
        cell(JsonB(settings.machines.to_json(assignment.machine))),
        cell(assignment.max_attempts),
        cell(assignment.max_duration_seconds),
        cell(candidate.is_test),
        cell(candidate.is_replay),
        cell(candidate.tags),
        cell(candidate.metadata),
        cell(candidate.trace_context),
        cell(carried.checkpoint),
        cell(waitpoints.unwrap_or_else(Stored::empty_array)),
        cell(settings.heartbeats.interval_ms(status)),
        now(),
        None,
        None,
    ]
}
