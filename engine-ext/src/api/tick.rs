//! Tick: does what is due.

use engine_core::{
    Cancel, Command, Plan, Refusal, RunId, Settings, Shard, check_max_items, decide,
};
use pgrx::iter::TableIterator;
use pgrx::{default, name, pg_extern, search_path};

use crate::error::OrRaise;
use crate::store::heartbeat::Due;
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, clock, store};

/// Does what is due, and returns how much of each kind: at most `max_items`, in one commit.
///
/// Kinds so far: `stalled_heartbeat`, a run whose deadline has passed goes back into its queue, or ends if nothing is left to
/// try; `cancelled_child`, a run whose parent ended cancelled. Safe to call from many sessions at once: what another one works
/// on is skipped. Behaviour: `spec/core.md §3.5`, `§4.7`.
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

fn tick(max_items: i32) -> Result<[(&'static str, i32); 2], Refusal> {
    api::enter_locking()?;
    let max_items = check_max_items(max_items)?;
    let (shard, settings) = (Shard::default(), api::settings(clock::now()));
    let stalled = recover(shard, max_items, &settings)?;
    let cancelled = match max_items - stalled {
        0 => 0,
        left => cancel_children(shard, left, &settings)?,
    };
    Ok([
        ("stalled_heartbeat", stalled),
        ("cancelled_child", cancelled),
    ])
}

/// Recovers runs whose worker stopped beating; gives their number.
fn recover(shard: Shard, max_items: i32, settings: &Settings) -> Result<i32, Refusal> {
    let due = store::heartbeat::lock_due(shard, max_items, settings.now);
    let (alive, stalled): (Vec<&Due>, Vec<&Due>) = due.iter().partition(|due| due.is_alive);
    if !alive.is_empty() {
        store::heartbeat::postpone(shard, &ids(&alive));
    }
    if stalled.is_empty() {
        return Ok(0);
    }
    let runs = store::run::lock_free(shard, &ids(&stalled));
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let mut kept = Vec::new();
    for run in &runs {
        match decide(run, Command::Stall, settings)? {
            Plan::Keep => kept.push(&run.id),
            plan => {
                transitions.add(run, plan);
            }
        }
    }
    let recovered = transitions.len();
    transitions.apply();
    if !kept.is_empty() {
        store::heartbeat::renew(shard, &kept, settings.now);
    }
    Ok(count(recovered))
}

/// Cancels runs whose parents ended cancelled; gives their number.
fn cancel_children(shard: Shard, max_items: i32, settings: &Settings) -> Result<i32, Refusal> {
    let due = store::timer::lock_due(shard, max_items, settings.now);
    if due.is_empty() {
        return Ok(0);
    }
    let ids: Vec<RunId> = due.iter().map(|due| RunId::parse(&due.id)).collect();
    let runs = store::run::lock_free(shard, &ids.iter().collect::<Vec<_>>());
    let mut transitions = Transitions::new(shard, Caller::default(), settings);
    let mut done = Vec::new();
    for run in &runs {
        let Some(due) = due.iter().find(|due| due.id == run.id.as_str()) else {
            continue;
        };
        let cancel = Cancel::of_child(due.detail.as_ref());
        transitions.add(run, decide(run, Command::Cancel(&cancel), settings)?);
        done.push(due);
    }
    transitions.apply();
    store::timer::delete(shard, &done);
    Ok(count(done.len()))
}

fn ids<'a>(due: &[&'a Due]) -> Vec<&'a RunId> {
    due.iter().map(|due| &due.run_id).collect()
}

fn count(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}
