//! Trigger: new runs, in the caller's own transaction and in any isolation level.

use std::rc::Rc;

use engine_core::{
    Environment, ExecutionStatus, NewRun, Refusal, RunId, Timestamp, TriggerOptions,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{JsonB, default, name, pg_extern, search_path};

use super::entrance;
use crate::error::{OrRaise, required};
use crate::store::trigger::{Birth, Existing, Minted};
use crate::{api, clock, guc, mint, store};

pub(super) type TriggeredRow = (
    String,
    String,
    &'static str,
    &'static str,
    bool,
    TimestampWithTimeZone,
);

/// Triggers a run: writes it, its first snapshot and its queue item, and returns it.
///
/// Works inside the caller's transaction, in any isolation level: the run exists once that transaction commits, and not at
/// all if it rolls back. `payload` is opaque text. `priority_ms` moves the run ahead of those triggered up to that many
/// milliseconds earlier; a negative one holds it back. Without `max_attempts` a run has three. With `delay_until` it enters its
/// queue then. With `ttl`, a duration such as `1h30m` or a number of seconds, it expires if it has waited that long in its queue
/// and was never handed out. A trigger that repeats the `idempotency_key` of a run of the same task and environment returns that
/// run, with `is_cached`, unless it failed or the key has expired, by default after thirty days. `debounce`, an object of `key`,
/// `delay` and perhaps `mode` and `maxDelay`, has triggers of one key put off one run, and with mode `trailing` say what it is.
/// A `one_time_use_token` is good for one run. `version` names the worker version that is to do it. Behaviour:
/// `spec/queue.md §1.2`, `§2.1–2.6`, `spec/core.md §4.12`.
///
/// # Errors
/// - `22004` without a task.
/// - `22023` for a value out of bounds.
/// - `54000` for a payload over `engine.max_payload_bytes`, metadata over `engine.max_metadata_bytes`.
/// - `RE001` for an unknown parent.
/// - `RE005` for an unknown environment.
/// - `RE009` for a token that was used.
/// - `40001`, in a stricter isolation level than READ COMMITTED, if somebody took the key since the transaction began.
/// - `23505` for a `run_id` that is taken.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
#[allow(clippy::too_many_arguments)]
fn engine_trigger(
    task: Option<String>,
    payload: default!(Option<String>, "'{}'"),
    payload_type: default!(Option<String>, "'application/json'"),
    queue: default!(Option<String>, "NULL"),
    environment_id: default!(Option<String>, "'default'"),
    worker_queue: default!(Option<String>, "'main'"),
    concurrency_key: default!(Option<String>, "NULL"),
    priority_ms: default!(Option<i64>, "0"),
    max_attempts: default!(Option<i32>, "NULL"),
    max_duration_seconds: default!(Option<i32>, "NULL"),
    machine: default!(Option<String>, "NULL"),
    tags: default!(Option<Vec<Option<String>>>, "NULL"),
    metadata: default!(Option<JsonB>, "NULL"),
    is_test: default!(Option<bool>, "false"),
    trace_context: default!(Option<JsonB>, "NULL"),
    annotations: default!(Option<JsonB>, "NULL"),
    queue_timestamp: default!(Option<TimestampWithTimeZone>, "NULL"),
    replayed_from: default!(Option<String>, "NULL"),
    parent_run_id: default!(Option<String>, "NULL"),
    retry: default!(Option<JsonB>, "NULL"),
    run_id: default!(Option<String>, "NULL"),
    delay_until: default!(Option<TimestampWithTimeZone>, "NULL"),
    ttl: default!(Option<String>, "NULL"),
    idempotency_key: default!(Option<String>, "NULL"),
    idempotency_key_expires_at: default!(Option<TimestampWithTimeZone>, "NULL"),
    debounce: default!(Option<JsonB>, "NULL"),
    one_time_use_token: default!(Option<String>, "NULL"),
    version: default!(Option<String>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(run_status, &'static str),
        name!(execution_status, &'static str),
        name!(is_cached, bool),
        name!(created_at, TimestampWithTimeZone),
    ),
> {
    api::enter().or_raise();
    let options = TriggerOptions {
        task,
        payload,
        payload_type,
        queue,
        environment_id,
        worker_queue,
        concurrency_key,
        priority_ms,
        max_attempts,
        max_duration_seconds,
        machine,
        tags: tags.map(texts).transpose().or_raise(),
        metadata: metadata.map(|json| json.0),
        is_test,
        trace_context: trace_context.map(|json| json.0),
        annotations: annotations.map(|json| json.0),
        queue_timestamp: queue_timestamp.map(api::moment),
        replayed_from,
        parent_run_id,
        retry: retry.map(|json| json.0),
        run_id,
        delay_until: delay_until.map(api::moment),
        ttl,
        idempotency_key,
        idempotency_key_expires_at: idempotency_key_expires_at.map(api::moment),
        debounce: debounce.map(|json| json.0),
        one_time_use_token,
        version,
    };
    let rows = trigger(vec![options], &Birth::QUEUED, |_, refusal| refusal);
    TableIterator::new(rows.or_raise())
}

/// Triggers many runs in one transaction; one row per element, in order.
///
/// `runs` is a JSON array of objects whose keys are the parameter names of `engine_trigger`; a payload may be given as JSON.
/// All runs are triggered, or none.
///
/// # Errors
/// As `engine_trigger`, with the element's position in the detail, and `22023` if `runs` is not an array, names an unknown
/// key, or has more than `engine.max_batch` elements.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_trigger_many(
    runs: Option<JsonB>,
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(run_status, &'static str),
        name!(execution_status, &'static str),
        name!(is_cached, bool),
        name!(created_at, TimestampWithTimeZone),
    ),
> {
    api::enter().or_raise();
    let runs = required("runs", runs).or_raise();
    let options = TriggerOptions::many_from_json(runs.0, guc::max_batch()).or_raise();
    let rows = trigger(options, &Birth::QUEUED, |index, refusal| {
        refusal.in_element(index)
    });
    TableIterator::new(rows.or_raise())
}

/// Checks the options of new runs, mints their ids and writes them. `locate` says which element was refused.
pub(super) fn trigger(
    options: Vec<TriggerOptions>,
    birth: &Birth,
    locate: impl Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<TriggeredRow>, Refusal> {
    if options.is_empty() {
        return Ok(Vec::new());
    }
    let now = clock::now();
    let limits = guc::trigger_limits();
    let mut runs = Vec::with_capacity(options.len());
    for (index, options) in options.into_iter().enumerate() {
        let run = environment(options.environment_id())
            .and_then(|environment| {
                with_task(options, &environment).check(environment, limits, now)
            })
            .map_err(|refusal| locate(index, refusal))?;
        runs.push(mint(run, birth));
    }
    check_parents(&runs)?;
    entrance::enter(runs, now, &locate)
}

/// The options with what a task says for runs that do not say it themselves, where versions matter.
fn with_task(options: TriggerOptions, environment: &Environment) -> TriggerOptions {
    if !environment.requires_version || options.ttl.is_some() {
        return options;
    }
    let worker = store::worker::find(environment, options.version.as_deref());
    let task = worker
        .as_ref()
        .and_then(|worker| worker.tasks.get(options.task.as_deref()?));
    TriggerOptions {
        ttl: task.and_then(|task| task.ttl.clone()),
        ..options
    }
}

/// A new run with its ids; one that is to be queued waits first if it has a time.
fn mint(run: NewRun, birth: &Birth) -> Minted {
    let waits = birth.execution_status == ExecutionStatus::Queued && run.delay_until.is_some();
    Minted {
        run_id: mint::run_id(&run),
        run,
        snapshot_id: mint::first_snapshot_id(),
        birth: match waits {
            true => Birth::DELAYED,
            false => birth.clone(),
        },
    }
}

/// A run that was written.
pub(super) fn row(new: Minted, now: Timestamp) -> TriggeredRow {
    (
        new.run_id.as_str().to_owned(),
        new.snapshot_id.as_str().to_owned(),
        new.birth.run_status.as_str(),
        new.birth.execution_status.as_str(),
        false,
        api::time(now),
    )
}

/// A run that was there before.
pub(super) fn cached(run: Existing) -> TriggeredRow {
    (
        run.run_id.as_str().to_owned(),
        run.snapshot_id.as_str().to_owned(),
        run.run_status.as_str(),
        run.execution_status.as_str(),
        true,
        run.created_at,
    )
}

/// The environment of a new run.
fn environment(id: &str) -> Result<Rc<Environment>, Refusal> {
    let environment = api::environment(id)?;
    environment.check_open().map(|()| environment)
}

/// Refuses ids that callers chose and that are taken, by runs that exist or by each other.
pub(super) fn check_chosen_ids(runs: &[Minted]) -> Result<(), Refusal> {
    let mut chosen: Vec<_> = runs
        .iter()
        .filter_map(|new| new.run.chosen_id.as_ref())
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    chosen.sort_unstable();
    let repeated = chosen
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0].clone());
    match repeated.or_else(|| store::run::existing(&chosen).pop()) {
        Some(run_id) => Err(Refusal::RunExists { run_id }),
        None => Ok(()),
    }
}

/// Refuses parents that do not exist, or live on another shard.
fn check_parents(runs: &[Minted]) -> Result<(), Refusal> {
    let of = |new: &Minted| new.run.parent_run_id.clone();
    let mut parents: Vec<RunId> = runs.iter().filter_map(of).collect();
    if parents.is_empty() {
        return Ok(());
    }
    parents.sort_unstable();
    parents.dedup();
    let existing = store::run::existing(&parents.iter().collect::<Vec<_>>());
    match parents
        .into_iter()
        .find(|parent| !existing.contains(parent))
    {
        Some(run_id) => Err(Refusal::UnknownRun { run_id }),
        None => Ok(()),
    }
}

/// Tags without NULLs.
fn texts(tags: Vec<Option<String>>) -> Result<Vec<String>, Refusal> {
    tags.into_iter().map(|tag| required("tags", tag)).collect()
}
