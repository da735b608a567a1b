//! Environments whose settings have changed.

use engine_core::TimerKind;

use super::Tick;
use crate::store;
use crate::store::timer::Due;

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
    if !store::mutex::try_setting(id) {
        return false;
    }
    let Some(environment) = store::environment::find_fresh(id) else {
        return true;
    };
    let is_done = store::fit::step(&environment, tick.left)
        && store::mutex::take_alone_soon(id)
        && store::fit::is_done(&environment);
    if is_done {
        store::fit::end(&environment);
        if !store::parked::find(&environment, None, 1).is_empty() {
            let promotion = (environment.shard, id, tick.settings.now, None);
            store::timer::move_to(TimerKind::Promote, &[promotion]);
        }
    }
    is_done
}
