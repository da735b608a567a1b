//! Promotes parked runs once a version is there.

use engine_core::{
    Command, Demand, Environment, ExecutionStatus, Plan, RunId, Settings, TimerKind, Timestamp,
    decide,
};
use serde_json::{Value, json};

use crate::flow::transition::Transitions;
use crate::store::parked::{Parked, TriggerOrder};
use crate::store::row::Caller;
use crate::{flow, store};

/// Runs that a call promotes itself; the tick promotes the others.
const AT_ONCE: i32 = 200;

/// Promotes parked runs of an environment, and leaves the others to the tick, if there are more; returns the number of
/// promoted runs. The environment is held for setting.
pub(crate) fn begin(environment: &Environment) -> i32 {
    let settings = flow::settings(flow::now());
    let progress = promote(environment, None, AT_ONCE, &settings);
    if let Some(after) = progress.next {
        let timer = (
            environment.shard,
            environment.id.as_str(),
            settings.now,
            after,
        );
        store::timer::move_to(TimerKind::Promote, &[timer]);
    }
    progress.promoted
}

/// The progress of a promotion.
pub(crate) struct Progress {
    /// Number of promoted runs.
    pub(crate) promoted: i32,
    /// What is left, if anything: where to continue, as the detail of a timer.
    pub(crate) next: Option<Option<Value>>,
}

/// Checks up to `max_runs` parked runs, first triggered first, and promotes those that their version would execute now. A
/// run that another session has locked comes later, and those behind it with it.
pub(crate) fn promote(
    environment: &Environment,
    from: Option<&Value>,
    max_runs: i32,
    settings: &Settings,
) -> Progress {
    let after = from.and_then(order);
    let waiting = store::parked::find(environment, after.as_ref(), max_runs);
    let is_full = i32::try_from(waiting.len()).is_ok_and(|found| found >= max_runs);
    let ready: Vec<&RunId> = waiting
        .iter()
        .filter(|parked| is_ready(environment, parked))
        .map(|parked| &parked.order.run_id)
        .collect();
    let locked = lock_and_promote(environment, &ready, settings);
    let is_missed = |parked: &Parked| {
        let id = &parked.order.run_id;
        ready.contains(&id) && !locked.contains(id)
    };
    let missed = waiting.iter().position(is_missed);
    let next = match missed {
        Some(0) => Some(from.cloned()),
        Some(index) => Some(Some(detail(&waiting[index - 1].order))),
        None if is_full => waiting.last().map(|last| Some(detail(&last.order))),
        None => None,
    };
    Progress {
        promoted: i32::try_from(locked.len()).unwrap_or(i32::MAX),
        next,
    }
}

/// Whether the run's version executes it, or none is needed any more.
fn is_ready(environment: &Environment, parked: &Parked) -> bool {
    if !environment.requires_version {
        return true;
    }
    let worker = store::worker::find(environment, parked.version.as_deref());
    let demand = Demand {
        task: &parked.task,
        queue: &parked.queue,
        asked: None,
    };
    demand
        .meet(worker.as_deref(), environment.kind, || true)
        .is_ok()
}

/// Promotes the runs among these that no other session has locked; returns them.
fn lock_and_promote(
    environment: &Environment,
    ready: &[&RunId],
    settings: &Settings,
) -> Vec<RunId> {
    if ready.is_empty() {
        return Vec::new();
    }
    let shard = environment.shard;
    let runs = store::run::lock_free(shard, ready);
    let ids: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    let timings = flow::timing::of_all(shard, &ids);
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let mut delayed: Vec<(&RunId, Timestamp)> = Vec::new();
    for (run, (_, timing)) in runs.iter().zip(&timings) {
        let Ok(plan) = decide(run, Command::Promote(timing), settings) else {
            continue;
        };
        if let (Plan::Move(moved), Some(at)) = (&plan, timing.delay_until)
            && moved.execution_status == ExecutionStatus::Delayed
        {
            delayed.push((&run.id, at));
        }
        transitions.add(run, plan);
    }
    flow::settle::apply(transitions);
    store::timer::end_delays(&delayed);
    runs.into_iter().map(|run| run.id).collect()
}

fn detail(order: &TriggerOrder) -> Value {
    json!({"createdAt": order.created_at.micros(), "runId": order.run_id.as_str()})
}

fn order(detail: &Value) -> Option<TriggerOrder> {
    Some(TriggerOrder {
        created_at: Timestamp::from_micros(detail.get("createdAt")?.as_i64()?),
        run_id: RunId::parse(detail.get("runId")?.as_str()?),
    })
}
