//! Checks of new runs.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use engine_core::{
    DebounceLimits, Environment, Limits, NewRun, Refusal, RunId, Timestamp, TriggerOptions,
    WorkerQueueOverrides,
};

use crate::store::trigger::RunRow;
use crate::{flow, guc, store};

/// The rules that new runs are checked against, read once per call.
pub(crate) struct Rules {
    limits: Limits,
    debounce_limits: DebounceLimits,
    overrides: Option<WorkerQueueOverrides>,
    now: Timestamp,
}

impl Rules {
    /// The rules in force at `now`.
    pub(crate) fn at(now: Timestamp) -> Self {
        Self {
            limits: guc::trigger_limits(),
            debounce_limits: guc::debounce_limits(),
            overrides: guc::worker_queue_overrides(),
            now,
        }
    }

    /// Checks the options of a new run.
    pub(crate) fn check(&self, options: TriggerOptions) -> Result<NewRun, Refusal> {
        let environment = environment(options.environment_id())?;
        let options = with_task(options, &environment);
        let mut run = options.check(environment, self.limits, self.now)?;
        let quota = &run.environment.quota;
        quota.check_payload(&run.environment.id, run.payload.len())?;
        if let Some(debounce) = &run.debounce {
            debounce.check(self.debounce_limits)?;
        }
        if let Some(overrides) = &self.overrides {
            let resolved = overrides.resolve(&run.environment, &run.worker_queue);
            run.worker_queue = resolved.to_owned();
        }
        Ok(run)
    }
}

/// The options with the defaults of their task, in an environment that requires a version.
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

/// The environment of a new run, waitpoint or batch.
///
/// # Errors
/// [`Refusal::NotGranted`] (`42501`), [`Refusal::UnknownEnvironment`] (`RE005`), or one that is archived.
pub(crate) fn environment(id: &str) -> Result<Rc<Environment>, Refusal> {
    flow::right::environment(id)?;
    let environment = flow::environment(id)?;
    environment.check_open().map(|()| environment)
}

/// Refuses chosen ids that are taken, by existing runs or by each other.
pub(crate) fn chosen_ids(runs: &[RunRow]) -> Result<(), Refusal> {
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

/// Finds the roots of these runs. Refuses parents that live on another shard than their children, or do not exist.
pub(crate) fn parents(runs: &mut [RunRow]) -> Result<(), Refusal> {
    let mut parents: BTreeSet<RunId> = BTreeSet::new();
    for new in &*runs {
        let Some(parent) = &new.run.parent_run_id else {
            continue;
        };
        if parent.shard() != new.run_id.shard() {
            return Err(Refusal::other_shard(new.run_id.shard(), parent.shard()));
        }
        parents.insert(parent.clone());
    }
    if parents.is_empty() {
        return Ok(());
    }
    let parents: Vec<RunId> = parents.into_iter().collect();
    let roots = store::run::roots_of_children(&parents.iter().collect::<Vec<_>>());
    let foreign = flow::right::foreign_runs(&parents);
    let is_missing = |parent: &RunId| !roots.contains_key(parent) || foreign.contains(parent);
    if let Some(run_id) = parents.into_iter().find(is_missing) {
        return Err(Refusal::UnknownRun { run_id });
    }
    for new in runs {
        let parent = new.run.parent_run_id.as_ref();
        new.root = parent.and_then(|parent| roots.get(parent).cloned());
    }
    Ok(())
}

/// Refuses runs for queues that are full.
pub(crate) fn sizes(runs: &[RunRow], now: Timestamp) -> Result<(), Refusal> {
    let mut added: BTreeMap<(&str, &str), (&Environment, i32, i64)> = BTreeMap::new();
    let queued = |new: &&RunRow| new.state.execution_status.is_queued();
    for new in runs.iter().filter(queued) {
        let (environment, queue) = (&new.run.environment, &new.run.queue);
        let Some(limit) = environment.max_queued(queue) else {
            continue;
        };
        let key = (environment.id.as_str(), queue.as_str());
        added.entry(key).or_insert((environment, limit, 0)).2 += 1;
    }
    for ((_, queue), (environment, limit, adds)) in added {
        let queued = store::queue_item::size::of(environment, queue, limit, adds, now);
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
