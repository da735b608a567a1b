//! Dequeues runs.

use engine_core::{DequeueRequest, ExecutionStatus, Refusal, RunStatus};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::document::{JsonB, Stored};
use crate::error::OrRaise;
use crate::flow::dequeue::Request;
use crate::store::queue_item::claim::Dequeued;
use crate::{api, backend, guc};

/// Dequeues up to `max_runs` due runs of a worker queue, lowest queue timestamp minus priority first.
///
/// One transaction claims the runs, moves them to PENDING_EXECUTING and writes their snapshots; everything that a worker
/// needs is returned. Runs that other sessions hold are skipped, never waited for; fewer rows, or none, are normal, and none
/// commit nothing. Start each run within `heartbeat_ms` milliseconds. `attempt_number` is the number of the next attempt. A
/// `worker_version` is the version of the worker: in an environment that requires versions it gets the runs that this one
/// executes. A run that no version executes is parked until one registers. With `wait_ms` the call waits that long for a
/// first run. It holds no lock meanwhile, only the snapshot of the calling statement; so it does not wait in a transaction
/// that has written something, whose locks would be held during the wait, and returns early after only setting runs aside.
///
/// # Errors
/// - `22023` if `max_runs` is outside 1..=`engine.max_batch`, or `wait_ms` outside 0..=60000.
/// - `RE005` for an unknown environment.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity, clippy::too_many_arguments)]
fn engine_dequeue(
    worker_queue: Option<&str>,
    max_runs: Option<i32>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    environment_id: Option<&str>,
    worker_version: Option<&str>,
    wait_ms: Option<i32>,
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(run_friendly_id, String),
        name!(snapshot_id, String),
        name!(snapshot_friendly_id, String),
        name!(execution_status, &'static str),
        name!(run_status, &'static str),
        name!(snapshot_created_at, TimestampWithTimeZone),
        name!(attempt_number, i32),
        name!(task, String),
        name!(payload, String),
        name!(payload_type, String),
        name!(queue, String),
        name!(concurrency_key, Option<String>),
        name!(worker_queue, String),
        name!(environment_id, String),
        name!(environment_type, &'static str),
        name!(project_id, Option<String>),
        name!(organization_id, Option<String>),
        name!(worker_version, Option<String>),
        name!(image, Option<String>),
        name!(machine, JsonB),
        name!(max_attempts, i32),
        name!(max_duration_seconds, Option<i32>),
        name!(is_test, bool),
        name!(is_replay, bool),
        name!(tags, Vec<String>),
        name!(metadata, Option<Stored>),
        name!(trace_context, Option<Stored>),
        name!(checkpoint, Option<Stored>),
        name!(completed_waitpoints, Stored),
        name!(heartbeat_ms, Option<i64>),
        name!(dequeued_at, TimestampWithTimeZone),
    ),
> {
    let request = DequeueRequest::new(
        max_runs.unwrap_or(1),
        wait_ms.unwrap_or(0),
        guc::max_batch(),
    );
    let caller = api::caller(worker_id, runner_id);
    // Reads only, and holds nothing afterwards.
    let (from, request, caller) = backend::hold::only_if_written(|| {
        api::enter_locking()?;
        let (request, caller) = (request?, caller?);
        let from = Request::new(
            worker_queue,
            environment_id,
            worker_version,
            request.max_runs,
        )?;
        Ok::<_, Refusal>((from, request, caller))
    })
    .or_raise();
    let (runs, settings) = from.wait(request.wait_ms, caller);
    let now = settings.now;
    let version = worker_version.map(str::to_owned);
    let heartbeat_ms = settings
        .heartbeats
        .interval_ms(ExecutionStatus::PendingExecuting);
    TableIterator::new(runs.into_iter().map(
        move |Dequeued {
                  candidate,
                  snapshot_id,
                  assignment,
                  carried,
                  ..
              }| {
            let run = candidate.run;
            (
                run.id.as_str().to_owned(),
                run.id.friendly(),
                snapshot_id.as_str().to_owned(),
                snapshot_id.friendly(),
                ExecutionStatus::PendingExecuting.as_str(),
                RunStatus::Dequeued.in_snapshot().as_str(),
                api::time(now),
                run.attempt_number.unwrap_or(0) + 1,
                candidate.task,
                candidate.payload,
                candidate.payload_type,
                candidate.queue,
                candidate.concurrency_key,
                candidate.worker_queue,
                candidate.environment_id,
                run.environment_type.as_str(),
                candidate.project_id,
                candidate.organization_id,
                assignment.version.or_else(|| version.clone()),
                assignment.image,
                JsonB(settings.machines.to_json(assignment.machine)),
                assignment.max_attempts,
                assignment.max_duration_seconds,
                candidate.is_test,
                candidate.is_replay,
                candidate.tags,
                candidate.metadata,
                candidate.trace_context,
                carried.checkpoint,
                carried
                    .completed_waitpoints
                    .unwrap_or_else(Stored::empty_array),
                heartbeat_ms,
                api::time(now),
            )
        },
    ))
}
