//! Heartbeats: extend deadlines, and tell whether runs have moved on.

use std::collections::BTreeMap;

use engine_core::{RunId, Shard, SnapshotId};

use crate::store::observe::Execution;
use crate::{flow, store};

/// Moves the deadlines of these runs, then reads in a later statement, which sees the transitions that the first one waited
/// for. Returns the latest snapshot of each, in order.
pub(crate) fn beat(beats: &[(RunId, SnapshotId)]) -> Vec<Execution> {
    let now = flow::now();
    let mut executions: Vec<(usize, Execution)> = Vec::with_capacity(beats.len());
    for (shard, positions) in by_shard(beats) {
        let here: Vec<&(RunId, SnapshotId)> =
            positions.iter().map(|position| &beats[*position]).collect();
        store::heartbeat::beat(shard, &here, now);
        let ids: Vec<&RunId> = here.iter().map(|(run_id, _)| run_id).collect();
        let latest = store::observe::executions(shard, &ids);
        executions.extend(positions.into_iter().zip(latest));
    }
    executions.sort_unstable_by_key(|(position, _)| *position);
    executions
        .into_iter()
        .map(|(_, execution)| execution)
        .collect()
}

/// The runs among these that have moved on from these snapshots.
pub(crate) fn moved(held: &[(RunId, SnapshotId)]) -> Vec<String> {
    let mut moved = Vec::new();
    for (shard, positions) in by_shard(held) {
        let here: Vec<_> = positions
            .into_iter()
            .map(|position| &held[position])
            .collect();
        moved.extend(store::observe::moved(shard, &here));
    }
    moved
}

/// The positions of the runs of each shard.
fn by_shard(beats: &[(RunId, SnapshotId)]) -> BTreeMap<Shard, Vec<usize>> {
    let mut shards: BTreeMap<Shard, Vec<usize>> = BTreeMap::new();
    for (position, (run_id, _)) in beats.iter().enumerate() {
        shards.entry(run_id.shard()).or_default().push(position);
    }
    shards
}
