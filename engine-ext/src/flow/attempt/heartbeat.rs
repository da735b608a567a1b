//! Heartbeats: extend deadlines, and tell whether runs have moved on.

use std::collections::BTreeMap;

use engine_core::{RunId, Shard, SnapshotId};

use crate::backend::commit;
use crate::store::row::Execution;
use crate::{flow, store};

/// Moves the deadlines of these runs. Those that have moved on are read in a later statement, which sees the transitions that the
/// first one waited for. Returns the latest snapshot of each, in order.
///
/// Nothing waits for a beat to reach the disk: one that a crash of the server takes back is as good as one that came late.
pub(crate) fn beat(beats: &[(RunId, SnapshotId)]) -> Vec<Execution> {
    let now = flow::now();
    let mut executions: Vec<(usize, Execution)> = Vec::with_capacity(beats.len());
    for (shard, positions) in by_shard(beats) {
        let here: Vec<&(RunId, SnapshotId)> =
            positions.iter().map(|position| &beats[*position]).collect();
        let beaten = commit::without_flush(|| store::heartbeat::beat(shard, &here, now));
        let mut latest: Vec<Option<Execution>> = here.iter().map(|_| None).collect();
        for (index, execution) in beaten {
            latest[index] = Some(execution);
        }
        let (indexes, ids): (Vec<usize>, Vec<&RunId>) = here
            .iter()
            .enumerate()
            .filter(|(index, _)| latest[*index].is_none())
            .map(|(index, (run_id, _))| (index, run_id))
            .unzip();
        if !ids.is_empty() {
            let read = store::observe::executions(shard, &ids);
            for (index, execution) in indexes.into_iter().zip(read) {
                latest[index] = Some(execution);
            }
        }
        executions.extend(positions.into_iter().zip(latest.into_iter().flatten()));
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
