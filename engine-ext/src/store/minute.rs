//! What happened per minute.

use engine_core::Timestamp;

use crate::backend::cells::{Cells, cell};
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(BEGIN, "minute_mark_insert.sql");
statement!(READ, "minute_mark_read.sql");
statement!(LOCK, "minute_mark_lock.sql");
statement!(SET, "minute_mark_set.sql");
statement!(GATHER, "minute_gather.sql", with_bitmaps);
statement!(DELETE, "minute_delete.sql");

/// How far the history is gathered, locked for the next step.
pub(crate) struct Mark {
    pub(crate) gathered: i64,
    /// Up to where it is gathered now.
    pub(crate) next: i64,
    /// The last event.
    pub(crate) last: i64,
}

/// Notes where gathering begins, if it has not begun.
pub(crate) fn begin(now: Timestamp) {
    BEGIN.execute(arguments!(BEGIN { now }));
}

/// Whether it is time to gather more; `None` if gathering has not begun.
pub(crate) fn is_due(now: Timestamp) -> Option<bool> {
    let marks = READ.query(arguments!(READ { now }), |cells: &Cells<READ>| {
        cell!(cells, READ.is_due as bool)
    });
    marks.into_iter().next()
}

/// How far the history is gathered, unless another session gathers, or just has.
pub(crate) fn lock(now: Timestamp) -> Option<Mark> {
    let marks = LOCK.query(arguments!(LOCK { now }), |cells: &Cells<LOCK>| Mark {
        gathered: cell!(cells, LOCK.gathered_position),
        next: cell!(cells, LOCK.next_position),
        last: cell!(cells, LOCK.last_position),
    });
    marks.into_iter().next()
}

/// Adds the events of a mark to their minutes; returns to how many minutes and tasks.
pub(crate) fn gather(mark: &Mark, now: Timestamp) -> usize {
    let numbers = GATHER.query(
        arguments!(GATHER {
            after_position: mark.gathered,
            to_position: mark.next,
            now
        }),
        |cells: &Cells<GATHER>| cell!(cells, GATHER.number as i64),
    );
    let number = numbers.into_iter().next().unwrap_or_default();
    usize::try_from(number).unwrap_or_default()
}

/// Notes that the events of a mark are gathered.
pub(crate) fn set(mark: &Mark, now: Timestamp) {
    SET.execute(arguments!(SET {
        gathered_position: mark.next,
        next_position: mark.last,
        now
    }));
}

/// Deletes what is too old.
pub(crate) fn delete_old(now: Timestamp) {
    DELETE.execute(arguments!(DELETE { now }));
}
