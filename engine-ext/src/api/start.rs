//! Attempts that start: lock, decide, apply.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Command, ExecutionStatus, Plan, Refusal, Run, RunId, RunStatus, Settings, Shard, SnapshotId,
    decide,
};
use pgrx::datum::TimestampWithTimeZone;

use crate::document::Stored;
use crate::error::required;
use crate::store::attempt::Start;
use crate::store::run::Caller;
use crate::store::transition::Transitions;
use crate::{api, mint, store};

/// Text of the snapshot.
const STARTED: &str = "Attempt started";

pub(super) type StartedRow = (
    String,
    String,
    &'static str,
    &'static str,
    i32,
    String,
    TimestampWithTimeZone,
    Option<i64>,
    Option<Stored>,
);

/// A run, and the snapshot that its worker holds.
pub(super) type Pair = (RunId, SnapshotId);

pub(super) fn pair(run_id: Option<&str>, snapshot_id: Option<&str>) -> Result<Pair, Refusal> {
    Ok((
        RunId::parse(required("run_id", run_id)?),
        SnapshotId::parse(required("snapshot_id", snapshot_id)?),
    ))
}

/// Locks the runs, decides, applies; one answer per element, in order.
pub(super) fn start(
    pairs: &[Result<Pair, Refusal>],
    is_warm_start: bool,
    caller: Caller<'_>,
) -> Vec<Result<StartedRow, Refusal>> {
    let settings = api::settings(api::now());
    let mut shards: BTreeMap<Shard, BTreeMap<usize, &Pair>> = BTreeMap::new();
    let mut answers: BTreeMap<usize, Result<StartedRow, Refusal>> = BTreeMap::new();
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
        answers.extend(start_in(shard, &here, is_warm_start, caller, &settings));
    }
    answers.into_values().collect()
}

/// The same for runs of one shard, by the positions of their elements.
fn start_in(
    shard: Shard,
    pairs: &BTreeMap<usize, &Pair>,
    is_warm_start: bool,
    caller: Caller<'_>,
    settings: &Settings,
) -> BTreeMap<usize, Result<StartedRow, Refusal>> {
    let ids: BTreeSet<&RunId> = pairs.values().map(|(run_id, _)| run_id).collect();
    let ids: Vec<&RunId> = ids.into_iter().collect();
    let runs = store::run::lock_all(shard, &ids);
    let mut starts: BTreeMap<&RunId, (usize, Start<'_>)> = BTreeMap::new();
    let mut transitions = Transitions::new(shard, caller, settings);
    let mut done: BTreeMap<&RunId, SnapshotId> = BTreeMap::new();
    let mut answers = BTreeMap::new();
    for (index, (run_id, given)) in pairs {
        let (run, plan) = match decide_one(run_id, given, &runs, &done, settings) {
            Ok(decided) => decided,
            Err(refusal) => {
                answers.insert(*index, Err(refusal));
                continue;
            }
        };
        let snapshot_id = match plan {
            Plan::Start { attempt_number } => {
                let snapshot_id = mint::next_snapshot_id(&run.snapshot_id);
                let start = Start {
                    run,
                    snapshot_id: snapshot_id.clone(),
                    attempt_number,
                };
                starts.insert(&run.id, (*index, start));
                snapshot_id
            }
            plan @ Plan::Finish(_) => {
                let mut row = ended(run, &plan, settings);
                let snapshot_id = transitions.add(run, plan);
                row.1 = snapshot_id.as_str().to_owned();
                answers.insert(*index, Ok(row));
                snapshot_id
            }
            Plan::Claim { .. }
            | Plan::Move(_)
            | Plan::Refuse { .. }
            | Plan::Notify
            | Plan::Keep => {
                unreachable!("a start is a start, the end, or refused")
            }
        };
        done.insert(&run.id, snapshot_id);
    }
    transitions.apply();
    let (indexes, starts): (Vec<usize>, Vec<Start<'_>>) = starts.into_values().unzip();
    let mut told: BTreeMap<RunId, Stored> = if starts.is_empty() {
        BTreeMap::new()
    } else {
        store::attempt::start(shard, &starts, STARTED, is_warm_start, caller, settings)
            .into_iter()
            .collect()
    };
    for (index, start) in indexes.into_iter().zip(&starts) {
        let execution = told.remove(&start.run.id);
        answers.insert(index, Ok(started(start, execution, settings)));
    }
    answers
}

/// Decides one start. `done` are the runs of earlier elements, with their new snapshots.
fn decide_one<'a>(
    run_id: &RunId,
    given: &SnapshotId,
    runs: &'a [Run],
    done: &BTreeMap<&RunId, SnapshotId>,
    settings: &Settings,
) -> Result<(&'a Run, Plan), Refusal> {
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
    let command = Command::Start { snapshot_id: given };
    Ok((run, decide(run, command, settings)?))
}

fn started(start: &Start<'_>, execution: Option<Stored>, settings: &Settings) -> StartedRow {
    let status = ExecutionStatus::Executing;
    (
        start.run.id.as_str().to_owned(),
        start.snapshot_id.as_str().to_owned(),
        status.as_str(),
        RunStatus::Executing.as_str(),
        start.attempt_number,
        STARTED.to_owned(),
        api::time(settings.now),
        settings.heartbeats.interval_ms(status),
        execution,
    )
}

/// The run has no attempt left; the snapshot is still to be minted.
fn ended(run: &Run, plan: &Plan, settings: &Settings) -> StartedRow {
    let (run_status, description) = match plan {
        Plan::Finish(finish) => (finish.run_status, finish.description.to_string()),
        _ => (run.run_status, String::new()),
    };
    (
        run.id.as_str().to_owned(),
        String::new(),
        ExecutionStatus::Finished.as_str(),
        run_status.as_str(),
        run.attempt_number.unwrap_or(0),
        description,
        api::time(settings.now),
        None,
        None,
    )
}
