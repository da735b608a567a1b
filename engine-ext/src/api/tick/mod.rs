//! Tick: does what is due.

mod batch;
mod continuation;
mod delay;
mod expire;
mod fit;
mod promote;
mod schedule;
mod stall;
mod timer;
mod waitpoint;

use engine_core::{Refusal, Settings, Shard, check_max_items};
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};

use crate::error::OrRaise;
use crate::{api, store};

/// Does what is due, and returns how much of each kind: at most `max_items`, in one commit.
///
/// Kinds so far: `stalled_heartbeat`, a run whose deadline has passed goes back into its queue, or ends if nothing is left to
/// try; `expired_run`, a run that has waited too long in its queue; `begun_schedule`, a schedule whose time has come;
/// `forgotten_key`, a key that has expired; `cancelled_child`, a run whose parent ended cancelled; `due_waitpoint`, a waitpoint
/// whose moment has come or whose time is over; `continuation`, a run that could not go on at once with what it waited for;
/// `batch_completion`, a batch whose last run may have ended; `expired_batch`, a batch that was not sealed in time; `ended_delay`,
/// a run whose time has come; `promoted_run`, a run for which a version has registered; `fitted_environment`, an environment whose slots and items
/// have been fitted to limits that were set. Where much is due, each kind gets its
/// share. Safe to call from many sessions at once: what another one works on is skipped.
///
/// # Errors
/// - `22023` if `max_items` is outside 1..=100000.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_tick(
    max_items: default!(Option<i32>, "1000"),
) -> TableIterator<'static, (name!(kind, &'static str), name!(processed, i32))> {
    TableIterator::new(tick(max_items.unwrap_or(1000)).or_raise())
}

/// What was done of one kind.
type Done = (&'static str, i32);

/// A room: does what is due of its kinds.
type Room = fn(&mut Tick<'_>) -> Result<Vec<Done>, Refusal>;

const ROOMS: &[Room] = &[
    |tick| Ok(vec![("stalled_heartbeat", stall::recover(tick)?)]),
    |tick| Ok(vec![("expired_run", expire::expire(tick)?)]),
    |tick| Ok(vec![("begun_schedule", schedule::begin(tick)?)]),
    |tick| Ok(vec![("forgotten_key", forget_keys(tick))]),
    timer::run,
];

/// A tick that is under way.
struct Tick<'a> {
    shard: Shard,
    settings: &'a Settings,
    /// How many items the room that works may still take on.
    left: i32,
}

fn tick(max_items: i32) -> Result<Vec<Done>, Refusal> {
    api::enter_locking()?;
    let settings = api::settings(api::now());
    let mut left = check_max_items("max_items", max_items)?;
    let mut tick = Tick {
        shard: Shard::default(),
        settings: &settings,
        left,
    };
    let mut done: Vec<Done> = Vec::new();
    // A first round in which each room gets its share, so that much of one kind does not hold up the others; a second one for
    // what they left.
    let mut rooms: Vec<&Room> = ROOMS.iter().collect();
    for _ in 0..2 {
        let mut more = Vec::new();
        let count = rooms.len();
        for (index, room) in rooms.into_iter().enumerate() {
            let others = i32::try_from(count - index).unwrap_or(i32::MAX);
            let share = (left / others).max(left.min(1));
            tick.left = share;
            for (kind, items) in room(&mut tick)? {
                add(&mut done, kind, items);
            }
            if share > 0 && tick.left == 0 {
                more.push(room);
            }
            left -= share - tick.left;
        }
        rooms = more;
    }
    Ok(done)
}

fn add(done: &mut Vec<Done>, kind: &'static str, items: i32) {
    match done.iter_mut().find(|(other, _)| *other == kind) {
        Some((_, count)) => *count += items,
        None => done.push((kind, items)),
    }
}

/// Forgets keys that have expired; gives their number.
fn forget_keys(tick: &mut Tick<'_>) -> i32 {
    let forgotten = store::trigger_key::forget(tick.shard, tick.left, tick.settings.now);
    tick.took(forgotten)
}

impl Tick<'_> {
    /// Takes `items` off what the room may still take on; gives their number.
    fn took(&mut self, items: usize) -> i32 {
        let items = i32::try_from(items).unwrap_or(i32::MAX);
        self.left = self.left.saturating_sub(items).max(0);
        items
    }
}
