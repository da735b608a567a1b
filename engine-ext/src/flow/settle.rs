//! Settles what follows from the ends of runs, in the same transaction: their waitpoints are completed, their batches end,
//! and the runs that waited for these resume. It waits for no other session: what another one has locked is noted for the
//! tick.
//!
//! It terminates: a run that resumes ends nothing.

use std::collections::BTreeSet;

use engine_core::{Batch, BatchEnd, BatchId, Output, Settings, Shard, WaitpointId};

use super::batch::end::{self, EndedBatches};
use super::wait::resume;
use crate::flow::transition::Transitions;
use crate::store;

/// Writes transitions, and settles what follows.
pub(crate) fn apply(transitions: Transitions<'_>) {
    let (shard, settings) = transitions.scope();
    let ended = transitions.write();
    let mut completed = store::waitpoint::complete(shard, &ended.outputs, settings.now);
    completed.extend(end::changed(shard, &ended.members, settings));
    resume::after(shard, &completed, settings);
}

/// Completes waitpoints of one shard; returns those that were pending.
pub(crate) fn complete(
    shard: Shard,
    outputs: &[(WaitpointId, Output)],
    settings: &Settings,
) -> Vec<WaitpointId> {
    let completed = store::waitpoint::complete(shard, outputs, settings.now);
    resume::after(shard, &completed, settings);
    completed
}

/// Ends those of these batches of which nothing is left to come; `what` is, for each, the event that happened to it.
pub(crate) fn batches(shard: Shard, what: &[(BatchId, String)], settings: &Settings) {
    let completed = end::changed(shard, what, settings);
    resume::after(shard, &completed, settings);
}

/// Ends those of these locked batches whose runs have all ended; returns those that were checked.
pub(crate) fn locked_batches(
    shard: Shard,
    batches: Vec<Batch>,
    settings: &Settings,
) -> BTreeSet<BatchId> {
    resume_after(end::locked(shard, batches, settings), shard, settings)
}

/// Ends locked batches according to `ends`; returns those for which that succeeded.
pub(crate) fn end_batches(
    shard: Shard,
    ends: Vec<(Batch, Option<BatchEnd>)>,
    settings: &Settings,
) -> BTreeSet<BatchId> {
    resume_after(end::all(shard, ends, settings), shard, settings)
}

fn resume_after(ended: EndedBatches, shard: Shard, settings: &Settings) -> BTreeSet<BatchId> {
    resume::after(shard, &ended.completed, settings);
    ended.done
}
