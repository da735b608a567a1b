//! Parked runs for which a version has registered.

use engine_core::TimerKind;

use super::Tick;
use crate::store::timer::Due;
use crate::{flow, store};

/// Continues promotions that registrations have begun; returns the timers that are done. If an environment has more, its
/// timer stays and records where to continue.
pub(super) fn continue_promotions<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> (Vec<&'a Due>, usize) {
    let (mut done, mut promoted) = (Vec::new(), 0);
    for timer in due {
        let left = tick.left.saturating_sub(promoted);
        if left <= 0 {
            break;
        }
        // Not held for setting, for which a tick does not wait: if a version is registered meanwhile, there is another timer.
        let Some(environment) = store::environment::find(&timer.id) else {
            done.push(timer);
            continue;
        };
        let progress =
            flow::promotion::promote(&environment, timer.detail.as_ref(), left, tick.settings);
        promoted = promoted.saturating_add(progress.promoted);
        match progress.next {
            Some(after) => {
                let again = (
                    environment.shard,
                    timer.id.as_str(),
                    tick.settings.now,
                    after,
                );
                store::timer::move_to(TimerKind::Promote, &[again]);
            }
            None => done.push(timer),
        }
    }
    (done, usize::try_from(promoted).unwrap_or(0))
}
