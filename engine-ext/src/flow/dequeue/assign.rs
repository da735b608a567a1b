//! Assignment: which version executes a run, and with which settings.

use engine_core::{
    Assignment, Command, Demand, Environment, Obstacle, Plan, Run, Settings, decide,
};

use crate::shared::bell::Takers;
use crate::store;
use crate::store::queue_item::Source;
use crate::store::queue_item::dequeue::Candidate;

/// The settings with which the asking worker executes `candidate`; if the environment requires a version and none fits, the
/// run's fate instead.
pub(super) fn assign(
    candidate: &Candidate,
    environment: &Environment,
    from: Source<'_>,
    max_attempts: i32,
    settings: &Settings,
) -> Result<Assignment, Plan> {
    let (run, machines) = (&candidate.run, &settings.machines);
    let bound = candidate.version.as_deref();
    let asked = from.worker_version;
    let limit = candidate.max_duration_seconds;
    let default = environment.retry.as_ref();
    if !environment.requires_version {
        return Ok(Assignment::unversioned(
            run,
            bound,
            max_attempts,
            limit,
            default,
            machines,
        ));
    }
    let worker = store::worker::find(environment, bound.or(asked));
    let demand = Demand {
        task: &candidate.task,
        queue: &candidate.queue,
        asked,
    };
    let is_known = || store::worker::knows_task(environment, &candidate.task);
    match (
        demand.meet(worker.as_deref(), environment.kind, is_known),
        &worker,
    ) {
        (Ok(task), Some(worker)) => Ok(Assignment::versioned(
            run,
            worker,
            task,
            max_attempts,
            limit,
            default,
            machines,
        )),
        (Ok(_), None) => unreachable!("a task is one of a worker's"),
        (Err(Obstacle::Park(reason)), _) => Err(decided(run, Command::Park(reason), settings)),
        (Err(Obstacle::Mismatch), _) => Err(decided(run, Command::Mismatch, settings)),
    }
}

/// Which sessions take a run of an environment that is bound to this version, or to none.
pub(crate) fn takers<'a>(environment: &Environment, version: Option<&'a str>) -> Takers<'a> {
    match version.filter(|_| environment.requires_version) {
        Some(version) => Takers::Of(version),
        None => Takers::All,
    }
}

fn decided(run: &Run, command: Command<'_>, settings: &Settings) -> Plan {
    match decide(run, command, settings) {
        Ok(plan) => plan,
        Err(refusal) => unreachable!("a run is parked or put back: {}", refusal.message()),
    }
}
