//! What must hold, in every state and over every step. The rules are written from the contract, independent of the engine's
//! own predicates.

use engine_core::{ExecutionStatus, RunStatus};
use stateright::Property;

use super::action::Action;
use super::caller::Caller;
use super::row::{Row, Snapshot};
use super::state::State;
use super::system::System;

pub const QUEUED: &str = "a run has a queue item exactly while it is queued";
pub const SLOT: &str = "a run holds a slot exactly while a worker may work on it";
pub const WATCHED: &str =
    "a run has a deadline, for its latest snapshot, exactly while it is watched";
pub const APART: &str = "no run is both queued and held";
pub const ONE_HOLDER: &str = "at most one caller holds the latest snapshot";
pub const CONTINUES: &str =
    "a run whose callers are all gone continues, unless it has ended or waits";
pub const COMES_TO_AN_END: &str = "a worker that does not fail brings a run to its end";
pub const FENCE: &str =
    "a caller with a stale snapshot changes nothing, unless its run was cancelled before the start";
pub const REPEAT: &str = "a call whose answer was lost is answered again, and takes effect once";
pub const OTHERS: &str = "the answer to a call is given to no other process";
pub const CHANGE: &str = "every change of a run writes a new snapshot";
pub const ATTEMPTS: &str = "attempt numbers never skip or repeat";
pub const FINAL: &str = "a final status stays, with the two exceptions of the contract";
pub const KEYS: &str = "no row is written where one is";

pub fn all() -> Vec<Property<System>> {
    vec![
        Property::always(QUEUED, |_, state: &State| {
            use ExecutionStatus::*;
            state.has_item == matches!(state.row.execution_status, Queued | QueuedExecuting)
        }),
        Property::always(SLOT, |_, state: &State| {
            use ExecutionStatus::*;
            let may_work = matches!(
                state.row.execution_status,
                PendingExecuting | Executing | ExecutingWithWaitpoints
            );
            may_work == state.deadline.is_some_and(|deadline| deadline.holds_slot)
        }),
        Property::always(WATCHED, |_, state: &State| {
            use ExecutionStatus::*;
            let watched = matches!(
                state.row.execution_status,
                PendingExecuting | Executing | ExecutingWithWaitpoints | Suspended | PendingCancel
            );
            watched.then_some(state.row.snapshot)
                == state.deadline.map(|deadline| deadline.snapshot)
        }),
        Property::always(APART, |_, state: &State| {
            !(state.has_item && state.deadline.is_some_and(|deadline| deadline.holds_slot))
        }),
        Property::always(ONE_HOLDER, |_, state: &State| {
            let latest = |caller: &&Caller| caller.holds == state.row.snapshot;
            state.callers.iter().filter(latest).count() <= 1
        }),
        Property::always(CONTINUES, |system: &System, state: &State| {
            is_over_or_waits(&state.row) || system.continues(state)
        }),
        Property::always(COMES_TO_AN_END, |system: &System, state: &State| {
            is_over_or_waits(&state.row) || system.comes_to_an_end(state)
        }),
        Property::always(REPEAT, |_, state: &State| state.broken != Some(REPEAT)),
        Property::always(OTHERS, |_, state: &State| state.broken != Some(OTHERS)),
        Property::always(FENCE, |_, state: &State| state.broken != Some(FENCE)),
        Property::always(CHANGE, |_, state: &State| state.broken != Some(CHANGE)),
        Property::always(ATTEMPTS, |_, state: &State| state.broken != Some(ATTEMPTS)),
        Property::always(FINAL, |_, state: &State| state.broken != Some(FINAL)),
        Property::always(KEYS, |_, state: &State| state.broken != Some(KEYS)),
    ]
}

/// The three statuses that a run leaves when what it waits for arrives: a time, a version, a waitpoint.
fn is_over_or_waits(row: &Row) -> bool {
    use ExecutionStatus::*;
    matches!(
        row.execution_status,
        Finished | Delayed | RunCreated | Suspended
    )
}

/// The rule that a step breaks; `held` is the snapshot of its caller.
pub fn broken_by(
    state: &State,
    action: &Action,
    held: Option<Snapshot>,
    after: &Row,
) -> Option<&'static str> {
    let before = &state.row;
    if after == before {
        return None;
    }
    let is_start = action.is_start(before.execution_status);
    let may_end = |held| is_start && state.is_cancelled_before_start(held);
    if held.is_some_and(|held| held != before.snapshot && !may_end(held)) {
        return Some(FENCE);
    }
    if after.snapshot <= before.snapshot {
        return Some(CHANGE);
    }
    let started = is_start && after.execution_status == ExecutionStatus::Executing;
    let expected = if started {
        Some(before.attempt_number.unwrap_or(0) + 1)
    } else {
        before.attempt_number
    };
    if after.attempt_number != expected {
        return Some(ATTEMPTS);
    }
    (!is_final_kept(before, action, after)).then_some(FINAL)
}

/// A run that neither its handler nor a cancel has ended may be redriven, and a success counts although the run was
/// cancelled meanwhile.
fn is_final_kept(before: &Row, action: &Action, after: &Row) -> bool {
    if before.execution_status == ExecutionStatus::Finished {
        use RunStatus::*;
        let is_said = matches!(
            before.run_status,
            CompletedSuccessfully | CompletedWithErrors | Canceled
        );
        return *action == Action::Redrive && !is_said;
    }
    let is_late_success = before.execution_status == ExecutionStatus::PendingCancel
        && after.run_status == RunStatus::CompletedSuccessfully;
    !before.run_status.is_final() || after.run_status == before.run_status || is_late_success
}
