//! What follows from a step of one run for the other one.

use engine_core::{
    Blocker, Plan, Timestamp, Unblocking, Waiting, WaitpointId, WaitpointType, unblock,
};

use super::fault::Fault;
use super::state::{Awaited, State, Who};
use super::system::System;

impl System {
    /// Edges go with the wait, and what is noted about it stays; children of a run that ended cancelled are to be cancelled.
    pub fn settle_parent(&self, next: &mut State) {
        let Some(parent) = &next.parent else { return };
        let (keeps_edges, is_cancelled) = (parent.status().keeps_edges(), parent.is_cancelled());
        if !keeps_edges && self.fault != Fault::EdgeStays {
            next.has_edge = false;
        }
        if is_cancelled && !next.is_over(Who::Child) && self.fault != Fault::ChildrenAreForgotten {
            next.notes.cancel_child = true;
        }
    }

    /// What waits for the child is completed.
    pub fn settle_child(&self, next: &mut State, is_locked: bool) {
        if next.awaited == Awaited::Token || next.waitpoint != Some(false) {
            return;
        }
        let is_batch_locked = next.awaited == Awaited::Batch && is_locked;
        if is_batch_locked {
            next.notes.end_batch = self.fault != Fault::LockedBatchIsForgotten;
        } else if self.fault != Fault::WaitpointStaysPending {
            self.complete(next, is_locked);
        }
    }

    /// The waitpoint is completed, and the parent resumes, at once or by the tick.
    pub fn complete(&self, next: &mut State, is_locked: bool) {
        next.waitpoint = Some(true);
        if !next.has_edge {
            return;
        }
        if is_locked {
            next.notes.resume_parent |= self.fault != Fault::LockedParentIsForgotten;
        } else {
            self.resume(next);
        }
    }

    /// Resumes the parent if it has nothing left to wait for.
    pub fn resume(&self, next: &mut State) {
        let Some(parent) = &next.parent else { return };
        let blocker = Blocker {
            waitpoint_id: WaitpointId::parse("w"),
            kind: WaitpointType::Run,
            is_completed: next.waitpoint == Some(true),
            batch_index: None,
        };
        let waiting = Waiting {
            blockers: vec![blocker],
            has_checkpoint: parent.has_checkpoint,
            position: Timestamp::from_micros(0),
        };
        if let Ok(Unblocking::Unblocked(moved)) = unblock(&parent.row.to_run(), &waiting) {
            self.apply(next, Who::Parent, &Plan::Move(moved), false);
        }
    }
}
