//! Positions of events: the order in which `engine_events` tells what happened.

#![allow(unsafe_code)]

use pgrx::{IntoDatum, direct_function_call, pg_sys};

use super::{cache, low_water};

/// Positions for rows that are about to be written.
pub(crate) struct Positions {
    /// Whoever drew a smaller position than these is a transaction before this one. Once all transactions before it have
    /// ended, no row can appear any more in front of those written now.
    pub(crate) horizon: i64,
    drawn: std::vec::IntoIter<i64>,
}

impl Positions {
    /// Draws `count` positions. Call it with the runs locked: of two transitions of one run the later one gets the
    /// greater position.
    pub(crate) fn draw(count: usize) -> Self {
        // SAFETY: gives this transaction its id, if it has none yet. It must have it before it draws: a reader takes a
        // transaction that has drawn a position for one that is older than the horizon of every later draw.
        unsafe { pg_sys::GetCurrentFullTransactionId() };
        // Readers know by this lock which transactions write events (event_writers.sql). The rows take it anyway, to the end of
        // the transaction, but later.
        low_water::announce_writes(c"snapshot");
        let sequence = cache::oid(c"event_position");
        let next = || {
            // SAFETY: nextval takes the oid of a sequence, and returns the number.
            let drawn: Option<i64> =
                unsafe { direct_function_call(pg_sys::nextval_oid, &[sequence.into_datum()]) };
            match drawn {
                Some(position) => position,
                None => unreachable!("nextval returns a number"),
            }
        };
        let drawn: Vec<i64> = (0..count).map(|_| next()).collect();
        // SAFETY: reads a counter in shared memory.
        let horizon = unsafe { pg_sys::ReadNextFullTransactionId() }.value as i64;
        Self {
            horizon,
            drawn: drawn.into_iter(),
        }
    }

    /// The next `count`, one array argument.
    pub(crate) fn column(&mut self, count: usize) -> Vec<i64> {
        (0..count).map(|_| self.next()).collect()
    }

    /// The next one; there are as many as were drawn.
    pub(crate) fn next(&mut self) -> i64 {
        match self.drawn.next() {
            Some(position) => position,
            None => unreachable!("as many positions are drawn as rows are written"),
        }
    }
}
