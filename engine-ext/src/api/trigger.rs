//! Trigger: new runs, in the caller's own transaction and in any isolation level.

use std::collections::BTreeMap;
use std::rc::Rc;

use engine_core::{
    Environment, Limits, NewRun, Refusal, RunId, Timestamp, TriggerOptions, WorkerQueueOverrides,
};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{JsonB, default, name, pg_extern, search_path};

use super::parent::{Bonds, Joining};
use crate::error::{OrRaise, required};
use crate::store::run::Caller;
use crate::store::trigger::{Birth, Existing, Minted};
use crate::{api, guc, mint, store};

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
/// milliseconds earlier; a negative one holds it back. Without `max_attempts` a run has those of its `retry` settings, or three.
/// With `resume_parent` the parent waits for the end of this run, from the same commit on. With `batch_id` the run joins a
/// batch. Behaviour: `spec/queue.md §1.2`, `§2.1`, `spec/core.md §2.8`, `§4.12`, `spec/wait.md §2.10`.
///
/// # Errors
/// - `22004` without a task.
/// - `22023` for a value out of bounds.
/// - `54000` for a payload over `engine.max_payload_bytes`.
/// - `RE001` for an unknown parent.
/// - `RE005` for an unknown or archived environment, `RE008` for a queue that is full.
/// - `23505` for a `run_id` that is taken.
/// - With `resume_parent`: `RE003` for a parent that is finished, `RE004` for one of which no attempt runs.
/// - With `batch_id`: `RE011` for an unknown batch, `RE012` for one that takes no more runs.
/// - With either: `RE006` in a stricter isolation level than READ COMMITTED.
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
    resume_parent: default!(Option<bool>, "false"),
    batch_id: default!(Option<String>, "NULL"),
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
        queue_timestamp: queue_timestamp.map(|time| Timestamp::from_micros(time.into())),
        replayed_from,
        parent_run_id,
        retry: retry.map(|json| json.0),
        run_id,
        resume_parent,
        batch_id,
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
    let now = api::now();
    let rules = Rules::at(now);
    let mut runs = Vec::with_capacity(options.len());
    for (index, options) in options.into_iter().enumerate() {
        let run = rules
            .check(options)
            .map_err(|refusal| locate(index, refusal))?;
        runs.push(minted(run, birth.clone()));
    }
    write(&runs, Joining::AS_RUNS, now)?;
    Ok(runs.into_iter().map(|new| row(new, now)).collect())
}

/// What new runs are checked against, read once per call.
pub(super) struct Rules {
    limits: Limits,
    overrides: Option<WorkerQueueOverrides>,
    now: Timestamp,
}

impl Rules {
    /// Those that hold at `now`.
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            limits: guc::trigger_limits(),
            overrides: guc::worker_queue_overrides(),
            now,
        }
    }

    /// Checks the options of a new run.
    pub(super) fn check(&self, options: TriggerOptions) -> Result<NewRun, Refusal> {
        let environment = environment(options.environment_id())?;
        let mut run = options.check(environment, self.limits, self.now)?;
        if let Some(overrides) = &self.overrides {
            let resolved = overrides.resolve(&run.environment, &run.worker_queue);
            run.worker_queue = resolved.to_owned();
        }
        Ok(run)
    }
}

/// A new run with its ids.
pub(super) fn minted(run: NewRun, birth: Birth) -> Minted {
    Minted {
        run_id: mint::run_id(&run),
        run,
        snapshot_id: mint::first_snapshot_id(),
        birth,
    }
}

/// Writes new runs, with what they are to their parents and batches.
pub(super) fn write(runs: &[Minted], joining: Joining<'_>, now: Timestamp) -> Result<(), Refusal> {
    check_chosen_ids(runs)?;
    check_parents(runs)?;
    check_lengths(runs, now)?;
    let bonds = Bonds::lock(runs)?;
    store::trigger::insert(runs, Caller::default(), now);
    bonds.tie(runs, joining, now)
}

fn row(new: Minted, now: Timestamp) -> TriggeredRow {
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

/// The environment of a new run, or of what belongs to runs.
pub(super) fn environment(id: &str) -> Result<Rc<Environment>, Refusal> {
    match store::environment::find(id) {
        Some(environment) => environment.check_open().map(|()| environment),
        None => Err(Refusal::UnknownEnvironment {
            environment_id: id.to_owned(),
        }),
    }
}

/// Refuses ids that callers chose and that are taken, by runs that exist or by each other.
fn check_chosen_ids(runs: &[Minted]) -> Result<(), Refusal> {
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

/// Refuses runs for queues that are full.
fn check_lengths(runs: &[Minted], now: Timestamp) -> Result<(), Refusal> {
    let mut added: BTreeMap<(&str, &str), (&Environment, i32, i64)> = BTreeMap::new();
    let queued = |new: &&Minted| new.birth.execution_status.is_queued();
    for new in runs.iter().filter(queued) {
        let (environment, queue) = (&new.run.environment, &new.run.queue);
        let Some(limit) = environment.max_queued(queue) else {
            continue;
        };
        let key = (environment.id.as_str(), queue.as_str());
        added.entry(key).or_insert((environment, limit, 0)).2 += 1;
    }
    for ((_, queue), (environment, limit, adds)) in added {
        let queued = store::length::of(environment, queue, limit, adds, now);
        if queued + adds > i64::from(limit) {
            return Err(Refusal::QueueFull {
                queue: queue.to_owned(),
                queued,
                limit,
            });
        }
    }
    Ok(())
}

/// Tags without NULLs.
pub(super) fn texts(tags: Vec<Option<String>>) -> Result<Vec<String>, Refusal> {
    tags.into_iter().map(|tag| required("tags", tag)).collect()
}
