//! A worker's turn: what it reports, and what it gets.

use engine_core::{
    CompletionOf, ExecutionStatus, NamedTurn, Refusal, RunId, RunStatus, turn_request,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use serde_json::{Value, json};

use super::row::{CompletedRow, HandedOutRow, SharedDocuments};
use crate::backend::caller::entries;
use crate::backend::rows::{Part, Rows, row};
use crate::document::JsonB;
use crate::error::OrRaise;
use crate::flow::dequeue::Request;
use crate::flow::turn::{Named, Refused, Turn};
use crate::store::queue_item::hand_out::{Begun, Dequeued};
use crate::store::row::Caller;
use crate::{api, backend, flow, guc};

entries!(engine_work);

row! {
    /// A row of a turn, about a run that was reported, or one that starts.
    WorkRow {
        kind: &'static str,
        run_id: Option<String>,
        snapshot_id: Option<String>,
        attempt_status: Option<&'static str>,
        execution_status: Option<&'static str>,
        run_status: Option<&'static str>,
        attempt_number: Option<i32>,
        retry_at: Option<TimestampWithTimeZone>,
        begun: Part<BegunRow>,
        error_code: Option<String>,
        error_message: Option<String>,
    }

    /// What is returned of a run that starts only.
    BegunRow {
        run_friendly_id: String,
        snapshot_friendly_id: String,
        snapshot_created_at: TimestampWithTimeZone,
        work: HandedOutRow,
    }
}

/// Executes a worker's turn in one commit: reports ends of attempts, then dequeues and starts due runs.
///
/// `completions` is what `engine_complete_many` takes; each has its answer, in order, of the kind `completed`, and one that is
/// refused tells its SQLSTATE and message and spoils no other. Then come up to `max_runs` rows of the kind `started`: runs as
/// `engine_dequeue` would hand them out, whose attempts have begun. Beat each within `heartbeat_ms` milliseconds with the snapshot
/// that is returned, and report its end with it in the next turn. Slots that the completions give back serve the runs that are
/// claimed. A run with a `checkpoint` continues its attempt. With 0 for `max_runs` it only reports.
/// With completions the call never waits; without, `wait_ms` counts as for `engine_dequeue`.
/// A worker that gives `worker_id` and `runner_id` may name its turns: if it has lost an answer, and calls again with the same
/// `turn_id` and the same arguments, it gets the same rows. The last turn of each worker is remembered, for an hour at least.
///
/// # Errors
/// - `22023` if `completions` is not an array of objects, or has more than `engine.max_batch` elements; if `max_runs` is outside
///   0..=`engine.max_batch`, or `wait_ms` outside 0..=60000; if the worker's last turn has this `turn_id` and other arguments.
/// - `40001` if another call has taken the turn meanwhile; nothing is done, call again for its answer.
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
    turn_id: Option<&str>,
) -> Rows<WorkRow> {
    // Looks things up, and holds nothing of it.
    let (completions, from, request, named, caller) = backend::hold::only_if_written(|| {
        api::enter_locking()?;
        let caller = api::caller(worker_id, runner_id)?;
        let asked = json!([worker_queue, max_runs, environment_id, worker_version]);
        let named = named(turn_id, caller, asked, completions.as_ref())?;
        let completions = match completions {
            Some(completions) => CompletionOf::many(completions.0, guc::max_batch())?,
            None => Vec::new(),
        };
        let (max_runs, wait_ms) = (max_runs.unwrap_or(1), wait_ms.unwrap_or(0));
        let reports = !completions.is_empty();
        let request = turn_request(max_runs, wait_ms, guc::max_batch(), reports)?;
        let from = Request::new(worker_queue, environment_id, worker_version, max_runs)?;
        Ok::<_, Refusal>((completions, from, request, named, caller))
    })
    .or_raise();
    let asked: Vec<Option<RunId>> = completions
        .iter()
        .map(|element| element.as_ref().ok().map(|element| element.run_id.clone()))
        .collect();
    let turn = flow::work::take(completions, from, request, named.as_ref(), caller).or_raise();
    let Turn {
        completed,
        started,
        settings,
    } = turn;
    let answers = asked.into_iter().zip(completed).map(|(run_id, answer)| {
        let answer = answer.map(api::complete::row);
        WorkRow::completed(run_id, answer)
    });
    let version = worker_version.map(str::to_owned);
    let documents = SharedDocuments::new(settings);
    let starts = started.into_iter().map(move |(dequeued, begun)| {
        WorkRow::started(dequeued, &begun, version.as_deref(), &documents)
    });
    Rows::new(answers.chain(starts))
}

/// The turn that the worker takes, if it has a name.
fn named<'a>(
    turn_id: Option<&str>,
    caller: Caller<'a>,
    asked: Value,
    completions: Option<&JsonB>,
) -> Result<Option<Named<'a>>, Refusal> {
    let Some(turn_id) = turn_id else {
        return Ok(None);
    };
    let knows_worker = caller.worker_id.is_some() && caller.runner_id.is_some();
    let content = json!([asked, completions.map(|completions| &completions.0)]);
    let turn = NamedTurn::new(turn_id, knows_worker, &content)?;
    Named::find(turn, caller).map(Some)
}

impl WorkRow {
    /// The answer to a completion: nothing is told of its run that its worker does not know.
    fn completed(run_id: Option<RunId>, answer: Result<CompletedRow, Refused>) -> Self {
        let mut row = Self::of("completed");
        match answer {
            Ok(completed) => {
                row.run_id = Some(completed.run_id);
                row.snapshot_id = Some(completed.snapshot_id);
                row.attempt_status = Some(completed.attempt_status);
                row.execution_status = Some(completed.execution_status);
                row.run_status = Some(completed.run_status);
                row.attempt_number = completed.attempt_number;
                row.retry_at = completed.retry_at;
            }
            Err(refused) => {
                row.run_id = run_id.map(|run_id| run_id.as_str().to_owned());
                row.error_code = Some(refused.code);
                row.error_message = Some(refused.message);
            }
        }
        row
    }

    /// A run that starts.
    fn started(
        dequeued: Dequeued,
        begun: &Begun,
        worker_version: Option<&str>,
        documents: &SharedDocuments,
    ) -> Self {
        let status = ExecutionStatus::Executing;
        let run_id = &dequeued.candidate.run.id;
        Self {
            run_id: Some(run_id.as_str().to_owned()),
            snapshot_id: Some(begun.snapshot_id.as_str().to_owned()),
            execution_status: Some(status.as_str()),
            run_status: Some(RunStatus::Executing.as_str()),
            attempt_number: Some(begun.attempt_number),
            begun: Part(Some(BegunRow {
                run_friendly_id: run_id.friendly(),
                snapshot_friendly_id: begun.snapshot_id.friendly(),
                snapshot_created_at: api::time(documents.settings.now),
                work: HandedOutRow::new(dequeued, worker_version, documents, status),
            })),
            ..Self::of("started")
        }
    }

    /// A row of this kind that tells nothing yet.
    fn of(kind: &'static str) -> Self {
        Self {
            kind,
            run_id: None,
            snapshot_id: None,
            attempt_status: None,
            execution_status: None,
            run_status: None,
            attempt_number: None,
            retry_at: None,
            begun: Part(None),
            error_code: None,
            error_message: None,
        }
    }
}
