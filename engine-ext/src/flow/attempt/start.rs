//! Starts attempts: lock, decide, apply.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Asked, Command, ExecutionStatus, Next, Plan, Refusal, Run, RunId, RunStatus, Settings, Shard,
    SnapshotId, Timestamp, Transition, decide,
};

use super::repeat::Followed;
use crate::document::Stored;
use crate::flow::transition::Transitions;
use crate::store::attempt::Start;
use crate::store::row::Caller;
use crate::{flow, store};

/// The outcome of a start.
pub(crate) struct Started {
    pub(crate) run_id: RunId,
    pub(crate) snapshot_id: SnapshotId,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) run_status: RunStatus,
    pub(crate) attempt_number: Option<i32>,
    pub(crate) description: String,
    pub(crate) created_at: Timestamp,
    pub(crate) heartbeat_ms: Option<i64>,
    /// What the handler may know, if the caller wants it; none if the run has ended instead.
    pub(crate) execution: Option<Stored>,
}

/// A run, and the snapshot that its worker holds.
pub(crate) type Pair = (RunId, SnapshotId);

/// How attempts start.
#[derive(Clone, Copy)]
pub(crate) struct With {
    /// Whether their worker has executed runs before.
    pub(crate) warm_start: bool,
    /// Whether the caller wants the documents.
    pub(crate) execution: bool,
}

/// What the handler of the attempt that a run started last may know; none if it has started none.
pub(crate) fn document(run_id: &RunId) -> Option<Stored> {
    let settings = flow::settings(flow::moment());
    let mut found = store::attempt::documents(run_id.shard(), &[run_id], &settings.machines);
    found.pop().map(|(_, document)| document)
}

/// Locks the runs, decides, applies; one answer per element, in order.
pub(crate) fn start(
    pairs: &[Result<Pair, Refusal>],
    with: With,
    caller: Caller<'_>,
    settings: &Settings,
) -> Vec<Result<Started, Refusal>> {
    let mut shards: BTreeMap<Shard, BTreeMap<usize, &Pair>> = BTreeMap::new();
    let mut answers: BTreeMap<usize, Result<Started, Refusal>> = BTreeMap::new();
    for (index, pair) in pairs.iter().enumerate() {
        match pair {
            Ok(pair) => {
                let here = shards.entry(pair.0.shard()).or_default();
                here.insert(index, pair);
            }
            Err(refusal) => {
                answers.insert(index, Err(refusal.clone()));
            }
        }
    }
    for (shard, here) in shards {
        answers.extend(start_in(shard, &here, with, caller, settings));
    }
    answers.into_values().collect()
}

/// Starts attempts of runs of one shard, given by the positions of their elements.
fn start_in(
    shard: Shard,
    pairs: &BTreeMap<usize, &Pair>,
    with: With,
    caller: Caller<'_>,
    settings: &Settings,
) -> BTreeMap<usize, Result<Started, Refusal>> {
    let ids: BTreeSet<&RunId> = pairs.values().map(|(run_id, _)| run_id).collect();
    let ids: Vec<&RunId> = ids.into_iter().collect();
    let runs = store::run::lock_all(shard, &ids);
    let held = pairs.values().map(|(run_id, given)| (run_id, given));
    let followed = Followed::read(shard, &runs, held, caller);
    let mut starts = Starts {
        shard,
        caller,
        settings,
        starts: BTreeMap::new(),
        again: Vec::new(),
        transitions: Transitions::new(shard, caller, settings),
        done: BTreeMap::new(),
        answers: BTreeMap::new(),
    };
    for (index, pair) in pairs {
        match decide_one(pair, &runs, &starts.done, &followed, settings) {
            Ok(Decided::Now(run, plan)) => starts.add(*index, run, plan),
            Ok(Decided::Before(run, next)) => starts.again.push((*index, &run.id, next)),
            Err(refusal) => drop(starts.answers.insert(*index, Err(refusal))),
        }
    }
    starts.apply(with)
}

/// What a call does with runs of one shard, and its answers, by the positions of its elements.
struct Starts<'a> {
    shard: Shard,
    caller: Caller<'a>,
    settings: &'a Settings,
    starts: BTreeMap<&'a RunId, (usize, Start<'a>)>,
    /// Elements that an earlier call started, with the snapshot that it wrote.
    again: Vec<(usize, &'a RunId, &'a Next)>,
    /// Of the runs that end instead.
    transitions: Transitions<'a>,
    /// The new snapshots.
    done: BTreeMap<&'a RunId, SnapshotId>,
    answers: BTreeMap<usize, Result<Started, Refusal>>,
}

impl<'a> Starts<'a> {
    fn add(&mut self, index: usize, run: &'a Run, plan: Plan) {
        let snapshot_id = match plan {
            Plan::Start { attempt_number } => {
                let snapshot_id = run.next_snapshot_id();
                let start = Start {
                    run,
                    snapshot_id: snapshot_id.clone(),
                    attempt_number,
                };
                self.starts.insert(&run.id, (index, start));
                snapshot_id
            }
            Plan::Finish(finish) => {
                let (run_status, description) = (finish.run_status, finish.description.to_string());
                let snapshot_id = self.transitions.add(run, Plan::Finish(finish));
                let ended = ended(run, &snapshot_id, run_status, description, self.settings);
                self.answers.insert(index, Ok(ended));
                snapshot_id
            }
            Plan::Dequeue { .. }
            | Plan::Move(_)
            | Plan::Refuse { .. }
            | Plan::Notify
            | Plan::Keep => {
                unreachable!("a start is a start, the end, or refused")
            }
        };
        self.done.insert(&run.id, snapshot_id);
    }

    fn apply(self, with: With) -> BTreeMap<usize, Result<Started, Refusal>> {
        let (shard, settings, mut answers) = (self.shard, self.settings, self.answers);
        flow::settle::apply(self.transitions);
        let (indexes, starts): (Vec<usize>, Vec<Start<'_>>) = self.starts.into_values().unzip();
        if !starts.is_empty() {
            store::attempt::start(shard, &starts, with.warm_start, self.caller, settings);
        }
        let mut documents: BTreeMap<RunId, Stored> = BTreeMap::new();
        if with.execution {
            let now = starts.iter().map(|start| &start.run.id);
            let again = self.again.iter().map(|(_, run_id, _)| *run_id);
            let ids: Vec<&RunId> = now.chain(again).collect();
            documents.extend(store::attempt::documents(shard, &ids, &settings.machines));
        }
        for (index, start) in indexes.into_iter().zip(&starts) {
            let execution = documents.remove(&start.run.id);
            answers.insert(index, Ok(started(start, execution, settings)));
        }
        for (index, run_id, next) in self.again {
            let execution = documents.get(run_id).cloned();
            answers.insert(index, Ok(started_before(run_id, next, execution, settings)));
        }
        answers
    }
}

/// What becomes of one element.
enum Decided<'a> {
    /// The run starts, or ends instead.
    Now(&'a Run, Plan),
    /// This call was made before, and wrote this snapshot.
    Before(&'a Run, &'a Next),
}

/// Decides one start. `done` are the runs of earlier elements, with their new snapshots.
fn decide_one<'a>(
    (run_id, given): &Pair,
    runs: &'a [Run],
    done: &BTreeMap<&RunId, SnapshotId>,
    followed: &'a Followed,
    settings: &Settings,
) -> Result<Decided<'a>, Refusal> {
    let Ok(position) = runs.binary_search_by(|run| run.id.cmp(run_id)) else {
        return Err(Refusal::UnknownRun {
            run_id: run_id.clone(),
        });
    };
    let run = &runs[position];
    if let Some(latest) = done.get(run_id) {
        return Err(Refusal::StaleSnapshot {
            run_id: run_id.clone(),
            given: given.clone(),
            latest: latest.clone(),
            status: run.execution_status,
        });
    }
    if let Some(next) = followed.answer(Asked::Start, run, given) {
        return Ok(Decided::Before(run, next));
    }
    let command = Command::Start {
        snapshot_id: given,
        dequeued_as: followed.is_cancelled(run, given).then_some(given),
    };
    Ok(Decided::Now(run, decide(run, command, settings)?))
}

fn started(start: &Start<'_>, execution: Option<Stored>, settings: &Settings) -> Started {
    let status = ExecutionStatus::Executing;
    Started {
        run_id: start.run.id.clone(),
        snapshot_id: start.snapshot_id.clone(),
        execution_status: status,
        run_status: RunStatus::Executing,
        attempt_number: Some(start.attempt_number),
        description: Transition::Started.description().to_owned(),
        created_at: settings.now,
        heartbeat_ms: settings.heartbeats.interval_ms(status),
        execution,
    }
}

/// The outcome of a start that an earlier call wrote.
fn started_before(
    run_id: &RunId,
    next: &Next,
    execution: Option<Stored>,
    settings: &Settings,
) -> Started {
    let status = next.execution_status;
    Started {
        run_id: run_id.clone(),
        snapshot_id: next.snapshot_id.clone(),
        execution_status: status,
        run_status: next.run_status,
        attempt_number: next.attempt_number,
        description: next.description.clone(),
        created_at: next.created_at,
        heartbeat_ms: settings.heartbeats.interval_ms(status),
        execution: execution.filter(|_| status == ExecutionStatus::Executing),
    }
}

/// The outcome for a run that has ended instead.
fn ended(
    run: &Run,
    snapshot_id: &SnapshotId,
    run_status: RunStatus,
    description: String,
    settings: &Settings,
) -> Started {
    Started {
        run_id: run.id.clone(),
        snapshot_id: snapshot_id.clone(),
        execution_status: ExecutionStatus::Finished,
        run_status,
        attempt_number: run.attempt_number,
        description,
        created_at: settings.now,
        heartbeat_ms: None,
        execution: None,
    }
}
