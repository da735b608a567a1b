//! Tick: does what is due.

mod batch;
mod continuation;
mod stall;
mod timer;
mod waitpoint;

use engine_core::{Refusal, Settings, Shard, check_max_items};
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};

use crate::api;
use crate::error::OrRaise;

/// Does what is due, and returns how much of each kind: at most `max_items`, in one commit.
///
/// Kinds so far: `stalled_heartbeat`, a run whose deadline has passed goes back into its queue, or ends if nothing is left to
/// try; `cancelled_child`, a run whose parent ended cancelled; `due_waitpoint`, a waitpoint whose moment has come or whose time is
/// over; `continuation`, a run that could not go on at once with what it waited for; `batch_completion`, a batch whose last run may
/// have ended; `expired_batch`, a batch that was not sealed in time. Safe to call from many sessions at once: what another one works
/// on is skipped. Behaviour: `spec/core.md §3.5`, `§4.7`, `spec/wait.md §5`.
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

/// A tick that is under way.
struct Tick<'a> {
    shard: Shard,
    settings: &'a Settings,
    /// How many items it may still take on.
    left: i32,
}

fn tick(max_items: i32) -> Result<Vec<Done>, Refusal> {
    api::enter_locking()?;
    let settings = api::settings(api::now());
    let mut tick = Tick {
        shard: Shard::default(),
        settings: &settings,
        left: check_max_items(max_items)?,
    };
    let mut done = vec![("stalled_heartbeat", stall::recover(&mut tick)?)];
    done.extend(timer::run(&mut tick)?);
    Ok(done)
}

impl Tick<'_> {
    /// Takes `items` off what it may still take on; gives their number.
    fn took(&mut self, items: usize) -> i32 {
        let items = i32::try_from(items).unwrap_or(i32::MAX);
        self.left = self.left.saturating_sub(items).max(0);
        items
    }
}
