//! Removal of runs that have ended, with all that belongs to them: history, notices, waitpoints and their history,
//! checkpoints, timers, keys, and their batches once the last run of these has gone.
//!
//! It waits for no other session: what another one has locked stays, and so does what something else still needs. The runs
//! are locked first, then their waitpoints: from then on nothing begins to need them.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{BatchId, RunId, Shard, Timestamp, WaitpointId, digest_of, is_key_free};

use crate::store;
use crate::store::removal::{EndedRun, Spans};

/// Locks the runs among these that have ended, without those that another session has locked.
pub(crate) fn lock(shard: Shard, ids: &[&RunId], spans: &Spans<'_>) -> Vec<EndedRun> {
    store::removal::lock(shard, ids, spans)
}

/// Those of these locked runs that nothing needs any more.
pub(crate) fn removable(
    shard: Shard,
    runs: Vec<EndedRun>,
    spans: &Spans<'_>,
    now: Timestamp,
) -> Vec<EndedRun> {
    let (runs, _) = with_waitpoints(shard, runs);
    without_pinned(shard, runs, spans, now)
}

/// Removes these locked runs, except those that something still needs: a child that stays, a parent, a batch or a waiting
/// run that has not ended, a named reader that has not read their events. Returns the runs that have gone. The caller holds
/// the lock of the sweep: from then on no reader is created that would miss them.
pub(crate) fn remove(
    shard: Shard,
    runs: Vec<EndedRun>,
    spans: &Spans<'_>,
    now: Timestamp,
) -> Vec<RunId> {
    let (runs, own) = with_waitpoints(shard, runs);
    let runs = without_pinned(shard, runs, spans, now);
    if runs.is_empty() {
        return Vec::new();
    }
    let ids: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    let of_snapshots = store::removal::snapshots(shard, &ids, spans);
    let last = of_snapshots.max(store::removal::notices(shard, &ids, spans));
    if let Some(position) = last {
        store::event_horizon::raise(shard, position, now);
    }
    waitpoints(shard, &ids, spans, &own, now);
    let failed = runs.iter().filter(|run| run.run_status.is_failure());
    store::failure::delete(shard, &failed.map(|run| &run.id).collect::<Vec<_>>());
    store::removal::runs(shard, &ids, spans, free_keys(&runs, now));
    let batches: BTreeSet<&BatchId> = runs
        .iter()
        .filter_map(|run| run.batch_id.as_ref())
        .collect();
    remove_batches(shard, &batches.into_iter().collect::<Vec<_>>(), now);
    runs.into_iter().map(|run| run.id).collect()
}

/// The runs among these with events that a named reader has not read and that are too young to be removed before that.
pub(crate) fn held(shard: Shard, ids: &[&RunId], now: Timestamp) -> Vec<RunId> {
    let holds = store::event_reader::holds(shard);
    if holds.is_empty() || ids.is_empty() {
        return Vec::new();
    }
    store::removal::held(shard, ids, &holds, now)
}

/// Deletes payload, output, history, waits and checkpoints of these locked runs, except those that a named reader of events has not
/// read; returns the others. The caller holds the lock of the sweep.
pub(crate) fn remove_details(shard: Shard, ids: &[&RunId], now: Timestamp) -> Vec<RunId> {
    let held = held(shard, ids, now);
    let free: Vec<&RunId> = ids
        .iter()
        .copied()
        .filter(|id| !held.contains(id))
        .collect();
    if free.is_empty() {
        return Vec::new();
    }
    let spans = Spans::single(free.iter().map(|id| id.as_str()));
    let of_snapshots = store::removal::details(shard, &free);
    let last = of_snapshots.max(store::removal::notices(shard, &free, &spans));
    if let Some(position) = last {
        store::event_horizon::raise(shard, position, now);
    }
    store::removal::checkpoints(shard, &free, &spans);
    let awaited = store::removal::waits(shard, &free, &spans);
    remove_waitpoints(shard, &awaited.iter().collect::<Vec<_>>(), now);
    free.into_iter().cloned().collect()
}

/// Removes those of these batches that have ended and have no run any more; returns their number.
pub(crate) fn remove_batches(shard: Shard, ids: &[&BatchId], now: Timestamp) -> usize {
    if ids.is_empty() {
        return 0;
    }
    let batches = store::removal::lock_batches(shard, ids, now);
    let of_batches = store::waitpoint::of_batches(shard, &batches.iter().collect::<Vec<_>>());
    let waitpoints: Vec<&WaitpointId> = of_batches.iter().map(|(_, id, _)| id).collect();
    let free = lock_waitpoints(shard, &waitpoints);
    let is_held = |batch: &BatchId| {
        let mut own = of_batches.iter().filter(|(of, ..)| of == batch);
        own.any(|(_, id, _)| !free.contains(id))
    };
    let batches: Vec<&BatchId> = batches.iter().filter(|batch| !is_held(batch)).collect();
    if batches.is_empty() {
        return 0;
    }
    let of_these = of_batches.iter().filter(|(of, ..)| batches.contains(&of));
    delete_waitpoints(shard, &of_these.map(|(_, id, _)| id).collect::<Vec<_>>());
    store::removal::batches(shard, &batches);
    batches.len()
}

/// Removes those of these datetime and manual waitpoints that nothing needs any more; returns their number.
pub(crate) fn remove_waitpoints(shard: Shard, ids: &[&WaitpointId], now: Timestamp) -> usize {
    let free = lock_waitpoints(shard, ids);
    if free.is_empty() {
        return 0;
    }
    let unused = store::removal::unused(shard, &free.iter().collect::<Vec<_>>(), now);
    delete_waitpoints(shard, &unused.iter().collect::<Vec<_>>());
    unused.len()
}

/// Locks the waitpoints of these runs; returns the runs without those whose waitpoint another session has locked, and the
/// waitpoints by run.
fn with_waitpoints(
    shard: Shard,
    mut runs: Vec<EndedRun>,
) -> (Vec<EndedRun>, BTreeMap<RunId, WaitpointId>) {
    let awaited = runs.iter().filter(|run| run.has_waitpoint);
    let awaited: Vec<&RunId> = awaited.map(|run| &run.id).collect();
    if awaited.is_empty() {
        return (runs, BTreeMap::new());
    }
    let own = store::waitpoint::of_runs(shard, &awaited);
    let free = lock_waitpoints(shard, &own.values().collect::<Vec<_>>());
    runs.retain(|run| own.get(&run.id).is_none_or(|id| free.contains(id)));
    (runs, own)
}

/// These runs without those that something still needs, and without the parents of these: they need them, too.
fn without_pinned(
    shard: Shard,
    mut runs: Vec<EndedRun>,
    spans: &Spans<'_>,
    now: Timestamp,
) -> Vec<EndedRun> {
    if runs.is_empty() {
        return runs;
    }
    let ids: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
    let pinned = store::removal::pinned(shard, &runs, spans);
    let mut pinned: BTreeSet<RunId> = pinned.into_iter().collect();
    pinned.extend(held(shard, &ids, now));
    if pinned.is_empty() {
        return runs;
    }
    let parents: BTreeMap<&RunId, Option<&RunId>> = runs
        .iter()
        .map(|run| (&run.id, run.parent_run_id.as_ref()))
        .collect();
    let mut next: Vec<RunId> = pinned.iter().cloned().collect();
    while let Some(run) = next.pop() {
        let parent = parents.get(&run).copied().flatten();
        if let Some(parent) = parent.filter(|parent| pinned.insert((*parent).clone())) {
            next.push(parent.clone());
        }
    }
    runs.retain(|run| !pinned.contains(&run.id));
    runs
}

/// Deletes the waitpoints of these runs, and those that only they have waited for.
fn waitpoints(
    shard: Shard,
    ids: &[&RunId],
    spans: &Spans<'_>,
    own: &BTreeMap<RunId, WaitpointId>,
    now: Timestamp,
) {
    let own: Vec<&WaitpointId> = ids.iter().filter_map(|id| own.get(*id)).collect();
    delete_waitpoints(shard, &own);
    let awaited = store::removal::waits(shard, ids, spans);
    remove_waitpoints(shard, &awaited.iter().collect::<Vec<_>>(), now);
}

fn lock_waitpoints(shard: Shard, ids: &[&WaitpointId]) -> BTreeSet<WaitpointId> {
    if ids.is_empty() {
        return BTreeSet::new();
    }
    let free = store::waitpoint::lock_free(shard, ids);
    free.into_iter().collect()
}

fn delete_waitpoints(shard: Shard, ids: &[&WaitpointId]) {
    if !ids.is_empty() {
        store::removal::waitpoints(shard, ids);
    }
}

/// The digests of idempotency keys that another trigger may take since their runs failed. The other keys stay until they
/// expire: a trigger finds by them that the run was there.
fn free_keys(runs: &[EndedRun], now: Timestamp) -> Vec<Vec<u8>> {
    runs.iter()
        .filter(|run| is_key_free(Some(run.run_status), None, now))
        .filter_map(|run| {
            let key = run.idempotency_key.as_deref()?;
            Some(digest_of(&[&run.environment_id, &run.task, key]))
        })
        .collect()
}
