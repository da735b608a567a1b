//! Deliberate faults: the model must find each of them, or it would prove nothing.

use super::rule;

/// The fault of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None.
    None,
    /// It does not compare the caller's snapshot.
    NoFence,
    /// It tells a caller with a stale snapshot which one is the latest, and the caller continues with that.
    StaleCallerIsTold,
    /// It starts an attempt without a new snapshot.
    StartKeepsSnapshot,
    /// It starts an attempt again under its old number.
    StartRepeatsNumber,
    /// It treats a run that has ended as one that executes.
    EndIsForgotten,
    /// A dequeue leaves the queue item behind.
    DequeueLeavesItem,
    /// A requeued run gets no queue item.
    RequeueForgetsItem,
    /// A requeued run keeps its deadline, and its slot with it.
    RequeueLeavesDeadline,
    /// It refuses a call that is made again.
    AnswersAreForgotten,
    /// It answers a repeated call of any process.
    OthersAreAnswered,
    /// A run that waits for its worker to confirm a cancel keeps its slot.
    CancelKeepsSlot,
}

/// Which rule each fault breaks.
pub const CAUGHT: &[(Fault, &str)] = &[
    (Fault::NoFence, rule::FENCE),
    (Fault::StaleCallerIsTold, rule::ONE_HOLDER),
    (Fault::StartKeepsSnapshot, rule::CHANGE),
    (Fault::StartRepeatsNumber, rule::ATTEMPTS),
    (Fault::EndIsForgotten, rule::FINAL),
    (Fault::DequeueLeavesItem, rule::APART),
    (Fault::DequeueLeavesItem, rule::KEYS),
    (Fault::RequeueForgetsItem, rule::QUEUED),
    (Fault::RequeueForgetsItem, rule::CONTINUES),
    (Fault::RequeueForgetsItem, rule::COMES_TO_AN_END),
    (Fault::RequeueLeavesDeadline, rule::WATCHED),
    (Fault::CancelKeepsSlot, rule::SLOT),
    (Fault::AnswersAreForgotten, rule::REPEAT),
    (Fault::OthersAreAnswered, rule::OTHERS),
];
