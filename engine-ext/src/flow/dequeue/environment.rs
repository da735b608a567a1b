//! The dequeue in one environment: its mutex, and whether anything is limited there.

use std::rc::Rc;

use engine_core::{Environment, Settings};

use super::outcome::Outcome;
use super::unlimited::Dequeuer;
use crate::backend::locks;
use crate::store::queue_item::Source;
use crate::store::row::Caller;
use crate::{flow, shared, store};

/// Dequeues up to `max_runs` runs of an environment, without waiting.
pub(super) fn dequeue(
    from: Source<'_>,
    max_runs: i32,
    caller: Caller<'_>,
    settings: &Settings,
) -> Outcome {
    let id = from.environment_id;
    let found = store::environment::find(id);
    let Some(environment) =
        found.filter(|found| !found.is_archived && flow::shard::serves(found.shard))
    else {
        return Outcome::default();
    };
    let is_alone = goes_alone(&environment);
    let is_held = if is_alone {
        locks::try_alone(id)
    } else {
        locks::try_shared(id)
    };
    // Read with the mutex held: settings from before its last exclusive holder are seen.
    let environment = match store::environment::find_fresh(id) {
        Some(fresh) if is_held && goes_alone(&fresh) == is_alone => adopt_limit_mode(fresh),
        _ => return Outcome::busy(),
    };
    let dequeuer = Dequeuer {
        from: Source {
            shard: environment.shard,
            ..from
        },
        environment: &environment,
        caller,
        settings,
    };
    if environment.is_limited() {
        dequeuer.limited(max_runs)
    } else {
        dequeuer.unlimited(max_runs)
    }
}

/// Whether a dequeue of this environment holds its mutex exclusively.
fn goes_alone(environment: &Environment) -> bool {
    environment.needs_mutex() || !environment.is_settled(shared::is_available())
}

/// Switches an environment to reservations, or to its mutex, as this server supports.
///
/// That changes when the server was started with the library preloaded, or without, for the first time since the environment
/// was set; then its mutex is held exclusively. If another session is setting the environment, a later dequeue switches it.
fn adopt_limit_mode(environment: Rc<Environment>) -> Rc<Environment> {
    let can_reserve = shared::is_available();
    if environment.is_settled(can_reserve) || !locks::try_setting(&environment.id) {
        return environment;
    }
    let mut environment = (*environment).clone();
    environment.settle(can_reserve);
    environment.is_fitted = false;
    let now = flow::now();
    store::environment::set::environment(&environment, now);
    flow::setting::fit_later(&environment, now);
    Rc::new(environment)
}
