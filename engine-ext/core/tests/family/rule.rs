//! What must hold in every state: what `engine_check` says of runs that belong together, and that all comes to its end.

use engine_core::ExecutionStatus;
use stateright::Property;

use super::member::Member;
use super::state::{Awaited, State, Who};
use super::system::System;

pub const QUEUED: &str = "a run has a queue item exactly while it is queued";
pub const SLOT: &str = "a run holds a slot exactly while a worker may work on it";
pub const WATCHED: &str =
    "a run has a deadline, for its latest snapshot, exactly while it is watched";
pub const ONE_HOLDER: &str = "at most one worker holds the latest snapshot of a run";
pub const ONCE: &str = "a run ends once";
pub const EDGE: &str = "only a run that waits has edges";
pub const WAITS: &str = "a run that waits has something that it waits for";
pub const WOKEN: &str = "a run whose wait is over has resumed, or the tick resumes it";
pub const COMPLETED: &str =
    "what waits for a run that has ended is completed, or the tick completes it";
pub const FROZEN: &str = "a suspended run has a checkpoint";
pub const KEPT: &str = "nothing that a living parent needs is removed";
pub const CANCELLED: &str = "the child of a cancelled parent has ended, or the tick cancels it";
pub const ENDS: &str =
    "both runs come to their ends, with one worker that does not fail and a tick";

pub fn all() -> Vec<Property<System>> {
    vec![
        Property::always(QUEUED, |_, state: &State| {
            members(state).all(|run| run.has_item == run.status().is_queued())
        }),
        Property::always(SLOT, |_, state: &State| {
            use ExecutionStatus::*;
            members(state).all(|run| {
                let may_work = matches!(
                    run.status(),
                    PendingExecuting | Executing | ExecutingWithWaitpoints
                );
                may_work == run.deadline.is_some_and(|deadline| deadline.holds_slot)
            })
        }),
        Property::always(WATCHED, |_, state: &State| {
            use ExecutionStatus::*;
            members(state).all(|run| {
                let is_watched = matches!(
                    run.status(),
                    PendingExecuting
                        | Executing
                        | ExecutingWithWaitpoints
                        | Suspended
                        | PendingCancel
                );
                let watched = is_watched.then_some(run.row.snapshot);
                watched == run.deadline.map(|deadline| deadline.snapshot)
            })
        }),
        Property::always(ONE_HOLDER, |_, state: &State| {
            Who::BOTH.into_iter().all(|who| {
                let latest = state.member(who).map(|run| run.row.snapshot);
                let holds =
                    |held: &&super::state::Held| held.who == who && Some(held.snapshot) == latest;
                state.workers.iter().filter(holds).count() <= 1
            })
        }),
        Property::always(ONCE, |_, state: &State| state.broken != Some(ONCE)),
        Property::always(EDGE, |_, state: &State| {
            let keeps = |parent: &Member| parent.status().keeps_edges();
            !state.has_edge || state.parent.as_ref().is_some_and(keeps)
        }),
        Property::always(WAITS, |_, state: &State| {
            state.has_edge || !state.parent.as_ref().is_some_and(Member::waits)
        }),
        Property::always(WOKEN, |_, state: &State| {
            let waits = state.parent.as_ref().is_some_and(Member::waits);
            !(waits && state.waitpoint == Some(true)) || state.notes.resume_parent
        }),
        Property::always(COMPLETED, |_, state: &State| {
            let has_ended = state.child.as_ref().is_some_and(Member::has_ended);
            let is_pending = state.waitpoint == Some(false) && state.awaited != Awaited::Token;
            !(has_ended && is_pending) || state.notes.end_batch
        }),
        Property::always(FROZEN, |_, state: &State| {
            members(state)
                .all(|run| run.status() != ExecutionStatus::Suspended || run.has_checkpoint)
        }),
        Property::always(KEPT, |_, state: &State| {
            let is_gone = state.was_triggered && state.child.is_none();
            !is_gone || state.is_over(Who::Parent)
        }),
        Property::always(CANCELLED, |_, state: &State| {
            let is_cancelled = state.parent.as_ref().is_some_and(Member::is_cancelled);
            let is_asked = state
                .child
                .as_ref()
                .is_some_and(|child| child.status() == ExecutionStatus::PendingCancel);
            !is_cancelled || state.is_over(Who::Child) || is_asked || state.notes.cancel_child
        }),
        Property::always(ENDS, |system: &System, state: &State| {
            system.comes_to_an_end(state)
        }),
    ]
}

fn members(state: &State) -> impl Iterator<Item = &Member> {
    state.parent.iter().chain(&state.child)
}
