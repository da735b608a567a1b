//! Releases: a worker gives a run back.

use engine_core::{Command, Refusal, Release, RunId, SnapshotId, decide};

use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Requeues a run that its worker cannot finish.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::StaleSnapshot`] (`RE002`), [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn release(run_id: &RunId, snapshot_id: &SnapshotId) -> Result<(), Refusal> {
    let run = flow::lock(run_id)?;
    let settings = flow::settings(flow::now());
    let release = &Release {
        timing: flow::timing::of(&run),
        is_between_attempts: store::release::is_between_attempts(&run),
    };
    let command = Command::Release {
        snapshot_id,
        release,
    };
    let plan = decide(&run, command, &settings)?;
    let mut transitions = Transitions::new(run_id.shard(), Caller::default(), &settings);
    transitions.add(&run, plan);
    flow::settle::apply(transitions);
    Ok(())
}
