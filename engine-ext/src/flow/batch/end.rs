//! Ends batches.

use std::collections::BTreeSet;

use engine_core::{Batch, BatchEnd, BatchId, Settings, Shard, WaitpointId};

use crate::backend::value::column;
use crate::store;

/// The batches that have ended.
pub(crate) struct EndedBatches {
    /// Those that were checked; the waitpoints of the others are locked by other sessions.
    pub(crate) done: BTreeSet<BatchId>,
    /// The waitpoints that were completed.
    pub(crate) completed: Vec<WaitpointId>,
}

/// Ends those of these batches of which nothing is left to come, after an event in this transaction such as the end of a
/// run, and returns the waitpoints that this completes. It waits for no batch: for one that another session has locked it
/// leaves a note, which the event makes unique.
pub(crate) fn changed(
    shard: Shard,
    what: &[(BatchId, String)],
    settings: &Settings,
) -> Vec<WaitpointId> {
    if what.is_empty() {
        return Vec::new();
    }
    let ids: BTreeSet<&BatchId> = what.iter().map(|(batch_id, _)| batch_id).collect();
    let batches = store::batch::lock_free(shard, &ids.into_iter().collect::<Vec<_>>());
    let ended = locked(shard, batches, settings);
    let notes: Vec<_> = what
        .iter()
        .filter(|(batch_id, _)| !ended.done.contains(batch_id))
        .collect();
    if !notes.is_empty() {
        store::batch::note(shard, &notes, settings.now);
    }
    ended.completed
}

/// Ends those of these locked batches whose runs have all ended.
pub(crate) fn locked(shard: Shard, batches: Vec<Batch>, settings: &Settings) -> EndedBatches {
    let processed: Vec<&BatchId> = batches
        .iter()
        .filter(|batch| batch.is_processed())
        .map(|batch| &batch.id)
        .collect();
    let open = if processed.is_empty() {
        BTreeSet::new()
    } else {
        store::batch::with_open_runs(shard, &processed)
    };
    let ends = |batch: Batch| {
        let end = batch.end(!open.contains(&batch.id));
        (batch, end)
    };
    all(shard, batches.into_iter().map(ends).collect(), settings)
}

/// Ends locked batches: writes their new states, and completes their waitpoints.
pub(crate) fn all(
    shard: Shard,
    ends: Vec<(Batch, Option<BatchEnd>)>,
    settings: &Settings,
) -> EndedBatches {
    let mut done: BTreeSet<BatchId> = ends.iter().map(|(batch, _)| batch.id.clone()).collect();
    let ends: Vec<(Batch, BatchEnd)> = ends
        .into_iter()
        .filter_map(|(batch, end)| Some((batch, end?)))
        .collect();
    if ends.is_empty() {
        return EndedBatches {
            done,
            completed: Vec::new(),
        };
    }
    let waitpoints = store::waitpoint::of_batches(shard, &column(&ends, |(batch, _)| &batch.id));
    let pending: Vec<_> = waitpoints
        .iter()
        .filter(|(.., is_pending)| *is_pending)
        .collect();
    let free = if pending.is_empty() {
        Vec::new()
    } else {
        store::waitpoint::lock_free(shard, &column(&pending, |(_, id, _)| id))
    };
    for (batch_id, id, _) in &pending {
        if !free.contains(id) {
            done.remove(batch_id);
        }
    }
    let mut changed = Vec::new();
    let mut completed = Vec::new();
    for (mut batch, end) in ends {
        if !done.contains(&batch.id) {
            continue;
        }
        for (_, id, _) in pending
            .iter()
            .filter(|(batch_id, ..)| *batch_id == batch.id)
        {
            completed.push((id.clone(), end.output.clone()));
        }
        if let Some(status) = end.status {
            batch.status = status;
            changed.push(batch);
        }
    }
    if !changed.is_empty() {
        store::batch::update(shard, &changed.iter().collect::<Vec<_>>(), settings.now);
    }
    EndedBatches {
        done,
        completed: store::waitpoint::complete(shard, &completed, settings.now),
    }
}
