//! The sweep: removes runs that have ended once their time has come.
//!
//! It looks at one stretch of runs after another, that which is due first, decides by the policies that hold now, and writes
//! when to look again. A stretch ends where a look ends, so that each look reads a bounded number of runs. One session
//! sweeps, all shards; another one that comes meanwhile does nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine_core::{Refusal, Retention, RunId, Shard, Timestamp, check_max_items};

use crate::flow::pace::Pace;
use crate::flow::removal;
use crate::store::removal::Spans;
use crate::store::stretch::{Seen, Stretch};
use crate::{backend, flow, store};

/// Runs of one stretch.
const RUNS: i32 = 1000;

/// Least and greatest number of stretches that one tick looks at.
const FEWEST_LOOKS: usize = 10;
const LOOKS: usize = 1000;

/// A tick begins no further look after this time: what it has locked stays locked until its end. With the fewest looks alone, a
/// new policy would reach the last of ten million runs after a thousand ticks.
const LOOKING: Duration = Duration::from_millis(100);

/// Most stretches that a call of the sweep itself looks at.
const MANY_LOOKS: usize = 10_000;

/// Rows that one tick removes at most, unless a single run has more: what is large is removed in more steps.
const ROWS: usize = 50_000;

/// A sweep under way.
struct Sweep<'a> {
    retention: &'a Retention,
    now: Timestamp,
    /// Number of runs that it may still remove.
    left: usize,
    /// Number of rows that it may still remove with them.
    rows_left: usize,
}

/// Removes up to `max_runs` runs whose time has come; returns how many.
pub(crate) fn sweep(max_runs: i32, now: Timestamp) -> usize {
    run(max_runs, now, now, LOOKS)
}

/// Removes up to `max_runs` runs whose time has come, also of stretches that are due later, with other runs; returns how many.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) if `max_runs` is outside 1..=100000.
pub(crate) fn by_hand(max_runs: i32) -> Result<usize, Refusal> {
    let max_runs = check_max_items("max_runs", max_runs)?;
    let end_of_time = Timestamp::from_micros(i64::MAX);
    Ok(run(max_runs, flow::now(), end_of_time, MANY_LOOKS))
}

/// Time between two searches for shards at which no look was taken, milliseconds: each shard costs a step in an index.
const SEARCH_MS: i64 = 60_000;

thread_local! {
    /// The shards of the last search, and when that was.
    static SEARCHED: RefCell<(Rc<Vec<Shard>>, Timestamp)> =
        RefCell::new((Rc::default(), Timestamp::from_micros(0)));
}

/// The shards at which no look may have been taken yet: those that are served, but only the first of them if the same were searched
/// a moment ago.
fn unseen(now: Timestamp, is_tick: bool) -> Rc<Vec<Shard>> {
    let served = store::shard::served();
    let (known, at) = SEARCHED.with_borrow(Clone::clone);
    let is_known = known == served && now >= at && now.ms_since(at) < SEARCH_MS;
    if is_tick && is_known {
        return Rc::new(served.first().copied().into_iter().collect());
    }
    served
}

fn run(max_runs: i32, now: Timestamp, due_before: Timestamp, looks: usize) -> usize {
    let max_runs = usize::try_from(max_runs).unwrap_or(0);
    if max_runs == 0 || !backend::locks::try_sweep() {
        return 0;
    }
    // Read when no other policy can be set before the end: the times of the next looks, written below, depend on these.
    let retention = store::retention::all();
    if retention.shortest_ms().is_none() {
        return 0;
    }
    let is_tick = due_before == now;
    let max_runs = Pace::begin(max_runs);
    let mut sweep = Sweep {
        retention: &retention,
        now,
        left: max_runs,
        rows_left: if is_tick { ROWS } else { usize::MAX },
    };
    let begun = Instant::now();
    let unseen = unseen(now, is_tick);
    for look in 0..looks {
        pgrx::check_for_interrupts!();
        if is_tick && look >= FEWEST_LOOKS && begun.elapsed() > LOOKING {
            break;
        }
        let Some(stretch) =
            store::stretch::due(&unseen, &store::shard::unserved(), due_before, now)
        else {
            if unseen.len() > 1 {
                SEARCHED.set((Rc::clone(&unseen), now));
            }
            break;
        };
        sweep.look(&stretch);
        if sweep.left == 0 || sweep.rows_left == 0 {
            break;
        }
    }
    if is_tick {
        flow::leftover::step(&retention, now);
    } else {
        flow::leftover::all(&retention, now);
    }
    Pace::end();
    max_runs - sweep.left
}

impl Sweep<'_> {
    /// Removes what is due of a stretch, and writes when to look again.
    fn look(&mut self, stretch: &Stretch) {
        let seen = store::stretch::read(stretch, RUNS);
        let (mut due, mut first): (Vec<&Seen>, Option<Timestamp>) = (Vec::new(), None);
        for run in &seen {
            let Some(until) = self.until(run) else {
                continue;
            };
            if until <= self.now && run.run.run_status.is_final() {
                due.push(run);
            } else {
                first = Some(first.map_or(until, |first| first.min(until)));
            }
        }
        let count = self.affordable(&due);
        let is_all = due.len() == count;
        due.truncate(count);
        let mut rest = due.iter().peekable();
        let spans = Spans::joined(seen.iter().map(|run| {
            let is_due = rest.next_if(|next| next.id == run.id).is_some();
            (run.id.as_str(), is_due)
        }));
        let removed = self.remove(stretch.shard, &due, &spans);
        if removed < due.len() {
            first = Some(self.now);
        }
        self.left -= removed;
        let end = seen.last().filter(|_| seen.len() == RUNS as usize);
        if let Some(last) = end {
            // The next stretch begins directly behind this id.
            let next = format!("{}!", last.id.as_str());
            let never = Timestamp::from_micros(i64::MIN);
            store::stretch::set(stretch.shard, &next, self.now, never, 0);
        }
        let is_open = stretch.is_open() && end.is_none();
        let due_at = if is_all {
            self.retention.next_look(self.now, first, is_open)
        } else {
            self.now
        };
        self.write(stretch, due_at, seen.len() - removed, is_open);
    }

    /// How many of these runs may still be removed; deducts their rows. What a sweep has not begun with may be too large for it.
    fn affordable(&mut self, due: &[&Seen]) -> usize {
        let mut count = 0;
        for run in due.iter().take(self.left) {
            let rows = usize::try_from(run.row_count).unwrap_or(0);
            if rows > self.rows_left && self.rows_left < ROWS {
                self.rows_left = 0;
                break;
            }
            self.rows_left = self.rows_left.saturating_sub(rows);
            count += 1;
        }
        count
    }

    fn write(&self, stretch: &Stretch, due_at: Timestamp, left: usize, is_open: bool) {
        if left == 0 && !is_open && !stretch.first_id.is_empty() {
            store::stretch::delete(stretch.shard, &stretch.first_id);
        } else {
            let count = i32::try_from(left).unwrap_or(i32::MAX);
            store::stretch::set(stretch.shard, &stretch.first_id, due_at, self.now, count);
        }
    }

    /// When a run is removed, or, if it lives, could be at the earliest; `None` for never.
    fn until(&self, run: &Seen) -> Option<Timestamp> {
        if run.keep_ms.is_some() {
            // A timer ends that.
            return None;
        }
        let ended_at = if run.run.run_status.is_final() {
            run.at
        } else {
            self.now
        };
        self.retention.keep_until(&run.run, ended_at)
    }

    /// Removes these runs, except those that another session has locked, that have changed since, or that something still needs;
    /// returns how many have gone.
    fn remove(&self, shard: Shard, due: &[&Seen], spans: &Spans<'_>) -> usize {
        if due.is_empty() {
            return 0;
        }
        let ids: Vec<&RunId> = due.iter().map(|run| &run.id).collect();
        let seen: HashMap<&RunId, &Seen> = due.iter().map(|run| (&run.id, *run)).collect();
        let mut ended = removal::lock(shard, &ids, spans);
        ended.retain(|run| {
            let seen = seen.get(&run.id);
            seen.is_some_and(|seen| {
                (seen.at, seen.run.run_status) == (run.completed_at, run.run_status)
            })
        });
        removal::remove(shard, ended, spans, self.now).len()
    }
}
