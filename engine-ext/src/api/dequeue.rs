//! Dequeues runs.

use engine_core::{DequeueRequest, ExecutionStatus, Refusal, RunStatus};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use super::row::{HandedOutRow, SharedDocuments};
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::flow::dequeue::Request;
use crate::{api, backend, guc};

entries!(engine_dequeue);

row! {
    /// A run that is handed to a worker, with all that the worker needs.
    DequeuedRow {
        run_id: String,
        run_friendly_id: String,
        snapshot_id: String,
        snapshot_friendly_id: String,
        execution_status: &'static str,
        run_status: &'static str,
        snapshot_created_at: TimestampWithTimeZone,
        attempt_number: i32,
        work: HandedOutRow,
    }
}

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
#[allow(clippy::too_many_arguments)]
fn engine_dequeue(
    worker_queue: Option<&str>,
    max_runs: Option<i32>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
    environment_id: Option<&str>,
    worker_version: Option<&str>,
    wait_ms: Option<i32>,
) -> Rows<DequeuedRow> {
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
    let (runs, settings) = from.wait(request.wait_ms, caller).or_raise();
    let version = worker_version.map(str::to_owned);
    let status = ExecutionStatus::PendingExecuting;
    let documents = SharedDocuments::new(settings);
    Rows::new(runs.into_iter().map(move |dequeued| {
        let (run, snapshot_id) = (&dequeued.candidate.run, &dequeued.snapshot_id);
        DequeuedRow {
            run_id: run.id.as_str().to_owned(),
            run_friendly_id: run.id.friendly(),
            snapshot_id: snapshot_id.as_str().to_owned(),
            snapshot_friendly_id: snapshot_id.friendly(),
            execution_status: status.as_str(),
            run_status: RunStatus::Dequeued.in_snapshot().as_str(),
            snapshot_created_at: api::time(documents.settings.now),
            attempt_number: run.attempt_number.unwrap_or(0) + 1,
            work: HandedOutRow::new(dequeued, version.as_deref(), &documents, status),
        }
    }))
}
