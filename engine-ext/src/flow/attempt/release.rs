//! Releases: a worker gives a run back.

use std::iter::once;

use engine_core::{Asked, Command, Refusal, Release, RunId, SnapshotId, decide};

use super::repeat::{Followed, signed};
use crate::flow::transition::Transitions;
use crate::store::row::Caller;
use crate::{flow, store};

/// Requeues a run that its worker cannot finish.
///
/// # Errors
/// [`Refusal::UnknownRun`] (`RE001`), [`Refusal::StaleSnapshot`] (`RE002`), [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn release(
    run_id: &RunId,
    snapshot_id: &SnapshotId,
    caller: Caller<'_>,
) -> Result<(), Refusal> {
    let run = flow::lock(run_id)?;
    let runs = std::slice::from_ref(&run);
    let held = once((run_id, snapshot_id));
    let followed = Followed::read(run_id.shard(), runs, held, caller);
    if followed.answer(Asked::Release, &run, snapshot_id).is_some() {
        return Ok(());
    }
    let settings = flow::settings(flow::now());
    let release = &Release {
        timing: flow::timing::of(&run),
        is_between_attempts: store::release::is_between_attempts(&run),
    };
    let command = Command::Release {
        snapshot_id,
        release,
    };
    let plan = signed(decide(&run, command, &settings)?, caller);
    let mut transitions = Transitions::new(run_id.shard(), caller, &settings);
    transitions.add(&run, plan);
    flow::settle::apply(transitions);
    Ok(())
}
