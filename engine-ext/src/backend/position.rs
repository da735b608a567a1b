//! Positions of events: the order in which `engine_events` returns them.

#![allow(unsafe_code)]

use pgrx::{IntoDatum, direct_function_call, pg_sys};

use super::{cache, low_water};

/// Positions for rows that are about to be written.
pub(crate) struct Positions {
    /// Every transaction that drew a smaller position has a smaller id than this. Once all of them have ended, no row can
    /// appear in front of those written now.
    pub(crate) horizon: i64,
    drawn: std::vec::IntoIter<i64>,
}

impl Positions {
    /// Draws `count` positions. Call it with the runs locked: of two transitions of one run the later one gets the
    /// greater position.
    pub(crate) fn draw(count: usize) -> Self {
        // SAFETY: assigns this transaction an id, if it has none. It must have one before it draws: a reader assumes that a
        // transaction that has drawn a position is older than the horizon of every later draw.
        unsafe { pg_sys::GetCurrentFullTransactionId() };
        // By this lock readers know which transactions write events (event_writers.sql). The rows take it anyway, until the
        // end of the transaction, but later.
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

    /// The next one; as many as were drawn.
    pub(crate) fn next(&mut self) -> i64 {
        match self.drawn.next() {
            Some(position) => position,
            None => unreachable!("as many positions are drawn as rows are written"),
        }
    }
}
