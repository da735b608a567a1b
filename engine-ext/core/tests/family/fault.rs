//! Deliberate faults: the model must find each of them, or it would prove nothing.

use super::rule;
use super::state::Awaited::{self, Batch, Child, Token};

/// The fault of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// A run that cannot be resumed at once, because another session has locked it, is not noted for the tick.
    LockedParentIsForgotten,
    /// The end of a child completes no waitpoint.
    WaitpointStaysPending,
    /// A batch whose last run ends while it is locked is not noted for the tick.
    LockedBatchIsForgotten,
    /// A parent that leaves its wait keeps its edge.
    EdgeStays,
    /// A wait writes no edge.
    EdgeIsForgotten,
    /// A suspended run has no checkpoint.
    CheckpointIsForgotten,
    /// The sweep removes a child whose parent has not ended.
    SweepTakesChildren,
    /// A worker that has lost its run ends it again.
    EndsTwice,
    /// A dequeue leaves the queue item behind.
    DequeueLeavesItem,
    /// A run that is suspended keeps its slot.
    SuspensionKeepsSlot,
    /// A resumed run keeps the deadline of the snapshot before.
    DeadlineStaysBehind,
    /// Two workers are told of the same run.
    DequeueIsToldTwice,
    /// The children of a cancelled parent are not cancelled.
    ChildrenAreForgotten,
}

/// Which rule each fault breaks.
pub const CAUGHT: &[(Fault, Awaited, &str)] = &[
    (Fault::LockedParentIsForgotten, Token, rule::WOKEN),
    (Fault::LockedParentIsForgotten, Token, rule::ENDS),
    (Fault::WaitpointStaysPending, Child, rule::COMPLETED),
    (Fault::LockedBatchIsForgotten, Batch, rule::COMPLETED),
    (Fault::EdgeStays, Child, rule::EDGE),
    (Fault::EdgeIsForgotten, Child, rule::WAITS),
    (Fault::CheckpointIsForgotten, Child, rule::FROZEN),
    (Fault::SweepTakesChildren, Child, rule::KEPT),
    (Fault::EndsTwice, Child, rule::ONCE),
    (Fault::DequeueLeavesItem, Child, rule::QUEUED),
    (Fault::SuspensionKeepsSlot, Token, rule::SLOT),
    (Fault::DeadlineStaysBehind, Token, rule::WATCHED),
    (Fault::DequeueIsToldTwice, Child, rule::ONE_HOLDER),
    (Fault::ChildrenAreForgotten, Child, rule::CANCELLED),
];
