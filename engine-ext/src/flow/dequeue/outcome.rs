//! What a look for runs came to.

use crate::store::queue_item::claim::Dequeued;

/// What one look came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) runs: Vec<Dequeued>,
    /// How many slots were taken.
    pub(super) slots: i64,
    /// Whether runs were set aside that stood in front of others.
    pub(super) has_set_aside: bool,
    /// Whether other sessions held something that was wanted.
    pub(super) is_busy: bool,
}

impl Outcome {
    /// Nothing, since other sessions hold the lock.
    pub(super) fn busy() -> Self {
        Self {
            is_busy: true,
            ..Self::default()
        }
    }

    /// Adds what another look came to.
    pub(super) fn add(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.slots += other.slots;
        self.has_set_aside |= other.has_set_aside;
        self.is_busy |= other.is_busy;
    }
}
