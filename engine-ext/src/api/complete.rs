//! Completes attempts.

use engine_core::{Completion, CompletionOf, Refusal, RunId, SnapshotId};
use pgrx::pg_extern;

use super::row::{CompletedRow, Element};
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::flow::attempt::complete::Completed;
use crate::store::row::Caller;
use crate::{api, flow, guc};

entries!(
    engine_complete_attempt,
    engine_succeed,
    engine_fail: engine_fail_0_2,
    engine_complete_many,
);

/// Completes an attempt: {"ok": true, "output": "…"} or {"ok": false, "error": {…}}.
///
/// `completion` has the keys `ok`; `output` and `outputType` of a success; `error` of a failure, with `type` BUILT_IN_ERROR,
/// CUSTOM_ERROR, STRING_ERROR or INTERNAL_ERROR, and `retry`; `usage.durationMs`; `metadata`. A failure is retried, or ends
/// the run if its error is not retriable, or its attempts are used up. `retry` with `timestamp` or `delay` in milliseconds
/// requests another attempt then: with a short delay the run stays with its worker. After RETRY_IMMEDIATELY the caller still
/// holds it: wait until `retry_at`, beating, then start it again with the snapshot that is returned. Without the key the
/// retry policy of the run applies: that of its trigger, else of its task; `max_attempts` above 1 alone request the default
/// one. By policy a retry always goes through the queue. An empty `retry` requests a retry by that policy, or the default
/// one; null or false requests none. Repeated with the same snapshot by the same worker, with `worker_id` and `runner_id`, the
/// call returns the first answer until the run moves on.
///
/// # Errors
/// - `22032` for a malformed completion; `54000` for an output over `engine.max_payload_bytes`, an error or metadata over
///   `engine.max_metadata_bytes`.
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: the run has moved on, stop the work.
/// - `RE003` if the run is finished, `RE004` if no worker holds it.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_complete_attempt(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    completion: Option<JsonB>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<CompletedRow> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let completion = required("completion", completion).and_then(|json| Completion::parse(&json.0));
    Rows::one(one(run_id, snapshot_id, completion, caller).or_raise())
}

/// Completes an attempt that succeeded; output is JSON as text.
///
/// # Errors
/// As `engine_complete_attempt`.
#[pg_extern(sql = false)]
fn engine_succeed(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    output: Option<String>,
) -> Rows<CompletedRow> {
    api::enter_locking().or_raise();
    let completion = Completion::success(output);
    Rows::one(one(run_id, snapshot_id, completion, Caller::default()).or_raise())
}

/// Completes an attempt that failed, with a message; the retry policy of its run decides whether another one follows.
///
/// `retry` is the key of that name in a completion: a JSON null or false ends the run, a delay or time requests a retry
/// then.
///
/// # Errors
/// - `22032` for a `retry` that cannot be read.
///
/// As `engine_complete_attempt`.
#[pg_extern(sql = false)]
fn engine_fail_0_2(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    message: Option<&str>,
    retry: Option<JsonB>,
) -> Rows<CompletedRow> {
    api::enter_locking().or_raise();
    let retry = api::document("retry", retry).or_raise();
    let completion = Completion::failure(message.unwrap_or("failed"), retry.as_ref());
    Rows::one(one(run_id, snapshot_id, completion, Caller::default()).or_raise())
}

/// Completes many attempts in one commit; one row per element, in order.
///
/// `completions` is a JSON array of objects with `run_id`, `snapshot_id` and the keys of a completion. An element that is
/// refused changes nothing, and returns its SQLSTATE and message in `error_code` and `error_message`; it does not affect the
/// others. Of two elements about one run the second is refused.
///
/// # Errors
/// - `22023` if `completions` is not an array of objects, or has more than `engine.max_batch` elements.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_complete_many(
    completions: Option<JsonB>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<Element<CompletedRow>> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let completions = required("completions", completions).or_raise();
    let completions = CompletionOf::many(completions.0, guc::max_batch()).or_raise();
    let ids: Vec<Option<RunId>> = completions
        .iter()
        .map(|element| element.as_ref().ok().map(|element| element.run_id.clone()))
        .collect();
    let settings = flow::settings(flow::now());
    let answers = flow::attempt::complete::complete(completions, caller, &settings);
    let answers = ids.into_iter().zip(answers);
    Rows::new(answers.map(|(run_id, answer)| Element::new(run_id.as_ref(), answer.map(row))))
}

fn one(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    completion: Result<Completion, Refusal>,
    caller: Caller<'_>,
) -> Result<CompletedRow, Refusal> {
    let element = CompletionOf {
        run_id: RunId::parse(required("run_id", run_id)?),
        snapshot_id: SnapshotId::parse(required("snapshot_id", snapshot_id)?),
        completion: completion?,
    };
    flow::right::run(&element.run_id)?;
    let settings = flow::settings(flow::now());
    match flow::attempt::complete::complete(vec![Ok(element)], caller, &settings).pop() {
        Some(answer) => answer.map(row),
        None => unreachable!("one element has one answer"),
    }
}

pub(super) fn row(completed: Completed) -> CompletedRow {
    CompletedRow {
        run_id: completed.run_id.as_str().to_owned(),
        snapshot_id: completed.snapshot_id.as_str().to_owned(),
        attempt_status: completed.attempt_status.as_str(),
        execution_status: completed.execution_status.as_str(),
        run_status: completed.run_status.as_str(),
        attempt_number: completed.attempt_number,
        retry_at: completed.retry_at.map(api::time),
    }
}
