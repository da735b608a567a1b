//! Schedules that are due.

use engine_core::{Refusal, RunId, Schedule};

use super::Tick;
use crate::store::schedule::Advance;
use crate::store::trigger::InitialState;
use crate::{flow, guc, store};

/// Makes the runs of due schedules, and advances the schedules; returns their number. A refused run is skipped, and the
/// schedule records why: the next tick tries again.
pub(super) fn begin(tick: &mut Tick<'_>) -> Result<i32, Refusal> {
    let now = tick.settings.now;
    let due = store::schedule::lock_due(&store::shard::unserved(), tick.left, now);
    if due.is_empty() {
        return Ok(0);
    }
    let by = guc::spreading();
    let advances: Vec<Advance> = due
        .into_iter()
        .filter(|schedule| flow::quota::try_lock(&schedule.environment_id))
        .map(|mut schedule| {
            let (made, error) = match make_run(&schedule) {
                Ok(run_id) => (schedule.next.map(|begun| (begun.nominal_at, run_id)), None),
                Err(refusal) => (None, Some(refusal.message())),
            };
            schedule.phase = schedule.phase(&by).or(schedule.phase);
            schedule.next = schedule.next(schedule.next.map(|begun| begun.nominal_at), now, &by);
            Advance {
                schedule,
                made,
                error,
            }
        })
        .collect();
    store::schedule::advance(&advances);
    Ok(tick.took(advances.len()))
}

/// Makes the run of the due tick.
fn make_run(schedule: &Schedule) -> Result<RunId, Refusal> {
    let Some(begins) = schedule.next else {
        unreachable!("what is due has a time")
    };
    let options = schedule.run(begins)?;
    let now = flow::now();
    let triggered =
        flow::trigger::trigger(vec![options], &InitialState::QUEUED, now, |_, refusal| {
            refusal
        })?;
    match triggered.first() {
        Some(triggered) => Ok(triggered.run_id().clone()),
        None => unreachable!("there is one for each run"),
    }
}
