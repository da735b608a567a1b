//! Block: makes an executing run wait.

use std::collections::BTreeSet;

use engine_core::{
    BatchId, Command, ExecutionStatus, Held, Output, Refusal, Run, RunId, Settings, SnapshotId,
    Timestamp, WaitpointId, decide,
};

use crate::flow::transition::Transitions;
use crate::store::edge::NewEdge;
use crate::store::row::Caller;
use crate::store::waitpoint::Shared;
use crate::{flow, store};

/// What a run waits for.
pub(crate) struct Wait<'a> {
    /// The waitpoints, each with its index in the run's results.
    pub(crate) waitpoints: Vec<(WaitpointId, Option<i32>)>,
    /// The batch that the wait is about.
    pub(crate) batch_id: Option<&'a BatchId>,
    /// When the wait times out.
    pub(crate) timeout_at: Option<Timestamp>,
    /// The span that ends with the wait.
    pub(crate) span_id: Option<&'a str>,
    /// The caller's snapshot, if only the attempt that holds it may wait.
    pub(crate) snapshot_id: Option<&'a SnapshotId>,
}

/// Makes an executing run wait; returns the number of pending waitpoints.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::UnknownBatch`] (`RE011`), and those of [`locked`].
pub(crate) fn block(run_id: &RunId, wait: &Wait<'_>, caller: Caller<'_>) -> Result<usize, Refusal> {
    let settings = flow::settings(flow::now());
    let run = flow::lock(run_id)?;
    check_batch(&run, wait.batch_id)?;
    locked(&run, wait, caller, &settings)
}

/// Checks the batch that the caller names.
fn check_batch(run: &Run, batch_id: Option<&BatchId>) -> Result<(), Refusal> {
    match batch_id.filter(|batch_id| !store::batch::is_beside(batch_id, &run.id)) {
        Some(batch_id) => Err(Refusal::UnknownBatch {
            batch_id: batch_id.clone(),
        }),
        None => Ok(()),
    }
}

/// Makes a locked run wait: locks the waitpoints, decides, applies. Returns the number of pending waitpoints.
///
/// # Errors
/// [`Refusal::StaleSnapshot`] (`RE002`), [`Refusal::RunFinished`] (`RE003`), [`Refusal::WrongStatus`] (`RE004`),
/// [`Refusal::UnknownWaitpoint`] (`RE010`), or [`Refusal::InvalidValue`] (`22023`) for a run that would wait for its own end.
pub(crate) fn locked(
    run: &Run,
    wait: &Wait<'_>,
    caller: Caller<'_>,
    settings: &Settings,
) -> Result<usize, Refusal> {
    let batch_id = wait.batch_id;
    let before_wait = before_wait(run, wait.snapshot_id);
    let held = wait.snapshot_id.map(|snapshot_id| Held {
        snapshot_id,
        before_wait: before_wait.as_ref(),
    });
    let plan = decide(run, Command::Block { batch_id, held }, settings)?;
    let waitpoints = share(run, &wait.waitpoints)?;
    let edges: Vec<NewEdge<'_>> = wait
        .waitpoints
        .iter()
        .map(|(waitpoint_id, batch_index)| NewEdge {
            run_id: &run.id,
            waitpoint_id,
            batch_index: *batch_index,
            batch_id,
            span_id: wait.span_id,
        })
        .collect();
    let shard = run.id.shard();
    store::edge::insert(shard, &edges, settings.now);
    let mut transitions = Transitions::new(shard, caller, settings);
    transitions.add(run, plan);
    flow::settle::apply(transitions);
    let pending: Vec<&WaitpointId> = waitpoints
        .iter()
        .filter(|waitpoint| !waitpoint.is_completed)
        .map(|waitpoint| &waitpoint.id)
        .collect();
    match (waitpoints.first(), wait.timeout_at) {
        (Some(first), _) if pending.is_empty() => {
            store::edge::note(shard, &[(&run.id, &first.id)], settings.now);
        }
        (_, Some(at)) => time_out(run, &pending, at),
        (_, None) => {}
    }
    Ok(pending.len())
}

/// The snapshot before the wait of a locked run, for a caller that does not hold the latest one.
fn before_wait(run: &Run, given: Option<&SnapshotId>) -> Option<SnapshotId> {
    let is_stale = given.is_some_and(|given| *given != run.snapshot_id);
    if is_stale && run.execution_status == ExecutionStatus::ExecutingWithWaitpoints {
        store::checkpoint::previous_snapshot(run)
    } else {
        None
    }
}

/// Locks the waitpoints that a locked run is going to wait for. They can no longer be completed before this transaction
/// ends: what is read here decides.
fn share(run: &Run, waitpoints: &[(WaitpointId, Option<i32>)]) -> Result<Vec<Shared>, Refusal> {
    let distinct: BTreeSet<&WaitpointId> = waitpoints.iter().map(|(id, _)| id).collect();
    let shared = store::waitpoint::share(run, &distinct.iter().copied().collect::<Vec<_>>());
    if shared.iter().any(|waitpoint| waitpoint.is_own_end) {
        return Err(Refusal::own_end("waitpoint_ids"));
    }
    let known: BTreeSet<&WaitpointId> = shared
        .iter()
        .filter(|waitpoint| waitpoint.is_own)
        .map(|waitpoint| &waitpoint.id)
        .collect();
    match distinct.into_iter().find(|id| !known.contains(id)) {
        Some(id) => Err(Refusal::UnknownWaitpoint {
            waitpoint_id: id.clone(),
        }),
        None => Ok(shared),
    }
}

fn time_out(run: &Run, pending: &[&WaitpointId], at: Timestamp) {
    let timers: Vec<_> = pending
        .iter()
        .map(|id| (*id, at, Output::timeout(at)))
        .collect();
    flow::wait::waitpoint::set_timers(run.id.shard(), &timers);
}
