//! The family of triggered runs: parents that wait for them, and their batches.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Batch, BatchId, Command, Output, Refusal, Run, RunId, Settings, Shard, Timestamp, WaitpointId,
    decide,
};

use super::member::{Member, waiting_parent};
use super::outcome::Triggered;
use crate::flow::transition::Transitions;
use crate::store::batch_item::{ItemFailure, NewItem};
use crate::store::row::Caller;
use crate::store::trigger::RunRow;
use crate::store::waitpoint::insert::{Of, WaitpointRow};
use crate::{backend, flow, mint, store};

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
    parents: BTreeMap<RunId, Run>,
    batches: BTreeMap<BatchId, Batch>,
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
        for (shard, ids) in by_shard(parents, |id| id.shard()) {
            let locked = store::run::lock_all(shard, &ids);
            family
                .parents
                .extend(locked.into_iter().map(|run| (run.id.clone(), run)));
        }
        for (shard, ids) in by_shard(batches, |id| id.shard()) {
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
        for (shard, ids) in by_shard(&waiting, |id| id.shard()) {
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
        for (shard, members) in by_shard(0..triggered.len(), |index| {
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

    /// Makes parents wait for their children.
    fn block(
        &self,
        shard: Shard,
        members: &[Member<'_>],
        settings: &Settings,
    ) -> Result<(), Refusal> {
        let awaited: Vec<&Member<'_>> = members
            .iter()
            .filter(|member| member.parent().is_some())
            .collect();
        if awaited.is_empty() {
            return Ok(());
        }
        let waitpoints = waitpoints(shard, &awaited, settings.now)?;
        let of = |member: &Member<'_>| &waitpoints[member.triggered.run_id()];
        let mut ended = self.ended(&awaited, &of);
        let edges: Vec<_> = awaited
            .iter()
            .filter_map(|member| member.edge(of(member)))
            .collect();
        store::edge::insert(shard, &edges, settings.now);
        let mut blocked: BTreeMap<&RunId, Option<&BatchId>> = BTreeMap::new();
        for edge in &edges {
            blocked.entry(edge.run_id).or_insert(edge.batch_id);
        }
        let mut transitions = Transitions::new(shard, Caller::default(), settings);
        for (run_id, batch_id) in blocked {
            let Some(parent) = self.parents.get(run_id) else {
                return Err(Refusal::UnknownRun {
                    run_id: run_id.clone(),
                });
            };
            transitions.add(
                parent,
                decide(parent, Command::Block { batch_id }, settings)?,
            );
        }
        flow::settle::apply(transitions);
        // The wait for a child that has ended lasts at most until the next tick.
        ended.sort_unstable();
        ended.dedup();
        store::edge::note(shard, &ended, settings.now);
        Ok(())
    }

    /// The parents that wait for waitpoints which are completed already. The waitpoints of existing runs are locked first:
    /// they can no longer be completed before this transaction ends.
    fn ended<'a>(
        &'a self,
        awaited: &[&'a Member<'_>],
        of: &impl Fn(&Member<'_>) -> &'a WaitpointId,
    ) -> Vec<(&'a RunId, &'a WaitpointId)> {
        let mut ended = Vec::new();
        let mut existing: BTreeMap<&RunId, BTreeSet<&WaitpointId>> = BTreeMap::new();
        for member in awaited {
            let Some(parent) = member.parent() else {
                continue;
            };
            match &member.triggered.existing {
                Some(_) => drop(existing.entry(parent).or_default().insert(of(member))),
                None if member.has_ended() => ended.push((parent, of(member))),
                None => {}
            }
        }
        for (parent, waitpoints) in existing {
            let Some(parent) = self.parents.get(parent) else {
                continue;
            };
            let waitpoints: Vec<&WaitpointId> = waitpoints.into_iter().collect();
            let shared = store::waitpoint::share(parent, &waitpoints);
            let completed = shared.iter().filter(|waitpoint| waitpoint.is_completed);
            for completed in completed {
                let same = waitpoints.iter().filter(|id| ***id == completed.id);
                ended.extend(same.map(|id| (&parent.id, *id)));
            }
        }
        ended
    }

    /// Adds new runs to their batches.
    fn join(&mut self, shard: Shard, members: &[Member<'_>], seals: bool, settings: &Settings) {
        let items: Vec<NewItem<'_>> = members.iter().filter_map(Member::item).collect();
        if items.is_empty() {
            return;
        }
        store::batch_item::insert(shard, &items, settings.now);
        for item in items.iter().filter(|item| item.failure.is_some()) {
            if let Some(batch) = self.batches.get_mut(item.batch_id) {
                batch.failed_count += 1;
            }
        }
        let mut changed = Vec::new();
        for batch in self.batches.values_mut() {
            if seals && batch.run_count.is_some() && batch.seal() {
                changed.push((batch.id.clone(), "seal".to_owned()));
            }
        }
        let here = |batch: &&Batch| batch.id.shard() == shard;
        let batches: Vec<&Batch> = self.batches.values().filter(here).collect();
        store::batch::update(shard, &batches, settings.now);
        changed.extend(
            members
                .iter()
                .filter(|member| member.has_ended())
                .filter_map(|member| {
                    let batch_id = member.triggered.new.run.batch_id.clone()?;
                    Some((batch_id, member.triggered.run_id().as_str().to_owned()))
                }),
        );
        flow::settle::batches(shard, &changed, settings);
    }
}

/// The waitpoints of these runs, by run: created for new runs, and for existing ones without a waitpoint.
fn waitpoints(
    shard: Shard,
    awaited: &[&Member<'_>],
    now: Timestamp,
) -> Result<BTreeMap<RunId, WaitpointId>, Refusal> {
    let mut waitpoints = BTreeMap::new();
    let (new, existing): (Vec<&Member<'_>>, Vec<&Member<'_>>) = awaited
        .iter()
        .partition(|member| member.triggered.existing.is_none());
    for member in &new {
        waitpoints.insert(
            member.triggered.new.run_id.clone(),
            mint::waitpoint_id(shard),
        );
    }
    let minted: Vec<_> = new
        .iter()
        .map(|member| {
            let new = &member.triggered.new;
            let state = &new.state;
            let output = Output::of_run(state.run_status, None, None, state.error.as_ref());
            WaitpointRow {
                id: &waitpoints[&new.run_id],
                environment_id: &new.run.environment.id,
                of: Of::Run(&new.run_id),
                output: output.filter(|_| member.has_ended()),
            }
        })
        .collect();
    if !minted.is_empty() {
        flow::wait::waitpoint::insert(shard, &minted, now);
    }
    let existing: BTreeSet<&RunId> = existing
        .iter()
        .map(|member| member.triggered.run_id())
        .collect();
    waitpoints.extend(flow::wait::run_waitpoint::of_all(shard, existing)?);
    Ok(waitpoints)
}

/// A batch has runs of its own shard only.
fn check_shards(runs: &[RunRow]) -> Result<(), Refusal> {
    let is_apart = |new: &RunRow| {
        let batch = new.run.batch_id.as_ref();
        batch.is_some_and(|batch| batch.shard() != new.run_id.shard())
    };
    if runs.iter().any(is_apart) {
        Err(Refusal::other_shard())
    } else {
        Ok(())
    }
}

fn by_shard<T>(
    items: impl IntoIterator<Item = T>,
    shard: impl Fn(&T) -> Shard,
) -> BTreeMap<Shard, Vec<T>> {
    let mut shards: BTreeMap<Shard, Vec<T>> = BTreeMap::new();
    for item in items {
        shards.entry(shard(&item)).or_default().push(item);
    }
    shards
}
