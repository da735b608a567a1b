//! New runs on their way: options are checked, ids minted, and those written that find no run in their place.

use std::collections::BTreeMap;
use std::rc::Rc;

use engine_core::{
    Environment, ExecutionStatus, Limits, NewRun, Refusal, RunId, Timestamp, TriggerOptions,
    WorkerQueueOverrides,
};
use pgrx::datum::TimestampWithTimeZone;

use super::entrance::{self, Entered};
use super::parent::{Bonds, Joining};
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
    let entered = write(runs, Joining::AS_RUNS, now, &locate)?;
    Ok(entered
        .into_iter()
        .map(|entered| row(entered, now))
        .collect())
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
        let options = with_task(options, &environment);
        let mut run = options.check(environment, self.limits, self.now)?;
        if let Some(overrides) = &self.overrides {
            let resolved = overrides.resolve(&run.environment, &run.worker_queue);
            run.worker_queue = resolved.to_owned();
        }
        Ok(run)
    }
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
pub(super) fn minted(run: NewRun, birth: Birth) -> Minted {
    let waits = birth.execution_status == ExecutionStatus::Queued && run.delay_until.is_some();
    Minted {
        run_id: mint::run_id(&run),
        run,
        snapshot_id: mint::first_snapshot_id(),
        birth: if waits { Birth::DELAYED } else { birth },
    }
}

/// Writes new runs that find none in their place, and ties all to their parents and batches. `locate` says which element was
/// refused.
pub(super) fn write(
    mut runs: Vec<Minted>,
    joining: Joining<'_>,
    now: Timestamp,
    locate: &dyn Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<Entered>, Refusal> {
    check_parents(&runs)?;
    let bonds = Bonds::lock(&runs)?;
    bonds.bind(&mut runs);
    let entered = entrance::enter(runs, now, locate)?;
    bonds.tie(&entered, joining, now)?;
    Ok(entered)
}

fn row(entered: Entered, now: Timestamp) -> TriggeredRow {
    let Entered { asked, found } = entered;
    match found {
        Some(found) => cached(found),
        None => (
            asked.run_id.as_str().to_owned(),
            asked.snapshot_id.as_str().to_owned(),
            asked.birth.run_status.as_str(),
            asked.birth.execution_status.as_str(),
            false,
            api::time(now),
        ),
    }
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

/// Refuses parents that do not exist, or live on another shard than their children.
fn check_parents(runs: &[Minted]) -> Result<(), Refusal> {
    let of = |new: &Minted| new.run.parent_run_id.clone();
    let mut parents: Vec<RunId> = runs.iter().filter_map(of).collect();
    if parents.is_empty() {
        return Ok(());
    }
    parents.sort_unstable();
    parents.dedup();
    let existing = store::run::existing(&parents.iter().collect::<Vec<_>>());
    let is_missing = |parent: &RunId| !existing.contains(parent);
    if let Some(run_id) = parents.into_iter().find(is_missing) {
        return Err(Refusal::UnknownRun { run_id });
    }
    let is_apart = |new: &Minted| {
        let parent = new.run.parent_run_id.as_ref();
        parent.is_some_and(|parent| parent.shard() != new.run_id.shard())
    };
    if runs.iter().any(is_apart) {
        Err(Refusal::other_shard())
    } else {
        Ok(())
    }
}

/// Refuses runs for queues that are full.
pub(super) fn check_lengths(runs: &[Minted], now: Timestamp) -> Result<(), Refusal> {
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
