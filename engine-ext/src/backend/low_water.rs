//! Where a scan of a queue begins.
//!
//! Dequeues delete at the left end of an index, and vacuum cannot remove the dead entries while any transaction may still
//! see them. So each dequeue would read all entries that were claimed since the oldest transaction began. A session that
//! notices how far it reads remembers a position before which nothing is alive, and begins there.
//!
//! That nothing is alive before a position, and nothing will be, follows from three things. Rows of these scans are never
//! written at a position before the clock of their writer, which locks the table before it reads the clock. When a position
//! is noted, the first visible row is not before it, and all holders of that lock are noted with it. Once these have ended,
//! a second look sees what they have written, and the position moves back to it.
//!
//! A clock that was set back, or a row that was moved by hand, is found by a scan from the beginning, made now and then.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CStr;

use engine_core::Timestamp;
use pgrx::pg_sys;

use super::cache;
use super::statement::plans_made;

/// Pages that a scan may read without result before remembering its position pays off.
const WALK: i64 = 50;
/// Time between two looks, milliseconds; if a family is looked at together, at least as long for each of its scans.
const LOOK_MS: i64 = 20;
const LOOK_EACH_MS: i64 = 1;
/// Time between two scans from the beginning, milliseconds.
const BEGINNING_MS: i64 = 60_000;

/// Before any row: the year 2000, before the clock of every writer.
const BEGINNING: Timestamp = Timestamp::from_micros(0);

/// A scan: its family, all on one table, and its name in the family.
pub(crate) type Scan = (String, String);

thread_local! {
    static MARKS: RefCell<BTreeMap<Scan, Mark>> = RefCell::default();
}

/// A session's knowledge about one scan.
struct Mark {
    /// Nothing is alive before this position.
    low: Timestamp,
    /// A position that becomes `low` when all sessions that may write before it have ended.
    next: Option<Next>,
    /// When it last looked, and when it last scanned from the beginning.
    looked_at: Timestamp,
    begun_at: Timestamp,
}

struct Next {
    position: Timestamp,
    writers: Vec<pg_sys::VirtualTransactionId>,
}

/// Locks `table` as its writers do. Every session that inserts rows of these scans does so before it reads the clock.
pub(crate) fn announce_writes(table: &CStr) {
    // SAFETY: the lock that every INSERT takes, and keeps until the transaction ends.
    unsafe { pg_sys::LockRelationOid(cache::oid(table), ROW_EXCLUSIVE) };
}

const ROW_EXCLUSIVE: i32 = pg_sys::RowExclusiveLock as i32;
/// The mode that conflicts with all writers of a table, and only with them.
const SHARE: i32 = pg_sys::ShareLock as i32;

/// Runs `run` from the beginning of a scan; `first` returns the position of the first visible row after a position, in
/// `table`.
pub(crate) fn scan<T>(
    scan: &Scan,
    table: &CStr,
    now: Timestamp,
    first: impl Fn(Timestamp) -> Option<Timestamp>,
    run: impl FnOnce(Timestamp) -> Vec<T>,
) -> Vec<T> {
    let low = begin(scan, table, now, LOOK_MS, first);
    let (rows, is_far) = walk(|| run(low.unwrap_or(BEGINNING)));
    if low.is_none() && is_far {
        remember(scan.clone(), now);
    }
    rows
}

/// Runs a scan, and returns whether it has read many pages without result. One that had to be planned tells nothing.
pub(crate) fn walk<T>(run: impl FnOnce() -> Vec<T>) -> (Vec<T>, bool) {
    let (before, plans) = (pages_touched(), plans_made());
    let rows = run();
    let walked = pages_touched() - before - ROW_PAGES * rows.len() as i64;
    (rows, walked > WALK && plans_made() == plans)
}

/// Most pages that a row costs by itself.
const ROW_PAGES: i64 = 20;

/// Remembers where a scan begins, from now on.
pub(crate) fn remember(scan: Scan, now: Timestamp) {
    let mark = Mark {
        low: BEGINNING,
        next: None,
        looked_at: BEGINNING,
        begun_at: now,
    };
    MARKS.with_borrow_mut(|marks| {
        marks.entry(scan).or_insert(mark);
    });
}

/// Where the remembered scans of a family begin, in the order of their names. `first` as above, for each. Call it before the
/// scans: once one of them has written, no mark advances.
pub(crate) fn beginnings(
    family: &str,
    table: &CStr,
    now: Timestamp,
    first: impl Fn(&str, Timestamp) -> Option<Timestamp>,
) -> Vec<(String, Timestamp)> {
    let from = (family.to_owned(), String::new());
    let scans: Vec<Scan> = MARKS.with_borrow(|marks| {
        let all = marks.range(from..).map(|(scan, _)| scan);
        all.take_while(|scan| scan.0 == family).cloned().collect()
    });
    let each_ms = i64::try_from(scans.len()).unwrap_or(i64::MAX);
    let look_ms = LOOK_MS.max(each_ms.saturating_mul(LOOK_EACH_MS));
    let low = |scan: Scan| {
        let first = |low| first(&scan.1, low);
        let low = begin(&scan, table, now, look_ms, first)?;
        Some((scan.1, low))
    };
    scans.into_iter().filter_map(low).collect()
}

/// Where to begin; `None` if nothing is remembered.
fn begin(
    scan: &Scan,
    table: &CStr,
    now: Timestamp,
    look_ms: i64,
    first: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let mark = MARKS.with_borrow_mut(|marks| marks.remove(scan))?;
    let is_over = now < mark.looked_at || now.ms_since(mark.begun_at) > BEGINNING_MS;
    if is_over {
        return None;
    }
    let mark = if now.ms_since(mark.looked_at) < look_ms || has_written() {
        mark
    } else {
        look(mark, table, now, first)
    };
    let low = mark.low;
    MARKS.with_borrow_mut(|marks| marks.insert(scan.clone(), mark));
    Some(low)
}

/// Advances the mark. Not in a transaction that has written: what it has deleted may come back.
fn look(
    mut mark: Mark,
    table: &CStr,
    now: Timestamp,
    first: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Mark {
    let have_ended = |next: &Next| next.writers.iter().all(|writer| has_ended(*writer));
    let is_due = mark.next.as_ref().is_none_or(have_ended);
    mark.looked_at = now;
    if !is_due {
        return mark;
    }
    // The writers come first: one that begins later writes after the clock's present time.
    let writers = writers(table);
    let visible = first(mark.low).unwrap_or(now).min(now);
    if let Some(next) = mark.next.take() {
        mark.low = next.position.min(visible);
    }
    mark.next = Some(Next {
        position: visible,
        writers,
    });
    mark
}

/// The other transactions that may write to `table`.
fn writers(table: &CStr) -> Vec<pg_sys::VirtualTransactionId> {
    let tag = pg_sys::LOCKTAG {
        // SAFETY: an integer of this process.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.into(),
        locktag_field2: cache::oid(table).into(),
        locktag_field3: 0,
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_RELATION as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    };
    let mut count = 0;
    // SAFETY: the tag names a table of this database; the answer is an array of `count` elements in this memory context.
    unsafe {
        let conflicts = pg_sys::GetLockConflicts(&tag, SHARE, &mut count);
        let writers = std::slice::from_raw_parts(conflicts, count as usize).to_vec();
        pg_sys::pfree(conflicts.cast());
        writers
    }
}

fn has_ended(writer: pg_sys::VirtualTransactionId) -> bool {
    // SAFETY: asks, and does not wait.
    unsafe { pg_sys::VirtualXactLock(writer, false) }
}

/// Whether this transaction has written or locked a row.
pub(crate) fn has_written() -> bool {
    // SAFETY: reads a variable of this process.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

fn pages_touched() -> i64 {
    // SAFETY: counters of this process, which only grow.
    unsafe { pg_sys::pgBufferUsage.shared_blks_hit + pg_sys::pgBufferUsage.shared_blks_read }
}
