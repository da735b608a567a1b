//! Registers versions of workers, and makes them current.

use engine_core::{Environment, Queue, Refusal, Registration};

use super::{fit_later, hold, look_again};
use crate::{flow, store};

/// A version that was registered or promoted.
pub(crate) struct Registered {
    pub(crate) environment_id: String,
    pub(crate) version: String,
    pub(crate) is_current: bool,
    /// Number of parked runs that were promoted.
    pub(crate) promoted_runs: i32,
}

/// Registers a version.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`), [`Refusal::UnknownEnvironment`] (`RE005`).
pub(crate) fn register(
    id: &str,
    registration: Registration,
    promote: bool,
) -> Result<Registered, Refusal> {
    let environment = lock(id)?;
    let Registration { worker, limits } = registration;
    let current = store::worker::find_fresh(&environment, None);
    store::worker::set(&environment, &worker, flow::now());
    if promote && worker.supersedes(current.as_ref().map(|current| current.version.as_str())) {
        store::worker::promote(&environment, &worker.version);
    }
    set_limits(&environment, &limits);
    Ok(registered(&environment, &worker.version))
}

/// Makes a registered version the current one.
///
/// # Errors
/// As [`register`], and [`Refusal::UnknownVersion`] (`RE013`).
pub(crate) fn promote(id: &str, version: &str) -> Result<Registered, Refusal> {
    let environment = lock(id)?;
    if store::worker::find_fresh(&environment, Some(version)).is_none() {
        return Err(Refusal::UnknownVersion {
            version: version.to_owned(),
        });
    }
    store::worker::promote(&environment, version);
    Ok(registered(&environment, version))
}

/// Holds the environment for setting. A dequeue under way may still park runs for lack of what is registered here: once all
/// of them have ended, the tick promotes those runs.
fn lock(id: &str) -> Result<Environment, Refusal> {
    hold(id)?;
    let environment = flow::environment_fresh(id)?;
    fit_later(&environment, flow::now());
    Ok((*environment).clone())
}

fn registered(environment: &Environment, version: &str) -> Registered {
    let current = store::worker::find(environment, None);
    Registered {
        environment_id: environment.id.clone(),
        version: version.to_owned(),
        is_current: current.is_some_and(|current| current.version == version),
        promoted_runs: flow::promotion::begin(environment),
    }
}

/// Sets the base limits of queues; overrides and pauses stay.
fn set_limits(environment: &Environment, limits: &[(String, Option<i32>)]) {
    for (name, limit) in limits {
        let queue = environment.queues.get(name).cloned().unwrap_or_default();
        if queue.concurrency_limit != *limit {
            let queue = Queue {
                concurrency_limit: *limit,
                ..queue
            };
            store::environment::set::queue(environment, name, &queue, flow::now());
            look_again(environment, Some(name));
        }
    }
}
