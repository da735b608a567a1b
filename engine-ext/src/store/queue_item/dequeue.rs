//! The first half of a dequeue: it finds due runs and locks them.

use std::cell::RefCell;

use engine_core::{Run, RunId, Timestamp};

use super::Source;
use crate::backend::cells::{Cells, cell};
use crate::backend::low_water;
use crate::backend::parameter::arguments;
use crate::backend::statement::{columns, statement};
use crate::backend::value::{column, count};
use crate::document::Stored;
use crate::store::row::run;

statement!(LOCK, "dequeue_lock.sql" -> CANDIDATE);
statement!(LOCK_CHOSEN, "dequeue_lock_chosen.sql" -> CANDIDATE);
columns!(CANDIDATE, "candidate.sql");
statement!(DUE, "queue_due.sql");
statement!(FIND_STRAYS, "stray_find.sql");

/// A locked queued run, with the details that its worker needs.
pub(crate) struct Candidate {
    /// The locked run.
    pub(crate) run: Run,
    pub(crate) task: String,
    pub(crate) payload: String,
    pub(crate) payload_type: String,
    pub(crate) queue: String,
    pub(crate) concurrency_key: Option<String>,
    pub(crate) worker_queue: String,
    pub(crate) environment_id: String,
    pub(crate) project_id: Option<String>,
    pub(crate) organization_id: Option<String>,
    pub(crate) max_duration_seconds: Option<i32>,
    pub(crate) is_test: bool,
    pub(crate) is_replay: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: Option<Stored>,
    pub(crate) trace_context: Option<Stored>,
    /// The version that it is bound to, if any.
    pub(crate) version: Option<String>,
    /// Whether its snapshots carry something: a batch, a checkpoint, or completed waitpoints.
    pub(crate) carries: bool,
}

/// Locks the next due runs of all queues except `limited`.
///
/// Items that are ahead of their time are in another part of the index than the others. Usually there are none, and one scan
/// is enough; otherwise the two parts alternate, each up to the first item of the other. The remaining items are behind runs
/// that other sessions hold, and come in any order.
pub(crate) fn lock(from: Source<'_>, limited: &[&str], max_runs: i32, now: Timestamp) -> Locked {
    let scan = from.scan_name();
    // A worker that polls finds nothing most of the time: whether anything is due is a cheaper question than which runs.
    let found_nothing = FOUND_NOTHING.with_borrow(|last| last.as_ref() == Some(&scan));
    if found_nothing && due(from, now) == Due::NONE {
        return Locked::NONE;
    }
    let (candidates, due) = lock_due(from, limited, max_runs, now);
    let has_due = due != Due::NONE;
    FOUND_NOTHING.set((!has_due).then_some(scan));
    Locked {
        candidates,
        has_due,
    }
}

thread_local! {
    /// The scan of the last dequeue, if nothing was due.
    static FOUND_NOTHING: RefCell<Option<low_water::Scan>> = const { RefCell::new(None) };
}

/// What a dequeue has locked.
pub(crate) struct Locked {
    pub(crate) candidates: Vec<Candidate>,
    /// Whether other items may be due, which are locked, or no run's.
    pub(crate) has_due: bool,
}

impl Locked {
    const NONE: Self = Self {
        candidates: Vec::new(),
        has_due: false,
    };
}

/// The parts of the index with a due item.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Due {
    is_ahead: bool,
    is_in_time: bool,
}

impl Due {
    const NONE: Self = Self {
        is_ahead: false,
        is_in_time: false,
    };
}

/// Locks, and tells what was due if that was less than wanted.
fn lock_due(
    from: Source<'_>,
    limited: &[&str],
    max_runs: i32,
    now: Timestamp,
) -> (Vec<Candidate>, Due) {
    let part = |is_ahead, stops, left, locked: &[Candidate]| {
        let scan = Scan {
            limited,
            is_ahead,
            stops,
            locked,
        };
        lock_part(from, scan, left, now)
    };
    let mut locked = part(false, true, max_runs, &[]);
    if count(&locked) == max_runs {
        let due = Due {
            is_in_time: true,
            ..Due::NONE
        };
        return (locked, due);
    }
    let due = due(from, now);
    if !due.is_ahead {
        return (locked, due);
    }
    let mut take = |is_ahead, stops| {
        let left = max_runs - count(&locked);
        let part = match left {
            0 => Vec::new(),
            left => part(is_ahead, stops, left, &locked),
        };
        let is_some = !part.is_empty();
        locked.extend(part);
        is_some
    };
    while take(true, true) | take(false, true) {}
    take(true, false);
    take(false, false);
    (locked, due)
}

fn due(from: Source<'_>, now: Timestamp) -> Due {
    let found = from.scan(now, |low| {
        let arguments = arguments!(DUE {
            worker_queue: from.worker_queue,
            environment_id: from.environment_id,
            now,
            low
        });
        DUE.query(arguments, |cells| Due {
            is_ahead: cell!(cells, DUE.is_ahead),
            is_in_time: cell!(cells, DUE.is_in_time),
        })
    });
    found.into_iter().next().unwrap_or(Due::NONE)
}

/// One scan of a dequeue.
struct Scan<'a> {
    /// Queues to skip.
    limited: &'a [&'a str],
    /// Part of the index.
    is_ahead: bool,
    /// Whether it ends at the first item of the other part.
    stops: bool,
    /// The runs that this call has locked already.
    locked: &'a [Candidate],
}

fn lock_part(from: Source<'_>, part: Scan<'_>, max_runs: i32, now: Timestamp) -> Vec<Candidate> {
    from.scan(now, |low| {
        LOCK.query(
            arguments!(LOCK {
                shard: from.shard,
                worker_queue: from.worker_queue,
                environment_id: from.environment_id,
                now,
                max_runs,
                low,
                is_ahead: part.is_ahead,
                stops_at_others: part.stops,
                locked_run_ids: column(part.locked, |candidate| candidate.run.id.as_str()),
                limited_queues: part.limited.to_vec()
            }),
            candidate,
        )
    })
}

/// Locks the chosen runs that no other session has locked, in order.
pub(crate) fn lock_chosen(from: Source<'_>, ids: &[&RunId]) -> Vec<Candidate> {
    let ids = column(ids, |id| id.as_str());
    LOCK_CHOSEN.query(
        arguments!(LOCK_CHOSEN {
            shard: from.shard,
            run_ids: ids
        }),
        candidate,
    )
}

pub(super) fn candidate(cells: &Cells<CANDIDATE>) -> Candidate {
    Candidate {
        run: run!(cells, CANDIDATE),
        task: cell!(cells, CANDIDATE.task),
        payload: cell!(cells, CANDIDATE.payload),
        payload_type: cell!(cells, CANDIDATE.payload_type),
        queue: cell!(cells, CANDIDATE.queue),
        concurrency_key: cell!(cells, CANDIDATE.concurrency_key),
        worker_queue: cell!(cells, CANDIDATE.worker_queue),
        environment_id: cell!(cells, CANDIDATE.environment_id),
        project_id: cell!(cells, CANDIDATE.project_id),
        organization_id: cell!(cells, CANDIDATE.organization_id),
        max_duration_seconds: cell!(cells, CANDIDATE.max_duration_seconds),
        is_test: cell!(cells, CANDIDATE.is_test),
        is_replay: cell!(cells, CANDIDATE.is_replay),
        tags: cell!(cells, CANDIDATE.tags),
        metadata: cell!(cells, CANDIDATE.metadata),
        trace_context: cell!(cells, CANDIDATE.trace_context),
        version: cell!(cells, CANDIDATE.version),
        carries: cell!(cells, CANDIDATE.carries),
    }
}

/// Due items of runs that are not queued.
pub(crate) fn strays(from: Source<'_>, max_runs: i32, now: Timestamp) -> Vec<RunId> {
    from.scan(now, |low| {
        FIND_STRAYS.query(
            arguments!(FIND_STRAYS {
                shard: from.shard,
                worker_queue: from.worker_queue,
                now,
                environment_id: from.environment_id,
                max_runs,
                low
            }),
            cell!(FIND_STRAYS.run_id),
        )
    })
}
