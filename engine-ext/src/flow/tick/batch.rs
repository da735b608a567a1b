//! Batches whose last run may have ended, and those that were not sealed in time.

use std::collections::BTreeSet;

use engine_core::{Batch, BatchId, Settings, Shard};

use crate::store::timer::Due;
use crate::{flow, store};

/// Ends batches whose runs have all ended; returns the timers that are done.
pub(super) fn complete<'a>(shard: Shard, settings: &Settings, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let batches = lock_free(shard, &due);
    done(due, flow::settle::locked_batches(shard, batches, settings))
}

/// Aborts batches that were not sealed in time; returns the timers that are done.
pub(super) fn expire<'a>(shard: Shard, settings: &Settings, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let ends = lock_free(shard, &due)
        .into_iter()
        .map(|batch| {
            let end = batch.expire();
            (batch, end)
        })
        .collect();
    done(due, flow::settle::end_batches(shard, ends, settings))
}

/// Locks the batches of these timers, except those that other sessions have locked.
fn lock_free(shard: Shard, due: &[&Due]) -> Vec<Batch> {
    let ids: BTreeSet<BatchId> = due
        .iter()
        .map(|due| BatchId::parse(due.subject()))
        .collect();
    store::batch::lock_free(shard, &ids.iter().collect::<Vec<_>>())
}

/// The timers about these batches.
fn done(due: Vec<&Due>, batches: BTreeSet<BatchId>) -> Vec<&Due> {
    due.into_iter()
        .filter(|due| batches.contains(&BatchId::parse(due.subject())))
        .collect()
}
