//! Adapts existing rows to changed limits: slots record whether they count, items of queues without a limit leave their
//! lanes, items of queues with a maximum size count.
//!
//! This proceeds in steps, beside dequeues, and never waits: what another session has locked comes with a later step. Until
//! the last one the settings say that it is not done, and dequeues also count slots without the mark.

use engine_core::{Environment, TimerKind};

use super::Tick;
use crate::store::timer::Due;
use crate::{backend, store};

/// Lanes per step, a lock each.
const LANES: i32 = 100;

/// Adapts rows to changed settings, a step for each environment; returns the timers that are done: everything fits in their
/// environments, and all dequeues with earlier settings have ended. Runs that these have parked are checked again.
pub(super) fn fit<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> Vec<&'a Due> {
    due.into_iter()
        .filter(|timer| is_done(tick, timer))
        .collect()
}

fn is_done(tick: &Tick<'_>, timer: &Due) -> bool {
    let id = timer.id.as_str();
    // Another session is setting it: there is a timer for that, too.
    if !backend::locks::try_setting(id) {
        return false;
    }
    let Some(environment) = store::environment::find_fresh(id) else {
        return true;
    };
    let is_done =
        step(&environment, tick.left) && backend::locks::take_alone_soon(id) && fits(&environment);
    if is_done {
        end(&environment);
        if !store::parked::find(&environment, None, 1).is_empty() {
            let promotion = (environment.shard, id, tick.settings.now, None);
            store::timer::move_to(TimerKind::Promote, &[promotion]);
        }
    }
    is_done
}

/// Adapts up to `max_items` slots and as many items; returns whether that was all, except what other sessions have locked.
fn step(environment: &Environment, max_items: i32) -> bool {
    let slots = store::environment::fit::slots(environment, max_items);
    if slots > 0 {
        // Some of them may have been given back without a note.
        look_again(environment);
    }
    let items =
        unfile(environment, max_items) + store::environment::fit::sizes(environment, max_items);
    slots == 0 && items == 0
}

/// Whether everything fits, locked or not; that is certain only if no dequeue with earlier settings is under way: hold the
/// mutex exclusively.
fn fits(environment: &Environment) -> bool {
    !store::environment::fit::has_slots(environment)
        && store::environment::fit::lanes(environment, 1).is_empty()
}

/// Records that everything fits. Lanes that were closed by dequeues with other settings are looked at again.
fn end(environment: &Environment) {
    look_again(environment);
    store::environment::fit::set_fitted(environment);
}

fn look_again(environment: &Environment) {
    store::environment::set::look_again(environment, None, None);
}

/// Removes items from lanes without a limit; returns the number of lanes checked.
fn unfile(environment: &Environment, max_items: i32) -> u64 {
    let id = environment.id.as_str();
    let mut lanes = store::environment::fit::lanes(environment, LANES);
    let found = lanes.len() as u64;
    if found > 0 && backend::locks::try_shared(id) {
        lanes.retain(|(queue, key)| backend::locks::try_lane(id, queue, key));
        store::environment::fit::unfile(environment, &lanes, max_items);
    }
    found
}
