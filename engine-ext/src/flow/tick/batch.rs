//! Batches whose last run may have ended, and those that were not sealed in time.

use std::collections::BTreeSet;

use engine_core::{Batch, BatchId};

use super::Tick;
use crate::store::timer::Due;
use crate::{flow, store};

/// Ends batches whose runs have all ended; returns the timers that are done.
pub(super) fn complete<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let batches = lock_free(tick, &due);
    done(
        due,
        flow::settle::locked_batches(tick.shard, batches, tick.settings),
    )
}

/// Aborts batches that were not sealed in time; returns the timers that are done.
pub(super) fn expire<'a>(tick: &Tick<'_>, due: Vec<&'a Due>) -> Vec<&'a Due> {
    let ends = lock_free(tick, &due)
        .into_iter()
        .map(|batch| {
            let end = batch.expire();
            (batch, end)
        })
        .collect();
    done(
        due,
        flow::settle::end_batches(tick.shard, ends, tick.settings),
    )
}

/// Locks the batches of these timers, except those that other sessions have locked.
fn lock_free(tick: &Tick<'_>, due: &[&Due]) -> Vec<Batch> {
    let ids: BTreeSet<BatchId> = due
        .iter()
        .map(|due| BatchId::parse(due.subject()))
        .collect();
    store::batch::lock_free(tick.shard, &ids.iter().collect::<Vec<_>>())
}

/// The timers about these batches.
fn done(due: Vec<&Due>, batches: BTreeSet<BatchId>) -> Vec<&Due> {
    due.into_iter()
        .filter(|due| batches.contains(&BatchId::parse(due.subject())))
        .collect()
}
