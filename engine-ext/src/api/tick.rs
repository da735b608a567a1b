//! Tick: does what is due.

use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::{api, flow};

entries!(engine_tick);

row! {
    /// How much was done of one kind.
    DoneRow {
        kind: &'static str,
        processed: i32,
    }
}

/// Does what is due, at most `max_items`, in one commit, and returns how much of each kind.
///
/// Kinds so far: `stalled_heartbeat`, a run whose deadline has passed is requeued, or ends if no attempt is left;
/// `expired_run`, a run whose time to live has passed; `begun_schedule`, a schedule that was due; `bulk_run`, a run that a bulk
/// action has come to; `forgotten_key`, a key that has expired; `forgotten_turn`, the last turn of a worker that is gone;
/// `forgotten_worker`, such a worker itself; `gathered_minute`, a minute and task to which events were added; `removed_run`, a
/// run that has ended and whose time has come; `cancelled_child`, a run whose parent ended cancelled; `due_waitpoint`, a
/// waitpoint that was due or timed out; `continuation`, a run that could not resume at once when its waitpoints were completed;
/// `batch_completion`, a batch whose last run may have ended; `expired_batch`, a batch that was not sealed in time;
/// `ended_delay`, a run whose delay has ended; `promoted_run`, a run for which a version has registered; `ended_keep`, a run
/// that says how long it is kept, and whose time has come; `fitted_environment`, an environment whose slots and items have been
/// adapted to changed limits. If much is due, each kind gets its share. Safe to call from many sessions at once: what another
/// one works on is skipped.
///
/// # Errors
/// - `22023` if `max_items` is outside 1..=100000.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_tick(max_items: Option<i32>) -> Rows<DoneRow> {
    api::enter_locking().or_raise();
    let done = flow::tick::tick(max_items.unwrap_or(1000)).or_raise();
    Rows::new(
        done.into_iter()
            .map(|(kind, processed)| DoneRow { kind, processed }),
    )
}
