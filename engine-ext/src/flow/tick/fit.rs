//! What is there is fitted to limits that were set anew: slots say whether they count, items of queues without a limit leave their
//! lanes, items of queues whose length is limited count.
//!
//! This goes on in steps, beside claims, and waits for nobody: what somebody else has locked comes with a later step. Until the last
//! one the settings say that it is not done, and claims count what does not say that it counts.

use engine_core::{Environment, TimerKind};

use super::Tick;
use crate::store::timer::Due;
use crate::{backend, store};

/// Lanes that one step takes, each a lock.
const LANES: i32 = 100;

/// Fits what is there to settings that have changed, a step for each environment; gives the timers that are done: of their
/// environments everything fits, and all who claimed by other settings have ended. Runs that these have parked are looked at
/// again.
pub(super) fn fit<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> Vec<&'a Due> {
    due.into_iter()
        .filter(|timer| is_done(tick, timer))
        .collect()
}

fn is_done(tick: &Tick<'_>, timer: &Due) -> bool {
    let id = timer.id.as_str();
    // Somebody is just setting it: there is a timer for that, too.
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

/// Fits up to `max_items` slots and as many items; returns whether that was all, as far as no other session has some of it.
fn step(environment: &Environment, max_items: i32) -> bool {
    let slots = store::environment::fit::slots(environment, max_items);
    if slots > 0 {
        // Some of them may have been given back without a note.
        look_again(environment);
    }
    let items =
        unfile(environment, max_items) + store::environment::fit::lengths(environment, max_items);
    slots == 0 && items == 0
}

/// Whether everything fits, whatever holds it; that is certain only if no dequeue by other settings is under way: hold the mutex
/// alone.
fn fits(environment: &Environment) -> bool {
    !store::environment::fit::has_slots(environment)
        && store::environment::fit::lanes(environment, 1).is_empty()
}

/// Notes that everything fits. Lanes that were closed while others claimed by other settings are looked at again.
fn end(environment: &Environment) {
    look_again(environment);
    store::environment::fit::set_fitted(environment);
}

fn look_again(environment: &Environment) {
    store::environment::set::look_again(environment, None, None);
}

/// Takes items out of lanes that have no limit any more; returns how many lanes were looked at.
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
