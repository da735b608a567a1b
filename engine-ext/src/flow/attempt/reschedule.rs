//! Moves the due times of runs.

use engine_core::{
    Command, ExecutionStatus, Plan, Refusal, Run, RunId, Settings, SnapshotId, Timestamp, decide,
};

use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Moves the due time of a run.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn reschedule_by_id(run_id: &RunId, delay_until: Timestamp) -> Result<(), Refusal> {
    let run = flow::lock(run_id)?;
    let settings = flow::settings(flow::now());
    reschedule(&run, delay_until, &settings).map(|_| ())
}

/// Moves the due time of a locked run; returns its new snapshot. A parked run has no timer: its promotion reads the time.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn reschedule(
    run: &Run,
    delay_until: Timestamp,
    settings: &Settings,
) -> Result<SnapshotId, Refusal> {
    let plan = prepare(run, delay_until, settings)?;
    let mut transitions = Transitions::new(run.id.shard(), Caller::default(), settings);
    let snapshot_id = transitions.add(run, plan);
    flow::settle::apply(transitions);
    Ok(snapshot_id)
}

/// Moves the due time of a locked run; returns the plan that is still to be written.
///
/// # Errors
/// [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn prepare(
    run: &Run,
    delay_until: Timestamp,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    let plan = decide(run, Command::Reschedule { delay_until }, settings)?;
    let timing = flow::timing::of(run).moved_to(delay_until);
    store::delay::reschedule(run, &timing);
    if run.execution_status == ExecutionStatus::Delayed {
        store::timer::end_delays(&[(&run.id, delay_until)]);
    }
    Ok(plan)
}
