//! The family of triggered runs: parents that wait for them, and their batches.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{Batch, BatchId, Refusal, Run, RunId, Timestamp};

use super::member::{Member, waiting_parent};
use super::outcome::Triggered;
use crate::store::batch_item::ItemFailure;
use crate::store::trigger::RunRow;
use crate::{backend, flow, store};

/// How new runs join their batches.
#[derive(Clone, Copy)]
pub(crate) struct BatchJoin<'a> {
    /// The error of each run that could not be triggered; empty if all could.
    pub(crate) failures: &'a [Option<ItemFailure>],
    /// Whether to seal a batch that then has all its items.
    pub(crate) seals: bool,
}

impl BatchJoin<'_> {
    /// For triggered runs: each joins by itself.
    pub(crate) const AS_RUNS: Self = Self {
        failures: &[],
        seals: false,
    };
}

/// The parents and batches of triggered runs, locked before the runs are deduplicated and written.
pub(crate) struct Family {
    pub(super) parents: BTreeMap<RunId, Run>,
    pub(super) batches: BTreeMap<BatchId, Batch>,
}

impl Family {
    /// Locks the parents that wait for these runs, then the batches that these join.
    ///
    /// # Errors
    /// [`Refusal::WrongIsolation`] (`RE006`), [`Refusal::UnknownBatch`] (`RE011`), [`Refusal::BatchClosed`] (`RE012`), or
    /// [`Refusal::InvalidValue`] (`22023`) for a batch of another environment.
    pub(crate) fn lock(runs: &[RunRow]) -> Result<Self, Refusal> {
        let mut family = Self {
            parents: BTreeMap::new(),
            batches: BTreeMap::new(),
        };
        let parents: BTreeSet<&RunId> = runs.iter().filter_map(waiting_parent).collect();
        let batches: BTreeSet<&BatchId> = runs
            .iter()
            .filter_map(|new| new.run.batch_id.as_ref())
            .collect();
        if parents.is_empty() && batches.is_empty() {
            return Ok(family);
        }
        backend::isolation::check()?;
        check_shards(runs)?;
        for batch_id in &batches {
            flow::right::batch(batch_id)?;
        }
        for (shard, ids) in flow::by_shard(parents, |id| id.shard()) {
            let locked = store::run::lock_all(shard, &ids);
            family
                .parents
                .extend(locked.into_iter().map(|run| (run.id.clone(), run)));
        }
        for (shard, ids) in flow::by_shard(batches, |id| id.shard()) {
            let locked = store::batch::lock(shard, &ids);
            family
                .batches
                .extend(locked.into_iter().map(|batch| (batch.id.clone(), batch)));
        }
        for new in runs {
            family.check_batch(new)?;
        }
        Ok(family)
    }

    fn check_batch(&self, new: &RunRow) -> Result<(), Refusal> {
        let Some(batch_id) = &new.run.batch_id else {
            return Ok(());
        };
        let Some(batch) = self.batches.get(batch_id) else {
            return Err(Refusal::UnknownBatch {
                batch_id: batch_id.clone(),
            });
        };
        batch.check_member(&new.run.environment.id)?;
        batch.check_open()
    }

    /// Binds an awaited child to its parent's version, unless it names another one, in an environment that requires a
    /// version.
    pub(crate) fn inherit_versions(&self, runs: &mut [RunRow]) {
        let floats =
            |new: &RunRow| new.run.environment.requires_version && new.run.version.is_none();
        let waiting: BTreeSet<RunId> = runs
            .iter()
            .filter(|new| floats(new))
            .filter_map(waiting_parent)
            .cloned()
            .collect();
        for (shard, ids) in flow::by_shard(&waiting, |id| id.shard()) {
            let versions = store::run::versions(shard, &ids);
            for new in runs.iter_mut().filter(|new| floats(new)) {
                let version = waiting_parent(new).and_then(|parent| versions.get(parent));
                new.run.version = version.cloned();
            }
        }
    }

    /// Makes the parents wait for these runs, and adds them to their batches.
    ///
    /// # Errors
    /// [`Refusal::RunFinished`] (`RE003`) or [`Refusal::WrongStatus`] (`RE004`) of a parent, or [`Refusal::InvalidValue`]
    /// (`22023`) if a batch has no index left, or a run would wait for its own end.
    pub(crate) fn link(
        mut self,
        triggered: &[Triggered],
        join: BatchJoin<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if self.parents.is_empty() && self.batches.is_empty() {
            return Ok(());
        }
        self.check_ends(triggered)?;
        let settings = flow::settings(now);
        let indexes = triggered
            .iter()
            .map(|triggered| self.index(&triggered.new))
            .collect::<Result<Vec<_>, _>>()?;
        for (shard, members) in flow::by_shard(0..triggered.len(), |index| {
            triggered[*index].run_id().shard()
        }) {
            let members: Vec<Member<'_>> = members
                .into_iter()
                .map(|index| Member {
                    triggered: &triggered[index],
                    index: indexes[index],
                    failure: join.failures.get(index).cloned().flatten(),
                })
                .collect();
            self.block(shard, &members, &settings)?;
            self.join(shard, &members, join.seals, &settings);
        }
        Ok(())
    }

    /// Refuses an existing run, found by its key, that would wait for itself, or for a batch that it joins.
    fn check_ends(&self, triggered: &[Triggered]) -> Result<(), Refusal> {
        let existing = triggered
            .iter()
            .filter(|triggered| triggered.existing.is_some());
        for triggered in existing {
            let batch = triggered.new.run.batch_id.as_ref();
            let batch = batch.and_then(|batch_id| self.batches.get(batch_id));
            let waiting = batch.filter(|batch| batch.resume_parent);
            let of_batch = waiting.and_then(|batch| batch.parent_run_id.as_ref());
            if [waiting_parent(&triggered.new), of_batch].contains(&Some(triggered.run_id())) {
                return Err(Refusal::own_end("parent_run_id"));
            }
        }
        Ok(())
    }

    /// The index of a run in its batch.
    fn index(&mut self, new: &RunRow) -> Result<Option<i32>, Refusal> {
        let batch_id = new.run.batch_id.as_ref();
        match batch_id.and_then(|batch_id| self.batches.get_mut(batch_id)) {
            Some(batch) => batch.add(new.run.batch_index).map(Some),
            None => Ok(None),
        }
    }
}

/// A batch has runs of its own shard only.
fn check_shards(runs: &[RunRow]) -> Result<(), Refusal> {
    for new in runs {
        let (of_run, batch) = (new.run_id.shard(), new.run.batch_id.as_ref());
        if let Some(of_batch) = batch.map(BatchId::shard).filter(|shard| *shard != of_run) {
            return Err(Refusal::other_shard(of_run, of_batch));
        }
    }
    Ok(())
}
