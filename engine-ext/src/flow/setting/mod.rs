//! Sets environments and queues.
//!
//! A session that sets one writes its row, and waits for no dequeue: dequeues that begin after the commit use it. The tick
//! adapts existing rows to it later.

pub(crate) mod worker;

use engine_core::{
    Environment, EnvironmentChange, Queue, QueueChange, Refusal, TimerKind, Timestamp,
};

use crate::backend::caller;
use crate::shared::bell::{self, Takers};
use crate::{backend, clock, flow, guc, shared, store};

/// How long a session that sets an environment waits for another one, milliseconds; `lock_timeout` if that is less.
const PATIENCE_MS: i64 = 10_000;

/// Time between two tries, milliseconds.
const PAUSE_MS: i64 = 5;

/// Most closed lanes that are opened again at once; the others follow once existing rows are adapted.
const AT_ONCE: i64 = 1_000;

/// Sets an environment; existing rows are adapted later.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`), those of its shard, or that of the change.
pub(crate) fn environment(id: &str, change: EnvironmentChange) -> Result<Environment, Refusal> {
    hold(id)?;
    let found = store::environment::find_fresh(id);
    let before = match found {
        Some(found) => {
            flow::shard::check(found.shard)?;
            (*found).clone()
        }
        None => Environment {
            id: id.to_owned(),
            shard: store::shard::all().place(id, change.shard, guc::environment_shards())?,
            ..Environment::built_in()
        },
    };
    let mut environment = before.clone();
    let now = flow::now();
    change.apply(
        &mut environment,
        &guc::trigger_limits(),
        &caller::role_name(),
        now,
    )?;
    environment.settle(shared::is_available());
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

/// Sets a queue; existing rows are adapted later.
///
/// # Errors
/// [`Refusal::EnvironmentHeld`] (`55P03`), [`Refusal::UnknownEnvironment`] (`RE005`).
pub(crate) fn queue(id: &str, name: &str, change: QueueChange) -> Result<Queue, Refusal> {
    hold(id)?;
    let environment = flow::environment_fresh(id)?;
    let before = environment.queues.get(name);
    let now = flow::now();
    let queue = change.apply(
        before.cloned().unwrap_or_default(),
        &caller::role_name(),
        now,
    );
    if before != Some(&queue) {
        store::environment::set::queue(&environment, name, &queue, now);
        fit_later(&environment, now);
        look_again(&environment, Some(name));
    }
    Ok(queue)
}

/// Holds an environment for setting, waiting for another session that does.
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

/// Makes the tick adapt existing rows to the settings of an environment, once dequeues that began before have ended.
pub(crate) fn fit_later(environment: &Environment, now: Timestamp) {
    let timer = (environment.shard, environment.id.as_str(), now, None);
    store::timer::move_to(TimerKind::FitLimits, &[timer]);
}

/// Makes dequeues look again, once this transaction commits, at a queue, or at a whole environment, and wakes waiting
/// sessions.
fn look_again(environment: &Environment, queue: Option<&str>) {
    store::environment::set::look_again(environment, queue, Some(AT_ONCE));
    if !shared::is_available() {
        return;
    }
    for (worker_queue, times) in store::environment::set::queued(environment) {
        bell::ring_times_at_commit(
            &worker_queue,
            &environment.id,
            Takers::OneOfEach,
            usize::try_from(times).unwrap_or(0),
        );
    }
}
