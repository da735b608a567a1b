//! Sets schedules.

use engine_core::{Beginning, Environment, Refusal, Schedule, Timestamp};
use serde_json::Value;

use crate::error::required;
use crate::flow::trigger::outcome::Triggered;
use crate::store::trigger::InitialState;
use crate::{flow, guc, store};

/// A change of a schedule; `None` keeps a field.
pub(crate) struct Change {
    pub(crate) task: Option<String>,
    pub(crate) cron: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) payload: Option<Value>,
    pub(crate) external_id: Option<String>,
    pub(crate) spread_window: Option<String>,
    pub(crate) active: Option<bool>,
    pub(crate) options: Option<Value>,
}

/// Locks the schedule, changes it, and computes its next run again if its times have changed.
pub(crate) fn set(id: String, change: Change) -> Result<Schedule, Refusal> {
    let old = store::schedule::lock(&id);
    let mut new = match &old {
        Some(old) => old.clone(),
        None => Schedule {
            id,
            environment_id: Environment::DEFAULT_ID.to_owned(),
            task: required("task", change.task.clone())?,
            cron: required("cron", change.cron.clone())?,
            timezone: "UTC".to_owned(),
            spread_window: None,
            is_active: true,
            external_id: None,
            payload: None,
            options: None,
            phase: None,
            last_nominal_at: None,
            next: None,
        },
    };
    if !flow::right::allows(&new.environment_id) && old.is_some() {
        return Err(Refusal::ScheduleTaken { id: new.id });
    }
    change.apply(&mut new);
    new.check()?;
    flow::right::environment(&new.environment_id)?;
    let environment = flow::environment(&new.environment_id)?;
    let (now, by) = (flow::now(), guc::spreading());
    if old.as_ref().is_none_or(|old| !old.keeps_time_with(&new)) {
        new.phase = new.phase(&by).or(new.phase);
        new.next = new.next(None, now, &by);
    }
    if new.phase.is_none() && by.lacks_secret() {
        pgrx::warning!(
            "the schedule is not spread: engine.schedule_spread is set, and engine.schedule_secret is not"
        );
    }
    if old.is_none_or(|old| old.environment_id != new.environment_id) {
        flow::quota::schedule(&environment, &new.id)?;
    }
    let shard = environment.shard;
    new.check_run(environment, guc::trigger_limits(), now)?;
    store::schedule::set(&new, shard, now);
    Ok(new)
}

/// A schedule that the caller may know.
///
/// # Errors
/// [`Refusal::UnknownSchedule`] (`RE014`), and that of a shard that is not here.
pub(crate) fn find(id: &str) -> Result<Schedule, Refusal> {
    let schedule = store::schedule::find(id)
        .filter(|schedule| flow::right::allows(&schedule.environment_id))
        .ok_or_else(|| Refusal::UnknownSchedule { id: id.to_owned() })?;
    flow::shard::check_environment(&schedule.environment_id)?;
    Ok(schedule)
}

/// The next ticks of a schedule, up to so many.
///
/// # Errors
/// As [`find`].
pub(crate) fn upcoming(id: &str, max_runs: i32) -> Result<Vec<Beginning>, Refusal> {
    let (schedule, by) = (find(id)?, guc::spreading());
    let following = |begins: &Beginning| {
        // A hundred thousand ticks take long to find.
        pgrx::check_for_interrupts!();
        schedule.next(Some(begins.nominal_at), begins.nominal_at, &by)
    };
    let upcoming = std::iter::successors(schedule.next, following);
    Ok(upcoming.take(max_runs as usize).collect())
}

/// Triggers a run of a schedule at `now`, as if that were a tick; the schedule stays as it is.
///
/// # Errors
/// As [`find`], and those of a trigger.
pub(crate) fn run(id: &str, now: Timestamp) -> Result<Vec<Triggered>, Refusal> {
    let begins = Beginning {
        nominal_at: now,
        effective_at: now,
        at: now,
    };
    let options = find(id)?.run(begins)?;
    let locate = |_, refusal| refusal;
    flow::trigger::trigger(vec![options], &InitialState::QUEUED, now, locate)
}

impl Change {
    fn apply(self, schedule: &mut Schedule) {
        fn keep<T>(new: Option<T>, old: &mut T) {
            if let Some(new) = new {
                *old = new;
            }
        }
        keep(self.task, &mut schedule.task);
        keep(self.cron, &mut schedule.cron);
        keep(self.timezone, &mut schedule.timezone);
        keep(self.environment_id, &mut schedule.environment_id);
        keep(self.active, &mut schedule.is_active);
        keep(self.payload.map(Some), &mut schedule.payload);
        keep(self.options.map(Some), &mut schedule.options);
        keep(self.external_id.map(Some), &mut schedule.external_id);
        keep(self.spread_window.map(Some), &mut schedule.spread_window);
    }
}
