//! Environments and queues that are set.
//!
//! A session that sets one writes its row, and waits for no dequeue: those that begin after the commit go by it. What is there is
//! fitted to it later, by the tick.

pub(crate) mod worker;

use engine_core::{
    Environment, EnvironmentChange, Queue, QueueChange, Refusal, TimerKind, Timestamp,
};

use crate::shared::bell;
use crate::{backend, clock, flow, guc, shared, store};

/// How long a session that sets an environment waits for another one, milliseconds; `lock_timeout` if that is less.
const PATIENCE_MS: i64 = 10_000;

/// How often it looks, milliseconds.
const PAUSE_MS: i64 = 5;

/// At most this many closed lanes are looked at again at once; the others once what is there is fitted.
const AT_ONCE: i64 = 1_000;

/// Sets an environment; what is there is fitted to it later.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`), or that of the change.
pub(crate) fn environment(id: &str, change: EnvironmentChange) -> Result<Environment, Refusal> {
    hold(id)?;
    let found = store::environment::find_fresh(id);
    let before = found.map_or_else(
        || Environment {
            id: id.to_owned(),
            ..Environment::built_in()
        },
        |found| (*found).clone(),
    );
    let mut environment = before.clone();
    change.apply(&mut environment, &guc::trigger_limits())?;
    environment.settle(shared::is_available());
    let now = flow::now();
    let has_other_limits = !environment.limits_as(&before);
    environment.is_fitted &= !has_other_limits;
    store::environment::set::environment(&environment, now);
    if has_other_limits {
        fit_later(&environment, now);
        look_again(&environment, None);
    }
    if before.requires_version && !environment.requires_version {
        fit_later(&environment, now);
        flow::promotion::begin(&environment);
    }
    Ok(environment)
}

/// Sets a queue; what is there is fitted to it later.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`), [`Refusal::UnknownEnvironment`] (`RE005`).
pub(crate) fn queue(id: &str, name: &str, change: QueueChange) -> Result<Queue, Refusal> {
    hold(id)?;
    let environment = flow::environment_fresh(id)?;
    let before = environment.queues.get(name).copied();
    let queue = change.apply(before.unwrap_or_default());
    if before != Some(queue) {
        let now = flow::now();
        store::environment::set::queue(&environment, name, queue, now);
        fit_later(&environment, now);
        look_again(&environment, Some(name));
    }
    Ok(queue)
}

/// Holds an environment for setting, and waits for another session that does.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`) if that takes too long.
pub(crate) fn hold(environment_id: &str) -> Result<(), Refusal> {
    let start = clock::now();
    while !backend::locks::try_setting(environment_id) {
        if clock::now().ms_since(start) >= backend::locks::patience_ms(PATIENCE_MS) {
            return Err(Refusal::EnvironmentHeld {
                environment_id: environment_id.to_owned(),
                holder: store::setting_lock::holder(environment_id),
            });
        }
        backend::latch::sleep_ms(PAUSE_MS);
    }
    Ok(())
}

/// Has the tick fit what is there to the settings of an environment, once claims that began before have ended.
pub(crate) fn fit_later(environment: &Environment, now: Timestamp) {
    let timer = (environment.shard, environment.id.as_str(), now, None);
    store::timer::move_to(TimerKind::FitLimits, &[timer]);
}

/// Has sessions that dequeue look again, once this transaction commits, at a queue, or at all of an environment, and wakes those
/// that wait.
fn look_again(environment: &Environment, queue: Option<&str>) {
    store::environment::set::look_again(environment, queue, Some(AT_ONCE));
    if !shared::is_available() {
        return;
    }
    for (worker_queue, times) in store::environment::set::queued(environment) {
        bell::ring_times_at_commit(&worker_queue, usize::try_from(times).unwrap_or(0));
    }
}
