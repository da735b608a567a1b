//! The outcome of a look for runs.

use crate::store::queue_item::hand_out::Dequeued;

/// The outcome of one look.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) runs: Vec<Dequeued>,
    /// Number of slots taken.
    pub(super) slots: i64,
    /// Whether runs in front of others were set aside.
    pub(super) has_set_aside: bool,
    /// Whether other sessions held something that was wanted.
    pub(super) is_busy: bool,
}

impl Outcome {
    /// No runs, since other sessions hold the lock.
    pub(super) fn busy() -> Self {
        Self {
            is_busy: true,
            ..Self::default()
        }
    }

    /// Adds the outcome of another look.
    pub(super) fn add(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.slots += other.slots;
        self.has_set_aside |= other.has_set_aside;
        self.is_busy |= other.is_busy;
    }
}
