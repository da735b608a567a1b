//! New runs are linked to their families: parents wait for them, batches count them.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Batch, BatchId, Command, Output, Refusal, RunId, Settings, Shard, Timestamp, WaitpointId,
    decide,
};

use super::family::Family;
use super::member::Member;
use crate::flow::transition::Transitions;
use crate::store::batch_item::NewItem;
use crate::store::row::Caller;
use crate::store::waitpoint::insert::{Of, WaitpointRow};
use crate::{flow, mint, store};

impl Family {
    /// Makes parents wait for their children.
    pub(super) fn block(
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
                decide(
                    parent,
                    Command::Block {
                        batch_id,
                        held: None,
                    },
                    settings,
                )?,
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
    pub(super) fn join(
        &mut self,
        shard: Shard,
        members: &[Member<'_>],
        seals: bool,
        settings: &Settings,
    ) {
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
