//! Attempts that end.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    AttemptStatus, Command, Completion, CompletionOf, Plan, Refusal, Run, RunId, RunStatus,
    Settings, Shard, SnapshotId, Timestamp, decide,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};
use serde_json::json;

use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::store::notice::Notice;
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, guc, store};

/// What a completion led to.
struct Completed {
    run_id: RunId,
    snapshot_id: SnapshotId,
    attempt_status: AttemptStatus,
    execution_status: engine_core::ExecutionStatus,
    run_status: RunStatus,
    attempt_number: Option<i32>,
    retry_at: Option<Timestamp>,
}

type CompletedRow = (
    String,
    String,
    &'static str,
    &'static str,
    &'static str,
    Option<i32>,
    Option<TimestampWithTimeZone>,
);

impl Completed {
    fn into_row(self) -> CompletedRow {
        (
            self.run_id.as_str().to_owned(),
            self.snapshot_id.as_str().to_owned(),
            self.attempt_status.as_str(),
            self.execution_status.as_str(),
            self.run_status.as_str(),
            self.attempt_number,
            self.retry_at.map(api::time),
        )
    }
}

/// Completes an attempt: {"ok": true, "output": "…"} or {"ok": false, "error": {…}}.
///
/// `completion` has the keys `ok`; `output` and `outputType` of a success; `error` of a failure, with
/// `type` BUILT_IN_ERROR, CUSTOM_ERROR, STRING_ERROR or INTERNAL_ERROR, and `retry`; `usage.durationMs`; `metadata`. A failure is
/// retried, or ends the run if its error is not one to retry, or its attempts are used up. `retry` with `timestamp` or `delay` in milliseconds asks for another
/// attempt then: a short delay leaves the run with its worker. After RETRY_IMMEDIATELY the caller still holds it: wait until
/// `retry_at`, beating, then start it again with the snapshot that is returned. Without the key the retry policy of the run counts:
/// that of its trigger, else of its task; `max_attempts` above 1 alone ask for the default one. By policy a retry always goes
/// through the queue. An empty `retry` asks for a retry by that policy, or the default one; null or false for none.
///
/// # Errors
/// - `22032` for a malformed completion; `54000` for an output over `engine.max_payload_bytes`, an error or metadata over
///   `engine.max_metadata_bytes`.
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: the run has moved on, stop the work.
/// - `RE003` if the run is finished, `RE004` if no worker holds it.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
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
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let completion = required("completion", completion).and_then(|json| Completion::parse(&json.0));
    TableIterator::once(one(run_id, snapshot_id, completion, caller).or_raise())
}

/// Completes an attempt that succeeded; output is JSON as text.
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
    api::enter_locking().or_raise();
    let completion = Completion::success(output);
    TableIterator::once(one(run_id, snapshot_id, completion, Caller::default()).or_raise())
}

/// Completes an attempt that failed, with a message; the retry policy of its run says whether another one follows.
///
/// `retry` is the key of that name of a completion: a JSON null or false ends the run, a delay or time asks for a retry then.
///
/// # Errors
/// - `22032` for a `retry` that cannot be read.
///
/// As `engine_complete_attempt`.
#[pg_extern(name = "engine_fail", volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_fail_0_2(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    message: default!(Option<&str>, "'failed'"),
    retry: default!(Option<JsonB>, "NULL"),
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
    api::enter_locking().or_raise();
    let retry = api::document("retry", retry).or_raise();
    let completion = Completion::failure(message.unwrap_or("failed"), retry.as_ref());
    TableIterator::once(one(run_id, snapshot_id, completion, Caller::default()).or_raise())
}

/// Completes many attempts in one commit; one row per element, in order.
///
/// `completions` is a JSON array of objects with `run_id`, `snapshot_id` and the keys of a completion. An element that is
/// refused changes nothing, and tells its SQLSTATE and message in `error_code` and `error_message`; it does not spoil its
/// neighbours. Of two elements about one run the second is refused.
///
/// # Errors
/// - `22023` if `completions` is not an array of objects, or has more than `engine.max_batch` elements.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::type_complexity)]
fn engine_complete_many(
    completions: Option<JsonB>,
    worker_id: default!(Option<&str>, "NULL"),
    runner_id: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(run_id, Option<String>),
        name!(snapshot_id, Option<String>),
        name!(attempt_status, Option<&'static str>),
        name!(execution_status, Option<&'static str>),
        name!(run_status, Option<&'static str>),
        name!(attempt_number, Option<i32>),
        name!(retry_at, Option<TimestampWithTimeZone>),
        name!(error_code, Option<&'static str>),
        name!(error_message, Option<String>),
    ),
> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let completions = required("completions", completions).or_raise();
    let completions = CompletionOf::many(completions.0, guc::max_batch()).or_raise();
    let ids: Vec<Option<RunId>> = completions
        .iter()
        .map(|element| element.as_ref().ok().map(|element| element.run_id.clone()))
        .collect();
    let answers = all(completions, caller).or_raise();
    TableIterator::new(ids.into_iter().zip(answers).map(|(run_id, answer)| {
        let told = |refusal: &Refusal| (Some(refusal.sqlstate()), Some(refusal.message()));
        match answer.map(Completed::into_row) {
            Ok((run_id, snapshot_id, attempt_status, execution_status, run_status, number, at)) => {
                (
                    Some(run_id),
                    Some(snapshot_id),
                    Some(attempt_status),
                    Some(execution_status),
                    Some(run_status),
                    number,
                    at,
                    None,
                    None,
                )
            }
            Err(refusal) => {
                let (code, message) = told(&refusal);
                let run_id = run_id.map(|run_id| run_id.as_str().to_owned());
                (run_id, None, None, None, None, None, None, code, message)
            }
        }
    }))
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
    match all(vec![Ok(element)], caller)?.pop() {
        Some(answer) => Ok(answer?.into_row()),
        None => unreachable!("one element has one answer"),
    }
}

/// Locks the runs, decides, applies; one answer per element, in order.
fn all(
    completions: Vec<Result<CompletionOf, Refusal>>,
    caller: Caller<'_>,
) -> Result<Vec<Result<Completed, Refusal>>, Refusal> {
    let settings = api::settings(api::now());
    let limits = guc::trigger_limits();
    let check = |element: Result<CompletionOf, Refusal>| element?.check(&limits);
    let completions: Vec<_> = completions.into_iter().map(check).collect();
    let mut shards: BTreeMap<Shard, BTreeSet<&RunId>> = BTreeMap::new();
    for element in completions.iter().flatten() {
        let run_id = &element.run_id;
        shards.entry(run_id.shard()).or_default().insert(run_id);
    }
    let mut answers: BTreeMap<usize, Result<Completed, Refusal>> = BTreeMap::new();
    for (shard, ids) in shards {
        let ids: Vec<&RunId> = ids.into_iter().collect();
        let runs = store::run::lock_all(shard, &ids);
        let mut transitions = Transitions::new(shard, caller, &settings);
        let mut done: BTreeMap<&RunId, SnapshotId> = BTreeMap::new();
        for (index, element) in completions.iter().enumerate() {
            let Ok(element) = element else { continue };
            if element.run_id.shard() != shard {
                continue;
            }
            let answer = decide_one(element, &runs, &mut done, &mut transitions, &settings);
            answers.insert(index, answer);
        }
        transitions.apply();
    }
    let answer = |(index, element): (usize, Result<CompletionOf, Refusal>)| match element {
        Err(refusal) => Err(refusal),
        Ok(_) => match answers.remove(&index) {
            Some(answer) => answer,
            None => unreachable!("every shard was worked through"),
        },
    };
    Ok(completions.into_iter().enumerate().map(answer).collect())
}

/// Decides one completion and takes its plan on. `done` are the runs of earlier elements, with their new snapshots.
fn decide_one<'a>(
    element: &'a CompletionOf,
    runs: &'a [Run],
    done: &mut BTreeMap<&'a RunId, SnapshotId>,
    transitions: &mut Transitions<'a>,
    settings: &Settings,
) -> Result<Completed, Refusal> {
    let Ok(position) = runs.binary_search_by(|run| run.id.cmp(&element.run_id)) else {
        return Err(Refusal::UnknownRun {
            run_id: element.run_id.clone(),
        });
    };
    let run = &runs[position];
    if let Some(latest) = done.get(&run.id) {
        return Err(Refusal::StaleSnapshot {
            run_id: run.id.clone(),
            given: element.snapshot_id.clone(),
            latest: latest.clone(),
            status: run.execution_status,
        });
    }
    let command = Command::Complete {
        snapshot_id: &element.snapshot_id,
        completion: &element.completion,
    };
    let plan = decide(run, command, settings)?;
    let mut completed = told(run, &plan);
    if let Some(metadata) = &element.completion.metadata {
        transitions.tell(Notice {
            run_id: run.id.clone(),
            name: "runMetadataUpdated",
            body: json!({"run": {"id": run.id.as_str(), "metadata": metadata}}),
        });
    }
    completed.snapshot_id = transitions.add(run, plan);
    done.insert(&run.id, completed.snapshot_id.clone());
    Ok(completed)
}

fn told(run: &Run, plan: &Plan) -> Completed {
    let (attempt_status, execution_status, run_status, retry_at) = match plan {
        Plan::Finish(finish) => (
            AttemptStatus::RunFinished,
            engine_core::ExecutionStatus::Finished,
            finish.run_status,
            None,
        ),
        Plan::Move(moved) => (
            moved.attempt_status.unwrap_or(AttemptStatus::RetryQueued),
            moved.execution_status,
            moved.run_status,
            moved.retry_at,
        ),
        Plan::Claim { .. }
        | Plan::Start { .. }
        | Plan::Refuse { .. }
        | Plan::Notify
        | Plan::Keep => unreachable!("a completion is the end, a retry, or refused"),
    };
    Completed {
        run_id: run.id.clone(),
        snapshot_id: run.snapshot_id.clone(),
        attempt_status,
        execution_status,
        run_status,
        attempt_number: run.attempt_number,
        retry_at,
    }
}
