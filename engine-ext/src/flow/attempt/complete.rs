//! Completes attempts.

use std::collections::{BTreeMap, BTreeSet};

use engine_core::{
    Asked, AttemptStatus, Command, CompletionOf, ExecutionStatus, Next, Plan, Refusal, Run, RunId,
    RunStatus, Settings, Shard, SnapshotId, Timestamp, decide,
};
use serde_json::json;

use super::repeat::{Followed, signed};
use crate::flow::transition::Transitions;
use crate::store::notice::Notice;
use crate::store::row::Caller;
use crate::{flow, guc, store};

/// The outcome of a completion.
pub(crate) struct Completed {
    pub(crate) run_id: RunId,
    pub(crate) snapshot_id: SnapshotId,
    pub(crate) attempt_status: AttemptStatus,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) run_status: RunStatus,
    pub(crate) attempt_number: Option<i32>,
    pub(crate) retry_at: Option<Timestamp>,
}

/// The runs of these completions about which the call may not be, and why.
pub(crate) fn refused(completions: &[Result<CompletionOf, Refusal>]) -> BTreeMap<RunId, Refusal> {
    let elements = completions.iter().flatten();
    flow::right::refused_runs(elements.map(|element| &element.run_id))
}

/// Locks the runs, decides, applies; one answer per element, in order.
pub(crate) fn complete(
    completions: Vec<Result<CompletionOf, Refusal>>,
    caller: Caller<'_>,
    settings: &Settings,
) -> Vec<Result<Completed, Refusal>> {
    let limits = guc::trigger_limits();
    let check = |element: Result<CompletionOf, Refusal>| element?.check(&limits);
    let completions: Vec<_> = completions.into_iter().map(check).collect();
    let refused = refused(&completions);
    let refuse = |element: Result<CompletionOf, Refusal>| {
        let element = element?;
        match refused.get(&element.run_id) {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(element),
        }
    };
    let completions: Vec<_> = completions.into_iter().map(refuse).collect();
    let mut shards: BTreeMap<Shard, BTreeSet<&RunId>> = BTreeMap::new();
    for element in completions.iter().flatten() {
        let run_id = &element.run_id;
        shards.entry(run_id.shard()).or_default().insert(run_id);
    }
    let mut answers: BTreeMap<usize, Result<Completed, Refusal>> = BTreeMap::new();
    for (shard, ids) in shards {
        let ids: Vec<&RunId> = ids.into_iter().collect();
        let runs = store::run::lock_all(shard, &ids);
        let here = completions
            .iter()
            .flatten()
            .filter(|element| element.run_id.shard() == shard);
        let held = here.map(|element| (&element.run_id, &element.snapshot_id));
        let call = Call {
            followed: Followed::read(shard, &runs, held, caller),
            caller,
            settings,
        };
        let mut transitions = Transitions::new(shard, caller, settings);
        let mut done: BTreeMap<&RunId, SnapshotId> = BTreeMap::new();
        for (index, element) in completions.iter().enumerate() {
            let Ok(element) = element else { continue };
            if element.run_id.shard() != shard {
                continue;
            }
            let answer = decide_one(element, &runs, &call, &mut done, &mut transitions);
            answers.insert(index, answer);
        }
        flow::settle::apply(transitions);
    }
    let answer = |(index, element): (usize, Result<CompletionOf, Refusal>)| match element {
        Err(refusal) => Err(refusal),
        Ok(_) => match answers.remove(&index) {
            Some(answer) => answer,
            None => unreachable!("every shard was worked through"),
        },
    };
    completions.into_iter().enumerate().map(answer).collect()
}

/// What all completions of a call share.
struct Call<'a> {
    followed: Followed,
    caller: Caller<'a>,
    settings: &'a Settings,
}

/// Decides one completion and adds its plan. `done` are the runs of earlier elements, with their new snapshots.
fn decide_one<'a>(
    element: &'a CompletionOf,
    runs: &'a [Run],
    call: &Call<'_>,
    done: &mut BTreeMap<&'a RunId, SnapshotId>,
    transitions: &mut Transitions<'a>,
) -> Result<Completed, Refusal> {
    let Ok(position) = runs.binary_search_by(|run| run.id.cmp(&element.run_id)) else {
        return Err(Refusal::UnknownRun {
            run_id: element.run_id.clone(),
        });
    };
    let run = &runs[position];
    if let Some(latest) = done.get(&run.id) {
        return Err(Refusal::StaleSnapshot {
            run_id: run.id.clone(),
            given: element.snapshot_id.clone(),
            latest: latest.clone(),
            status: run.execution_status,
        });
    }
    let given = &element.snapshot_id;
    if let Some(next) = call.followed.answer(Asked::Completion, run, given) {
        return Ok(completed_before(&run.id, next));
    }
    let command = Command::Complete {
        snapshot_id: given,
        completion: &element.completion,
    };
    let plan = signed(decide(run, command, call.settings)?, call.caller);
    let mut answer = completed_by(run, &plan);
    if let Some(metadata) = &element.completion.metadata {
        transitions.tell(Notice {
            run_id: run.id.clone(),
            name: "runMetadataUpdated",
            body: json!({"run": {"id": run.id.as_str(), "metadata": metadata}}),
        });
    }
    answer.snapshot_id = transitions.add(run, plan);
    done.insert(&run.id, answer.snapshot_id.clone());
    Ok(answer)
}

fn completed_by(run: &Run, plan: &Plan) -> Completed {
    let (attempt_status, execution_status, run_status, retry_at) = match plan {
        Plan::Finish(finish) => (
            AttemptStatus::RunFinished,
            ExecutionStatus::Finished,
            finish.run_status,
            None,
        ),
        Plan::Move(moved) => (
            moved.attempt_status.unwrap_or(AttemptStatus::RetryQueued),
            moved.execution_status,
            moved.run_status,
            moved.retry_at,
        ),
        Plan::Dequeue { .. }
        | Plan::Start { .. }
        | Plan::Refuse { .. }
        | Plan::Notify
        | Plan::Keep => unreachable!("a completion is the end, a retry, or refused"),
    };
    Completed {
        run_id: run.id.clone(),
        snapshot_id: run.snapshot_id.clone(),
        attempt_status,
        execution_status,
        run_status,
        attempt_number: run.attempt_number,
        retry_at,
    }
}

/// The outcome of a completion that an earlier call wrote.
pub(crate) fn completed_before(run_id: &RunId, next: &Next) -> Completed {
    Completed {
        run_id: run_id.clone(),
        snapshot_id: next.snapshot_id.clone(),
        attempt_status: AttemptStatus::left_in(next.execution_status),
        execution_status: next.execution_status,
        run_status: next.run_status,
        attempt_number: next.attempt_number,
        retry_at: next.retry_at,
    }
}
