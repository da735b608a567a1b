//! Trigger: new runs, in the caller's own transaction and in any isolation level.

use engine_core::{Refusal, RunStatus, Timestamp, TriggerOptions};
use pgrx::{pg_extern, pg_sys};

use super::row::TriggeredRow;
use crate::backend::caller::entries;
use crate::backend::passed::Passed;
use crate::backend::rows::Rows;
use crate::document::JsonB;
use crate::error::{OrRaise, required};
use crate::flow::trigger::outcome::Triggered;
use crate::store::row::Existing;
use crate::store::trigger::{InitialState, RunRow};
use crate::{api, flow, guc};

entries!(engine_trigger: engine_trigger_0_2, engine_trigger_many);

/// Triggers a run: writes it, its first snapshot and its queue item, and returns it.
///
/// Works inside the caller's transaction, in any isolation level: the run exists once that transaction commits, and
/// disappears if it rolls back. `payload` is opaque text. `priority_ms` moves the run ahead of those triggered up to that
/// many milliseconds earlier; a negative one moves it back. Without `max_attempts` a run has those of its `retry` settings,
/// or three. With `resume_parent` the parent waits for the end of this run, from the same commit on. With `batch_id` the run
/// joins a batch. With `delay_until` it enters its queue then. With `ttl`, a duration such as `1h30m` or a number of
/// seconds, it expires if it has waited that long in its queue without a dequeue. A trigger that repeats the
/// `idempotency_key` of a run of the same task and environment returns that run, with `is_cached`, unless it failed or the
/// key has expired, by default after thirty days; a key that has already expired at the trigger finds no run, and is not
/// found. A key outlives a run that is removed: the row then has the run's id, and no snapshot, status and time. `debounce`, an object of `key`, `delay` and optionally `mode` and `maxDelay`, makes triggers with one key postpone
/// one run; with mode `trailing` the last one defines it. The run that is returned is the one that a parent waits for, and
/// that a batch has. A `one_time_use_token` is valid for one run. `version` binds the run to a worker version; a run that
/// its parent waits for is bound to the parent's. In an environment that requires no version any worker executes it, and is
/// told its version. `keep`, a duration such as `3d` or a number of seconds, says how long the run is kept after its end, whatever the
/// retention policies say; with `0` its payload, output and history go with its end, and the rest after a day.
///
/// # Errors
/// - `22004` without a task.
/// - `22023` for a value out of bounds.
/// - `54000` for a payload over `engine.max_payload_bytes`, metadata over `engine.max_metadata_bytes`.
/// - `RE001` for an unknown parent.
/// - `RE005` for an unknown or archived environment, `RE008` for a queue that is full, `RE009` for a token that was already
///   used.
/// - `40001`, in a stricter isolation level than READ COMMITTED, if another transaction took the key since this one began.
/// - `23505` for a `run_id` that is taken.
/// - With `resume_parent`: `RE003` for a parent that is finished, `RE004` for one of which no attempt runs.
/// - With `batch_id`: `RE011` for an unknown batch, `RE012` for one that takes no more runs.
/// - With either: `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_trigger_0_2(call: pg_sys::FunctionCallInfo) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    let options = TriggerOptions::from_arguments(&mut Passed::to(call)).or_raise();
    let rows = trigger(vec![options], &InitialState::QUEUED, |_, refusal| refusal);
    Rows::new(rows.or_raise())
}

/// Triggers many runs in one transaction; one row per element, in order.
///
/// `runs` is a JSON array of objects whose keys are the parameter names of `engine_trigger`; a payload may be given as JSON.
/// All runs are triggered, or none.
///
/// # Errors
/// As `engine_trigger`, with the element's position in the detail, and `22023` if `runs` is not an array, names an unknown
/// key, or has more than `engine.max_batch` elements.
#[pg_extern(sql = false)]
fn engine_trigger_many(runs: Option<JsonB>) -> Rows<TriggeredRow> {
    api::enter_writing().or_raise();
    let runs = required("runs", runs).or_raise();
    let options = TriggerOptions::many_from_json(runs.0, guc::max_batch()).or_raise();
    let rows = trigger(options, &InitialState::QUEUED, |index, refusal| {
        refusal.in_element(index)
    });
    Rows::new(rows.or_raise())
}

/// Triggers runs and returns a row for each. `locate` names the refused element.
pub(super) fn trigger(
    options: Vec<TriggerOptions>,
    state: &InitialState,
    locate: impl Fn(usize, Refusal) -> Refusal,
) -> Result<Vec<TriggeredRow>, Refusal> {
    let now = flow::now();
    let triggered = flow::trigger::trigger(options, state, now, locate)?;
    Ok(triggered.into_iter().map(|run| row(run, now)).collect())
}

/// The row of a run that was triggered at `now`, or found.
pub(super) fn row(triggered: Triggered, now: Timestamp) -> TriggeredRow {
    match triggered.existing {
        Some(run) => existing(run),
        None => new(&triggered.new, now),
    }
}

fn new(new: &RunRow, now: Timestamp) -> TriggeredRow {
    TriggeredRow {
        run_id: new.run_id.as_str().to_owned(),
        snapshot_id: Some(new.snapshot_id.as_str().to_owned()),
        run_status: Some(new.state.run_status.as_str()),
        execution_status: new.state.execution_status.as_str(),
        is_cached: false,
        created_at: Some(api::time(now)),
    }
}

/// The row of an existing run.
pub(super) fn existing(run: Existing) -> TriggeredRow {
    TriggeredRow {
        run_id: run.run_id.as_str().to_owned(),
        snapshot_id: run.snapshot_id.map(|id| id.as_str().to_owned()),
        run_status: run.run_status.map(RunStatus::as_str),
        execution_status: run.execution_status.as_str(),
        is_cached: true,
        created_at: run.created_at,
    }
}
