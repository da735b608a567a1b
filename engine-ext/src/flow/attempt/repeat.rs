//! Repeated calls: a worker that lost an answer asks again, with the snapshot that it had then.

use std::collections::BTreeMap;

use engine_core::{Asked, Next, Plan, Run, RunId, Shard, SnapshotId};
use serde_json::{Value, json};

use crate::store;
use crate::store::row::Caller;

/// What followed the snapshots of callers whose runs have moved on.
pub(crate) struct Followed(BTreeMap<(RunId, SnapshotId), Next>);

impl Followed {
    /// Reads what followed, of locked runs in the order of their ids. Most callers hold the latest snapshots: then nothing
    /// is read.
    pub(crate) fn read<'a>(
        shard: Shard,
        runs: &[Run],
        held: impl Iterator<Item = (&'a RunId, &'a SnapshotId)>,
        caller: Caller<'_>,
    ) -> Self {
        let has_moved = |(run_id, given): &(&RunId, &SnapshotId)| {
            let position = runs.binary_search_by(|run| run.id.cmp(run_id));
            position.is_ok_and(|position| runs[position].snapshot_id != **given)
        };
        let stale: Vec<_> = held.filter(has_moved).collect();
        if stale.is_empty() {
            return Self(BTreeMap::new());
        }
        let mut found: BTreeMap<_, _> = store::repeat::next(shard, &stale, caller)
            .into_iter()
            .collect();
        // The end of a run that was cancelled before its start follows the cancel.
        let cancelled = found
            .iter()
            .filter(|(_, next)| next.cancels_before_start())
            .map(|((run_id, given), next)| {
                let key = (run_id.clone(), given.clone());
                (key, next.snapshot_id.clone())
            });
        let cancelled: Vec<_> = cancelled.collect();
        for (key, cancel) in cancelled {
            let ends = store::repeat::next(shard, &[(&key.0, &cancel)], caller);
            found.extend(ends.into_iter().map(|(_, end)| (key.clone(), end)));
        }
        Self(found)
    }

    /// The snapshot that answers a repeated call about a locked run.
    pub(crate) fn answer(&self, asked: Asked, run: &Run, given: &SnapshotId) -> Option<&Next> {
        let next = self.after(run, given)?;
        next.answers(asked, run).then_some(next)
    }

    /// Whether a locked run was cancelled after its dequeue, which wrote the caller's snapshot, and before a start.
    pub(crate) fn is_cancelled(&self, run: &Run, given: &SnapshotId) -> bool {
        let next = self.after(run, given);
        next.is_some_and(|next| next.cancels_before_start() && next.snapshot_id == run.snapshot_id)
    }

    fn after(&self, run: &Run, given: &SnapshotId) -> Option<&Next> {
        if run.snapshot_id == *given {
            return None;
        }
        self.0.get(&(run.id.clone(), given.clone()))
    }
}

/// This plan with a record of its worker, where the snapshot of a run that leaves it has none. Only a worker that gives both
/// ids is answered again.
pub(crate) fn signed(mut plan: Plan, caller: Caller<'_>) -> Plan {
    if let Plan::Move(moved) = &mut plan
        && !moved.is_callers
        && let (Some(worker_id), Some(runner_id)) = (caller.worker_id, caller.runner_id)
    {
        let detail = moved.detail.get_or_insert_with(|| json!({}));
        if let Value::Object(detail) = detail {
            detail.insert("workerId".to_owned(), json!(worker_id));
            detail.insert("runnerId".to_owned(), json!(runner_id));
        }
    }
    plan
}
