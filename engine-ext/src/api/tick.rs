//! Tick: does what is due.

use engine_core::{
    Command, Plan, Refusal, RunId, Shard, StallPolicy, Timestamp, check_max_items, decide,
};
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};

use crate::error::OrRaise;
use crate::store::heartbeat::Due;
use crate::store::run::Caller;
use crate::{api, clock, guc, mint, store};

/// Does what is due, and returns how much of each kind: at most `max_items`, in one commit.
///
/// Kinds so far: `stalled_heartbeat`, a run whose deadline has passed goes back into its queue, or ends if nothing is left to
/// try. Safe to call from many sessions at once: what another one works on is skipped. Behaviour: `spec/core.md §3.5`.
///
/// # Errors
/// - `22023` if `max_items` is outside 1..=100000.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_tick(
    max_items: default!(Option<i32>, "1000"),
) -> TableIterator<'static, (name!(kind, &'static str), name!(processed, i32))> {
    let stalled = recover(max_items.unwrap_or(1000)).or_raise();
    TableIterator::once(("stalled_heartbeat", stalled))
}

/// Recovers runs whose worker stopped beating; gives their number.
fn recover(max_items: i32) -> Result<i32, Refusal> {
    api::enter_locking()?;
    let max_items = check_max_items(max_items)?;
    let (shard, now) = (Shard::default(), clock::now());
    let due = store::heartbeat::lock_due(shard, max_items, now);
    let (alive, stalled): (Vec<&Due>, Vec<&Due>) = due.iter().partition(|due| due.is_alive);
    if !alive.is_empty() {
        store::heartbeat::postpone(shard, &ids(&alive));
    }
    if stalled.is_empty() {
        return Ok(0);
    }
    let runs = store::run::lock_free(shard, &ids(&stalled));
    let (mut finished, mut requeued) = (Vec::new(), Vec::new());
    for run in &runs {
        match decide(run, Command::Stall(policy(now)))? {
            Plan::Finish(finish) => {
                finished.push((run, mint::next_snapshot_id(&run.snapshot_id), finish))
            }
            Plan::Requeue(requeue) => {
                requeued.push((run, mint::next_snapshot_id(&run.snapshot_id), requeue))
            }
            Plan::Claim { .. } | Plan::Start { .. } | Plan::Keep => {}
        }
    }
    if !finished.is_empty() {
        store::run::finish(shard, &finished, Caller::default(), now);
    }
    if !requeued.is_empty() {
        store::run::requeue(shard, &requeued, now);
    }
    Ok(i32::try_from(finished.len() + requeued.len()).unwrap_or(i32::MAX))
}

fn ids<'a>(due: &[&'a Due]) -> Vec<&'a RunId> {
    due.iter().map(|due| &due.run_id).collect()
}

fn policy(now: Timestamp) -> StallPolicy {
    StallPolicy {
        now,
        backoff: guc::queue_backoff(),
        jitter: rand::random_range(1.0..2.0),
        queue_max_attempts: guc::queue_max_attempts(),
    }
}
